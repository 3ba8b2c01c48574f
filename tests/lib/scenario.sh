# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# scenario.sh - what scenarios share: a system of their own, and assertions that show both sides
#
# A scenario is a bash script that sources this file, starts a system, and calls the assertions
# below; the first that does not hold ends it with status 1. Status 77 says that it could not run.
# Everything it makes stands in $DIR, which goes when it ends, as does its system, however it ends.
# BUILD is the absolute path of the build folder.
#
# A scenario that starts its system with `system_start` and reaches its guests through the functions
# of system_sim.bash alone has a line "# runs on: simulator, xen" and runs on both: XPV_SYSTEM says
# which of the two this is, and $slow how many times slower than the machine below it. Numbers of
# rounds are to be divided by it; time limits of `eventually` are multiplied. One that starts a
# simulator with `sim_start` is about the simulator, or about what only it can show.

set -eu -o pipefail

: "${BUILD:?set BUILD to the absolute path of the build folder}"
DIR=$(mktemp -d "${TMPDIR:-/tmp}/xpv-test-XXXXXX")
export XPV_RUNDIR=$DIR/run
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
checks=0

xpv() {
	"$BUILD/xpv" "$@"
}

clean_up() {
	local status=$?

	trap - EXIT
	trap '' INT TERM HUP
	if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ -d "$XPV_RUNDIR/log" ]; then
		echo "--- logs"
		tail -n 20 "$XPV_RUNDIR"/log/* 2>/dev/null || true
	fi
	system_stop
	rm -rf "$DIR" ${MEMORY:+"$MEMORY"}
	exit "$status"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL: $*"
	exit 1
}

need() {
	local name

	for name in "$@"; do
		[ -x "$BUILD/$name" ] || skip "$BUILD/$name has not been built"
	done
}

# sim_start [OPTION...]
# shellcheck disable=SC2120 # most scenarios need no option
sim_start() {
	need xpv
	mkdir -p "$XPV_RUNDIR"
	xpv sim start "$@" >"$DIR/start" 2>&1 || fail "sim start: $(cat "$DIR/start")"
}

# Makes $MEMORY, a directory on a filesystem in memory, or $DIR itself where there is none.
memory_dir() {
	MEMORY=$(mktemp -d /dev/shm/xpv-test-XXXXXX 2>/dev/null) || MEMORY=$DIR
}

# The whole store with permissions, in an order that does not depend on when keys were made; without
# what a guest's agent says, xenstored of itself, and two directories of libxl's while they are empty.
store() {
	xen xenstore-ls -fp | grep -v '^/tool/xenstored/\|/data/agent\|^/\(libxl\|vm\) = ""' | sort
}

# is WHAT GOT WANT
is() {
	[ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"
	checks=$((checks + 1))
}

# contains WHAT TEXT PART
contains() {
	case $2 in
	*"$3"*) checks=$((checks + 1)) ;;
	*) fail "$1: no '$3' in '$2'" ;;
	esac
}

# lacks WHAT TEXT PART
lacks() {
	case $2 in
	*"$3"*) fail "$1: there is '$3' in '$2'" ;;
	*) checks=$((checks + 1)) ;;
	esac
}

# works COMMAND...: exit status 0 and nothing on stderr; what it printed is in $out.
works() {
	local status=0

	"$@" >"$DIR/out" 2>"$DIR/err" || status=$?
	# shellcheck disable=SC2034 # for the scenario
	out=$(cat "$DIR/out")
	[ "$status" -eq 0 ] || fail "$*: status $status: $(cat "$DIR/out" "$DIR/err")"
	[ ! -s "$DIR/err" ] || fail "$*: printed an error: $(cat "$DIR/err")"
	checks=$((checks + 1))
}

# refuses STATUS PART COMMAND...: that status, and one line on stderr, which has PART in it.
refuses() {
	local want=$1 part=$2 status=0

	shift 2
	"$@" >"$DIR/out" 2>"$DIR/err" || status=$?
	[ "$status" -eq "$want" ] ||
		fail "$*: status $status, expected $want: $(cat "$DIR/out" "$DIR/err")"
	[ "$(wc -l <"$DIR/err")" -eq 1 ] || fail "$*: not one line: '$(cat "$DIR/err")'"
	contains "$*" "$(cat "$DIR/err")" "$part"
	contains "$*" "$(cat "$DIR/err")" "xpv: "
}

# json_says PART... -- VERB...: the verb works with --json, and its one object has these members.
json_says() {
	local part parts=()

	while [ "$1" != -- ]; do
		parts+=("$1")
		shift
	done
	shift
	works xpv "$@" --json
	is "objects of $*" "$(grep -c '^{$' <<<"$out")$(grep -c '^}$' <<<"$out")" 11
	is "the ends of $*" "$(sed -n '1p;$p' <<<"$out" | tr -d '\n')" "{}"
	for part in "${parts[@]}"; do
		contains "$*" "$out" "$part"
	done
}

# eventually SECONDS COMMAND...: the command comes to succeed. By the clock: it may be a slow one.
eventually() {
	# shellcheck disable=SC2154 # the system's
	local end=$((SECONDS + $1 * slow + 1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "not in time: $*"
		sleep 0.05
	done
	checks=$((checks + 1))
}

# Workers go by themselves when their guest's last device has gone, and journals with the devices.
no_workers() {
	[ -z "$(find "$XPV_RUNDIR/worker" "$XPV_RUNDIR/journal" ! -type d)" ]
}

# fsck_clean IMAGE: the file system in it has no fault
fsck_clean() {
	e2fsck -fn "$1" >"$DIR/fsck" 2>&1 || fail "e2fsck $1: $(cat "$DIR/fsck")"
	checks=$((checks + 1))
}

# domid NAME
domid() {
	xpv list --json "$1" | sed -n 's/.*"domid": *\([0-9]*\).*/\1/p'
}

