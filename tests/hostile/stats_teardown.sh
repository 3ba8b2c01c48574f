#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stats_teardown.sh - statistics are read while what they are about comes and goes
#
# Statistics that were freed under their reader, or read under those who free them, are a class of
# their own (XSA-526, XSA-527, XSA-528), as are connections that come and go quickly (XSA-350).
# Four disks of one guest are connected and disconnected by it $CYCLES times in all; a disk of
# another is attached and detached; the workers of both are killed. All the while two readers take
# everything there is to be read. What they get must be whole each time, and afterwards xpvd must be
# the one from before, with as many descriptors and no more memory.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk tests/hostile/guest_cycles
cycles=${CYCLES:-1000}
disks="xvda:51712 xvdb:51728 xvdc:51744 xvdd:51760"
# What a sanitizer keeps back of freed memory would look like a leak.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=1
growth=1024			# KiB that xpvd may grow by
case $(ldd "$BUILD/xpvd" 2>/dev/null) in
*libasan*) growth=16384 ;;
esac

descriptors() {
	find "/proc/$xpvd/fd" -mindepth 1 | wc -l
}

memory() {
	awk '/^RssAnon:/ { print $2 }' "/proc/$xpvd/status"
}

# Each in a process of its own, until $DIR/stop is there; what is wrong is in $DIR/wrong.
reader() {
	local n=0

	while [ ! -e "$DIR/stop" ]; do
		xpv stats --openmetrics >"$DIR/metrics.$n" 2>>"$DIR/wrong" || echo "$?" >>"$DIR/wrong"
		n=$(((n + 1) % 1000))	# the last are enough
	done
}

json_reader() {
	local n=0

	while [ ! -e "$DIR/stop" ]; do
		if ! xpv stats --json >"$DIR/json" 2>"$DIR/json.err" ||
			[ "$(sed -n '1p;$p' "$DIR/json" | tr -d '\n')" != '[]' ]; then
			cat "$DIR/json.err" "$DIR/json" >>"$DIR/wrong"
		fi
		n=$((n + 1))
	done
	echo "$n" >"$DIR/read.json"
}

attacher() {
	local n=0

	while [ ! -e "$DIR/stop" ]; do
		if ! xpv block-attach h "$DIR/h.img,raw,xvda,rw" >"$DIR/attach" 2>&1 ||
			! xpv block-detach --force h xvda >>"$DIR/attach" 2>&1; then
			cat "$DIR/attach" >>"$DIR/wrong"
		fi
		n=$((n + 1))
	done
	echo "$n" >"$DIR/attached"
}

killer() {
	local n=0 worker

	while [ ! -e "$DIR/stop" ]; do
		sleep 1
		worker=$(stat_of g worker)
		[ "${worker:-0}" -gt 0 ] && kill -9 "$worker" 2>/dev/null && n=$((n + 1))
	done
	echo "$n" >"$DIR/killed"
}

# cycle_all COUNT: on each disk, all at once
cycle_all() {
	local disk jobs=() job

	for disk in $disks; do
		guest_sh g "exec guest_cycles ${disk#*:} $1" >"$DIR/cycles.${disk%:*}" 2>&1 &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do
		wait "$job" || fail "a guest's cycles: $(cat "$DIR"/cycles.*)"
	done
}

spec=
for disk in $disks; do
	truncate -s 1M "$DIR/${disk%:*}.img"
	spec="$spec${spec:+,}'$DIR/${disk%:*}.img,raw,${disk%:*},rw'"
done
truncate -s 1M "$DIR/h.img"
system_start
guest g "disk=[$spec]"
guest h
xpvd=$(xpvd_pid)

# Once, so that what is kept for the next time is there.
cycle_all 20
works xpv stats --openmetrics
used=$(system_holds) open=$(descriptors) before=$(memory)

for job in reader json_reader attacher killer; do
	$job &
	eval "$job=$!"
done
cycle_all $((cycles / 4))
touch "$DIR/stop"
# shellcheck disable=SC2154 # set by eval
wait "$reader" "$json_reader" "$attacher" "$killer"
[ ! -s "$DIR/wrong" ] || fail "$(head -n 100 "$DIR/wrong")"

readings=("$DIR"/metrics.*)
samples=$(python3 "$(dirname "$0")/../lib/openmetrics.py" "${readings[@]}" 2>&1) || fail "$samples"
is "xpvd" "$(xpvd_pid)" "$xpvd"
as_before() {
	[ "$(descriptors)" = "$open" ] && [ "$(system_holds)" = "$used" ]
}
eventually 20 as_before
echo "$cycles cycles, $(cat "$DIR/attached") attached, $(cat "$DIR/killed") killed," \
	"$(cat "$DIR/read.json") readings and ${#readings[@]} with $samples samples;" \
	"xpvd: from $before to $(memory) KiB"
[ "$(memory)" -lt $((before + growth)) ] || fail "xpvd grew too much"
[ "${#readings[@]}" -gt 3 ] || fail "too few readings"
[ "$samples" -gt 400 ] || fail "too little was read"
works xpv destroy g
works xpv destroy h
eventually 10 no_workers
works system_stop
lacks "the log" "$(cat "$XPV_RUNDIR/log/xpvd.log")" Sanitizer
passed
