#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ext4_kill.sh - kill -9 of the backend under a stock Linux guest's ext4, which does not notice
#
# One disk by plain xl, on the loop device that the stock block script makes, one by xpv, on the
# file. The worker is killed 50 times and more, until some kills have met requests under way; then
# xpvd, then both. No request fails, no state leaves Connected, the guest's kernel says nothing, and
# Dom0 finds both file systems whole.
#
# seconds: 1500
#
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"
. "$(dirname "$0")/../../lib/guest_load.bash"
. "$(dirname "$0")/../../lib/leaks.bash"

kills=50
log=$XPV_RUNDIR/log/xpvd.log

truncate -s 64M "$DIR/a.img" "$DIR/b.img"
system_start
leaks_begin
xl_guest g "disk=['$DIR/a.img,raw,xvda,rw']"
works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
load_prepare g xvda xvdb

# Each write of a state, with the value that it has then.
states=()
for devid in 51712 51728; do
	states+=("/local/domain/0/backend/vbd/$(domid g)/$devid/state"
		"/local/domain/$(domid g)/device/vbd/$devid/state")
done
for state in "${states[@]}"; do
	is "$state" "$(xenstore-read "$state")" 4
done
xenstore-watch "${states[@]}" >"$DIR/watched" &
watcher=$!
eventually 30 grep -q "${states[3]}" "$DIR/watched"

worker() {
	stat_of g worker || true
}

# number KEY: what the first disk has in $stats
number() {
	[[ $stats =~ \"$1\":\ *([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# Kills a worker that has answered something since the last kill. Every other one has stood still
# before, so that it finds a ring full of requests, and has a moment to begin with them.
killed=0 last=0
kill_worker() {
	local pid batches moment

	stats=$(xpv stats --json g) || return 0	# few processes: they are slow here
	pid=$(number worker) batches=$(number batches) || return 0
	[ "$pid" -gt 0 ] && [ "$batches" != "$last" ] || return 0
	last=$batches
	if [ $((killed % 2)) -eq 0 ]; then
		kill -STOP "$pid"
		sleep 0.3
		kill -CONT "$pid"
		for ((moment = RANDOM % 200; moment > 0; moment--)); do
			:
		done
	fi
	kill -9 "$pid" && killed=$((killed + 1))
}

met() {
	grep -c 'taking up' "$log" || true
}

load_begin g xvda xvdb
for ((try = 0; killed < kills || $(met) < 3; try++)); do
	[ "$try" -lt 300 ] || fail "$killed kills, $(met) of them met a request under way"
	kill_worker
	sleep 0."$((RANDOM % 9))"
done
load_goes_on g xvda xvdb
echo "| kills of the worker: $killed, of them with requests under way: $(met)"

# xpvd alone: the worker that serves goes on, and the next xpvd finds it.
for ((i = 0; i < 5; i++)); do
	before=$(worker)
	kill -9 "${xpvd:?}"
	wait "$xpvd" || true
	load_goes_on g xvda
	xpvd_start
	is "the worker" "$(worker)" "$before"
done

# Both, the worker first or last: the next xpvd starts another, which replays.
before=$(met)
for ((i = 0; i < 5; i++)); do
	pids=("${xpvd:?}" "$(worker)")
	[ $((i % 2)) -eq 0 ] || pids=("${pids[1]}" "${pids[0]}")
	kill -9 "${pids[@]}"
	wait "$xpvd" || true
	sleep 0."$((RANDOM % 9))"
	xpvd_start
	load_goes_on g xvda xvdb
done
echo "| kills of both: $i, of them with requests under way: $(($(met) - before))"

load_end g xvda xvdb
kill "$watcher"
wait "$watcher" 2>/dev/null || true
is "writes of a state" "$(sort "$DIR/watched")" "$(printf '%s\n' "${states[@]}" | sort)"
for state in "${states[@]}"; do
	is "$state" "$(xenstore-read "$state")" 4
done
is "requests that failed" "$(stat_of g errors)" 0

works guest_sh g 'umount /mnt/xvda /mnt/xvdb'
works xl block-detach g xvdb
image_clean "$DIR/b.img" kept 0 1 2 3
works xl destroy g
leaks_none "the end"
image_clean "$DIR/a.img" kept 0 1 2 3
passed
