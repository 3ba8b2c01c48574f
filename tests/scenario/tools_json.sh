#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_json.sh - with --json a verb that changes something prints one object that says what
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk

truncate -s 1M "$DIR/a.img"
spec=vdev=xvda,target=$DIR/a.img
system_start
guest g
id=$(domid g)
json_says '"name": "g"' "\"domid\": $id" '"state": "paused"' -- pause g
json_says "\"domid\": $id" '"state": "' -- unpause "$id"
lacks "unpaused" "$out" paused
refuses 1 "no such file" xpv block-attach --json g "$spec.none"
is "the output of a failure" "$(cat "$DIR/out")" ""
json_says "\"domid\": $id" '"vdev": "xvda"' '"devid": 51712' '"already": false' \
	'"backend-state": "InitWait"' '"frontend-state": "Initialising"' -- block-attach g "$spec"
json_says '"already": true' -- block-attach g "$spec"
json_says '"vdev": "xvda"' '"missing": false' '"force": false' -- block-detach g xvda
json_says '"missing": true' -- block-detach g xvda
json_says '"already": false' -- block-attach g "$spec"
json_says '"missing": false' '"force": true' -- block-detach --force g xvda
json_says '"restarted": 0' "\"domid\": $id" '"class": "vdisk"' -- restart g vdisk
json_says '"restarted": 0' -- restart
json_says '"name": "g"' "\"domid\": $id" '"state": "destroyed"' '"missing": false' -- destroy g
refuses 1 "no such domain" xpv destroy --json g
passed
