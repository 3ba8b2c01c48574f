#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_takeover.sh - the worker is killed, and its successor finds a ring that the guest has bent
#
# runs on: simulator, xen
# seconds: 1800
#
# shellcheck source=tests/hostile/siege.bash
. "$(dirname "$0")/siege.bash"

# trap_of NAME: plays the attack until it is ready, then kills the worker under it.
trap_of() {
	local status=0 outcome=stops

	[ "${XPV_SYSTEM:-sim} $1" != "xen ring-revoked" ] || outcome=any
	note_progress
	guest_job rogue g "exec guest_takeover $1 $xvda"
	eventually 10 guest_has_said rogue ready
	kill -9 "$(stat_of g worker "$xvdb")"
	kills=$((kills + 1))
	guest_wait rogue || status=$?
	[ "$status" -eq 0 ] || fail "$1: status $status: $(guest_said rogue)"
	others_go_on guest_takeover "$1" $outcome "$xvda"
}

siege_begin guest_takeover
rogue guest_takeover list >"$DIR/attacks"
while read -r name _ <&3; do
	trap_of "$name"
done 3<"$DIR/attacks"
siege_end
