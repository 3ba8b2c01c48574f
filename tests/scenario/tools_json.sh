#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_json.sh - with --json a verb that changes something prints one object that says what
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk

# says PART... -- VERB...: the verb works, and its one object has these members.
says() {
	local parts=()

	while [ "$1" != -- ]; do
		parts+=("$1")
		shift
	done
	shift
	works xpv "$@" --json
	is "objects of $*" "$(grep -c '^{$' <<<"$out")$(grep -c '^}$' <<<"$out")" 11
	is "the ends of $*" "$(sed -n '1p;$p' <<<"$out" | tr -d '\n')" "{}"
	for part in "${parts[@]}"; do
		contains "$*" "$out" "$part"
	done
}

truncate -s 1M "$DIR/a.img"
spec=vdev=xvda,target=$DIR/a.img
says '"running": true' "\"rundir\": \"$XPV_RUNDIR\"" '"already": false' '"pid": ' -- sim start
says '"running": true' '"already": true' -- sim start

printf 'name="g"\nmemory=32\nkernel="/bin/sleep"\nextra="1000"\n' >"$DIR/g.cfg"
says '"name": "g"' '"domid": 1' -- create "$DIR/g.cfg"
says '"name": "g"' '"domid": 1' '"state": "paused"' -- pause g
says '"domid": 1' '"state": "' -- unpause 1
lacks "unpaused" "$out" paused
refuses 1 "no such file" xpv block-attach --json g "$spec.none"
is "the output of a failure" "$(cat "$DIR/out")" ""
works xpv pause g
says '"domid": 1' '"vdev": "xvda"' '"devid": 51712' '"already": false' \
	'"backend-state": "InitWait"' '"frontend-state": "Initialising"' -- block-attach g "$spec"
says '"already": true' -- block-attach g "$spec"
says '"vdev": "xvda"' '"missing": false' '"force": false' -- block-detach g xvda
says '"missing": true' -- block-detach g xvda
says '"already": false' -- block-attach g "$spec"
says '"missing": false' '"force": true' -- block-detach --force g xvda
says '"restarted": 0' '"domid": 1' '"class": "vdisk"' -- restart g vdisk
says '"restarted": 0' -- restart
refuses 1 "does not answer" xpv shutdown --json --timeout 1 g
works xpv unpause g

# A guest that takes the request: the reader stands in for its kernel.
# shellcheck disable=SC2016 # the guest's shell expands it
xen sh -c 'until [ "$(xenstore-read /local/domain/1/control/shutdown)" = reboot ]; do sleep 0.1; done
	xenstore-write /local/domain/1/control/shutdown ""' &
says '"name": "g"' '"request": "reboot"' -- shutdown --reboot g
wait $!
says '"name": "g"' '"domid": 1' '"state": "destroyed"' '"missing": false' -- destroy g
refuses 1 "no such domain" xpv destroy --json g

says '"running": false' '"already": false' -- sim stop
says '"running": false' '"already": true' -- sim stop
passed
