#!/bin/bash
# SPDX-License-Identifier: MIT
#
# create.sh - xpv create and destroy on real Xen: what xl builds, with xpv's disks in it
#
# seconds: 900
#
# shellcheck disable=SC2016 # the guest expands
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"

truncate -s 32M "$DIR/a.img" "$DIR/b.img"
system_start
before=$(lsevtchn 0 | wc -l)

# Nothing of it is left: no domain, no key, no monitor of xl's.
nothing_left() {
	[ "$(xl list | wc -l)" -eq 2 ] && ! xenstore-list /local/domain/0/backend/vbd 2>/dev/null &&
		no_workers && ! pgrep -f '^[^ ]*xl create'
}

# It runs, with both disks, before anything in it could have asked for one.
guest g "disk=['$DIR/a.img,raw,xvda,rw', '$DIR/b.img,raw,xvdb,r']"
is "xpv's disks" "$(xpv block-list g | awk 'NR > 1 { print $1, $4 }')" "51712 4
51728 4"
works guest_sh g 'cat /sys/block/xvda/size /sys/block/xvdb/ro'
is "size and mode" "$out" "65536
1"
works guest_sh g 'head -c 1M /dev/urandom >/tmp/data && cat /tmp/data >/dev/xvda && sync && sha256sum </tmp/data'
is "what the guest wrote" "$(head -c 1M "$DIR/a.img" | sha256sum)" "$out"
contains "list" "$(xpv list)" "Domain-0"
works xpv check

# Names and configurations are checked as they are in the simulator.
refuses 1 "has this name already" xpv create "$DIR/g.cfg"
refuses 1 "is in use by disk 51712 of domain" xpv create "$DIR/g.cfg" 'name="h"'
is "guests" "$(xpv list --json | grep -c '"domid"')" 2

# It is xl that sees the guest end.
works xpv shutdown g
eventually 60 nothing_left

# Refused before anything is built, by xl while it builds, by the backend after that.
refuses 1 "No such file" xpv create "$DIR/none.cfg"
refuses 1 "bootloader=" xpv create "$DIR/g.cfg" 'bootloader="pygrub"'
refuses 1 "emulates" xpv create "$DIR/g.cfg" 'type="hvm"' 'kernel=""'
refuses 1 "xl create: " xpv create "$DIR/g.cfg" 'kernel="/nonexistent"'
contains "xl's own words" "$(cat "$XPV_RUNDIR/log/xl.log")" "/nonexistent"
truncate -s 0 "$DIR/empty.img"
refuses 1 "empty.img" xpv create "$DIR/g.cfg" "disk=['$DIR/empty.img,raw,xvda,rw']"
works nothing_left

# Paused, started, ended while it runs.
works xpv create -p --json "$DIR/g.cfg"
contains "json" "$out" '"name": "g"'
is "state" "$(xpv list --json g | sed -n 's/.*"state": "\(.*\)".*/\1/p')" paused
is "frontend" "$(xpv block-list g | awk 'NR == 2 { print $4 }')" 1
works xpv unpause g
guest_up g
works xpv pause g
works xpv unpause g
works guest_sh g 'sha256sum </tmp/none 2>&1 || head -c 1M /dev/xvda | sha256sum'
contains "what was written before" "$out" "$(head -c 1M "$DIR/a.img" | sha256sum)"
works xpv destroy g
works nothing_left
refuses 1 "no such domain" xpv destroy g

# The console is there before the guest says anything; it ends with the guest.
mkfifo "$DIR/typed"
exec 9<>"$DIR/typed"		# nothing is typed, and it does not end
timeout 120 "$BUILD/xpv" create -c "$DIR/g.cfg" 'on_poweroff="destroy"' <&9 >"$DIR/console" 2>&1 &
console=$!
until xenstore-read "$(guest_path g)/ready" >/dev/null 2>&1; do
	kill -0 "$console" 2>/dev/null || fail "create -c: $(cat "$DIR/console")"
	sleep 0.5
done
works xpv shutdown g
wait "$console" ||
	fail "the console's status: $?: $(cat "$DIR/console")"
contains "the console" "$(cat "$DIR/console")" "guest: ready"
eventually 60 nothing_left

# Without xpvd.
kill "$xpvd"
eventually 10 refuses 1 "xpvd is not running" xpv create "$DIR/g.cfg"
xpvd=
works nothing_left
is "event channels" "$(lsevtchn 0 | wc -l)" "$before"
passed
