#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_guest.sh - kill -9 of a guest and of a xenstore client; what died is cleaned up, and the
# rest goes on
#
# runs on: simulator, xen
# seconds: 1200
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

truncate -s 32M "$DIR/a.img" "$DIR/b.img"
system_start
before=$(store)
guest w "disk=['$DIR/b.img,raw,xvda,rw']"
works in_guest w "fill xvda 9"
guest_begin load w "loop 100000 verify xvda 9"

# A guest's kernel, in mid-I/O: on_crash=destroy takes all of it away.
guest_live g "loop 100000 fill xvda 3" "disk=['$DIR/a.img,raw,xvda,rw']" 'on_crash="destroy"'
eventually 10 guest_has_said g 'fill xvda'
guest_crash g
gone() { ! xpv list g; }
eventually 10 gone
lacks "the store" "$(store)" "\"g\""

# A program in a guest that goes on: the next one opens the disk that the dead one left open.
guest_goes_on load
guest_kill load KILL
! guest_wait load || fail "a killed program ended well"
works in_guest w "verify xvda 9"

# A client of xenstore, with a watch and an open transaction, in Dom0 and in the guest.
xen xenstore-watch /local >/dev/null 2>&1 &
client=$!
guest_job client w "exec xenstore-watch device"
sleep 0.2
kill -9 "$(pgrep -P "$client")"
guest_kill client KILL
! wait "$client" || fail "a killed client ended well"
! guest_wait client || fail "a killed client ended well"
works in_guest w "verify xvda 9"

works xpv destroy w
is "the store" "$(store)" "$before"
eventually 10 no_workers
passed
