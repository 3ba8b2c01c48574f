#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_live.sh - disks come and go under a guest that runs, answers late, or does not answer
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom

state() {
	xpv block-list "$1" | awk -v dev="$2" '$1 == dev { print $4 }'
}

dd if=/dev/urandom of="$DIR/a.img" bs=64k count=4 status=none
truncate -s 1M "$DIR/b.img"
sum=$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)
system_start
before=$(store)

# A disk that comes later: attach returns when the guest is connected to it.
guest_deaf live
guest_begin life live
guest_tell life "sum xvda"
works xpv block-attach live "format=raw,vdev=xvda,target=$DIR/a.img"
is "its state" "$(state live 51712)" 4
eventually 5 guest_has_said life "$sum"
works xpv block-attach live "format=raw,vdev=xvda,target=$DIR/a.img"
contains "again" "$out" "already attached"

# The guest is frozen: it is named as what holds the disk, and lets go when it runs again.
guest_kill life STOP
refuses 1 "the guest still has it in use after 1 s (its frontend is Connected" \
	xpv block-detach --timeout 1 live xvda
guest_kill life CONT
works xpv block-detach live xvda

# Frozen again: the next disk is attached, and what it waits for is said.
guest_tell life "read xvdb 0 1"
guest_kill life STOP
refuses 1 "attached, but the guest has not connected within 1 s" \
	xpv block-attach --timeout 1 live "format=raw,vdev=xvdb,target=$DIR/b.img"
guest_kill life CONT
works xpv block-attach live "format=raw,vdev=xvdb,target=$DIR/b.img"
contains "the second time" "$out" "already attached"
eventually 5 guest_has_said life "^00000001f0"
works xpv destroy live
is "the store" "$(store)" "$before"

# Counters come from the supervisor, in both forms.
guest stats
works xpv block-attach stats "format=raw,vdev=xvda,target=$DIR/a.img"
works in_guest stats "read xvda 0 1"
works xpv stats
contains "the table" "$out" xvda
works xpv stats --json stats
contains "the object" "$out" '"read_reqs"'
works xpv restart stats vdisk
refuses 2 "no such class" xpv restart stats vnet
works xpv destroy stats
is "the store" "$(store)" "$before"
passed
