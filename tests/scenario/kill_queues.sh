#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_queues.sh - kill -9 of the worker, under loads on several queues of a disk at a time
#
# As kill_worker.sh, and each queue of a disk has a thread of the worker's. Whenever these have
# answered something, the worker is killed. Its successor finds a journal of each queue, and has to
# take every one up where it was.
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
: "${KILLS:=20}"

# One image where I/O may wait for a device and goes through io_uring, one where it never does.
memory_dir
truncate -s 48M "$DIR/a.img" "$MEMORY/b.img"
system_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$MEMORY/b.img,raw,xvdb,rw']"
xvda=51712 xvdb=51728
guest_begin a g "open xvda queues=4 order=1; loop 100000 stress xvda 7 1"
guest_begin b g "open xvdb queues=3 persistent=off; loop 100000 stress xvdb 9 1"

still_runs() {
	guest_runs a || fail "a load ended early: $(guest_said a)"
	guest_runs b || fail "a load ended early: $(guest_said b)"
}

seven_channels() {
	[ "$(xpv block-list --json g | grep -c '"event-channel":')" -eq 7 ]
}

# Those of io_uring, which the kernel makes, have other names.
four_threads() {
	[ "$(grep -lx xpv-vdisk /proc/"$(stat_of g worker)"/task/*/comm | wc -l)" -eq 4 ]
}

eventually 20 seven_channels
eventually 20 four_threads
is "the queues that are offered" "$(xen xenstore-read \
	"/local/domain/0/backend/vbd/$(domid g)/$xvda/multi-queue-max-queues" | tr -d '"')" 4

# At least so many kills, and more until both disks have met one with requests under way.
replayed() {
	[ "$(stat_of g replayed "$xvda")" -gt 0 ] && [ "$(stat_of g replayed "$xvdb")" -gt 0 ]
}

killed=0 last=0
while [ "$killed" -lt "$KILLS" ] || ! replayed; do
	[ "$killed" -lt $((KILLS * 10)) ] || fail "of $killed kills too few met requests under way"
	worker=$(stat_of g worker) batches=$(stat_of g batches)
	if [ -n "$worker" ] && [ "$worker" -gt 0 ] && [ "$batches" != "$last" ]; then
		kill -9 "$worker" 2>/dev/null || continue
		last=$batches
		killed=$((killed + 1))
	fi
	[ $((killed % 5)) -ne 0 ] || still_runs
	sleep 0.0"$((RANDOM % 9))"
done

# A graceful one in between, and the loads go on: a round that began after it is verified.
works xpv restart g
for disk in a b; do
	before=$(guest_said "$disk" | wc -l)
	two_more() { [ "$(guest_said "$disk" | wc -l)" -ge $((before + 2)) ]; }
	eventually 60 two_more
done
for disk in a b; do
	! guest_end $disk || fail "an interrupted program says that it was not"
	is "what the guest saw" "$(guest_said "$disk" | grep -v ': ok$' | grep minidom:)" \
		"minidom: stress xvd$disk: interrupted"
done
echo "killed $killed times; replayed: $(stat_of g replayed "$xvda") and" \
	"$(stat_of g replayed "$xvdb") requests"
is "requests that failed" "$(stat_of g errors "$xvda") $(stat_of g errors "$xvdb")" "0 0"
is "kills that xpvd saw" "$(grep -c 'was killed by signal 9' "$XPV_RUNDIR/log/xpvd.log")" "$killed"
works xpv block-detach g xvda
works xpv block-detach g xvdb
eventually 10 no_workers
passed
