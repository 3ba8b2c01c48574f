# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# siege.bash - a guest attacks, and everybody else goes on
#
# Guest g has three disks: xvda, which a rogue frontend attacks, xvdb, on which an honest program
# in the same domain verifies all the time, through the same worker; and xvdc, read-only. Guest h
# verifies a disk of its own. The oracle after every attack:
#
#   - the program saw what it should, and the device lives, or is stopped with its reason shown
#   - the same guest's other disk and the other guest make progress, and verify
#   - the attacked disk can be connected again and works
#   - beyond its first MiB, which the attacks may write, the image is what it was
#
# and after all of them: the processes are those from before, with as many descriptors and no more
# memory, and ports, grants and mappings are as many as before.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "${BASH_SOURCE[0]}")/../lib/scenario.sh"

xvda=51712 xvdb=51728 xvdc=51744
# What a sanitizer keeps back of freed memory would look like a leak.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=1
kills=0				# of workers, by us
growth=1024			# KiB that a process may grow by: caches, but not an entry an event
case $(ldd "$BUILD/xpvd" 2>/dev/null) in
*libasan*) growth=16384 ;;
esac

rogue() {
	guest_sh g "exec timeout -k 5 150 $*"
}

# The supervisor and the workers: name, descriptors.
census() {
	local pid

	for pid in $(pids); do
		echo "$(cat "/proc/$pid/comm")" "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
	done | sort
}

pids() {
	stat_of g worker "$xvdb"
	stat_of h worker "$xvda"
	xpvd_pid
}

memory() {
	awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"
}

tail_of_image() {
	tail -c +1048577 "$DIR/a.img" | sha256sum
}

siege_begin() {
	need xpv xpvd xpv-vdisk minidom "tests/hostile/$1"
	truncate -s 1M "$DIR/b.img" "$DIR/h.img" "$DIR/c.img"
	head -c 4M /dev/urandom >"$DIR/a.img"
	system_start
	guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/b.img,raw,xvdb,rw','$DIR/c.img,raw,xvdc,ro']"
	guest_live h "loop 0 stress xvda 7 1" "disk=['$DIR/h.img,raw,xvda,rw']"
	guest_begin honest g "loop 0 stress xvdb 9 1"
	image=$(tail_of_image)
	readonly_image=$(sha256sum <"$DIR/c.img")
	works rogue "$1" recover "$xvda"
	works rogue "$1" recover "$xvdc"
	eventually 10 progressed 0 h "$xvda"
	crowd=$(census) used=$(system_holds)
	for pid in $(pids); do
		eval "memory_$pid=$(memory "$pid")"
	done
}

# progressed COUNT DOM DEVID: more reads than that were answered.
progressed() {
	[ "$(stat_of "$2" read_reqs "$3")" -gt "$1" ]
}

stopped() {
	local node

	[ "$(stat_of g error "$1")" != null ] || return 1
	node=/local/domain/0/error/backend/vbd/$(domid g)/$1/error
	[ "$(xen xenstore-read "$node" | tr -d "\"\\\\")" = "$(stat_of g error "$1")" ]
}

# What an administrator does about a frontend that is no more.
replace_xvda() {
	works xpv block-detach --force g xvda
	works xpv block-attach g "$DIR/a.img,raw,xvda,rw"
}

# How far the honest programs are; others_go_on() wants them to be further.
note_progress() {
	others=$(stat_of h read_reqs "$xvda") hers=$(stat_of g read_reqs "$xvdb")
}

# others_go_on PROGRAM NAME OUTCOME DEVID: the oracle, after the attack.
others_go_on() {
	case $3 in
	stops) eventually 5 stopped "$4" ;;
	lives) is "$2: its error" "$(stat_of g error "$4")" null ;;
	gone) replace_xvda ;;
	esac
	is "$2: the other disk's error" "$(stat_of g error "$xvdb")" null
	is "$2: the other guest's error" "$(stat_of h error "$xvda")" null
	eventually 10 progressed "$hers" g "$xvdb"
	eventually 10 progressed "$others" h "$xvda"
	guest_runs honest || fail "$2: the honest program: $(guest_said honest tail -n 3)"
	works rogue "$1" recover "$4"
	is "$2: its error after recovery" "$(stat_of g error "$4")" null
	is "$2: the image beyond what it wrote" "$(tail_of_image)" "$image"
	echo "$2: $3"
}

# attack PROGRAM NAME OUTCOME DEVID
attack() {
	local status=0

	note_progress
	rogue "$1" "$2" "$4" >"$DIR/rogue" 2>&1 || status=$?
	[ "$status" -eq 0 ] || fail "$2: status $status: $(cat "$DIR/rogue")"
	others_go_on "$@"
}

siege() {
	local name outcome

	siege_begin "$1"
	rogue "$1" list >"$DIR/attacks"
	[ -s "$DIR/attacks" ] || fail "$1 lists no attacks"
	while read -r name outcome <&3; do
		attack "$1" "$name" "$outcome" "$xvda"
	done 3<"$DIR/attacks"
}

as_before() {
	[ "$(census)" = "$crowd" ] && [ "$(system_holds)" = "$used" ]
}

siege_end() {
	local pid before

	is "workers that died" \
		"$(grep -c 'was killed by signal' "$XPV_RUNDIR/log/xpvd.log")" "$kills"
	is "the read-only image" "$(sha256sum <"$DIR/c.img")" "$readonly_image"
	eventually 5 as_before
	for pid in $(pids); do
		before=memory_$pid
		[ -n "${!before:-}" ] || continue	# a successor
		echo "$(cat "/proc/$pid/comm"): from ${!before} to $(memory "$pid") KiB"
		[ "$(memory "$pid")" -lt $((${!before} + growth)) ] || fail "it grew too much"
		checks=$((checks + 1))
	done
	lacks "what the honest programs saw" \
		"$(guest_said honest grep minidom:; guest_said h grep minidom:)" "minidom:"
	works xpv destroy g
	works xpv destroy h
	lacks "the store" "$(store)" vbd
	eventually 10 no_workers
	works system_stop
	lacks "the log" "$(cat "$XPV_RUNDIR/log/xpvd.log")" Sanitizer
	passed
}
