#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_guest.sh - kill -9 of a guest and of a xenstore client; what died is cleaned up, and the
# rest goes on
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

# The processes of this simulator whose command line begins like that, and no others.
kill_ours() {
	local pid killed=0

	for pid in $(pgrep -f "^$1"); do
		if grep -qsxz "XPV_RUNDIR=$XPV_RUNDIR" "/proc/$pid/environ"; then
			kill -9 "$pid"
			killed=$((killed + 1))
		fi
	done
	[ "$killed" -gt 0 ] || fail "no process '$1'"
}

truncate -s 32M "$DIR/a.img" "$DIR/b.img"
sim_start
before=$(store)
guest w "disk=['$DIR/b.img,raw,xvda,rw']"
works xpv sim run --dom w -- "$BUILD/minidom" "fill xvda 9"
xpv sim run --dom w -- "$BUILD/minidom" "loop 100000 verify xvda 9" >"$DIR/load" 2>&1 &
load=$!

# A guest's kernel, in mid-I/O: on_crash=destroy takes all of it away.
guest g "kernel='$BUILD/minidom'" "extra='loop 100000 fill xvda 3'" \
	"disk=['$DIR/a.img,raw,xvda,rw']"
eventually 10 grep -q 'fill xvda' "$XPV_RUNDIR/log/guest-g.log"
kill_ours "$BUILD/minidom loop 100000 fill xvda 3"
gone() { ! xpv list g; }
eventually 10 gone
lacks "the store" "$(store)" "\"g\""

# A program in a guest that goes on: the next one opens the disk that the dead one left open.
kill_ours "$BUILD/minidom loop 100000 verify xvda 9"
! wait "$load" || fail "a killed program ended well"
works xpv sim run --dom w -- "$BUILD/minidom" "verify xvda 9"

# A client of xenstore, with a watch and an open transaction, in Dom0 and in the guest.
xen xenstore-watch /local >/dev/null 2>&1 &
client=$!
xpv sim run --dom w -- xenstore-watch device >/dev/null 2>&1 &
client_in_w=$!
sleep 0.2
kill_ours xenstore-watch
! wait "$client" || fail "a killed client ended well"
! wait "$client_in_w" || fail "a killed client ended well"
works xpv sim run --dom w -- "$BUILD/minidom" "verify xvda 9"

works xpv destroy w
is "the store" "$(store)" "$before"
eventually 10 no_workers
passed
