#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fio_targets.sh - fio's verified writes reach every kind of target, and read back the same on the
# host: a raw file, a block device, a qcow2 image, a server
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

nbd_need nbdinfo fio qemu-img nbdcopy
need xpv-vdisk-nbd
loop=
finish() {
	local status=$?

	[ -z "$loop" ] || losetup -d "$loop" 2>/dev/null || true
	(exit "$status")
	finish_servers
}
trap finish EXIT

SIZE=64M
truncate -s $SIZE "$DIR/raw.img" "$DIR/block.img" "$DIR/server.img"
qemu-img create -q -f qcow2 "$DIR/a.qcow2" $SIZE
sim_start
guest g

# written TARGET SPEC FILE FORMAT: by fio in the guest; the guest's view and the host's are equal
written() {
	local tag=$1 queues

	works xpv block-attach g "vdev=xvda,$2"
	for queues in 1 4; do
		nbd_serve "$tag" g "xvda queues=$queues order=1"
		for options in "--iodepth=1 --bs=4k --size=1M" "--iodepth=64 --bs=4k --size=8M" \
			       "--iodepth=16 --bsrange=4k-1M --bs_unaligned=0 --size=16M --numjobs=4 --offset_increment=16M"; do
			# shellcheck disable=SC2086 # words
			nbd_fio "$tag" $options || fail "fio on $tag $options: $(cat "$DIR/fio.$tag")"
			contains "$tag" "$(cat "$DIR/fio.$tag")" "err= 0"
		done
		nbdcopy "$(nbd_uri "$tag")" "$DIR/seen.img"
		nbd_end "$tag"
	done
	is "requests that failed" "$(stat_of g errors)" 0
	works xpv block-detach g xvda
	works qemu-img compare -f raw -F "$4" "$DIR/seen.img" "$3"
	contains "$tag" "$out" "Images are identical"
}

written raw "target=$DIR/raw.img" "$DIR/raw.img" raw
written qcow2 "format=qcow2,target=$DIR/a.qcow2" "$DIR/a.qcow2" qcow2
server s file "$DIR/server.img"
written server "target=$(at s)" "$DIR/server.img" raw
if loop=$(losetup -f --show "$DIR/block.img" 2>/dev/null); then
	written block "target=$loop" "$DIR/block.img" raw
	losetup -d "$loop"
	loop=
else
	echo "not checked: no loop device can be had here"
fi
works xpv destroy g
eventually 10 no_workers
passed
