#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_formats.sh - images that are not raw: served as their specification says, and not otherwise
#
# qcow2, vhd and vmdk hold what a guest wrote, as qemu-img reads it. Under a load that verifies, the
# daemon that serves an image, the worker and xpvd are killed, and nothing is lost. The format is
# never guessed, other files are not opened without leave, and a broken image is one clear line.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

need xpv xpvd xpv-vdisk xpv-vdisk-nbd minidom
for tool in qemu-img qemu-storage-daemon; do
	[ -n "$(command -v $tool)" ] || skip "$tool is not installed"
done

finish() {
	local status=$?

	umount -l "$DIR/small" 2>/dev/null || true
	(exit "$status")
	finish_servers
}
trap finish EXIT

create() {
	qemu-img create -q "$@" || fail "qemu-img create $*"
}

daemons() {
	pgrep -f "^qemu-storage-daemon .*$XPV_RUNDIR/format/" || true
}

no_daemons() {
	[ -z "$(daemons)$(find "$XPV_RUNDIR/format" -type f -o -type s)" ]
}

sim_start
guest g
sum_of() {
	in_guest g "sum $1" | cut -d' ' -f1
}

# Each format, written by the guest and read by qemu-img; the size is the image's, not the file's.
create -f qcow2 "$DIR/a.qcow2" 8M
create -f vpc -o subformat=dynamic,force_size=on "$DIR/a.vhd" 8M
create -f vmdk "$DIR/a,b.vmdk" 8M
for image in a.qcow2,qcow2,qcow2 a.vhd,vhd,vpc "a,b.vmdk,vmdk,vmdk"; do
	driver=${image##*,} format=${image%,*} file=${image%,*,*}
	format=${format##*,}
	works xpv block-attach g "format=$format,vdev=xvda,target=$DIR/$file"
	works in_guest g "fill xvda 7; verify xvda 7"
	sum=$(sum_of xvda)
	works xpv block-attach g "format=$format,vdev=xvda,target=$DIR/$file"
	contains "the second time" "$out" "already attached"
	works xpv block-detach g xvda
	eventually 5 no_daemons
	qemu-img convert -f "$driver" -O raw "$DIR/$file" "$DIR/$format.raw"
	is "what qemu-img reads of $format" "$(sha256sum <"$DIR/$format.raw" | cut -d' ' -f1)" "$sum"
done

# Who is killed makes no difference.
works xpv block-attach g "format=qcow2,vdev=xvda,target=$DIR/a.qcow2"
guest_begin load g "loop 100000 stress xvda 7 1"
eventually 20 guest_has_said load ok
for round in daemon worker xpvd daemon,worker daemon,xpvd worker,xpvd daemon,worker,xpvd daemon; do
	sleep 0.0"$((RANDOM % 9))"
	pids=()
	[[ $round != *daemon* ]] || pids+=("$(daemons)")
	[[ $round != *worker* ]] || pids+=("$(stat_of g worker)")
	[[ $round != *xpvd* ]] || pids+=("$(xpvd_pid)")
	kill -9 "${pids[@]}"
	xpvd_again
	guest_goes_on load
	guest_goes_on load
	is "daemons after the kill of $round" "$(daemons | wc -w)" 1
done
# An upgrade of the worker, and an xpvd that ends as it is asked to, leave the daemon alone.
daemon=$(daemons)
works xpv restart g
guest_goes_on load
kill -TERM "$(xpvd_pid)"
guest_goes_on load
xpvd_again
guest_goes_on load
is "the daemon" "$(daemons)" "$daemon"
! guest_end load || fail "an interrupted program says that it was not"
is "what the guest saw" "$(guest_said load | grep -v ': ok$')" "minidom: stress xvda: interrupted"
is "requests that failed" "$(stat_of g errors)" 0
works xpv check

# xpvd goes, and with it the disk: its successor ends what serves it.
works in_guest g "fill xvda 5"
guest_begin idle g "loop 100000 verify xvda 5"
eventually 10 guest_has_said idle ok
kill -9 "$(xpvd_pid)"
xpv destroy g >/dev/null 2>&1 || true
xpvd_again
eventually 10 no_daemons
guest_wait idle || true
qemu-img check -q -f qcow2 "$DIR/a.qcow2" 2>"$DIR/err" || [ $? -eq 3 ] ||
	fail "the image has faults: $(cat "$DIR/err")"
guest g

# A raw image that begins as a qcow2 one is raw; one that is not what is said is refused.
create -f qcow2 "$DIR/inner.qcow2" 64M
truncate -s 1M "$DIR/inner.qcow2"
works xpv block-attach g "format=raw,vdev=xvda,target=$DIR/inner.qcow2"
is "raw is raw" "$(sum_of xvda)" "$(sha256sum <"$DIR/inner.qcow2" | cut -d' ' -f1)"
works xpv block-detach g xvda
truncate -s 1M "$DIR/zero.img"
refuses 1 "no qcow2 image" xpv block-attach g "format=qcow2,vdev=xvda,target=$DIR/zero.img"
refuses 1 "no dynamic VHD" xpv block-attach g "format=vhd,vdev=xvda,target=$DIR/zero.img"
refuses 1 "no vmdk image" xpv block-attach g "format=vmdk,vdev=xvda,target=$DIR/zero.img"
refuses 1 "no such file" xpv block-attach g "format=qcow2,vdev=xvda,target=$DIR/none.qcow2"

# A broken one: QEMU's own words, without its arguments.
cp "$DIR/a.qcow2" "$DIR/broken.qcow2"
printf '\377\377\377\377' | dd of="$DIR/broken.qcow2" bs=1 seek=36 conv=notrunc status=none
refuses 1 "broken.qcow2" xpv block-attach g "format=qcow2,vdev=xvda,target=$DIR/broken.qcow2"
lacks "the reason" "$(cat "$DIR/err")" "blockdev"
contains "the reason" "$(cat "$DIR/err")" "L1"

# Other files.
echo secret >"$DIR/secret"
truncate -s 1M "$DIR/secret"
create -f qcow2 -b "$DIR/secret" -F raw "$DIR/over.qcow2"
refuses 1 "it names a backing file" xpv block-attach g \
	"format=qcow2,vdev=xvda,target=$DIR/over.qcow2"
create -f qcow2 -o data_file="$DIR/data.raw" "$DIR/apart.qcow2" 1M
refuses 1 "its data is in another file" xpv block-attach g \
	"format=qcow2,vdev=xvda,target=$DIR/apart.qcow2"
create -f vmdk -o subformat=monolithicFlat "$DIR/flat.vmdk" 1M
refuses 1 "its data is in other files" xpv block-attach g \
	"format=vmdk,vdev=xvda,target=$DIR/flat.vmdk"
works xpv block-attach g "format=qcow2,backing,vdev=xvda,target=$DIR/over.qcow2"
is "what is below" "$(sum_of xvda)" "$(sha256sum <"$DIR/secret" | cut -d' ' -f1)"
works in_guest g "fill xvda 1"
is "the file below" "$(head -c 6 "$DIR/secret")" secret

# A file system that is full is the guest's error, and one line; the disk goes on.
mkdir "$DIR/small"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=2m xpv-test "$DIR/small" 2>/dev/null; then
	create -f qcow2 "$DIR/small/a.qcow2" 8M
	works xpv block-attach g "format=qcow2,vdev=xvdb,target=$DIR/small/a.qcow2"
	! in_guest g "fill xvdb 1" >"$DIR/said" 2>&1 || fail "8M fit into 2M: $(cat "$DIR/said")"
	logged "No space left on device" || fail "the log does not say so"
	works in_guest g "sum xvdb"
	works xpv block-detach g xvdb
	eventually 10 umount "$DIR/small"
else
	echo "not checked: no file system can be mounted here"
fi

# What nobody has removed is named.
echo 1 >"$XPV_RUNDIR/format/4000-vdisk-51712.pid"
! xpv check >"$DIR/check" || fail "check finds no leftover"
contains "check" "$(cat "$DIR/check")" "of disk 51712 of domain 4000, which is gone"
kill -9 "$(xpvd_pid)"
xpvd_again
works xpv check

# In use: by another disk, by a program of Dom0's.
guest h
refuses 1 "in use by disk" xpv block-attach h "format=qcow2,vdev=xvda,target=$DIR/over.qcow2"
refuses 1 "in use by disk" xpv block-attach h "format=raw,vdev=xvda,target=$DIR/over.qcow2"
works xpv block-detach g xvda
works xpv block-attach h "format=qcow2,access=ro,backing,vdev=xvda,target=$DIR/over.qcow2"
works xpv block-attach g "format=qcow2,access=ro,backing,vdev=xvda,target=$DIR/over.qcow2"
works in_guest g "verify xvda 1"
works in_guest h "verify xvda 1"
works xpv destroy h
works xpv destroy g
eventually 10 no_daemons
eventually 10 no_workers
passed
