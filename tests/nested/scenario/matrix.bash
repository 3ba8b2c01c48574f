# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # the scenario's library has use for guest_boot
#
# matrix.bash - what one cell of matrix.sh does: a guest, a disk, and checksums on both sides
#
# A backend has four functions (start, stop, serves, left_by), a frontend one, `use`, which finds
# the sum in $before on the disk, writes to it, and leaves in $after what the guest then reads back.
# Each cell runs in a subshell: what does not hold ends the cell alone.

: "${DIR:?}" "${slow:?}"
disk=51712		# xvda
channels=

#
# Backends
#

declare -A disk_options=([xpv]="" [blkback]="" [qdisk]=",backendtype=qdisk")

start_xpv() {
	system_start
}

stop_xpv() {
	kill "$xpvd"
	wait "$xpvd" || true
	xpvd=
}

# The worker comes and goes with the frontend; nothing else is there to serve it.
serves_xpv() {
	works kill -0 "$xpvd"
	lacks "Dom0's modules" "$(cat /proc/modules)" xen_blkback
	contains "xl block-list" "$(xl block-list "$1")" "/backend/vbd/"
}

left_by_xpv() {
	pgrep -a xpv-vdisk
	find "$XPV_RUNDIR/worker" "$XPV_RUNDIR/journal" ! -type d
	xpv check >"$DIR/check" 2>&1 || cat "$DIR/check"
}

start_blkback() {
	works modprobe xen-blkback
}

stop_blkback() {
	works modprobe -r xen-blkback
}

serves_blkback() {
	is "what serves the disk" \
		"$(basename "$(readlink -f "/sys/bus/xen-backend/devices/vbd-$(domid "$1")-$disk/driver")")" \
		vbd
}

left_by_blkback() {
	ls /sys/bus/xen-backend/devices
}

start_qdisk() {
	works test -x /usr/libexec/xen-qemu-system-i386
}

stop_qdisk() {
	:
}

serves_qdisk() {
	is "what serves the disk" "$(pgrep -c xen-qemu)" 1
	contains "xl block-list" "$(xl block-list "$1")" "/backend/qdisk/"
}

left_by_qdisk() {
	pgrep -a xen-qemu
}

# What is left of a cell, besides what its backend knows of; $channels is how many event channels
# Dom0 had before.
leftovers() {
	local now

	xl list | tail -n +3
	losetup -a
	xenstore-ls /local/domain/0/backend 2>/dev/null | grep " $disk = "
	now=$(lsevtchn 0 | wc -l)
	[ "$now" -eq "$channels" ] || echo "$now event channels instead of $channels"
	"left_by_$1"
}

# cleaned BACKEND: waits until nothing is left
cleaned() {
	local end=$((SECONDS + slow * 6)) left

	while left=$(leftovers "$1" || true) && [ -n "$left" ]; do
		[ "$SECONDS" -lt "$end" ] || fail "left behind: ${left//$'\n'/; }"
		sleep 0.2
	done
	checks=$((checks + 1))
}

#
# Guests
#

# The last that the guest has said on its console.
console_of() {
	tr -cs '[:print:]' ' ' <"/var/log/xen/console/guest-$1.log" | tail -c 80
}

# answers NAME DOMID SECONDS: waits for the guest's agent; status 1 if the guest has gone.
answers() {
	local end=$((SECONDS + $3))

	until xenstore-read "/local/domain/$2/data/agent/ready" >/dev/null 2>&1; do
		xl domname "$2" >/dev/null 2>&1 || return 1
		[ "$SECONDS" -lt "$end" ] || fail "no answer within $3 s; console: $(console_of "$1")"
		sleep 0.1
	done
}

gone() {
	! xl domid "$1"
}

# boot NAME SECONDS: makes the guest. A PVH guest's triple fault at its start is this emulated
# processor's doing: such a guest is made once more, and a note in $DIR/note says so. To Xen a
# triple fault is a reboot, which xl must not answer with a guest of its own (see cell).
boot() {
	local id try

	for try in first second; do
		timeout $((slow * 20)) xl create -p "$DIR/$1.cfg" >"$DIR/out" 2>&1 ||
			fail "xl create: $(cat "$DIR/out")"
		id=$(xl domid "$1")
		works xl unpause "$1"
		! answers "$1" "$id" "$2" || return 0
		if [ "$try" = second ] || ! xl dmesg | grep "d${id}v.*Triple fault" >/dev/null; then
			break
		fi
		xl destroy "$1" >/dev/null 2>&1 || true		# xl may be about to
		eventually 30 gone "$1"
		echo "after a triple fault" >"$DIR/note"
		echo "NOTE: $1: triple fault at the guest's start, which is made once more"
		cleaned "${1%%-*}"
	done
	fail "the guest has died; console: $(console_of "$1")"
}

