#!/bin/bash
# SPDX-License-Identifier: MIT
#
# host_failures.sh - what goes wrong in Dom0 makes a guest wait, and costs it nothing
#
# The image is gone, or its name means another file, when xpvd and the worker have to be replaced:
# nothing may be written there, the reason must be shown, and the load must go on when the image is
# back. An xpvd that finds the worker attached, but not the state that says so, must say so.
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

says() {
	[[ $(stat_of g error) == "$1"* ]]
}

truncate -s 16M "$DIR/a.img"
system_start
guest g "disk=['$DIR/a.img,raw,xvda,rw']"
works in_guest g "fill xvda 7"
guest_begin load g "loop 100000 stress xvda 7 1"
eventually 10 guest_has_said load ok

# Another file has the image's name.
mv "$DIR/a.img" "$DIR/saved.img"
truncate -s 16M "$DIR/a.img"
empty=$(sha256sum <"$DIR/a.img")
kill -9 "$(xpvd_pid)" "$(stat_of g worker)"
xpvd_again
eventually 15 says "its name means something else"
is "the state" "$(stat_of g state)" Connected
is "the other file" "$(sha256sum <"$DIR/a.img")" "$empty"

# No file has it.
rm "$DIR/a.img"
eventually 10 says "$DIR/a.img: No such file"
guest_runs load || fail "the guest did not wait: $(guest_said load | tail -n 3)"

# The image is back: the guest goes on where it was.
before=$(guest_said load wc -l)
mv "$DIR/saved.img" "$DIR/a.img"
eventually 10 guest_grown load "$before"
eventually 10 says null
guest_goes_on load
lacks "what the guest saw" "$(guest_said load)" "minidom:"

# As if xpvd had been killed between the worker's answer and the state.
worker=$(stat_of g worker)
backend=/local/domain/0/backend/vbd/$(domid g)/51712
kill -STOP "$(xpvd_pid)"
xen xenstore-write "$backend/state" 2
kill -9 "$(xpvd_pid)"
xpvd_again
connected() { [ "$(stat_of g state)" = Connected ]; }
eventually 15 connected
is "the worker" "$(stat_of g worker)" "$worker"

# xpvd is out of descriptors for longer than it tries to start a worker in one go.
if [ -n "$(command -v prlimit)" ]; then
	xpvd=$(xpvd_pid)
	limit=$(prlimit --pid "$xpvd" --nofile --output SOFT --noheadings | tr -d ' ')
	prlimit --pid "$xpvd" --nofile=3:
	kill -9 "$worker"
	log=$XPV_RUNDIR/log/xpvd.log
	eventually 40 grep -q "51712: .*: Too many open files" "$log"
	prlimit --pid "$xpvd" --nofile="$limit:"
	guest_goes_on load
	eventually 10 says null
	lacks "what the guest saw" "$(guest_said load)" "minidom:"
	is "the state" "$(stat_of g state)" Connected
fi

# A worker that does not answer any more does not keep what was its guest's.
kill -STOP "$(stat_of g worker)"
xpv destroy g >"$DIR/out" 2>&1 || fail "destroy: $(cat "$DIR/out")"
! guest_wait load || fail "a program outlived its guest"
eventually 30 no_workers
logged_end() { grep -q 'is ended: it does not answer' "$XPV_RUNDIR/log/xpvd.log"; }
logged_end || fail "the log does not say why its worker was ended"
passed
