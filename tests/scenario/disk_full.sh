#!/bin/bash
# SPDX-License-Identifier: MIT
#
# disk_full.sh - an image that its file system has no more room for, and one whose device fails
#
# A sparse image grows until its file system is full: an ext4 on a loop device, where writes go
# through io_uring, and a tmpfs, where they are done in place. An image whose reads, writes and
# flushes fail: a file that a server of network block devices is mounted as, and a loop device whose
# file was cut. Each time the request that could not be done fails, and no other; the log says why,
# and what to do, without being flooded; the worker is the one from before; what had been written is
# there; the same guest's other disk and another guest go on; and once the cause has gone, so has
# the effect.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

nbd_need nbdinfo qemu-io mke2fs
need minidom
[ "$(id -u)" -eq 0 ] || skip "only root may mount"
log=$XPV_RUNDIR/log/xpvd.log
loop='' nbdfuse=''

finish() {
	local status=$?

	set +e
	system_stop		# or its workers hold what is to be unmounted
	[ -z "$nbdfuse" ] || { kill "$nbdfuse" && wait "$nbdfuse"; } 2>/dev/null
	[ -z "$loop" ] || losetup -d "$loop"
	! mountpoint -q "$DIR/fs" || umount "$DIR/fs" || umount -l "$DIR/fs"
	(exit "$status")
	finish_servers
}
trap finish EXIT

said_by_log() {
	tail -n "+$((logged + 1))" "$log"
}

# Everybody else's progress, and what the log has, before a fault; it says a few lines of a disk in
# five seconds, whatever connects, and has said some.
faults_begin() {
	sleep 5.2
	logged=$(wc -l <"$log")
	worker=$(stat_of g worker 51728) failed=$(stat_of g errors 51712)
	others=$(stat_of h read_reqs) hers=$(stat_of g read_reqs 51728)
}

progressed() {
	[ "$(stat_of h read_reqs)" -gt "$others" ] && [ "$(stat_of g read_reqs 51728)" -gt "$hers" ]
}

# faults_were WHAT REQUEST: at least one has failed, the log says which, and nothing else happened
faults_were() {
	eventually 10 progressed
	is "$1: the worker" "$(stat_of g worker 51728)" "$worker"
	is "$1: why the disk is not served" "$(stat_of g error 51712)" null
	is "$1: errors of the other disk" "$(stat_of g errors 51728)" 0
	is "$1: errors of the other guest" "$(stat_of h errors)" 0
	[ "$(stat_of g errors 51712)" -gt "$failed" ] || fail "$1: no request has failed"
	contains "$1: the log" "$(said_by_log)" "guest $(domid g) vbd 51712: $2"
	lacks "$1: the log" "$(said_by_log)" "killed by"
}

# failing TAG OFFSET: 64 writes there fail, each on its own, and with fewer lines in the log; one to
# a place that the image has works on the same connection
failing() {
	local tag=$1 offset=$2 begun=$SECONDS i lines commands=()

	for ((i = 0; i < 64; i++)); do
		commands+=("aio_write -q -P 1 $((offset + i * 65536)) 64k")
	done
	nbd_io 0 "$tag" "${commands[@]}" aio_flush	# it reports, and ends well all the same
	is "$tag: writes that fail" "$(grep -c 'aio_write failed: Input/output error' <<<"$out")" 64
	lines=$(said_by_log | grep -c 'vbd 51712: write of')
	[ "$lines" -le $((10 * (2 + (SECONDS - begun) / 5))) ] ||
		fail "$tag: the log is flooded: $lines lines in $((SECONDS - begun)) s"
	nbd_io 0 "$tag" "write -q -P 7 1M 64k" "read -q -P 7 1M 64k"
}

# Unlike nbd_end: it has had something to complain of.
server_ends() {
	guest_end "$1" || fail "$1: status $?: $(guest_said "$1")"
	rm -f "$DIR/$1.sock" "$DIR/job.$1"
}

# full KIND: $DIR/fs has KIND mounted, of 48 MiB
full() {
	local kind=$1 sum

	head -c 24M /dev/zero >"$DIR/fs/occupied"
	truncate -s 40M "$DIR/fs/a.img"
	works xpv block-attach g "vdev=xvda,target=$DIR/fs/a.img"
	works in_guest g "fill xvda 7 0 8192"
	sum=$(head -c 4M "$DIR/fs/a.img" | sha256sum)

	faults_begin
	! in_guest g "fill xvda 9 8192 73728" >"$DIR/said" 2>&1 || fail "$kind: all can be written"
	contains "$kind: what the guest saw" "$(cat "$DIR/said")" \
		"fill xvda: I/O error at the backend"
	faults_were "$kind" "write of"
	contains "$kind: the log" "$(said_by_log)" \
		"No space left on device: make room where its image is, and writes succeed again"
	is "$kind: what is free" "$(stat -f -c %a "$DIR/fs")" 0
	is "$kind: what was written before" "$(head -c 4M "$DIR/fs/a.img" | sha256sum)" "$sum"
	works in_guest g "verify xvda 7 0 8192"

	nbd_serve "$kind" g xvda
	faults_begin
	failing "$kind" $((30 << 20))
	faults_were "$kind, at once" "write of"
	rm "$DIR/fs/occupied"
	nbd_io 0 "$kind" "write -q -P 5 30M 8M" flush "read -q -P 5 30M 8M"
	server_ends "$kind"
	failed=$(stat_of g errors 51712)
	works in_guest g "fill xvda 8; flush xvda; verify xvda 8"
	is "$kind: failures after there was room" "$(stat_of g errors 51712)" "$failed"
	works xpv check
	works xpv block-detach g xvda
	umount "$DIR/fs" || fail "$kind: somebody still has it: $(fuser -vm "$DIR/fs" 2>&1)"
}

