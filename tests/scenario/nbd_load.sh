#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nbd_load.sh - fio writes, reads back and verifies a guest's disk in several manners; while it does
# the worker is killed, the disk taken away, and the server itself killed
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo fio
kills=10
load_a='' load_b=''

# One image where I/O may wait for a device and goes through io_uring, one where it never does.
memory_dir
truncate -s 64M "$DIR/a.img" "$MEMORY/b.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$MEMORY/b.img,raw,xvdb,rw']"
nbd_serve a g xvda
nbd_serve b g xvdb

# verified TAG OPTION...
verified() {
	nbd_fio "$@" || fail "fio $*: $(cat "$DIR/fio.$1")"
	contains "fio $*" "$(cat "$DIR/fio.$1")" "err= 0"
}

verified a --iodepth=1 --bs=4k --size=4M
verified b --iodepth=1 --bs=512 --size=256k
for disk in a b; do
	verified $disk --iodepth=64 --bs=4k --size=16M
	verified $disk --iodepth=64 --bsrange=4k-1M --bs_unaligned=0 --size=64M --fsync=16
	verified $disk --iodepth=16 --bsrange=4k-256k --numjobs=4 --size=16M --offset_increment=16M
done
is "requests that failed" "$(stat_of g errors)" 0

# Kills of the worker: at least so many, and more until one has met a request under way.
replayed() {
	grep -q 'taking up' "$XPV_RUNDIR/log/xpvd.log"
}

# rounds TAG: the load goes on until $DIR/stop is there
rounds() {
	until [ -e "$DIR/stop" ]; do
		nbd_fio "$1" --iodepth=32 --bsrange=4k-128k --numjobs=2 --size=8M \
			--offset_increment=8M || return
		echo round >>"$DIR/rounds.$1"
	done
}

for disk in a b; do
	: >"$DIR/rounds.$disk"
	rounds $disk &
	eval "load_$disk=$!"
done
killed=0 last=0
while [ "$killed" -lt "$kills" ] || ! replayed; do
	[ "$killed" -lt $((kills * 10)) ] || fail "no kill of $killed met a request under way"
	worker=$(stat_of g worker) batches=$(stat_of g batches)
	if [ "${worker:-0}" -gt 0 ] && [ "$batches" != "$last" ]; then
		kill -9 "$worker"
		last=$batches
		killed=$((killed + 1))
	fi
	sleep 0.1"$((RANDOM % 9))"
done
more_rounds() { [ "$(wc -l <"$DIR/rounds.$1")" -gt "$2" ]; }
for disk in a b; do
	eventually 60 more_rounds $disk $(($(wc -l <"$DIR/rounds.$disk") + 1))
done
touch "$DIR/stop"
wait "$load_a" || fail "the load on a: $(cat "$DIR/fio.a")"
wait "$load_b" || fail "the load on b: $(cat "$DIR/fio.b")"
is "requests that failed" "$(stat_of g errors)" 0
is "kills that xpvd saw" "$(grep -c 'was killed by signal 9' "$XPV_RUNDIR/log/xpvd.log")" "$killed"

# endless TAG DEVID: a load without an end, that has begun
endless() {
	nbd_fio "$1" --iodepth=32 --bs=4k --size=16M --loops=100000 &
	eval "load_$1=$!"
	batches=$(stat_of g batches "$2")
	has_begun() { [ "$(stat_of g batches "$1")" != "$batches" ]; }
	eventually 10 has_begun "$2"
}

# The server dies. What it leaves, the next one takes over; nothing needs repair.
endless b 51728
guest_kill b KILL
! guest_wait b || fail "a server that was killed ended well"
! wait "$load_b" || fail "fio did not notice that its server is gone"
works xpv check g
lacks "xpv check" "$out" error:
rm -f "$DIR/b.sock"
nbd_serve b g xvdb
verified b --iodepth=16 --bs=64k --size=16M
nbd_end b
nbd_closed g 51728 || fail "the disk is not closed"

[ "$(stat_of g indirect_reqs 51712)" -gt 0 ] || fail "there were no indirect requests"

# The disk is taken away: its users are told, no client gets it any more, the server ends well.
endless a 51712
works xpv block-detach g xvda
! wait "$load_a" || fail "fio did not notice that the disk is gone"
! nbdinfo "$(nbd_uri a)" >"$DIR/out" 2>&1 || fail "a disk that is gone was opened"
contains "the server" "$(guest_said a)" "the backend closed the device: attach it again and start nbdkit again"
guest_end a || fail "the server without a disk: status $?"
is "pages still granted" "$(guest_grants g)" 0
works xpv destroy g
eventually 10 no_workers
passed
