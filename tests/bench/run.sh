#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - make bench: random I/O beside the peers
#
# All contestants have the same client loop, blocks, pages and checks (bench.h). Three of them work
# on one file, two on memory of the backend's:
#
#   xpv      blk_guest in a guest of the simulator, blkif ring, xpv-vdisk
#   qsd      vhost_blk, virtqueue, qemu-storage-daemon's vhost-user-blk export
#   pread    pread and pwrite in the client itself, without a second process
#   xpv_ram  as xpv, with target=ram:
#   dpdk     vhost_blk, virtqueue, the example vhost_blk of DPDK, which only polls
#
# Beside them a toy disk (toy_disk.c) shows what a request costs in exits where there is no ring.
#
# Backends run on one processor and clients on another. Polling: both ends look for work and do not
# sleep; event: neither looks at all (a backend may still find work that came while it was busy).
# The daemon gets what serves it best: io_uring, which is faster here than its default (threads),
# event indexes, and an I/O thread of its own that may poll as long as xpv's worker does. It asks
# for a kick for each batch all the same, as the table shows.
#
# Machines are shared and noisy, so the contestants take turns, in an order that rotates, and what
# counts is the ratio within one round: its median over the rounds, and how far it spreads.
#
#   BUILD=DIR [ROUNDS=7] [SECONDS=1] [SIZE=134217728] [QSD_AIO=io_uring|threads] [SVG=FILE] run.sh
#
# SVG names a file for the same ratios as a drawing.

set -eu -o pipefail
seconds=$SECONDS	# bash takes it over from the environment, and counts on from there
[ "$seconds" -ge 1 ] || seconds=1

: "${BUILD:?set BUILD to the absolute path of the build folder}"
here=$(cd "$(dirname "$0")" && pwd)
bench=$BUILD/tests/bench
rounds=${ROUNDS:-7}
size=${SIZE:-134217728}
export LC_ALL=C

SPIN_US=1000			# xpv's worker, and the daemon's I/O thread, when polling
FOREVER_US=1000000		# a client that does not sleep
QSD_AIO=${QSD_AIO:-io_uring}
DPDK_EXAMPLE=/usr/share/dpdk/examples/vhost_blk
DPDK_SIZE=134217728		# its disk is as it is
XVDA=51712
XVDB=51728

# In memory if there is a place: what target=ram: has stands in the run directory.
DIR=$(mktemp -d /dev/shm/xpv-bench-XXXXXX 2>/dev/null || mktemp -d "${TMPDIR:-/tmp}/xpv-bench-XXXXXX")
file=
pids=()				# of daemons, each in a session of its own: ^C is for us alone
declare -A peer			# contestant-mode -> process whose time is counted

xpv() {
	local mode=$1

	shift
	XPV_RUNDIR=$DIR/$mode "$BUILD/xpv" "$@"
}

