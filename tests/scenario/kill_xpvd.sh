#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kill_xpvd.sh - kill -9 of xpvd: guests do not notice, and the next one finds everything
#
# The load must go on while there is no xpvd at all; the same worker must serve it before and
# after; a worker killed in the absence of xpvd is replaced by the next one; a device attached
# before and one attached after both work; and a guest destroyed in between leaves nothing.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

xpvd_pid() {
	xpv sim status --json | grep -A 1 '"xpvd"' | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'
}

worker_pid() {
	xpv stats --json "$1" | sed -n 's/^ *"worker": *\([0-9]*\),\{0,1\}$/\1/p' | head -n 1
}

answers() {
	xpv stats >/dev/null 2>&1
}

truncate -s 32M "$DIR/a.img" "$DIR/b.img" "$DIR/c.img"
sim_start
guest w "disk=['$DIR/a.img,raw,xvda,rw']"
works xpv sim run --dom w -- "$BUILD/minidom" "fill xvda 7"
"$BUILD/xpv" sim run --dom w -- "$BUILD/minidom" "loop 100000 verify xvda 7" >"$DIR/load" 2>&1 &
load=$!
eventually 10 grep -q ok "$DIR/load"
worker=$(worker_pid w)

for round in 1 2 3; do
	kill -9 "$(xpvd_pid)"
	before=$(wc -l <"$DIR/load")
	eventually 10 answers
	is "the worker after kill $round of xpvd" "$(worker_pid w)" "$worker"
	grown() { [ "$(wc -l <"$DIR/load")" -gt "$before" ]; }
	eventually 10 grown
	kill -0 "$load" || fail "the load ended: $(tail -n 3 "$DIR/load")"
done

# Both at once: the journal is all that is left of what was under way.
kill -9 "$(xpvd_pid)" "$worker"
eventually 10 answers
replaced() { new=$(worker_pid w) && [ "${new:-0}" -gt 0 ] && [ "$new" != "$worker" ]; }
eventually 10 replaced
before=$(wc -l <"$DIR/load")
eventually 10 grown
kill -0 "$load" || fail "the load ended: $(tail -n 3 "$DIR/load")"
lacks "what the guest saw" "$(cat "$DIR/load")" "minidom:"

# A guest that goes while nobody looks is cleaned up by the next xpvd.
guest v "disk=['$DIR/b.img,raw,xvda,rw']"
works xpv sim run --dom v -- "$BUILD/minidom" "sum xvda"
kill -9 "$(xpvd_pid)"
xpv destroy v >/dev/null 2>&1 || true
eventually 10 answers
works xpv block-attach w "$DIR/c.img,raw,xvdc,rw"
works xpv sim run --dom w -- "$BUILD/minidom" "fill xvdc 3; verify xvdc 3"
kill "$load"
wait "$load" || true
works xpv destroy w
eventually 10 no_workers
lacks "the store" "$(store)" "vbd"
passed
