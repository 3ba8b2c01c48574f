#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_leftovers.sh - interrupted and concurrent makers and destroyers leave nothing for good
#
# Only in the simulator: guests are made and destroyed by the dozen, at intervals of milliseconds.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk

lists() {
	xpv list "$1" >/dev/null 2>&1
}

truncate -s 1M "$DIR/a.img"
sim_start
before=$(store)
printf 'name="g"\nmemory=32\n' >"$DIR/g.cfg"

# The records of a domain that is gone are named by check, and removed by its number.
xen xenstore-write /libxl/4000/type pv /local/domain/4000/name ghost
refuses_check() {
	! xpv check >"$DIR/check" || fail "check found nothing"
	contains "check" "$(cat "$DIR/check")" "$1"
}
refuses_check "'xpv destroy 4000'"
refuses 1 "no such domain" xpv destroy ghost
works xpv destroy 4000
contains "what is said" "$out" "leftovers in xenstore were removed"
is "the store" "$(store)" "$before"
refuses 1 "no such domain" xpv destroy 4000
xen xenstore-write /libxl/4000/type pv
works xpv destroy --json 4000
contains "as JSON" "$out" '"missing": true'
is "the store" "$(store)" "$before"

# The same with a disk, whose backend stands there still.
guest g
id=$(domid g)
works xpv block-attach g "vdev=xvda,target=$DIR/a.img"
record=$(xen xenstore-ls -f "/libxl/$id/device/vbd/51712" | sed 's/ = / /; s/"//g')
backend=$(xen xenstore-ls -f "/local/domain/0/backend/vbd/$id/51712" | sed 's/ = / /; s/"//g')
works xpv destroy g
while read -r path value; do
	[ -z "$path" ] || xen xenstore-write "$path" "$value"
done <<<"$record"$'\n'"$backend"
refuses_check "left over from domain $id"
works xpv destroy "$id"
is "the store" "$(store)" "$before"

# destroy is killed at any time: what it leaves can be destroyed by its number.
for ms in 002 004 006 008 010 012 015 020 030; do
	works xpv create "$DIR/g.cfg" "disk=['vdev=xvda,target=$DIR/a.img']"
	id=$(domid g)
	{ timeout -s KILL "0.$ms" "$BUILD/xpv" destroy g || true; } >/dev/null 2>&1
	xpv destroy "$id" >/dev/null 2>&1 || ! lists "$id" || fail "domain $id stays"
	is "the store, killed after $ms ms" "$(store)" "$before"
	works xpv check
done

# A domain without a name has none in the list.
guest g
id=$(domid g)
xen xenstore-rm "/local/domain/$id/name"
is "its name" "$(xpv list "$id" | tail -n 1 | cut -d' ' -f1)" "-"
works xpv destroy "$id"
is "the store" "$(store)" "$before"

# Of several guests that are made with one name at a time, one comes to be.
for i in 1 2 3 4 5 6; do
	{ xpv create "$DIR/g.cfg" 2>"$DIR/err.$i" && echo made >>"$DIR/made"; } &
done
wait
is "guests made" "$(wc -l <"$DIR/made")" 1
is "guests called g" "$(xpv list | grep -c '^g ')" 1
contains "the others" "$(cat "$DIR"/err.*)" "has this name already"
works xpv destroy g
is "the store" "$(store)" "$before"

# Of several who take one disk away at a time, each finds it gone.
guest g
for round in {1..8}; do
	works xpv block-attach g "vdev=xvda,target=$DIR/a.img"
	for i in 1 2 3 4; do
		xpv block-detach g xvda >"$DIR/detach.$i" 2>&1 || cat "$DIR/detach.$i" >>"$DIR/failed" &
	done
	wait
	[ ! -e "$DIR/failed" ] || fail "round $round: $(cat "$DIR/failed")"
done
works xpv destroy g
is "the store" "$(store)" "$before"

# A guest that is destroyed while its disks are attached is gone, and so are they.
disks=$(for i in {1..8}; do printf "'vdev=d%d,access=ro,target=%s'," "$i" "$DIR/a.img"; done)
for ms in 02 04 06 08 10 15 20; do
	xpv create "$DIR/g.cfg" "disk=[$disks]" >/dev/null 2>"$DIR/err" &
	eventually 5 lists g
	sleep "0.0$ms"
	xpv destroy g >/dev/null 2>&1 || true
	wait $! || true
	xpv destroy g >/dev/null 2>&1 || true
	is "the store, destroyed after $ms" "$(store)" "$before"
done
passed
