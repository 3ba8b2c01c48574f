#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sandbox.sh - a running worker is locked in, and can do all that it has to
#
# With the programs as they are installed ($PLAIN, if they are built): a sanitizer's worker is let
# do more. The worker's identity, capabilities, filter, root and limits are looked at from outside;
# then it works: I/O in place and through io_uring, mapped and copied pages, kill and restart of
# worker and xpvd, SIGSTOP, and as many disks as a guest may want. A call that its filter lacks
# would end it with signal 31.
#
# shellcheck source-path=SCRIPTDIR/../lib
if [ -x "${PLAIN:-}/xpv-vdisk" ]; then
	guest_tests=$BUILD/tests/lib
	BUILD=$PLAIN
fi
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
guest_tests=${guest_tests:-$BUILD/tests/lib}
many=60

pid_of() {
	xpv sim status --json | grep -A 1 "\"$1\"" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'
}

stat_of() {
	xpv stats --json g | sed -n "s/^ *\"$1\": *\([0-9]*\),\{0,1\}$/\1/p" | head -n 1
}

# field NAME: of the worker's status, its first value.
field() {
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$worker/status"
}

# The build may be one with sanitizers after all, which needs its root.
instrumented() {
	[[ $(ldd "$BUILD/xpv-vdisk") == *libasan* ]]
}

is_confined() {
	worker=$(stat_of worker)
	is "its filter" "$(field Seccomp)" 2
	is "new privileges" "$(field NoNewPrivs)" 1
	is "its capabilities" "$(field CapInh) $(field CapPrm) $(field CapEff) $(field CapAmb)" \
		"0000000000000000 0000000000000000 0000000000000000 0000000000000000"
	is "its descriptors" "$(awk '/^Max open files/ { print $5 }' "/proc/$worker/limits")" 1024
	is "its core dumps" "$(awk '/^Max core file/ { print $6 }' "/proc/$worker/limits")" 0
	if [ "$(id -u)" -eq 0 ]; then
		[ "$(field Uid)" -ne 0 ] || fail "the worker runs as root"
		[ "$(field Gid)" -ne 0 ] || fail "the worker is in root's group"
		is "its groups" "$(field Groups)" ""
	fi
	if [ "$(field CapBnd)" != 0000000000000000 ]; then	# then the log has to say why
		contains "the log" "$(cat "$XPV_RUNDIR/log/xpvd.log")" "keeps its root"
	elif ! instrumented; then
		is "its root" "$(ls -A "/proc/$worker/root/")" ""
		is "its directory" "$(ls -A "/proc/$worker/cwd/")" ""
	fi
}

grows() {
	local disk

	for disk in a b; do
		before=$(wc -l <"$DIR/load.$disk")
		grown() { [ "$(wc -l <"$DIR/load.$disk")" -gt $((before + 1)) ]; }
		eventually 20 grown
	done
}

replaced() {
	new=$(stat_of worker) && [ "${new:-0}" -gt 0 ] && [ "$new" != "$worker" ]
}

memory_dir
truncate -s 8M "$DIR/a.img" "$MEMORY/b.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$MEMORY/b.img,raw,xvdb,rw']"
load() {
	exec "$BUILD/xpv" sim run --dom g -- "$BUILD/minidom" "loop 100000 stress $1 7 1"
}

load xvda >"$DIR/load.a" 2>&1 &
load_a=$!
load xvdb >"$DIR/load.b" 2>&1 &
load_b=$!
eventually 10 grep -q ok "$DIR/load.a"
eventually 10 grep -q ok "$DIR/load.b"
is_confined

kill -9 "$worker"
eventually 10 replaced
grows
is_confined
works xpv restart g
eventually 10 replaced
grows
is_confined

# Stopped and continued, in the middle of whatever it does.
for _ in 1 2 3 4 5; do
	kill -STOP "$worker"
	sleep 0.05
	kill -CONT "$worker"
done
grows

# The next xpvd takes it up as it is.
kill -9 "$(pid_of xpvd)"
eventually 10 xpv stats
eventually 10 stat_of worker
grows
is "the worker after a kill of xpvd" "$(stat_of worker)" "$worker"
is_confined
kill "$load_a" "$load_b"
wait "$load_a" "$load_b" || true
for disk in a b; do
	is "what the guest saw" "$(grep -v ': ok$' "$DIR/load.$disk")" \
		"minidom: stress xvd$disk: interrupted"
done

# Pages mapped and copied, all ring layouts.
if [ -x "$guest_tests/guest_frontend_io" ]; then
	works xpv sim run --dom g -- "$guest_tests/guest_frontend_io" 51728
fi

# Two descriptors a disk and more: within the limit.
commands=
for i in $(seq "$many"); do
	truncate -s 64K "$DIR/$i.img"
	works xpv block-attach g "vdev=d$((i + 9)),target=$DIR/$i.img"
	commands="$commands fill d$((i + 9)) $i; verify d$((i + 9)) $i;"
done
works xpv sim run --dom g -- "$BUILD/minidom" "$commands"
is "disks that verify" "$(grep -c '^verify.*: ok$' <<<"$out")" "$many"

works xpv destroy g
eventually 10 no_workers
log=$(cat "$XPV_RUNDIR/log/xpvd.log")
lacks "the log" "$log" "signal 31"
lacks "the log" "$log" "cannot be confined"

# For debugging it can be left out, which is said.
works xpv sim stop
works xpv sim start --no-xpvd
"$BUILD/xpv" sim run -- "$BUILD/xpvd" --no-sandbox >"$DIR/xpvd" 2>&1 &
xpvd=$!
eventually 10 xpv stats
guest g "disk=['$DIR/a.img,raw,xvda,rw']"
works xpv sim run --dom g -- "$BUILD/minidom" "fill xvda 3; verify xvda 3"
for_all=$(cat "$DIR/xpvd")
contains "what xpvd says" "$for_all" "xpvd[$xpvd] warning: --no-sandbox"
contains "what the worker says" "$for_all" "warning: not confined"
worker=$(sed -n 's/.*: worker \([0-9]*\) serves.*/\1/p' "$DIR/xpvd" | head -n 1)
is "its filter" "$(field Seccomp)" 0
works xpv destroy g
kill "$xpvd"
wait "$xpvd" || fail "xpvd: $(cat "$DIR/xpvd")"
passed
