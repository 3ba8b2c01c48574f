#!/bin/bash
# SPDX-License-Identifier: MIT
#
# two_guests.sh - two guests and ten disks at once; one guest goes in mid-I/O, the other goes on
#
# runs on: simulator, xen
# seconds: 1200
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
rounds=$((30 / slow))

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

system_start
guest g "$(disks g)"
guest h "$(disks h)"
for name in g h; do
	guest_begin $name $name "$(all 'fill DEV 5')"
done
for name in g h; do
	guest_wait $name || fail "$name: $(guest_said $name)"
	is "disks that $name has filled" "$(guest_said $name | grep -c ': ok$')" 5
done

# What the guests wrote is what the host has: equal disks, and not zeros.
sums=$(cat "$DIR"/g?.img "$DIR"/h?.img | sha256sum)
is "g's disks and h's" "$(cat "$DIR"/g?.img | sha256sum)" "$(cat "$DIR"/h?.img | sha256sum)"
zeros=$(head -c 16M /dev/zero | sha256sum)
[ "$(sha256sum <"$DIR/ga.img")" != "$zeros" ] || fail "nothing was written"

guest_begin g g "loop 100000 verify xvda 5"
guest_begin h h "loop $rounds verify xvda 5; $(all 'verify DEV 5')"
eventually 10 guest_has_said g ok
eventually 10 guest_has_said h ok
works xpv destroy g
! guest_wait g || fail "a program outlived its guest"
guest_wait h || fail "h: $(guest_said h | tail -n 3)"
is "h's verifications" "$(guest_said h | grep -c ': ok$')" $((rounds + 5))
is "the images" "$(cat "$DIR"/g?.img "$DIR"/h?.img | sha256sum)" "$sums"

works xpv list
lacks "the list" "$out" "g  "
works xpv destroy h
lacks "the store" "$(store)" "vbd"
eventually 10 no_workers
passed
