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
	local seed

	for seed in $(seq 1 1000); do
		[ ! -e "$DIR/enough" ] || return 0
		xpv sim run --dom g -- "$BUILD/minidom" \
			"fill $1 $seed; flush $1; verify $1 $seed" || return 1
	done
}

stat_of() {
	xpv stats --json g | sed -n "s/^ *\"$1\": *\([0-9]*\),\{0,1\}$/\1/p" | head -n 1
}

load xvda >"$DIR/load.a" 2>&1 &
load_a=$!
load xvdb >"$DIR/load.b" 2>&1 &
load_b=$!

killed=0 last=0
while [ "$killed" -lt "$kills" ]; do
	kill -0 "$load_a" "$load_b" || fail "a load ended early: $(cat "$DIR"/load.*)"
	worker=$(stat_of worker) batches=$(stat_of batches)
	if [ -n "$worker" ] && [ "$worker" -gt 0 ] && [ "$batches" != "$last" ]; then
		kill -9 "$worker"
		last=$batches
		killed=$((killed + 1))
	fi
	sleep 0.0"$((RANDOM % 9))"
done
touch "$DIR/enough"
wait "$load_a" || fail "xvda: $(tail -n 3 "$DIR/load.a")"
wait "$load_b" || fail "xvdb: $(tail -n 3 "$DIR/load.b")"

lacks "what the guest saw" "$(cat "$DIR"/load.*)" "minidom:"
is "requests that failed" "$(stat_of errors)" 0
[ "$(grep -c 'was killed by signal 9' "$XPV_RUNDIR/log/xpvd.log")" -eq "$kills" ] ||
	fail "xpvd did not see $kills kills"
[ "$(grep -c 'taking up' "$XPV_RUNDIR/log/xpvd.log")" -gt 0 ] ||
	fail "no kill met a request under way: the test proves nothing"
works xpv block-detach g xvda
works xpv block-detach g xvdb
eventually 10 no_workers
passed
