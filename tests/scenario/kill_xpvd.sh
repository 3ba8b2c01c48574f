#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_xpvd.sh - kill -9 of xpvd: guests do not notice, and the next one finds everything
#
# The load must go on while there is no xpvd at all; the same worker must serve it before and
# after; a worker killed in the absence of xpvd is replaced by the next one; a device attached
# before and one attached after both work; and a guest destroyed in between leaves nothing.
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

truncate -s 32M "$DIR/a.img" "$DIR/b.img" "$DIR/c.img"
system_start
guest w "disk=['$DIR/a.img,raw,xvda,rw']"
works in_guest w "fill xvda 7"
guest_begin load w "loop 100000 verify xvda 7"
eventually 10 guest_has_said load ok
worker=$(stat_of w worker)

for round in 1 2 3; do
	kill -9 "$(xpvd_pid)"
	guest_goes_on load
	xpvd_again
	is "the worker after kill $round of xpvd" "$(stat_of w worker)" "$worker"
	guest_goes_on load
done

# Both at once: the journal is all that is left of what was under way.
kill -9 "$(xpvd_pid)" "$worker"
xpvd_again
eventually 10 replaced w
guest_goes_on load
lacks "what the guest saw" "$(guest_said load)" "minidom:"

# A guest that goes while nobody looks is cleaned up by the next xpvd.
guest v "disk=['$DIR/b.img,raw,xvda,rw']"
works in_guest v "sum xvda"
kill -9 "$(xpvd_pid)"
xpv destroy v >/dev/null 2>&1 || true
xpvd_again
works xpv block-attach w "$DIR/c.img,raw,xvdc,rw"
works in_guest w "fill xvdc 3; verify xvdc 3"
guest_end load || true
works xpv destroy w
eventually 10 no_workers
lacks "the store" "$(store)" "vbd"
passed
