#!/bin/bash
# SPDX-License-Identifier: MIT
#
# matrix.sh - every backend with every frontend in both kinds of guest, and what they make of data
#
# Backends: xpv in xen-blkback's place, xen-blkback, QEMU's qdisk, all by plain xl. Frontends: the
# Linux kernel's, xpv's in a program, and PV GRUB, which hands over to the Linux kernel's. The guest
# must read the image's checksum, and Dom0 must find in the image what the guest has written. After
# each cell nothing may be left of it. All cells run, whatever the others do.
#
# seconds: 2400
# layers: qemu grub
# prints: table
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../../lib/scenario.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/matrix.bash"

backends=${BACKENDS:-xpv blkback qdisk}
frontends=${FRONTENDS:-stock minidom grub}
types=${TYPES:-pv pvh}
declare -A result
declare -A title=([xpv]=xpv [blkback]=xen-blkback [qdisk]=qdisk [stock]="Linux blkfront"
	[minidom]="xpv's frontend" [grub]="PV GRUB, then Linux" [pv]=PV [pvh]=PVH)
failures=0

# What a cell that failed has left, so that it does not fail the next one.
sweep() {
	local id

	for id in $(guest_ids); do
		xl destroy "$id" >/dev/null 2>&1 || true
	done
	cleaned "$1"
}

run_cell() {
	local key=$1-$2-$3 status=0 start=$SECONDS

	rm -f "$DIR/note"
	set +e
	(set -e; cell "$1" "$2" "$3") >"$DIR/cell" 2>&1
	status=$?
	set -e
	grep ^NOTE "$DIR/cell" || true
	result[$key]="ok, $((SECONDS - start)) s"
	[ ! -e "$DIR/note" ] || result[$key]+=" ($(cat "$DIR/note"))"
	if [ "$status" -eq 0 ]; then
		checks=$((checks + 1))
	else
		failures=$((failures + 1))
		result[$key]="failed: $(sed -n 's/^FAIL: //; $ p' "$DIR/cell" | tr '|' '/' | head -c 120)"
		echo "--- $key" && cat "$DIR/cell"
		(sweep "$1") || echo "what follows may fail by that"
	fi
	rm -f "$DIR/$key.img"
	echo "$key: ${result[$key]}"
}

head -c 16M /dev/urandom >"$DIR/random.img"
make_grub_image
for backend in $backends; do
	"start_$backend"
	channels=$(lsevtchn 0 | wc -l)
	for type in $types; do
		for frontend in $frontends; do
			run_cell "$backend" "$frontend" "$type"
		done
	done
	"stop_$backend"
done

echo "| frontend | guest |$(for backend in $backends; do echo -n " ${title[$backend]} |"; done)"
echo "|---|---|$(for backend in $backends; do echo -n "---|"; done)"
for frontend in $frontends; do
	for type in $types; do
		echo -n "| ${title[$frontend]} | ${title[$type]} |"
		for backend in $backends; do
			echo -n " ${result[$backend-$frontend-$type]} |"
		done
		echo
	done
done
[ "$failures" -eq 0 ] || fail "$failures cells"
passed
