#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sector_size.sh - disks whose sectors are 4096 bytes: from the specification, from a loop device
# that has them, from a server; written and read through every path, and refused where they do not
# fit
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

nbd_need nbdinfo nbdsh qemu-io qemu-img
need minidom
loop=

finish_loop() {
	local status=$?

	set +e
	[ -z "$loop" ] || losetup -d "$loop"
	(exit "$status")
	finish_servers
}
trap finish_loop EXIT

# says KEY [DEVID]: what the backend tells the guest
says() {
	xen xenstore-read "/local/domain/0/backend/vbd/$(domid g)/${2:-51712}/$1"
}

# sizes_are WHAT LOGICAL PHYSICAL SECTORS
sizes_are() {
	is "sector-size of $1" "$(says sector-size)" "$2"
	is "physical-sector-size of $1" "$(says physical-sector-size)" "$3"
	is "sectors of $1" "$(says sectors)" "$4"
}

info() {
	nbdinfo "$(nbd_uri "$1")" | sed -n "s/^[[:space:]]*$2: //p"
}

# through_plugin IMAGE: what tools see and write of a disk of 4096-byte sectors
through_plugin() {
	nbd_serve p g dev=xvda
	is "its sectors" "$(info p block_size_minimum)" 4096
	is "its size" "$(nbdinfo --size "$(nbd_uri p)")" $((8 << 20))
	# qemu-io asks for whole sectors, and reads around what is none
	nbd_io 0 p "write -P 0x11 0 4096" "write -P 0x22 12k 1M" "write -P 0x33 8384512 4096" \
		"write -P 0x44 3M 512" flush "read -P 0x11 0 4096" "read -P 0x22 12k 1M" \
		"read -P 0x44 3M 512" "discard 4M 64k" "read -P 0 4M 64k"
	lacks "the patterns" "$out" "ailed"
	is "half a sector" "$(nbd_error p "h.pread(512, 0)")" EINVAL
	is "between sectors" "$(nbd_error p "h.pwrite(b'x' * 4096, 512)")" EINVAL
	: >"$DIR/job.p"		# it has complained of these
	works qemu-img compare -f raw -F raw "$(nbd_uri p)" "$1"
	contains "qemu-img" "$out" "Images are identical."
	nbd_end p
}

truncate -s 8M "$DIR/a.img" "$DIR/odd.img"
truncate -s +512 "$DIR/odd.img"
sim_start
guest g

# From the specification, in both its forms; seen by minidom and by tools.
works xpv block-attach g "sector-size=4096,vdev=xvda,target=$DIR/a.img"
works in_guest g "fill xvda 3; verify xvda 3; stress xvda 4 2; sum xvda"
sizes_are "the file" 4096 4096 16384
is "the file" "$(in_guest g "sum xvda" | cut -d' ' -f1)" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)"
for part in "1 8" "8 1" "4 4"; do
	! in_guest g "fill xvda 5 $part" 2>"$DIR/err" >&2 || fail "sectors $part were written"
	contains "sectors $part" "$(cat "$DIR/err")" "not a multiple of the disk's sector size"
done
through_plugin "$DIR/a.img"
is "requests that failed" "$(stat_of g errors)" 0
works xpv block-detach g xvda
works xpv block-attach g "$DIR/a.img,raw,xvda,rw,physical-sector-size=4096"
works in_guest g "sum xvda 1 1"
sizes_are "512e" 512 4096 16384
works xpv block-detach g xvda
works xpv block-attach g "sector-size=2048,physical-sector-size=8192,vdev=xvda,target=ram:4M"
works in_guest g "fill xvda 6; verify xvda 6 4 8"
sizes_are "memory" 2048 8192 8192
works xpv block-detach g xvda

