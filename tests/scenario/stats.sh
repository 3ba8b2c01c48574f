#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stats.sh - xpv stats and xpv top: under load, across kills, in every form
#
# The load's own count of bytes is the judge of the counters, a strict parser that of OpenMetrics.
# The pauses of 20 kills are counted and printed; how long they are is this machine's affair.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
kills=${KILLS:-20}

valid() {
	xpv stats --openmetrics "$@" >"$DIR/metrics" || fail "xpv stats --openmetrics: $?"
	samples=$(python3 "$(dirname "$0")/../lib/openmetrics.py" <"$DIR/metrics" 2>&1) ||
		fail "$samples: $(cat "$DIR/metrics")"
	checks=$((checks + 1))
}

# metric NAME LABEL...: the value of the one sample of the first disk that has these labels
metric() {
	local name=$1 found

	shift
	found=$(grep "^$name{" "$DIR/metrics" | grep 'vdev="xvda"')
	for label in "$@"; do
		found=$(grep -F "$label" <<<"$found")
	done
	[ "$(wc -l <<<"$found")" -eq 1 ] || fail "not one $name $*: $found"
	echo "${found##* }"
}

# json EXPRESSION: of the first disk of g, `d`, and its ring, `r`
json() {
	xpv stats --json g xvda | python3 -c "
import json, sys
d = json.load(sys.stdin)[0]
r = d['queues'][0]
print($1)"
}

truncate -s 16M "$DIR/a.img" "$DIR/b.img"
system_start
valid
is "samples without a disk" "$samples" 0
guest g "disk=['$DIR/a.img,raw,xvda,rw']"
guest h "disk=['$DIR/b.img,raw,xvdb,rw']"
valid
contains "before it is connected" "$(cat "$DIR/metrics")" 'xpv_disk_state="InitWait"} 1'

# Nothing but what was done: minidom fills and verifies 16 MiB.
works in_guest g "fill xvda 7; verify xvda 7"
valid g
is "bytes written" "$(metric xpv_disk_transferred_bytes_total 'op="write"')" $((16 << 20))
is "bytes read" "$(metric xpv_disk_transferred_bytes_total 'op="read"')" $((16 << 20))
is "errors" "$(metric xpv_disk_errors_total)" 0
is "under way" "$(metric xpv_disk_requests_under_way)" 0
refuses 1 "no such disk of g" xpv stats g xvdz
refuses 1 "no such domain" xpv stats nobody
refuses 2 "not both" xpv stats --json --openmetrics

# A name that breaks out of labels, lines and terminals.
key=/local/domain/$(domid g)/name
xen xenstore-write "$key" $'a"} 1\n# EOF\n\\\\\x1b[31m\xff'
valid
lacks "what is printed" "$(cat "$DIR/metrics")" $'\x1b'
contains "the label" "$(cat "$DIR/metrics")" 'name="a\"} 1\\x0a# EOF\\x0a\\\\x1b[31m\\xff"'
xen xenstore-write "$key" g

# Rings and rates under load.
guest_begin load g "loop 100000 stress xvda 7 1"
eventually 10 guest_has_said load ok
works xpv top -d 1 -n 2
is "tables" "$(grep -c '^ *Dom' <<<"$out")" 2
is "disks in them" "$(grep -c ' [gh]  *xvd[ab] ' <<<"$out")" 4
is "the busiest is first" "$(awk '/Dom/ { getline; print $3; exit }' <<<"$out")" xvda
works xpv top -d 1 -n 1 --json
contains "its JSON" "$out" '"requests_per_batch"'
is "what it says" "$(python3 -c "
import json, sys
d = json.load(sys.stdin)[0]
print(d['vdev'] == 'xvda' and d['reads_per_second'] > 0 and d['write_mb_per_second'] > 0 and
      d['p99_ns'] > 0 and d['requests_per_batch'] >= 1)" <<<"$out")" True
refuses 2 "not a number" xpv top -n 0
refuses 2 "a second at least" xpv top -d 0
refuses 2 "no operands" xpv top g
(sleep 2; printf q) | timeout 20 script -qec "$BUILD/xpv top -d 1" "$DIR/screen" >/dev/null ||
	fail "q does not end xpv top"
contains "the screen" "$(cat "$DIR/screen")" xvda
"$BUILD/xpv" top -d 1 >"$DIR/top" 2>&1 &
top=$!
eventually 10 grep -q xvda "$DIR/top"
kill -TERM "$top"
wait "$top" || fail "a signal makes xpv top fail: $(cat "$DIR/top")"

works xpv stats g xvda
for word in read write 'p99.9' 'ring 0'; do
	contains "the table" "$out" "$word"
done
lacks "the other disk" "$out" xvdb
is "the order of percentiles" "$(json "0 < r['latency']['read']['p50_ns'] <= \
	r['latency']['read']['p99_ns'] <= r['latency']['read']['max_ns']")" True
# what samples stand for adds up to what there was, give or take a few
is "the sum of the weights" "$(json "abs(d['latency']['write']['count'] - d['write_reqs']) <= \
	4096 + d['write_reqs'] / 2")" True

# The guest works at this while its worker is killed again and again.
killed=0
while [ "$killed" -lt "$kills" ]; do
	worker=$(stat_of g worker)
	[ "$worker" -gt 0 ] || fail "no worker serves g"
	kill -9 "$worker"
	killed=$((killed + 1))
	eventually 10 replaced g
	guest_goes_on load
	valid g
done
is "takeovers" "$(stat_of g restarts)" "$kills"
is "pauses" "$(metric xpv_disk_pause_seconds_count)" "$kills"
is "a pause has a length" "$(json "0 < r['latency']['pause']['p50_ns'] < 10**10 and \
	r['last_pause_ns'] > 0")" True
works xpv restart g
guest_goes_on load
is "pauses, with that of a restart" "$(json "r['latency']['pause']['count']")" $((kills + 1))
works xpv stats g xvda
grep ' pause ' <<<"$out"
! guest_end load || fail "an interrupted program says that it was not"
is "what the guest saw" "$(guest_said load | grep -v ': ok$')" "minidom: stress xvda: interrupted"
works xpv destroy g
works xpv destroy h
eventually 10 no_workers
passed
