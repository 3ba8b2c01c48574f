#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pause.sh - xpv block-pause and block-unpause: a disk rests under a load that verifies its data
#
# While it is paused nothing is read or written, whoever dies, and the worker sleeps; afterwards the
# load goes on as if nothing had been. A disk that is paused can be taken away.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo fio
memory_dir
truncate -s 16M "$DIR/a.img" "$MEMORY/b.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw']"
backend=/local/domain/0/backend/vbd/$(domid g)/51712

# stays DEVID IMAGE: nothing is counted, and nothing in the image changes
stays() {
	local batches sum

	batches=$(stat_of g batches "$1") sum=$(sha256sum <"$2")
	sleep 1
	is "batches of answers, paused" "$(stat_of g batches "$1")" "$batches"
	is "the image, paused" "$(sha256sum <"$2")" "$sum"
}

# rests DEVID IMAGE: the same, and its worker sleeps; one that looked for work would use all of that
# second, of which a tick is a hundredth
rests() {
	local worker busy

	worker=$(stat_of g worker "$1")
	busy=$(cut -d' ' -f14,15 "/proc/$worker/stat")
	stays "$@"
	[ $(($(cut -d' ' -f14,15 "/proc/$worker/stat" | tr ' ' +) - ${busy/ / - })) -lt 20 ] ||
		fail "the worker of a paused disk does not sleep"
}

has_moved() {
	[ "$(stat_of g batches "$1")" != "$2" ]
}

goes_on() {
	eventually 10 has_moved "$1" "$(stat_of g batches "$1")"
}

nbd_serve a g xvda
# The load goes on until $DIR/stop is there.
rounds() {
	until [ -e "$DIR/stop" ]; do
		nbd_fio a --iodepth=32 --bsrange=4k-64k --size=16M || return
	done
}

rounds &
load=$!
has_begun() { [ "$(stat_of g batches 51712)" -gt 20 ]; }
eventually 10 has_begun

for round in 1 2 3; do
	works xpv block-pause g xvda
	is "paused" "$(xen xenstore-read "$backend/paused")" 1
	rests 51712 "$DIR/a.img"
	[ $round -ne 2 ] || works xpv block-pause g xvda	# again
	works xpv block-unpause g xvda
	goes_on 51712
done
contains "json" "$(xpv block-pause --json g xvda)" '"paused": true'
contains "the list" "$(xpv block-list g)" "51712 paused"
contains "the list" "$(xpv block-list --json g)" '"paused": true'
contains "stats" "$(xpv stats g)" " paused"
contains "stats" "$(xpv stats --json g)" '"paused": true'

# It stays so whoever dies: the worker, xpvd, both; and its successor replays nothing anew.
worker=$(stat_of g worker)
kill -9 "$worker"
eventually 10 replaced g
rests 51712 "$DIR/a.img"
worker=$(stat_of g worker)
kill -9 "$(xpvd_pid)"
xpvd_again
is "the worker" "$(stat_of g worker)" "$worker"
rests 51712 "$DIR/a.img"
kill -9 "$(xpvd_pid)" "$worker"
xpvd_again
eventually 10 replaced g
rests 51712 "$DIR/a.img"
works xpv restart g
works xpv block-pause g xvda
rests 51712 "$DIR/a.img"

# Another disk of the same worker goes on.
works xpv block-attach g "$MEMORY/b.img,raw,xvdb,rw"
guest_begin b g "loop 0 stress xvdb 3 1"
eventually 10 guest_has_said b ok
stays 51712 "$DIR/a.img"
goes_on 51728
guest_kill b KILL
guest_wait b || true
contains "json" "$(xpv block-unpause --json g xvda)" '"paused": false'
goes_on 51712

# Under the load, at any instant; also while a successor is being told that it is paused.
for round in 1 2 3 4 5 6 7 8 9 10; do
	works xpv block-pause g xvda
	[ $((round % 2)) -ne 0 ] || kill -9 "$(stat_of g worker 51712)"
	works xpv block-unpause g xvda
	goes_on 51712
done
touch "$DIR/stop"
wait $load || fail "fio: $(cat "$DIR/fio.a")"
contains "fio" "$(cat "$DIR/fio.a")" "err= 0"
is "requests that failed" "$(stat_of g errors)" 0
nbd_end a

# Taking a paused disk away: it is only paused as long as it is wanted, so that its guest may end
# what it has begun.
guest_begin last g "loop 0 stress xvdb 3 1"
eventually 10 guest_has_said last ok
works xpv block-pause g xvdb
rests 51728 "$MEMORY/b.img"
batches=$(stat_of g batches 51728)
works xen xenstore-write "${backend%51712}51728/online" 0	# a detach begins so
eventually 10 nbd_closed g 51728
[ "$(stat_of g batches 51728)" -gt "$batches" ] || fail "what waited on the ring was not done"
works xpv block-detach g xvdb
guest_wait last || true
contains "the guest" "$(guest_said last)" "closed the device"
refuses 1 "serves no such disk" xpv block-pause g xvdb

# Before its guest has connected: it does, and waits then.
works xpv block-attach g "$MEMORY/b.img,raw,xvdb,rw"
works xpv block-pause g xvdb
guest_begin late g "fill xvdb 5; verify xvdb 5"
eventually 10 test "$(xen xenstore-read "${backend%51712}51728/online")" = 1
sleep 1
is "what it has said" "$(guest_said late | grep -c ok || true)" 0
works xpv block-unpause g xvdb
guest_wait late || fail "late: $(guest_said late)"
refuses 2 "needed" xpv block-pause g
refuses 2 "needed" xpv block-unpause g xvda xvdb
refuses 2 "not a virtual disk" xpv block-pause g nodisk
works xpv destroy g
eventually 10 no_workers
passed
