#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_worker.sh - kill -9 of the worker, under a load that verifies: nothing lost, nothing twice
#
# The guest writes a pattern and reads it back, on two disks at a time (two programs in one
# domain). Whenever the worker has answered something it is killed. A lost request would hang the
# guest, a lost write would fail its verification, a response too many kills its frontend.
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
kills=20

# One image where I/O may wait for a device and goes through io_uring, one where it never does.
memory_dir
truncate -s 48M "$DIR/a.img" "$MEMORY/b.img"
system_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$MEMORY/b.img,raw,xvdb,rw']"

for disk in a b; do
	guest_begin $disk g "loop 100000 stress xvd$disk 7 1"
done

# At least so many kills, and more until one has met a request under way: else it proves nothing.
replayed() {
	grep -q 'taking up' "$XPV_RUNDIR/log/xpvd.log"
}

still_runs() {
	guest_runs a || fail "a load ended early: $(guest_said a)"
	guest_runs b || fail "a load ended early: $(guest_said b)"
}

killed=0 last=0
while [ "$killed" -lt "$kills" ] || ! replayed; do
	[ "$killed" -lt $((kills * 10)) ] || fail "no kill of $killed met a request under way"
	worker=$(stat_of g worker) batches=$(stat_of g batches)
	if [ -n "$worker" ] && [ "$worker" -gt 0 ] && [ "$batches" != "$last" ]; then
		kill -9 "$worker" 2>/dev/null || continue	# an earlier kill is not known yet
		last=$batches
		killed=$((killed + 1))
	fi
	[ $((killed % 5)) -ne 0 ] || still_runs
	sleep 0.0"$((RANDOM % 9))"
done

# The loads go on: a round that began after the last kill is written and read back.
for disk in a b; do
	before=$(guest_said "$disk" wc -l)
	two_more() { [ "$(guest_said "$disk" wc -l)" -ge $((before + 2)) ]; }
	eventually 60 two_more
done
for disk in a b; do
	! guest_end $disk || fail "an interrupted program says that it was not"
	is "what the guest saw" "$(guest_said "$disk" | grep -v ': ok$')" \
		"minidom: stress xvd$disk: interrupted"
done
is "requests that failed" "$(stat_of g errors)" 0
is "kills that xpvd saw" "$(grep -c 'was killed by signal 9' "$XPV_RUNDIR/log/xpvd.log")" "$killed"
works xpv block-detach g xvda
works xpv block-detach g xvdb
eventually 10 no_workers
passed
