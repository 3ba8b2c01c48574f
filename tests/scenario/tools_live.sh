#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_live.sh - disks come and go under a guest that runs, answers late, or does not answer
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

state() {
	xpv block-list "$1" | awk -v dev="$2" '$1 == dev { print $4 }'
}

gone() {
	! xpv list "$1" >/dev/null 2>&1
}

dd if=/dev/urandom of="$DIR/a.img" bs=64k count=4 status=none
truncate -s 1M "$DIR/b.img"
sum=$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)
sim_start
before=$(store)

# A disk that is there from the start.
cat >"$DIR/once.cfg" <<-END
	name="once"
	memory=64
	kernel="$BUILD/minidom"
	extra="sum xvda; poweroff"
	disk=[ "format=raw,vdev=xvda,access=ro,target=$DIR/a.img" ]
END
works xpv create -c "$DIR/once.cfg"
contains "what the guest reads" "$out" "$sum"
eventually 5 gone once
is "the store" "$(store)" "$before"

# A disk that comes later: attach returns when the guest is connected to it.
guest live "kernel=\"$BUILD/minidom\"" 'extra="sum xvda; read xvdb 0 1; read xvdc 0 1"'
works xpv block-attach live "format=raw,vdev=xvda,target=$DIR/a.img"
is "its state" "$(state live 51712)" 4
eventually 5 grep -q "$sum" "$XPV_RUNDIR/log/guest-live.log"
works xpv block-attach live "format=raw,vdev=xvda,target=$DIR/a.img"
contains "again" "$out" "already attached"

# The guest is frozen: it is named as what holds the disk, and lets go when it runs again.
pid=$(pgrep -f "^$BUILD/minidom sum xvda" | head -n 1)
kill -STOP "$pid"
refuses 1 "the guest still has it in use after 1 s (its frontend is Connected" \
	xpv block-detach --timeout 1 live xvda
kill -CONT "$pid"
works xpv block-detach live xvda

# Frozen again: the next disk is attached, and what it waits for is said.
kill -STOP "$pid"
refuses 1 "attached, but the guest has not connected within 1 s" \
	xpv block-attach --timeout 1 live "format=raw,vdev=xvdb,target=$DIR/b.img"
kill -CONT "$pid"
works xpv block-attach live "format=raw,vdev=xvdb,target=$DIR/b.img"
contains "the second time" "$out" "already attached"
eventually 5 grep -q "^00000001f0" "$XPV_RUNDIR/log/guest-live.log"
works xpv destroy live
is "the store" "$(store)" "$before"

# Counters come from the supervisor, in both forms.
guest stats
works xpv block-attach stats "format=raw,vdev=xvda,target=$DIR/a.img"
xpv sim run --dom stats -- "$BUILD/minidom" "read xvda 0 1" >"$DIR/read"
works xpv stats
contains "the table" "$out" xvda
works xpv stats --json stats
contains "the object" "$out" '"read_reqs"'
works xpv restart stats vdisk
refuses 2 "no such class" xpv restart stats vnet
works xpv destroy stats
is "the store" "$(store)" "$before"
passed
