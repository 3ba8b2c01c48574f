#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_load.sh - kill -9 of the worker and of xpvd, and graceful restarts, under fio that verifies;
# and how long the guest's I/O stood still
#
# fio writes at random through the nbdkit plugin, reads back and compares (crc32c). Whatever was
# replaced, no request fails, nothing reads otherwise than it was written, nothing is left behind.
# KILLS=N in the environment says how many workers are killed (20), and as many are restarted; of
# xpvd a tenth as many are. (The simulator takes its time to start that again, up to 6.4 s.)
#
# prints: table
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo fio
kills=${KILLS:-20}
load=

truncate -s 64M "$DIR/a.img"
sim_start
descriptors() { find "/proc/$(xpvd_pid)/fd" -type l | wc -l; }

# Round after round, until $DIR/stop is there.
rounds() {
	until [ -e "$DIR/stop" ]; do
		nbd_fio a --iodepth=32 --bsrange=4k-128k --numjobs=2 --size=8M \
			--offset_increment=8M || return
		echo round >>"$DIR/rounds"
	done
}

one_more() { [ "$(wc -l <"$DIR/rounds")" -gt "$1" ] || ! kill -0 "$load"; }

# Something was answered since the last time: what is replaced is at work. (xpvd may not know yet of
# a worker that it is dead.)
killed=0
at_work() {
	worker=$(stat_of g worker) batches=$(stat_of g batches)
	[ "${worker:-0}" -gt 0 ] && [ "$worker" != "$killed" ] && [ "$batches" != "$last" ] &&
		last=$batches
}

kill_worker() {
	kill -9 "$worker"
	killed=$worker
}

same_worker() { [ "$(stat_of g worker)" = "$worker" ]; }

kill_xpvd() {
	kill -9 "$(xpvd_pid)"
	xpvd_again
	eventually 10 same_worker
}

# Both at once: the one that comes finds nobody.
kill_both() {
	kill -9 "$worker" "$(xpvd_pid)"
	killed=$worker
	xpvd_again
}

restart() {
	works xpv restart g
}

# pause WHICH: of the disk's pauses, in milliseconds
pause() {
	xpv stats --json g | awk -v key="\"$1\":" '
		/"pause":/ { here = 1 }
		here && $1 == key { printf "%.1f", $2 / 1e6; exit }'
}

# phase NAME COMMAND TIMES
phase() {
	local name=$1 command=$2 times=$3 done=0

	rm -f "$DIR/stop" "$DIR/rounds"
	: >"$DIR/rounds"
	guest g "disk=['$DIR/a.img,raw,xvda,rw']"
	nbd_serve a g xvda
	rounds &
	load=$! last=0
	while [ "$done" -lt "$times" ]; do
		if at_work; then
			$command
			done=$((done + 1))
		fi
		kill -0 "$load" 2>/dev/null || fail "$name: $(cat "$DIR/fio.a")"
		sleep 0.0"$((RANDOM % 9))"
	done
	eventually 120 one_more "$(wc -l <"$DIR/rounds")"
	touch "$DIR/stop"
	wait "$load" || fail "$name: $(cat "$DIR/fio.a")"
	is "requests that failed" "$(stat_of g errors)" 0
	echo "| $name | $times | $(stat_of g replayed) | $(pause p50_ns) | $(pause p99_ns) |" \
		"$(pause max_ns) |" >>"$DIR/table"
	works xpv check
	nbd_end a
	is "pages still granted" "$(guest_grants g)" 0
	works xpv destroy g
	eventually 10 no_workers
}

echo "| what is replaced under load | times | requests replayed | pause, ms: median | 99% | longest |
|---|---|---|---|---|---|" >"$DIR/table"
before=$(descriptors)
phase "worker, kill -9" kill_worker "$kills"
phase "worker, xpv restart" restart "$kills"
phase "xpvd, kill -9" kill_xpvd $(((kills + 9) / 10))
phase "both, kill -9, until xpvd is back" kill_both $(((kills + 9) / 10))
is "xpvd's descriptors" "$(descriptors)" "$before"
cat "$DIR/table"
passed
