#!/bin/bash
# SPDX-License-Identifier: MIT
#
# create_reboot.sh - xpv's disks outlive a reboot, a save and a restore by plain xl
#
# xl makes the guest anew from libxl's description of it: disks of `xpv create` and of
# `xpv block-attach` are in it, with the words that only xpv knows, and one that was detached is not.
#
# seconds: 900
#
# shellcheck disable=SC2016 # the guest expands
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"

truncate -s 32M "$DIR/a.img" "$DIR/b.img" "$DIR/c.img"
system_start

# The disks that the guest has, and whether each holds what was written to it.
disks() {
	guest_sh "$1" 'for d in /sys/block/xvd*; do d=${d##*/}; echo "$d $(head -c 1M /dev/$d | sha256sum)"; done'
}

# What it was attached with, as the guest sees it, and Dom0.
words() {
	guest_sh "$1" 'cat /sys/block/xvdb/queue/logical_block_size'
	xpv block-limit "$1" xvdb
}

moved_on() {
	[ "$(domid g)" -gt "$1" ] 2>/dev/null
}

guest g "disk=['$DIR/a.img,raw,xvda,rw']" 'on_reboot="restart"'
first=$(domid g)
works xpv block-attach g "vdev=xvdb,sector-size=4096,iops=50000,target=$DIR/b.img"
works xpv block-attach g "$DIR/c.img,raw,xvdc,rw"
works guest_sh g 'for d in a b; do head -c 1M /dev/urandom >/dev/xvd$d; done; sync'
works xpv block-detach g xvdc
before=$(disks g)
is "disks" "$(wc -l <<<"$before")" 2
is "sector size and limit" "$(words g)" "4096
iops=50000"

xl reboot g >"$DIR/out" 2>&1 || fail "xl reboot: $(cat "$DIR/out")"
eventually 120 moved_on "$first"
guest_up g
is "disks after a reboot" "$(disks g)" "$before"
is "sector size and limit after a reboot" "$(words g)" "4096
iops=50000"
works xpv check

second=$(domid g)
mkdir -p /var/lib/xen
xl save g "$DIR/g.save" >"$DIR/out" 2>&1 || fail "xl save: $(cat "$DIR/out")"
xl restore "$DIR/g.save" >"$DIR/out" 2>&1 || fail "xl restore: $(cat "$DIR/out")"
eventually 60 moved_on "$second"
is "disks after a restore" "$(disks g)" "$before"
works xpv destroy g
eventually 10 no_workers
is "loop devices" "$(losetup -a)" ""
passed
