#!/bin/bash
# SPDX-License-Identifier: MIT
#
# quick.sh - the part of the nested runs that `make test` has: one boot, each way in, one kill
#
# A stock Linux guest gets a disk through plain xl (xpvd in xen-blkback's place, the stock block
# script) and one through xpv; its own ext4 is filled and checked while the worker is killed.
#
# seconds: 300
#
# shellcheck disable=SC2016 # the guest expands
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"

truncate -s 192M "$DIR/a.img"
truncate -s 64M "$DIR/b.img"
system_start
before=$(lsevtchn 0 | wc -l)

# Plain xl.
xl_guest g "disk=['$DIR/a.img,raw,xvda,rw']"
contains "xl block-list" "$(xl block-list g)" "/local/domain/0/backend/vbd/$(domid g)/51712"
works guest_sh g 'mke2fs -q -t ext4 /dev/xvda && mount /dev/xvda /mnt'

# Our own way in, while the guest runs.
works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
works guest_sh g 'head -c 32M /dev/urandom >/tmp/data && cat /tmp/data >/dev/xvdb && sync &&
	sha256sum </tmp/data'
is "what the guest wrote" "$(head -c 32M "$DIR/b.img" | sha256sum)" "$out"

works guest_sh g 'dmesg -c >/dev/null'
guest_sh g 'for i in 1 2 3; do cp /tmp/data /mnt/$i && sync; done >/tmp/fill 2>&1; echo $? >/tmp/filled' &
fill=$!
for _ in 1 2 3; do
	sleep 0.7
	worker=$(stat_of g worker)
	[ "${worker:-0}" -gt 0 ] && kill -9 "$worker"
done
wait "$fill"
is "the copy in the guest" "$(guest_sh g 'cat /tmp/filled /tmp/fill')" 0
sum=$(guest_sh g 'sha256sum </tmp/data')
for i in 1 2 3; do
	is "file $i" "$(guest_sh g "echo 3 >/proc/sys/vm/drop_caches; sha256sum </mnt/$i")" "$sum"
done
is "the guest's kernel says" "$(guest_sh g 'dmesg -c | grep -v drop_caches')" ""
works guest_sh g 'umount /mnt'
works xl block-detach g xvdb
works xl destroy g
eventually 10 no_workers
fsck_clean "$DIR/a.img"
is "event channels" "$(lsevtchn 0 | wc -l)" "$before"
is "loop devices" "$(losetup -a)" ""
works xpv check
passed
