#!/bin/bash
# SPDX-License-Identifier: MIT
#
# resize.sh - xpv block-resize: a disk grows while its guest uses it, and never shrinks
#
# runs on: simulator, xen
#
# shellcheck source=tests/lib/scenario.sh
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
truncate -s 4M "$DIR/a.img" "$DIR/r.img"
system_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/r.img,raw,xvdb,ro','vdev=xvdc,target=ram:1M']"
backend=/local/domain/0/backend/vbd/$(domid g)/51712

sectors() {
	xen xenstore-read "$backend/sectors"
}

# One program that has the disk open all the time, and sees each new size.
guest_begin life g
guest_tell life "fill xvda 1"
eventually 10 guest_has_said life "fill xvda: 8192 sectors, seed 1: ok"
works xpv block-resize g xvda 6M
is "sectors" "$(sectors)" 12288
is "the image" "$(stat -c %s "$DIR/a.img")" 6291456
is "state" "$(xen xenstore-read "$backend/state")" 4
guest_tell life "verify xvda 1 0 8192"
guest_tell life "fill xvda 2"
eventually 10 guest_has_said life "fill xvda: 12288 sectors, seed 2: ok"

# What other tools have made of the image; saying it twice is no error.
truncate -s 8M "$DIR/a.img"
works xpv block-resize --json g xvda
contains "json" "$out" '"sectors": 16384'
works xpv block-resize g xvda
works xpv block-resize g 51712 8388608
guest_tell life "fill xvda 3"
eventually 10 guest_has_said life "fill xvda: 16384 sectors, seed 3: ok"

# It does not shrink, and nothing is changed by the attempt.
refuses 1 "does not shrink" xpv block-resize g xvda 4M
refuses 1 "multiple of 512" xpv block-resize g xvda 9000001
is "the image" "$(stat -c %s "$DIR/a.img")" 8388608
for size in 0 "" +1 1.5G 5X 5MB 20g 99999999999999999999 9999999T; do
	refuses 2 "not a size" xpv block-resize g xvda "$size"
done
refuses 2 "not a virtual disk" xpv block-resize g nodisk 5M
refuses 2 "needed" xpv block-resize g
refuses 1 "no such domain" xpv block-resize nobody xvda 5M
refuses 1 "serves no such disk" xpv block-resize g xvdz 5M
refuses 1 "only raw files and block devices" xpv block-resize g xvdc 5M
is "sectors" "$(sectors)" 16384

# A read-only image is not made longer, but may be found to be.
refuses 1 "read-only" xpv block-resize g xvdb 6M
# Nobody is told before the guest connects, which it does with the new size.
truncate -s 4608K "$DIR/r.img"
works timeout 8 "$BUILD/xpv" block-resize --json g xvdb
contains "json" "$out" '"sectors": 9216'
guest_tell life "sum xvdb"
eventually 10 guest_has_said life "  xvdb"
is "sectors of xvdb" "$(xen xenstore-read "${backend%51712}51728/sectors")" 9216
truncate -s 5M "$DIR/r.img"
works xpv block-resize g xvdb
is "sectors of xvdb" "$(xen xenstore-read "${backend%51712}51728/sectors")" 10240

# A worker that dies before it knows: its successor knows, and the guest hears of it.
worker=$(stat_of g worker 51712)
kill -STOP "$worker"
xpv block-resize g xvda 10M >"$DIR/resize" 2>&1 &
resize=$!
sleep 0.3
is "sectors, before the worker knows" "$(sectors)" 16384
kill -9 "$worker"
wait "$resize" || fail "block-resize: $(cat "$DIR/resize")"
is "sectors" "$(sectors)" 20480
guest_tell life "stress xvda 9 3"
eventually 20 guest_has_said life "stress xvda: 20480 sectors, seed 9, 3 rounds: ok"

# One that is being connected: its worker knows one size, and the guest is not told another. (What is
# stopped is the worker that the guest's other disk has.)
truncate -s 4M "$DIR/s.img"
works xpv block-attach g "$DIR/s.img,raw,xvdd,rw"
worker=$(stat_of g worker 51712)
kill -STOP "$worker"
guest_tell life "fill xvdd 5"
connecting() { [ "$(xen xenstore-read "/local/domain/$(domid g)/device/vbd/51760/state")" -ge 3 ]; }
eventually 10 connecting
sleep 0.3
xpv block-resize g xvdd 6M >"$DIR/resize" 2>&1 &
resize=$!
sleep 0.3
kill -CONT "$worker"
wait "$resize" || contains "block-resize" "$(cat "$DIR/resize")" "being connected"
eventually 20 guest_has_said life "fill xvdd: "
works xpv block-resize g xvdd 7M
guest_tell life "fill xvdd 6"
eventually 10 guest_has_said life "fill xvdd: 14336 sectors, seed 6: ok"
is "errors of xvdd" "$(stat_of g errors 51760)" 0

# Another xpvd, which has not connected the disk, makes it grow as well.
kill -9 "$(xpvd_pid)"
xpvd_again
refuses 1 "does not shrink" xpv block-resize g xvda 4M
works xpv block-resize g xvda 10752K
is "sectors" "$(sectors)" 21504
guest_tell life "fill xvda 4"
eventually 10 guest_has_said life "fill xvda: 21504 sectors, seed 4: ok"

# Under load, again and again.
guest_tell life "loop 0 stress xvda 20 1 0 8192"
for size in 11 12 13 14 15 16; do
	works xpv block-resize g xvda "${size}M"
	guest_grown life 0
done
guest_goes_on life
is "errors" "$(stat_of g errors 51712)" 0
works xpv check
passed
