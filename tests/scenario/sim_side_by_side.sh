#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_side_by_side.sh - simulators in several folders know nothing of each other; start and stop may
# be repeated, and stop leaves nothing but logs
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpv-hypervisor xpv-sim-vm

one() { XPV_RUNDIR=$DIR/run xpv "$@"; }
two() { XPV_RUNDIR=$DIR/two xpv "$@"; }
finish() {
	local status=$?

	set +e
	two sim stop >/dev/null 2>&1
	(exit "$status")
	clean_up
}
trap finish EXIT

mkdir -p "$DIR/run" "$DIR/two"
works one sim start --no-xpvd
works two sim start --no-xpvd
works one sim start --no-xpvd
contains "started twice" "$out" "runs already"
works one sim run -- xenstore-write /tool/x one
works two sim run -- xenstore-write /tool/x two
is "the first's store" "$(one sim run -- xenstore-read /tool/x)" one
is "the second's store" "$(two sim run -- xenstore-read /tool/x)" two
pids=$(two sim status --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
is "processes" "$(echo "$pids" | wc -l)" 3

works two sim stop
for pid in $pids; do
	# Dead, but not yet waited for by whoever adopted it, is dead.
	[ ! -d "/proc/$pid" ] || grep -qs '^State:.*Z' "/proc/$pid/status" ||
		fail "process $pid is still there"
done
is "what stop leaves" "$(find "$DIR/two" -type f -o -type s -o -type p | grep -cv '/log/' || true)" 0
is "folders" "$(cd "$DIR/two" && echo *)" log
works two sim stop
contains "stopped twice" "$out" "no simulator runs"
is "status without one" "$(two sim status || echo "status $?")" \
	"$(printf 'no simulator runs in %s\nstatus 1' "$DIR/two")"
is "the first goes on" "$(one sim run -- xenstore-read /tool/x)" one

# Started again, it is a new machine.
works two sim start --no-xpvd
refuses_read() { ! two sim run -- xenstore-read /tool/x >/dev/null 2>&1; }
refuses_read || fail "the store of the second survived its end"
works two sim stop

# What cannot work says why.
refuses 1 "shorter" env XPV_RUNDIR="/tmp/$(printf 'x%.0s' {1..100})" "$BUILD/xpv" sim start
refuses 1 "set XPV_RUNDIR" env XPV_RUNDIR=/proc/xpv "$BUILD/xpv" sim start
refuses 1 "xpv sim start" env XPV_RUNDIR="$DIR/two" "$BUILD/xpv" sim run -- true
refuses 2 "nonsense" xpv sim nonsense
refuses 2 "a command" xpv sim run
refuses 2 "no-such" xpv sim start --no-such
works xpv sim -h
works xpv sim start -h
passed
