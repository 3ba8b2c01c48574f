#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh - the main job, told step by step: a guest's disks, from an image file to a checksum
#
#   demo.sh [IMAGE]	with an image of your own as xvda, read-only
#
# Every command is shown before it runs. Everything stands in a directory of its own, which goes
# at the end with the simulator, whatever happened. BUILD is where the programs are.

set -eu -o pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
: "${BUILD:=$here/build}"
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

dir=$(mktemp -d "${TMPDIR:-/tmp}/xpv-demo-XXXXXX")
export XPV_RUNDIR=$dir/run

clean_up() {
	local status=$?

	trap - EXIT
	trap '' INT TERM HUP
	if [ "$status" -ne 0 ] && [ -d "$XPV_RUNDIR/log" ]; then
		echo
		echo "The demo failed. What was logged:"
		tail -n 15 "$XPV_RUNDIR"/log/*.log 2>/dev/null || true
	fi
	"$BUILD/xpv" sim stop >/dev/null 2>&1 || true
	rm -rf "$dir"
	exit "$status"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

step=0
say() {
	step=$((step + 1))
	printf '\n%d. %s\n\n' "$step" "$*" | fold -s -w 96
}

# Shows a command as one would type it, then runs it.
run() {
	local shown=$*

	shown=${shown//$BUILD\//}
	printf '   $ %s\n' "${shown//$dir\//}"
	"$@" 2>&1 | sed "s,$dir/,,g; s/^/   /"
}

xpv=$BUILD/xpv
cd "$dir"
mkdir -p "$XPV_RUNDIR"

if [ $# -gt 0 ] && [ -n "$1" ]; then
	image=$(cd "$here" && realpath -- "$1") || exit 1
	if [ ! -f "$image" ] && [ ! -b "$image" ]; then
		echo "demo: $1: not a file or a block device; DISK= names a disk image" >&2
		exit 1
	fi
	say "The disk is an image of your own; the guest gets it read-only."
	run ls -l "$image"
else
	image=$dir/root.img
	mkdir tree
	(cd "$here" && cp -a README.md LICENSE ring xenstore-schema frontend backend docs "$dir/tree/")
	say "An ext4 image is made from a directory tree: xpv's own sources."
	run mke2fs -q -t ext4 -d tree root.img 16M
	run ls -s root.img
fi
truncate -s 64M scratch.img

say "The simulator plays the hypervisor, because this machine need not have Xen. Above it" \
	"everything is real: Debian's xenstored, libxenstore, xl, and our backend xpvd."
run "$xpv" sim start

say "A guest with two disks. In the simulator a guest is a program, here minidom; extra= is" \
	"what it is to do."
cat >guest.cfg <<E
name = "demo"
memory = 64
kernel = "$BUILD/minidom"
extra = "disks; sum xvda; fill xvdb 42; verify xvdb 42; flush xvdb; poweroff"
on_poweroff = "preserve"
disk = [ 'format=raw,vdev=xvda,access=ro,target=$image',
         'format=raw,vdev=xvdb,access=rw,target=$dir/scratch.img' ]
E
sed "s,$dir/,,g; s,$BUILD/,,; s/^/   | /" guest.cfg

say "It runs: every sector goes through the frontend, a ring of shared memory, and a worker in Dom0."
run "$xpv" create -c guest.cfg | tee transcript

say "What the guest read is what the host has:"
run sha256sum "$image"
inside=$(sed -n 's/^ *\([0-9a-f]\{64\}\)  xvda$/\1/p' transcript)
outside=$(sha256sum "$image" | cut -d' ' -f1)
if [ "$inside" != "$outside" ]; then
	echo "   the sums differ: guest '$inside', host '$outside'" >&2
	exit 1
fi
echo "   the sums are equal"

say "The guest has powered off and was kept (on_poweroff=\"preserve\"), so that its devices can" \
	"be looked at: by xpv, and by Xen's own tools."
run "$xpv" list
run "$xpv" block-list demo
run "$xpv" sim run -- /usr/lib/xen-4.17/bin/xl list
run "$xpv" check demo

say "What it took: requests, bytes, and the notifications in and out that they cost."
run "$xpv" stats demo

if [ "$image" = "$dir/root.img" ]; then
	say "The filesystem is as it was:"
	run e2fsck -fn root.img
fi

say "Everything is detached, destroyed and stopped."
run "$xpv" block-detach demo xvda
run "$xpv" block-detach demo xvdb
run "$xpv" destroy demo
run "$xpv" sim stop
left=$(find "$XPV_RUNDIR" ! -type d ! -path "*/log/*")
if [ -n "$left" ]; then
	printf '   left behind:\n%s\n' "$left" >&2
	exit 1
fi
printf '\nThe demo has passed.\n'