clean_up() {
	local status=$? mode

	trap - EXIT
	trap '' INT TERM HUP
	for mode in polling event; do	# workers outlive xpvd, but not their guest
		[ ! -d "$DIR/$mode" ] || xpv $mode destroy bench >/dev/null 2>&1 || true
	done
	[ "${#pids[@]}" -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	for mode in polling event; do
		[ ! -d "$DIR/$mode" ] || xpv $mode sim stop >/dev/null 2>&1 || true
	done
	rm -rf "$DIR" ${file:+"$file"}
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	echo "bench: $*" >&2
	exit 1
}

# What lies in the way of a fair measurement is said, not hidden.
note() {
	echo "note: $*"
}

choose_processors() {
	back=() front=()
	if taskset -c 0 true 2>/dev/null && taskset -c 1 true 2>/dev/null; then
		back=(taskset -c 0) front=(taskset -c 1)
	else
		note "one processor only: both ends share it, and polling fights itself"
	fi
}

make_file() {
	local place=/dev/shm

	if ! [ -w $place ] || [ "$(stat -f -c %T $place)" != tmpfs ]; then
		place=$DIR
		note "/dev/shm is not a tmpfs that can be written: the file is in ${TMPDIR:-/tmp}"
	fi
	file=$(mktemp "$place/xpv-bench-XXXXXX")
	"$bench/pread" --prepare "$file" "$size"
}

# eventually COMMAND...: it comes to succeed.
eventually() {
	local left=200

	until "$@" >/dev/null 2>&1; do
		[ "$left" -gt 0 ] ||
			fail "not in time: $*: $(cat "$DIR"/*.log "$DIR"/*/*.log 2>/dev/null)"
		left=$((left - 1))
		sleep 0.05
	done
}

# start_xpv MODE SPIN_US: a simulator of its own, with a guest that has the file as xvda
start_xpv() {
	local mode=$1 run=$DIR/$1

	mkdir "$run"
	xpv "$mode" sim start --no-xpvd >/dev/null
	XPV_RUNDIR=$run setsid "$BUILD/xpv" sim run -- "${back[@]}" "$BUILD/xpvd" --spin-us "$2" \
		2>"$run/xpvd.log" &
	pids+=($!)
	peer[xpvd-$mode]=$!
	eventually test -S "$run/xpvd.sock"
	printf '%s\n' 'name="bench"' 'memory=64' \
		"disk=[\"format=raw,vdev=xvda,access=rw,target=$file\"," \
		"\"vdev=xvdb,access=rw,target=ram:$DPDK_SIZE\"]" >"$run/bench.cfg"
	xpv "$mode" create "$run/bench.cfg"
}

# start_qsd MODE POLL_NS
start_qsd() {
	local mode=$1 node=driver=file,node-name=d,cache.direct=off

	setsid "${back[@]}" qemu-storage-daemon --object "iothread,id=t,poll-max-ns=$2" \
		--blockdev "$node,filename=$file,locking=off,aio=$QSD_AIO" \
		--export "vhost-user-blk,id=e,node-name=d,writable=on,iothread=t,addr.type=unix,addr.path=$DIR/$mode.sock" \
		2>"$DIR/$mode-qsd.log" &
	pids+=($!)
	peer[qsd-$mode]=$!
	eventually test -S "$DIR/$mode.sock"
}

# Built out of its package, where it is only source. Its memory is as it would be with huge pages
# but for their size; its worker takes processor 0 by itself.
start_dpdk() {
	local dir=$DIR/dpdk

	if [ ! -d "$DPDK_EXAMPLE" ] || ! pkg-config --exists libdpdk; then
		note "no DPDK beside us: install dpdk-doc and libdpdk-dev"
		return
	fi
	cp -r "$DPDK_EXAMPLE" "$dir"
	make -C "$dir" >"$DIR/dpdk-make.log" 2>&1 ||
		{ note "no DPDK beside us: $(tail -n 1 "$DIR/dpdk-make.log")"; return; }
	(cd "$dir" && exec setsid build/vhost-blk -l 0 --no-huge -m 512 --no-pci --no-telemetry \
		--no-shconf >"$DIR/dpdk.log" 2>&1) &
	pids+=($!)
	peer[dpdk-polling]=$!
	eventually test -S "$dir/vhost.socket"
	ram_contestants=(xpv_ram dpdk)
}

# The process that xpvd started for the guest; it stays when the guest closes its disk.
find_worker() {
	local mode=$1 xpvd=${peer[xpvd-$1]} worker=

	read -r worker _ <"/proc/$xpvd/task/$xpvd/children" || true
	[ -n "$worker" ] || fail "xpvd has started no worker: $(cat "$DIR/$mode/xpvd.log")"
	peer[xpv-$mode]=$worker peer[xpv_ram-$mode]=$worker
}

# measure WHO MODE OPTION...: one line
measure() {
	local who=$1 mode=$2 spin=0 process=${peer[$1-$2]:-}

	shift 2
	[ "$mode" = event ] || spin=$FOREVER_US
	set -- --spin $spin ${process:+--peer "$process"} "$@"
	case $who in
	xpv_ram | dpdk) set -- --size $DPDK_SIZE "$@" ;;
	*) set -- --size "$size" "$@" ;;
	esac
	case $who in
	xpv) xpv "$mode" sim run --dom bench -- "${front[@]}" "$bench/blk_guest" "$@" $XVDA ;;
	qsd) "${front[@]}" "$bench/vhost_blk" "$@" "$DIR/$mode.sock" ;;
	pread) "${front[@]}" "$bench/pread" "$@" "$file" ;;
	xpv_ram) xpv "$mode" sim run --dom bench -- "${front[@]}" "$bench/blk_guest" "$@" $XVDB ;;
	dpdk) "${front[@]}" "$bench/vhost_blk" "$@" "$DIR/dpdk/vhost.socket" ;;
	registers | call) "$bench/toy_disk" "$@" "$who:$file" ;;
	esac
}

