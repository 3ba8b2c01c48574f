#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_takeover.sh - the worker is killed, and its successor finds a ring that the guest has bent
#
# shellcheck source=tests/hostile/siege.bash
. "$(dirname "$0")/siege.bash"

# trap_of NAME: plays the attack until it is ready, then kills the worker under it.
trap_of() {
	local program status=0

	note_progress
	: >"$DIR/rogue"		# the last attack was ready, too
	in_guest "$BUILD/tests/hostile/guest_takeover" "$1" "$xvda" >"$DIR/rogue" 2>&1 &
	program=$!
	eventually 10 grep -q ready "$DIR/rogue"
	kill -9 "$(stat_of g "$xvdb" worker)"
	kills=$((kills + 1))
	wait "$program" || status=$?
	[ "$status" -eq 0 ] || fail "$1: status $status: $(cat "$DIR/rogue")"
	others_go_on guest_takeover "$1" stops "$xvda"
}

siege_begin guest_takeover
"$BUILD/tests/hostile/guest_takeover" list >"$DIR/attacks"
while read -r name _ <&3; do
	trap_of "$name"
done 3<"$DIR/attacks"
siege_end
