#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_store.sh - a guest's xenstore: what it may write, and several clients, good and bad, in one guest
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpv-hypervisor xpv-sim-vm tests/lib/guest_sim_store

denied() {
	if "$@" >"$DIR/out" 2>&1; then
		fail "$*: it was allowed"
	fi
	checks=$((checks + 1))
}

in_guest() { xpv sim run --dom "$@"; }

sim_start --no-xpvd
guest a
guest b
a=$(domid a) b=$(domid b)

# Its own tree it reads, and writes where it owns.
works in_guest a -- xenstore-read name domid
is "who it is" "$out" "$(printf 'a\n%s' "$a")"
works in_guest a -- xenstore-write data/own 1
is "as domain 0 sees it" "$(xen xenstore-read "/local/domain/$a/data/own")" 1
before=$(store)
denied in_guest a -- xenstore-write name mallory
denied in_guest a -- xenstore-write console/tty /etc/passwd
denied in_guest a -- xenstore-write "/local/domain/0/backend/vbd/$a/51712/params" /etc/shadow
denied in_guest a -- xenstore-write /local/domain/0/name mallory
denied in_guest a -- xenstore-write "/local/domain/$b/data/own" 1
denied in_guest a -- xenstore-read "/local/domain/$b/data/own"
is "the store" "$(store)" "$before"
works in_guest b -- xenstore-write data/own 2
denied in_guest a -- xenstore-read "/local/domain/$b/data/own"
denied in_guest a -- xenstore-rm "/local/domain/$b"
denied in_guest a -- xenstore-ls /libxl

# Many clients in one guest. Both guests at a time.
in_guest b -- "$BUILD/tests/lib/guest_sim_store" >"$DIR/b" 2>&1 &
other=$!
works in_guest a -- "$BUILD/tests/lib/guest_sim_store"
wait $other || fail "guest b: $(cat "$DIR/b")"

works xpv destroy a
works xpv destroy b
passed
