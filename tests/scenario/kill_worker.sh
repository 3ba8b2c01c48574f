#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_worker.sh - kill -9 of the worker, under a load that verifies: nothing lost, nothing twice
#
# The guest writes a pattern and reads it back, on two disks at a time (two programs in one
# domain). Whenever the worker has answered something it is killed. A lost request would hang the
# guest, a lost write would fail its verification, a response too many kills its frontend.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
kills=20

# One image where I/O may wait for a device and goes through io_uring, one where it never does.
memory_dir
truncate -s 48M "$DIR/a.img" "$MEMORY/b.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$MEMORY/b.img,raw,xvdb,rw']"

load() {
	exec "$BUILD/xpv" sim run --dom g -- "$BUILD/minidom" "loop 100000 stress $1 7 1"
}

stat_of() {
	xpv stats --json g | sed -n "s/^ *\"$1\": *\([0-9]*\),\{0,1\}$/\1/p" | head -n 1
}

load xvda >"$DIR/load.a" 2>&1 &
load_a=$!
load xvdb >"$DIR/load.b" 2>&1 &
load_b=$!

# At least so many kills, and more until one has met a request under way: else it proves nothing.
replayed() {
	grep -q 'taking up' "$XPV_RUNDIR/log/xpvd.log"
}

killed=0 last=0
while [ "$killed" -lt "$kills" ] || ! replayed; do
	[ "$killed" -lt $((kills * 10)) ] || fail "no kill of $killed met a request under way"
	kill -0 "$load_a" "$load_b" || fail "a load ended early: $(cat "$DIR"/load.*)"
	worker=$(stat_of worker) batches=$(stat_of batches)
	if [ -n "$worker" ] && [ "$worker" -gt 0 ] && [ "$batches" != "$last" ]; then
		kill -9 "$worker"
		last=$batches
		killed=$((killed + 1))
	fi
	sleep 0.0"$((RANDOM % 9))"
done

# The loads go on: a round that began after the last kill is written and read back.
for disk in a b; do
	before=$(wc -l <"$DIR/load.$disk")
	two_more() { [ "$(wc -l <"$DIR/load.$disk")" -ge $((before + 2)) ]; }
	eventually 30 two_more
done
kill "$load_a" "$load_b"
! wait "$load_a" || fail "an interrupted program says that it was not"
! wait "$load_b" || fail "an interrupted program says that it was not"
for disk in a b; do
	is "what the guest saw" "$(grep -v ': ok$' "$DIR/load.$disk")" \
		"minidom: stress xvd$disk: interrupted"
done
is "requests that failed" "$(stat_of errors)" 0
is "kills that xpvd saw" "$(grep -c 'was killed by signal 9' "$XPV_RUNDIR/log/xpvd.log")" "$killed"
works xpv block-detach g xvda
works xpv block-detach g xvdb
eventually 10 no_workers
passed
