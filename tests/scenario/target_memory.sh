#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_memory.sh - disks without an image: null has zeros, and ram keeps what its guest wrote
#
# Memory is kept for as long as the disk is attached: over kills of its worker and of xpvd, under a
# load that verifies. It goes with the disk, and nothing of it is left for the next one.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

zeros=$(head -c 8M /dev/zero | sha256sum | cut -d' ' -f1)
sum_of() {
	in_guest "$1" "sum $2" | awk '{ print $1 }'
}

sim_start
guest g
works xpv block-attach g vdev=xvda,target=null:8M
works in_guest g "fill xvda 7"
is "null" "$(sum_of g xvda)" "$zeros"
works xpv block-attach g ram:8M,raw,xvdb,rw
is "new memory" "$(sum_of g xvdb)" "$zeros"

# What it discards can be erased, which nobody can say of a file.
backend=/local/domain/0/backend/vbd/$(domid g)
is "discard" "$(xen xenstore-read "$backend/51728/feature-discard")" 1
if [ "$(stat -f -c %T "$XPV_RUNDIR")" = tmpfs ]; then
	is "secure discard" "$(xen xenstore-read "$backend/51728/discard-secure")" 1
else
	is "secure discard" "$(xen xenstore-read "$backend/51728/discard-secure")" 0
fi

guest_begin load g "loop 100000 stress xvdb 7 1"
eventually 10 guest_has_said load ok
for round in 1 2 3; do
	worker=$(stat_of g worker 51728)
	case $round in
	1) kill -9 "$worker" ;;
	2) kill -9 "$(xpvd_pid)" ;;
	3) kill -9 "$(xpvd_pid)" "$worker" ;;
	esac
	xpvd_again
	guest_goes_on load
done
! guest_end load || fail "an interrupted program says that it was not"
lacks "what the guest saw" "$(guest_said load | grep -v interrupted)" "minidom:"
is "errors" "$(stat_of g errors 51728)" 0

# Attached twice it is the same; two disks of the same size are two.
works in_guest g "fill xvdb 3"
works xpv block-attach g ram:8M,raw,xvdb,rw
contains "the second time" "$out" "already attached"
works xpv block-attach g ram:8M,raw,xvdc,rw
is "other memory" "$(sum_of g xvdc)" "$zeros"
works in_guest g "verify xvdb 3"
works xpv block-detach g xvdb
works xpv block-attach g ram:8M,raw,xvdb,rw
is "memory after a detach" "$(sum_of g xvdb)" "$zeros"

# Mistakes.
refuses 2 "it needs a size" xpv block-attach g vdev=xvdd,target=ram:
refuses 2 "K, M, G or T" xpv block-attach g vdev=xvdd,target=null:8MB
refuses 2 "multiple of 512" xpv block-attach g vdev=xvdd,target=null:1000
refuses 2 "no file is format=raw" xpv block-attach g vdev=xvdd,format=qcow2,target=null:8M
refuses 1 "has not as much memory" xpv block-attach g vdev=xvdd,target=ram:1048576T
refuses 1 "another disk of that name" xpv block-attach g vdev=xvda,target=null:16M

# What a disk has left that went while nobody looked is named, and goes when xpvd starts again.
touch "$XPV_RUNDIR/ram/4000-vdisk-51712"
xpv check >"$DIR/check" 2>&1 || true
contains "check" "$(cat "$DIR/check")" "the memory of disk 51712 of domain 4000, which is gone"
rm "$XPV_RUNDIR/ram/4000-vdisk-51712"
works xpv check
works xpv destroy g
eventually 10 no_workers
is "what is left of it" "$(find "$XPV_RUNDIR/ram" -type f)" ""
passed