# stat_of NAME KEY [DEVID]: what `xpv stats` has of the guest's first disk, or of that one; without
# quotes and backslashes, also such as are part of it
stat_of() {
	xpv stats --json "$1" | awk -v key="\"$2\":" -v devid="${3:-}" '
		/"devid":/ { here = devid == "" || $2 + 0 == devid }
		here && !done && $1 == key {
			sub(/^[^:]*: /, ""); sub(/,$/, ""); gsub(/["\\]/, ""); print; done = 1
		}'
}

# guest_config NAME [LINE...]: $DIR/NAME.cfg for a guest of the usual kind and size
guest_config() {
	local name=$1

	shift
	# shellcheck disable=SC2154 # the system's
	{
		echo "name=\"$name\""
		echo "memory=$guest_memory"
		echo "$guest_boot"
		[ "$#" -eq 0 ] || printf '%s\n' "$@"
	} >"$DIR/$name.cfg"
}

# Whether xpvd answers; whether the guest's first disk is served by another process than $worker.
xpvd_answers() {
	xpv stats >/dev/null 2>&1
}

replaced() {
	# shellcheck disable=SC2154 # the scenario's
	new=$(stat_of "$1" worker 2>/dev/null) && [ "${new:-0}" -gt 0 ] && [ "$new" != "$worker" ]
}

# guest_grown TAG LINES: the job has printed more lines than that.
guest_grown() {
	[ "$(guest_said "$1" wc -l)" -gt "$2" ]
}

guest_goes_on() {
	eventually 10 guest_grown "$1" "$(guest_said "$1" wc -l)"
	guest_runs "$1" || fail "$1 ended: $(guest_said "$1" tail -n 3)"
}

# guest_has_said TAG PATTERN
guest_has_said() {
	[ -n "$(guest_said "$1" grep -m 1 -e "$2")" ]
}

passed() {
	echo "PASS: $(basename "$0"): $checks checks"
}

# shellcheck source-path=SCRIPTDIR source=system_sim.bash
. "$(dirname "${BASH_SOURCE[0]}")/system_${XPV_SYSTEM:-sim}.bash"
