#!/bin/bash
# SPDX-License-Identifier: MIT
#
# console_kill.sh - kill -9 of a console's worker under output and input: every byte, and once
#
# The guest puts out a file and takes another, while its worker is killed again and again, and xpvd
# too. A client of the socket that connects again where it was, the log without its time stamps, and
# what the guest has taken are compared byte for byte.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vconsole tests/lib/guest_console
client() {
	python3 "$(dirname "$0")/../lib/console_client.py" "$@"
}

worker() {
	local pid

	for pid in $(system_pids); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != xpv-vconsole ] || echo "$pid"
	done
}

# kill_while JOB: until that process has ended; how many kills is in $kills
kill_while() {
	kills=0
	while kill -0 "$1" 2>/dev/null; do
		if kill -9 "$(worker)" 2>/dev/null; then
			kills=$((kills + 1))
		fi
		if [ $((kills % 7)) -eq 6 ]; then
			kill -9 "$(xpvd_pid)" 2>/dev/null || true
		fi
		sleep 0.0"$((RANDOM % 10))"
	done
}

sim_start --consoles
guest g
socket=$XPV_RUNDIR/console/$(domid g)-0.sock
log=$XPV_RUNDIR/log/console/guest-g.log
eventually 10 test -S "$socket"

# Lines of all lengths, none of them like a time stamp, some with bytes that are no characters.
awk 'BEGIN {
	for (i = 0; i < 30000; i++)
		printf "%d %.*s\303\n", i, i % 97, "the quick brown fox jumps over the lazy dog \
and over another, and then over all of them once more, until it is tired"
}' >"$DIR/lines"
bytes=$(stat -c %s "$DIR/lines")
: >"$DIR/read"
guest_job out g "exec guest_console follow '$DIR/lines' '$DIR/read' in '$bytes' '$DIR/taken'"

client cat "$socket" "$bytes" >"$DIR/read" 2>"$DIR/again" &
reader=$!
kill_while $reader
wait $reader || fail "the reader: $(cat "$DIR/again")"
cmp "$DIR/read" "$DIR/lines" || fail "what was read is not what was put out"
echo "output: $bytes bytes, $kills kills, the reader $(cat "$DIR/again")"
[ "$kills" -ge 3 ] || fail "only $kills kills: this proves nothing"
logged() {
	LC_ALL=C sed 's/^\[[-0-9]* [0-9:]*\] //' "$log" | cmp -s - "$DIR/lines"
}
eventually 10 logged

client send "$socket" <"$DIR/lines" 2>"$DIR/again" &
writer=$!
kill_while $writer
wait $writer || fail "the writer: $(cat "$DIR/again")"
guest_wait out || fail "the guest: $(guest_said out)"
cmp "$DIR/taken" "$DIR/lines" || fail "what the guest has taken is not what was typed"
echo "input: $bytes bytes, $kills kills, the writer $(cat "$DIR/again")"
checks=$((checks + 4))
passed