# Every contestant and mode once: pages are mapped, workers started. What is in memory is given the
# numbers of its blocks, which the file has already.
warm_up() {
	local who mode

	for mode in polling event; do
		for who in xpv qsd pread; do
			measure $who $mode --qd 32 --seconds 0.2 >/dev/null
		done
		find_worker $mode
	done
	for who in "${ram_contestants[@]}"; do
		measure "$who" polling --rw write --in-order --qd 32 --ops $((DPDK_SIZE / 4096)) \
			>/dev/null
	done
}

# run_case RW BYTES QD MODE ROUND CONTESTANT...
run_case() {
	local rw=$1 bytes=$2 qd=$3 mode=$4 round=$5 i line who

	shift 5
	for ((i = 0; i < $#; i++)); do
		who=${*:(i + round) % $# + 1:1}
		line=$(measure "$who" "$mode" --rw "$rw" --bs "$bytes" --qd "$qd" --seed "$round" \
			--seconds "$seconds")
		echo "mode=$mode round=$round who=$who $line" >>"$DIR/results"
	done
}

# exits NAME WHO MODE QD: what is counted, in a run of its own
exits() {
	printf '%-52s %s\n' "$1" "$(measure "$2" "$3" --qd "$4" --ops 65536 | awk -v RS=' ' -F= '
		$1 == "sent" || $1 == "received" { n += $2 } END { printf "%.4f", n }')"
}

count_exits() {
	local qd

	printf '\nleaving the guest and entering it, times a request of 4 KiB (counted)\n'
	exits "a disk with four registers, each access trapped" registers event 1
	exits "one call a request" call event 1
	for qd in 1 8 32; do
		exits "xpv's ring, $qd deep, who waits sleeps" xpv event $qd
	done
	exits "xpv's ring, 32 deep, who waits looks" xpv polling 32
}

command -v qemu-storage-daemon >/dev/null ||
	fail "qemu-storage-daemon is missing; install qemu-system-common"
if [ "$((size % 131072))" -ne 0 ] || [ "$size" -lt 1048576 ]; then
	fail "SIZE=$size: not a multiple of 131072 of at least 1048576"
fi
choose_processors
make_file
start_xpv polling $SPIN_US
start_xpv event 0
start_qsd polling $((SPIN_US * 1000))
start_qsd event 0
ram_contestants=()
start_dpdk
warm_up

echo "$((size >> 20)) MiB file, random I/O, $rounds rounds of $seconds s each;" \
	"load average $(cut -d' ' -f1 /proc/loadavg)"
echo "qsd: $(qemu-storage-daemon --version | head -n 1 | cut -d' ' -f3)," \
	"aio=$QSD_AIO; polling: its I/O thread and xpv's worker poll $SPIN_US us before they sleep"
for ((round = 1; round <= rounds; round++)); do
	for mode in polling event; do
		for qd in 32 1; do
			for rw in read write; do
				run_case $rw 4096 $qd $mode "$round" xpv qsd pread
				[ $mode = event ] || [ ${#ram_contestants[@]} -eq 0 ] ||
					run_case $rw 4096 $qd $mode "$round" "${ram_contestants[@]}"
			done
		done
	done
	for rw in read write; do
		run_case $rw 131072 8 polling "$round" xpv qsd pread
	done
	[ ! -t 2 ] || printf '\rround %d of %d' "$round" "$rounds" >&2
done
[ ! -t 2 ] || printf '\r\033[K' >&2
awk -f "$here/ratio.awk" -f "$here/report.awk" "$DIR/results"
count_exits
[ -z "${SVG:-}" ] || awk -f "$here/ratio.awk" -f "$here/draw.awk" "$DIR/results" >"$SVG"
