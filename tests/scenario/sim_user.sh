#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_user.sh - an ordinary user needs nobody's leave: start, guests, Xen's tools, and the event
# channel tests, whose queues are then as short as the kernel makes them
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk xpv-hypervisor xpv-sim-vm minidom
[ "$(id -u)" -eq 0 ] || skip "only root can become somebody else; the other scenarios did it already"
as_user() { runuser -u nobody -- "$@"; }

# The build may be where only root can go; the user gets programs of their own.
chmod 755 "$DIR"
mkdir -p "$DIR/home/run" "$DIR/bin/tests/unit"
cp -r "$BUILD"/{xpv,xpvd,xpv-vdisk,xpv-hypervisor,xpv-sim-vm,minidom,sim} "$DIR/bin/"
cp "$BUILD"/tests/unit/test_sim_{evtchn,gnttab} "$DIR/bin/tests/unit/" 2>/dev/null || true
chmod -R a+rX "$DIR/bin"
chown -R nobody "$DIR/home"
BUILD=$DIR/bin
export XPV_RUNDIR=$DIR/home/run
works as_user "$BUILD/xpv" sim start
is "its owner" "$(stat -c %U "$XPV_RUNDIR/sim/hypervisor.sock")" nobody
if [ -x /usr/lib/xen-4.17/bin/xl ]; then
	contains "xl" "$(as_user "$BUILD/xpv" sim run -- /usr/lib/xen-4.17/bin/xl list 2>&1)" Domain-0
fi
printf 'name="u"\nmemory=64\n' >"$DIR/home/u.cfg"
works as_user "$BUILD/xpv" create "$DIR/home/u.cfg"
works as_user "$BUILD/xpv" sim run --dom u -- xenstore-read name
is "its guest" "$out" u
as_user truncate -s 4M "$DIR/home/a.img"
works as_user "$BUILD/xpv" block-attach u "$DIR/home/a.img,raw,xvda,rw"
works as_user "$BUILD/xpv" sim run --dom u -- "$BUILD/minidom" "fill xvda 1; verify xvda 1"
# A worker is confined all the same, by a user namespace if there may be one.
as_user "$BUILD/xpv" sim run --dom u -- "$BUILD/minidom" "loop 100000 stress xvda 7 1" \
	>"$DIR/load" 2>&1 &
load=$!
eventually 10 grep -q ok "$DIR/load"
worker=$(as_user "$BUILD/xpv" stats --json u | sed -n 's/^ *"worker": *\([0-9]*\),\{0,1\}$/\1/p')
is "its worker's filter" "$(awk '/^Seccomp:/ { print $2 }' "/proc/$worker/status")" 2
is "its worker's capabilities" "$(awk '/^CapEff:/ { print $2 }' "/proc/$worker/status")" \
	0000000000000000
if ! grep -q 'keeps its root' "$XPV_RUNDIR/log/xpvd.log" &&
   [[ $(ldd "$BUILD/xpv-vdisk") != *libasan* ]]; then
	is "its worker's root" "$(ls -A "/proc/$worker/root/")" ""
fi
works as_user "$BUILD/xpv" destroy u
wait "$load" || true
works as_user "$BUILD/xpv" sim stop

for test in evtchn gnttab; do
	program=$BUILD/tests/unit/test_sim_$test
	[ -x "$program" ] || continue
	status=0
	as_user timeout 120 "$program" >"$DIR/unit" 2>&1 || status=$?
	is "$test as an ordinary user: $(tail -n 5 "$DIR/unit")" "$status" 0
done
passed
