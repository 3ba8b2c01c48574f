#!/bin/bash
# SPDX-License-Identifier: MIT
#
# restart.sh - xpv restart: a worker finishes what is under way and another one takes over
#
# Under a verifying load, and with a disk that is connected and idle; no request may fail, and none
# may be replayed, because a worker that is asked to end leaves nothing undone.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

stat_of() {
	xpv stats --json g | sed -n "s/^ *\"$1\": *\([0-9]*\),\{0,1\}$/\1/p" | head -n 1
}

replaced() {
	new=$(stat_of worker) && [ "${new:-0}" -gt 0 ] && [ "$new" != "$worker" ]
}

truncate -s 16M "$DIR/a.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw']"

restart_times() {
	local left

	for ((left = $1; left > 0; left--)); do
		worker=$(stat_of worker)
		works xpv restart g
		replaced || fail "xpv restart is back, and worker $worker still serves"
	done
}

"$BUILD/xpv" sim run --dom g -- "$BUILD/minidom" "loop 100000 stress xvda 7 1" >"$DIR/load" 2>&1 &
load=$!
eventually 10 grep -q ok "$DIR/load"
restart_times 15
before=$(wc -l <"$DIR/load")
grown() { [ "$(wc -l <"$DIR/load")" -gt "$before" ]; }
eventually 10 grown
kill "$load"
! wait "$load" || fail "an interrupted program says that it was not"
is "what the guest saw" "$(grep -v ': ok$' "$DIR/load")" "minidom: stress xvda: interrupted"
is "requests that failed" "$(stat_of errors)" 0
is "requests replayed" "$(stat_of replayed)" 0

# Connected and idle.
mkfifo "$DIR/commands"
"$BUILD/xpv" sim run --dom g -- "$BUILD/minidom" <"$DIR/commands" >"$DIR/idle" 2>&1 &
idle=$!
exec 9>"$DIR/commands"
echo "fill xvda 3" >&9
eventually 10 grep -q 'seed 3: ok' "$DIR/idle"
restart_times 5
echo "verify xvda 3" >&9
eventually 10 grep -q 'verify.*seed 3: ok' "$DIR/idle"
exec 9>&-
wait "$idle" || fail "$(cat "$DIR/idle")"
refuses 1 "no such domain" xpv restart nobody
passed