# fails_to TAG WORD COMMAND: qemu-io's command fails in the guest, and the log says that this did
fails_to() {
	faults_begin
	nbd_io 1 "$1" "$3"
	contains "$1: $3" "$out" "failed: Input/output error"
	faults_were "$1: $3" "$2 of"
}

# A file whose server fails while $DIR/bad is there. With `direct`, too: other system calls.
bad_file() {
	local how=$1

	works xpv block-attach g "${how:+$how,}vdev=xvda,target=$DIR/disk"
	works in_guest g "fill xvda 7"
	nbd_serve bad g xvda
	touch "$DIR/bad"
	fails_to bad write "write -q -P 5 1M 64k"
	fails_to bad read "read -q -P 7 2M 64k"
	contains "the log" "$(said_by_log)" \
		"Input/output error: the kernel's log, or that of its server, has the cause"
	rm "$DIR/bad"
	nbd_io 0 bad "write -q -P 5 1M 64k" flush "read -q -P 5 1M 64k"
	server_ends bad
	works in_guest g "verify xvda 7 4096 8192"
	works xpv block-detach g xvda
}

bad_files() {
	server s --filter=error memory 8M error=EIO error-rate=100% "error-file=$DIR/bad"
	touch "$DIR/disk"
	nbdfuse "$DIR/disk" "$(at s)" >"$DIR/nbdfuse" 2>&1 &
	nbdfuse=$!
	is_there() { [ "$(stat -c %s "$DIR/disk")" -gt 0 ] || ! kill -0 "$nbdfuse"; }
	eventually 10 is_there
	kill -0 "$nbdfuse" || fail "nothing can be mounted here: $(cat "$DIR/nbdfuse")"
	bad_file ""
	bad_file direct
	kill "$nbdfuse"
	wait "$nbdfuse" || true		# it says that it was a signal
	nbdfuse=
	server_end s
}

# A device of which a part cannot be read, and that takes what it then has no room for: the flush
# is what fails.
bad_device() {
	mount -t tmpfs -o size=16M none "$DIR/fs"
	truncate -s 32M "$DIR/fs/l.img"
	loop=$(losetup -f --show "$DIR/fs/l.img")
	works xpv block-attach g "vdev=xvda,target=$loop"
	works in_guest g "fill xvda 7 0 8192; flush xvda"
	nbd_serve device g xvda

	truncate -s 4M "$DIR/fs/l.img"
	blockdev --flushbufs "$loop"
	fails_to device read "read -q 6M 64k"
	nbd_io 0 device "read -q 1M 64k"
	truncate -s 32M "$DIR/fs/l.img"
	nbd_io 0 device "read -q -P 0 6M 64k"

	head -c 12M /dev/zero >"$DIR/fs/occupied" 2>/dev/null || true
	fails_to device flush "write -q -P 5 8M 4M"	# qemu-io flushes after each
	rm "$DIR/fs/occupied"
	nbd_io 0 device "write -q -P 5 8M 4M" flush "read -q -P 5 8M 4M"
	server_ends device
	works in_guest g "verify xvda 7 0 8192"
	works xpv block-detach g xvda
	works losetup -d "$loop"
	loop=
	umount "$DIR/fs" || fail "somebody still has it: $(fuser -vm "$DIR/fs" 2>&1)"
}

mkdir "$DIR/fs"
truncate -s 1M "$DIR/b.img" "$DIR/h.img"
sim_start
guest g "disk=['$DIR/b.img,raw,xvdb,rw']"
guest_live h "loop 0 stress xvda 7 1" "disk=['$DIR/h.img,raw,xvda,rw']"
guest_begin honest g "loop 0 stress xvdb 9 1"
eventually 10 guest_has_said honest ok

if truncate -s 48M "$DIR/ext4" && mke2fs -q -t ext4 -m 0 -O ^has_journal "$DIR/ext4" &&
	mount -o loop "$DIR/ext4" "$DIR/fs" 2>"$DIR/err"; then
	full ext4
else
	echo "not checked: no loop device can be mounted here: $(cat "$DIR/err")"
fi
if mount -t tmpfs -o size=48M none "$DIR/fs" 2>"$DIR/err"; then
	full tmpfs
else
	echo "not checked: no tmpfs can be mounted here: $(cat "$DIR/err")"
fi
if command -v nbdfuse >/dev/null && [ -w /dev/fuse ]; then
	bad_files
else
	echo "not checked: no file can be mounted here by nbdfuse"
fi
if [ -w /dev/loop-control ]; then
	bad_device
else
	echo "not checked: no loop device can be made here"
fi

guest_runs honest || fail "the honest program: $(guest_said honest tail -n 3)"
! guest_end honest || fail "an interrupted program says that it was not"
is "workers that died" "$(grep -c 'was killed by signal' "$log")" 0
works xpv check
works xpv destroy g
works xpv destroy h
lacks "the store" "$(store)" vbd
eventually 10 no_workers
works system_stop
lacks "the log" "$(cat "$log")" Sanitizer
passed
