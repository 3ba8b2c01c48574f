#!/bin/bash
# SPDX-License-Identifier: MIT
#
# restart.sh - xpv restart: a worker finishes what is under way and another one takes over
#
# Under a verifying load, and with a disk that is connected and idle; no request may fail, and none
# may be replayed, because a worker that is asked to end leaves nothing undone.
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

truncate -s 16M "$DIR/a.img"
system_start
guest g "disk=['$DIR/a.img,raw,xvda,rw']"

restart_times() {
	local left

	for ((left = $1; left > 0; left--)); do
		worker=$(stat_of g worker)
		works xpv restart g
		replaced g || fail "xpv restart is back, and worker $worker still serves"
	done
}

guest_begin load g "loop 100000 stress xvda 7 1"
eventually 10 guest_has_said load ok
restart_times 15
guest_goes_on load
! guest_end load || fail "an interrupted program says that it was not"
is "what the guest saw" "$(guest_said load | grep -v ': ok$')" "minidom: stress xvda: interrupted"
is "requests that failed" "$(stat_of g errors)" 0
is "requests replayed" "$(stat_of g replayed)" 0

# Connected and idle.
guest_begin idle g
guest_tell idle "fill xvda 3"
eventually 10 guest_has_said idle 'seed 3: ok'
restart_times 5
guest_tell idle "verify xvda 3"
eventually 10 guest_has_said idle 'verify.*seed 3: ok'
guest_told idle
guest_wait idle || fail "$(guest_said idle)"
refuses 1 "no such domain" xpv restart nobody
passed
