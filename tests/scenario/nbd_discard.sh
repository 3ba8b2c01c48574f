#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nbd_discard.sh - what a guest discards is given back to the host, and reads as zeros
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo qemu-io

# KiB that the image takes on the host
used() {
	du -k "$DIR/$1.img" | cut -f1
}

can_trim() {
	nbdinfo "$(nbd_uri "$1")" | sed -n "s/^[[:space:]]*can_trim: //p"
}

head -c 32M /dev/urandom >"$DIR/a.img"
cp "$DIR/a.img" "$DIR/b.img"
cp "$DIR/a.img" "$DIR/was.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','vdev=xvdb,no-discard,target=$DIR/b.img',
	'$DIR/was.img,raw,xvdc,ro']"

nbd_serve a g dev=xvda
is "trim" "$(can_trim a)" true
is "what the backend says" "$(stat_of g discard_reqs 51712)" 0
nbd_io 0 a "discard 4M 16M" "read -P 0 4M 16M" "discard 1M 4k" "read -P 0 1M 4k" flush
lacks "qemu-io" "$out" "ailed"
[ "$(used a)" -le $(((32 - 16) * 1024 + 64)) ] || fail "the image still takes $(used a) KiB"
is "its length" "$(stat -c %s "$DIR/a.img")" $((32 << 20))
for part in "0 256" "257 767" "5120 3072"; do	# in pages
	read -r skip count <<<"$part"
	is "pages $part" "$(dd if="$DIR/a.img" bs=4k skip="$skip" count="$count" status=none | sha256sum)" \
		"$(dd if="$DIR/was.img" bs=4k skip="$skip" count="$count" status=none | sha256sum)"
done
is "discarded" "$(stat_of g discard_bytes 51712)" $(((16 << 20) + 4096))
is "errors" "$(stat_of g errors 51712)" 0

# While a load verifies, and the worker is killed: a discard that is done again does no harm.
nbd_io 0 a "write -P 7 0 32M"
for ((i = 0; i < 8; i++)); do
	nbd_io 0 a "discard $((i * 4))M 2M" "read -P 0 $((i * 4))M 2M" \
		"read -P 7 $((i * 4 + 2))M 2M" &
	discard=$!
	kill -9 "$(stat_of g worker 51712)" 2>/dev/null || true
	wait "$discard" || fail "round $i: $(cat "$DIR/out")"
done
nbd_end a

# Forbidden, or read-only: it is not offered.
nbd_serve b g dev=xvdb
is "trim" "$(can_trim b)" false
nbd_end b
cmp "$DIR/b.img" "$DIR/was.img" || fail "the image has changed"
nbd_serve c g dev=xvdc
is "trim" "$(can_trim c)" false
nbd_end c
works xpv check
passed
