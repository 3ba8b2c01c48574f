#!/bin/bash
# SPDX-License-Identifier: MIT
#
# two_guests.sh - two guests and ten disks at once; one guest goes in mid-I/O, the other goes on
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

disks() {
	local guest=$1 letter list=

	for letter in a b c d e; do
		truncate -s 16M "$DIR/$guest$letter.img"
		list="$list${list:+,}'$DIR/$guest$letter.img,raw,xvd$letter,rw'"
	done
	echo "disk=[$list]"
}

all() {
	local command=$1 letter list=

	for letter in a b c d e; do
		list="$list${list:+; }${command//DEV/xvd$letter}"
	done
	echo "$list"
}

sim_start
guest g "$(disks g)"
guest h "$(disks h)"
for name in g h; do
	xpv sim run --dom "$name" -- "$BUILD/minidom" \
		"$(all 'fill DEV 5')" >"$DIR/$name.out" 2>&1 &
	eval "pid_$name=$!"
done
wait "$pid_g" || fail "g: $(cat "$DIR/g.out")"
wait "$pid_h" || fail "h: $(cat "$DIR/h.out")"
is "disks filled" "$(cat "$DIR/g.out" "$DIR/h.out" | grep -c ': ok$')" 10

# What the guests wrote is what the host has: equal disks, and not zeros.
sums=$(cat "$DIR"/g?.img "$DIR"/h?.img | sha256sum)
is "g's disks and h's" "$(cat "$DIR"/g?.img | sha256sum)" "$(cat "$DIR"/h?.img | sha256sum)"
zeros=$(head -c 16M /dev/zero | sha256sum)
[ "$(sha256sum <"$DIR/ga.img")" != "$zeros" ] || fail "nothing was written"

xpv sim run --dom g -- "$BUILD/minidom" "loop 100000 verify xvda 5" >"$DIR/g.out" 2>&1 &
pid_g=$!
xpv sim run --dom h -- "$BUILD/minidom" "loop 30 verify xvda 5; $(all 'verify DEV 5')" \
	>"$DIR/h.out" 2>&1 &
pid_h=$!
eventually 10 grep -q ok "$DIR/g.out"
eventually 10 grep -q ok "$DIR/h.out"
works xpv destroy g
! wait "$pid_g" || fail "a program outlived its guest"
wait "$pid_h" || fail "h: $(tail -n 3 "$DIR/h.out")"
is "h's verifications" "$(grep -c ': ok$' "$DIR/h.out")" 35
is "the images" "$(cat "$DIR"/g?.img "$DIR"/h?.img | sha256sum)" "$sums"

works xpv list
lacks "the list" "$out" "g  "
works xpv destroy h
lacks "the store" "$(store)" "vbd"
eventually 10 no_workers
passed
