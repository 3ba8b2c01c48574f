#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_tmpfs.sh - an image on a filesystem in memory, which the worker has mapped
#
# Reading does not fill it, discarding gives memory back, it grows and is cut short while it is in
# use; a guest that asks for what is gone gets an error, and the worker, which gets a signal, goes on.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
memory_dir
trap 'rm -rf "$MEMORY"; clean_up' EXIT
[ "$(stat -f -c %T "$MEMORY")" = tmpfs ] || skip "/dev/shm is no tmpfs that can be written"

kib() {
	du -k "$1" | cut -f1
}

sum_of() {
	in_guest g "sum $1" | awk '{ print $1 }'
}

truncate -s 8M "$MEMORY/a.img" "$MEMORY/b.img"
sim_start
guest g "disk=['$MEMORY/a.img,raw,xvda,rw','$MEMORY/b.img,raw,xvdb,rw']"

# A hole is read without memory behind it.
is "zeros" "$(sum_of xvda)" "$(head -c 8M /dev/zero | sha256sum | cut -d' ' -f1)"
is "zeros again" "$(sum_of xvda)" "$(head -c 8M /dev/zero | sha256sum | cut -d' ' -f1)"
is "KiB of a file that was only read" "$(kib "$MEMORY/a.img")" 0
works in_guest g "fill xvda 7 100 8"
[ "$(kib "$MEMORY/a.img")" -le 8 ] || fail "4 KiB take $(kib "$MEMORY/a.img") KiB"

# Both see what the other writes.
works in_guest g "fill xvda 7; verify xvda 7"
is "the guest's view" "$(sum_of xvda)" "$(sha256sum "$MEMORY/a.img" | cut -d' ' -f1)"
head -c 64K /dev/urandom | dd of="$MEMORY/a.img" bs=64K seek=3 conv=notrunc status=none
is "the guest's view" "$(sum_of xvda)" "$(sha256sum "$MEMORY/a.img" | cut -d' ' -f1)"

# Killed while it copies.
works in_guest g "fill xvda 9"
guest_begin load g "loop 100000 stress xvda 9 1"
eventually 10 guest_has_said load ok
contains "what the worker has mapped" "$(cat "/proc/$(stat_of g worker 51712)/maps")" "$MEMORY/a.img"
for _ in 1 2 3 4 5; do
	kill -9 "$(stat_of g worker 51712)"
	guest_goes_on load
done
! guest_end load || fail "an interrupted program says that it was not"
lacks "what the guest saw" "$(guest_said load | grep -v interrupted)" "minidom:"
worker=$(stat_of g worker 51712)

# It becomes longer, twice, under one program.
guest_begin life g
guest_tell life "fill xvda 1"
eventually 10 guest_has_said life "fill xvda: 16384 sectors, seed 1: ok"
worker=$(stat_of g worker 51712)
for size in 10 12; do
	works xpv block-resize g xvda ${size}M
	guest_tell life "fill xvda $size"
	guest_tell life "verify xvda $size"
	eventually 10 guest_has_said life "verify xvda: .*$((size * 2048)) sectors.*ok"
done
guest_tell life "fill xvdb 3"
eventually 10 guest_has_said life "fill xvdb: 16384 sectors, seed 3: ok"

# What the host takes away fails, and nothing else.
truncate -s 1M "$MEMORY/a.img"
guest_tell life "verify xvda 12 16384 2048"
eventually 10 guest_has_said life "minidom:"
! guest_wait life || fail "what is gone can be read"
contains "the log" "$(cat "$XPV_RUNDIR/log/xpvd.log")" "vbd 51712: read of"
works in_guest g "verify xvda 12 0 2048"
works in_guest g "verify xvdb 3; fill xvdb 4; verify xvdb 4"
truncate -s 12M "$MEMORY/a.img"
works in_guest g "fill xvda 5; verify xvda 5"
is "the guest's view" "$(sum_of xvda)" "$(sha256sum "$MEMORY/a.img" | cut -d' ' -f1)"
is "the workers" "$(cat "/proc/$(xpvd_pid)/task/"*/children)" "$worker "

works xpv check
works xpv destroy g
eventually 10 no_workers
passed