#
# Frontends
#

# Stock: the kernel's own, on the whole disk.
image_stock() {
	cp "$DIR/random.img" "$1"
}

boot_stock() {
	guest_boot="kernel=\"/guest/vmlinux\"
ramdisk=\"/guest/initrd\"
extra=\"console=hvc0 quiet frontend=stock\""
}

use_stock() {
	is "the disk's sum in the guest" "$(guest_sh "$1" 'sha256sum </dev/xvda')" "$before"
	works guest_sh "$1" 'head -c 6M /dev/urandom >/tmp/data &&
		dd if=/tmp/data of=/dev/xvda bs=1M seek=5 conv=fsync status=none &&
		echo 3 >/proc/sys/vm/drop_caches &&
		dd if=/dev/xvda bs=1M skip=5 count=6 status=none | cmp - /tmp/data'
	after=$(guest_sh "$1" 'sha256sum </dev/xvda')
}

# minidom: xpv's frontend in a program of the guest.
image_minidom() {
	cp "$DIR/random.img" "$1"
}

boot_minidom() {
	guest_boot="kernel=\"/guest/vmlinux\"
ramdisk=\"/guest/initrd\"
extra=\"console=hvc0 quiet frontend=xpv\""
}

use_minidom() {
	local said

	said=$(in_guest "$1" 'sum xvda; fill xvda 7 10240 16384; flush xvda; verify xvda 7 10240 16384;
		sum xvda')
	is "the disk's sum in the guest" "$(sed -n '1 s/ .*/  -/p' <<<"$said")" "$before"
	contains "verify" "$said" "verify xvda: 16384 sectors, seed 7: ok"
	after=$(sed -n '$ s/ .*/  -/p' <<<"$said")
}

# PV GRUB reads its configuration, the kernel and its initial root from the disk, hands the device
# over to that kernel's driver, and what it has read shows by what that kernel's command line says.
image_grub() {
	cp "$DIR/grub.img" "$1"
}

boot_grub() {
	guest_boot="kernel=\"/guest/grub-$1\""
}

make_grub_image() {
	local tree=$DIR/grub

	mkdir -p "$tree/boot/grub"
	mark=$(head -c 8 /dev/urandom | sha256sum | head -c 16)
	cp /guest/vmlinuz "$tree/boot/"
	cp /guest/initrd.xz "$tree/boot/initrd"
	printf '%s\n' "linux /boot/vmlinuz console=hvc0 quiet frontend=stock mark=$mark" \
		"initrd /boot/initrd" boot >"$tree/boot/grub/grub.cfg"
	works mke2fs -q -t ext4 -d "$tree" "$DIR/grub.img" 28M
	rm -rf "$tree"
}

use_grub() {
	contains "the console" "$(cat "/var/log/xen/console/guest-$1.log")" \
		"Reading (xen/xvda)/boot/grub/grub.cfg"
	contains "the command line" "$(guest_sh "$1" 'cat /proc/cmdline')" "mark=$mark"
	is "the disk's sum in the guest" "$(guest_sh "$1" 'sha256sum </dev/xvda')" "$before"
	works guest_sh "$1" 'head -c 6M /dev/urandom >/tmp/data && mount /dev/xvda /mnt &&
		cp /tmp/data /mnt/data && umount /mnt && echo 3 >/proc/sys/vm/drop_caches &&
		mount -o ro /dev/xvda /mnt && cmp /mnt/data /tmp/data && umount /mnt'
	after=$(guest_sh "$1" 'sha256sum </dev/xvda')
}

#
# A cell
#

# cell BACKEND FRONTEND TYPE
cell() {
	local backend=$1 frontend=$2 type=$3 name=$1-$2-$3 image=$DIR/$1-$2-$3.img
	local before after=

	"image_$frontend" "$image"
	before=$(sha256sum <"$image")
	"boot_$frontend" "$type"
	guest_config "$name" "type=\"$type\"" 'on_reboot="destroy"' 'on_crash="destroy"' \
		"disk=['format=raw,vdev=xvda${disk_options[$backend]},target=$image']"
	boot "$name" $((slow * 60))
	"serves_$backend" "$name"
	"use_$frontend" "$name"
	works xl destroy "$name"
	cleaned "$backend"
	is "the image's sum in Dom0" "$(sha256sum <"$image")" "$after"
	[ "$after" != "$before" ] || fail "the guest's writes have changed nothing"
	[ "$frontend" != grub ] || fsck_clean "$image"
}
