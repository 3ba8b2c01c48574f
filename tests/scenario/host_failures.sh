#!/bin/bash
# SPDX-License-Identifier: MIT
#
# host_failures.sh - what goes wrong in Dom0 makes a guest wait, and costs it nothing
#
# The image is gone, or its name means another file, when xpvd and the worker have to be replaced:
# nothing may be written there, the reason must be shown, and the load must go on when the image is
# back. An xpvd that finds the worker attached, but not the state that says so, must say so.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

xpvd_pid() {
	xpv sim status --json | grep -A 1 '"xpvd"' | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'
}

stat_of() {
	xpv stats --json g | sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" | head -n 1
}

says() {
	xpv stats --json g | grep -qF "\"error\": $1"
}

grown() {
	[ "$(wc -l <"$DIR/load")" -gt "$before" ]
}

truncate -s 16M "$DIR/a.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw']"
works xpv sim run --dom g -- "$BUILD/minidom" "fill xvda 7"
xpv sim run --dom g -- "$BUILD/minidom" "loop 100000 stress xvda 7 1" >"$DIR/load" 2>&1 &
load=$!
eventually 10 grep -q ok "$DIR/load"

# Another file has the image's name.
mv "$DIR/a.img" "$DIR/saved.img"
truncate -s 16M "$DIR/a.img"
empty=$(sha256sum <"$DIR/a.img")
kill -9 "$(xpvd_pid)" "$(stat_of worker)"
eventually 15 says "\"its name means something else"
is "the state" "$(stat_of state)" Connected
is "the other file" "$(sha256sum <"$DIR/a.img")" "$empty"

# No file has it.
rm "$DIR/a.img"
eventually 10 says "\"$DIR/a.img: No such file"
kill -0 "$load" || fail "the guest did not wait: $(tail -n 3 "$DIR/load")"

# The image is back: the guest goes on where it was.
before=$(wc -l <"$DIR/load")
mv "$DIR/saved.img" "$DIR/a.img"
eventually 10 grown
eventually 10 says null
kill -0 "$load" || fail "the load ended: $(tail -n 3 "$DIR/load")"
lacks "what the guest saw" "$(cat "$DIR/load")" "minidom:"

# As if xpvd had been killed between the worker's answer and the state.
worker=$(stat_of worker)
backend=/local/domain/0/backend/vbd/$(domid g)/51712
kill -STOP "$(xpvd_pid)"
xen xenstore-write "$backend/state" 2
kill -9 "$(xpvd_pid)"
connected() { [ "$(stat_of state)" = Connected ]; }
eventually 15 connected
is "the worker" "$(stat_of worker)" "$worker"

works xpv destroy g
! wait "$load" || fail "a program outlived its guest"
eventually 10 no_workers
passed