# A worker that dies, and an xpvd that does: the guest has been told, and that stays.
works xpv block-attach g "sector-size=4096,vdev=xvda,target=$DIR/a.img"
guest_begin load g "loop 100000 stress xvda 7 1"
eventually 20 guest_has_said load ok
kill -9 "$(stat_of g worker)"
guest_goes_on load
key=/local/domain/0/backend/vbd/$(domid g)/51712/wanted-sector-size
is "what was asked for" "$(xen xenstore-read "$key")" 4096
works xen xenstore-rm "$key"
kill -9 "$(xpvd_pid)"
xpvd_again
kill -9 "$(stat_of g worker)"
guest_goes_on load
sizes_are "the file, after that" 4096 4096 16384
refuses 1 "multiple of 4096" xpv block-resize g xvda $(((8 << 20) + 512))
guest_end load || true
is "requests that failed" "$(stat_of g errors)" 0
works xpv block-detach g xvda

# What does not fit is one line, and nothing is left of it.
refuses 1 "not a multiple of 4096" xpv block-attach g \
	"sector-size=4096,vdev=xvda,target=$DIR/odd.img"
refuses 2 "not a multiple of sector-size=4096" xpv block-attach g \
	"sector-size=4096,vdev=xvda,target=ram:513K"
for size in 0 256 520 8192 4k "" -512; do
	refuses 2 "is no sector size" xpv block-attach g \
		"sector-size=$size,vdev=xvda,target=$DIR/a.img"
done
refuses 2 "is less than sector-size" xpv block-attach g \
	"sector-size=4096,physical-sector-size=512,vdev=xvda,target=$DIR/a.img"
refuses 1 "not a multiple of physical-sector-size" xpv block-attach g \
	"physical-sector-size=4096,vdev=xvda,target=$DIR/odd.img"
is "devices" "$(xpv block-list g | wc -l)" 1

# A frontend that counts in such sectors would write to wrong places.
works xpv block-attach g "sector-size=4096,vdev=xvda,target=$DIR/a.img"
works xen xenstore-write "/local/domain/$(domid g)/device/vbd/51712/feature-large-sector-size" 1
! in_guest g "sum xvda" 2>"$DIR/err" >&2 || fail "it was connected"
eventually 5 logged "feature-large-sector-size"
works xpv block-detach g xvda

# Servers that take no less.
server large --filter=blocksize-policy memory 8M blocksize-minimum=4096 \
	blocksize-error-policy=error
large="nbd+unix:///?socket=$DIR/large.sock"
works xpv block-attach g "vdev=xvda,target=$large"
works in_guest g "fill xvda 8; verify xvda 8"
sizes_are "the server" 4096 4096 16384
works xpv block-detach g xvda
refuses 1 "it takes multiples of 4096" xpv block-attach g "sector-size=512,vdev=xvda,target=$large"

# A device says it itself, and also if the file behind it is opened in its place.
if [ "$(id -u)" -ne 0 ] ||
   ! loop=$(losetup --find --show --sector-size 4096 "$DIR/a.img" 2>/dev/null); then
	loop=
	echo "not checked: loop devices cannot be set up here"
else
	works xpv block-attach g "vdev=xvda,target=$loop"
	through_plugin "$DIR/a.img"
	sizes_are "the loop device" 4096 4096 16384
	works xpv block-detach g xvda
	works xpv block-attach g "vdev=xvda,sector-size=512,target=$loop"
	works in_guest g "fill xvda 9 1 1; verify xvda 9 1 1"
	sizes_are "the loop device with 512" 512 4096 16384
	works xpv block-detach g xvda
	works xpv block-attach g "direct,vdev=xvda,target=$loop"
	works in_guest g "fill xvda 10; verify xvda 10"
	works xpv block-detach g xvda
	losetup -d "$loop"
	loop=$(losetup --find --show --sector-size 4096 --sizelimit $((4 << 20)) "$DIR/a.img")
	works xpv block-attach g "direct,vdev=xvda,target=$loop"
	works in_guest g "stress xvda 11 2"
	sizes_are "a part of the file, direct" 4096 4096 8192
	works xpv block-detach g xvda
	refuses 1 "multiples of 4096 bytes" xpv block-attach g \
		"direct,sector-size=512,vdev=xvda,target=$loop"
fi
works xpv destroy g
eventually 10 no_workers
passed
