#!/bin/bash
# SPDX-License-Identifier: MIT
#
# console_minidom.sh - minidom's console, served by xpvd
#
# create -c, leave, come back to the scrollback; many read, one writes; the worker dies under them;
# pipes; the log.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vconsole xpv-vdisk xpv-hypervisor xpv-sim-vm minidom
# shellcheck source=../lib/terminal.bash
. "$(dirname "$0")/../lib/terminal.bash"

served() {
	contains "list" "$(xpv console-list g)" "xpv         $XPV_RUNDIR/console/"
}

# The process that serves this simulator's consoles.
worker() {
	local pid

	for pid in $(system_pids); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != xpv-vconsole ] || echo "$pid"
	done
}

# has_times FILE PATTERN COUNT
has_times() {
	[ "$(grep -c -e "$2" "$1")" -eq "$3" ]
}

sim_start --consoles
truncate -s 1M "$DIR/disk"
guest_config g "kernel='$BUILD/minidom'" "disk=['format=raw,vdev=xvda,target=$DIR/disk']"
sum=$(sha256sum <"$DIR/disk" | cut -d ' ' -f 1)

# create -c, and ^] leaves.
terminal a
keys a "xpv create -c $DIR/g.cfg; echo status=\$?" Enter
eventually 20 screen_shows a '^minidom>$'
is_raw a || fail "create -c: the terminal is $(terminal_mode a)"
keys a 'sum xvda' Enter
eventually 20 screen_shows a "$sum"
keys a C-]
eventually 10 screen_shows a 'status=0'
is_cooked a || fail "after ^]: $(terminal_mode a)"
served

# It is all there when one comes back, here as well as by a pipe, which types what is to come.
keys a 'clear; xpv console g; echo status=$?' Enter
eventually 10 screen_shows a "$sum"
keys a C-]
eventually 10 screen_shows a 'status=0'
works bash -c "printf 'sum xvda 0 8\n' | '$BUILD/xpv' console -w 3 g"
contains "the scrollback" "$out" "$sum"
contains "what was typed" "$out" "minidom> sum xvda 0 8"
works bash -c "printf 'disks\n' | '$BUILD/xpv' console -s -w 3 g"
lacks "without scrollback" "$out" "$sum"
contains "what was typed" "$out" "$(printf 'minidom> disks\r\nname ' | tail -n 1)"

# Two read while one writes, and all see the same bytes.
"$BUILD/xpv" console -r g </dev/null >"$DIR/r1" 2>"$DIR/e1" &
r1=$!
"$BUILD/xpv" console -r g </dev/null >"$DIR/r2" 2>"$DIR/e2" &
r2=$!
keys a 'clear; xpv console -s g; echo status=$?' Enter
eventually 10 is_raw a
refuses 1 "is writing to its console" bash -c "echo disks | '$BUILD/xpv' console g"
keys a 'flush xvda' Enter
eventually 10 has_times "$DIR/r1" 'flush xvda: ok' 1
eventually 10 has_times "$DIR/r2" 'flush xvda: ok' 1

# The worker is killed under them; what is typed meanwhile arrives, and nothing twice.
for round in 2 3 4 5; do
	old=$(worker)
	kill -9 "$old"
	keys a 'flush xvda' Enter
	eventually 20 has_times "$DIR/r1" 'flush xvda: ok' $round
	eventually 20 has_times "$DIR/r2" 'flush xvda: ok' $round
	[ "$(worker)" != "$old" ] || fail "the worker was not replaced"
done
eventually 10 screen_shows_times a 'flush xvda: ok' 5

# The writing is taken, and who had it reads along.
works bash -c "printf 'disks\n' | '$BUILD/xpv' console --take -s -w 3 g"
eventually 10 screen_shows a 'writes now; you read along'
eventually 10 screen_shows a '^name *vdev'
keys a 'help' Enter
works bash -c "printf 'flush xvda\n' | '$BUILD/xpv' console -w 3 g"
lacks "who reads along does not write" "$out" "minidom> help"
keys a C-]
eventually 10 screen_shows a 'status=0'

# The guest ends: so do those who read, with all of it.
works bash -c "printf 'poweroff\n' | '$BUILD/xpv' console -w 10 g"
wait $r1 || fail "the first reader: $? $(cat "$DIR/e1")"
wait $r2 || fail "the second reader: $? $(cat "$DIR/e2")"
cmp "$DIR/r1" "$DIR/r2" || fail "two readers saw different things"
contains "the end" "$(tail -n 1 "$DIR/r1")" "minidom> poweroff"
sed 's/^\[[-0-9]* [:0-9]*\] //' "$XPV_RUNDIR/log/console/guest-g.log" >"$DIR/logged"
is "the log beside a reader" "$(tr -d '\r' <"$DIR/logged")" "$(tr -d '\r' <"$DIR/r1")"

# A pipe from the beginning to the end.
works bash -c "printf 'sum xvda\npoweroff\n' | '$BUILD/xpv' create -c '$DIR/g.cfg'"
contains "create -c by a pipe" "$out" "$sum"
refuses 1 "crashed" bash -c "'$BUILD/xpv' create -c '$DIR/g.cfg' 'kernel=\"/bin/false\"' </dev/null"
works bash -c "'$BUILD/xpv' create -c '$DIR/g.cfg' 'extra=\"sum xvda\"' </dev/null"
contains "a program's output" "$out" "$sum"
eventually 10 no_workers
passed
