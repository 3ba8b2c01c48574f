#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_json.sh - the objects of the simulator's verbs, and of a guest that a program plays
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd

json_says '"running": true' "\"rundir\": \"$XPV_RUNDIR\"" '"already": false' '"pid": ' -- sim start
json_says '"running": true' '"already": true' -- sim start

printf 'name="g"\nmemory=32\nkernel="/bin/sleep"\nextra="1000"\n' >"$DIR/g.cfg"
json_says '"name": "g"' '"domid": 1' -- create "$DIR/g.cfg"
works xpv pause g
refuses 1 "does not answer" xpv shutdown --json --timeout 1 g
works xpv unpause g

# A guest that takes the request: the reader stands in for its kernel.
# shellcheck disable=SC2016 # the guest's shell expands it
xen sh -c 'until [ "$(xenstore-read /local/domain/1/control/shutdown)" = reboot ]; do sleep 0.1; done
	xenstore-write /local/domain/1/control/shutdown ""' &
json_says '"name": "g"' '"request": "reboot"' -- shutdown --reboot g
wait $!
works xpv destroy g

json_says '"running": false' '"already": false' -- sim stop
json_says '"running": false' '"already": true' -- sim stop
passed
