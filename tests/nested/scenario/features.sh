#!/bin/bash
# SPDX-License-Identifier: MIT
#
# features.sh - what a stock Linux guest negotiates with xpv, as its own kernel shows it
#
# Large requests, a ring of several pages, several queues, persistent grants or none, discard, the
# new size of a disk that grows; each is used and verified. Then ext4 with discard, and what it gives back.
#
# seconds: 900
#
# shellcheck disable=SC2016 # the guest expands
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"

usual=$guest_boot
system_start
head -c 16M /dev/urandom >"$DIR/random"

# with OPTION...: a guest with $cpus processors whose block driver has these options
cpus=1
with() {
	local option

	guest_boot=$usual
	for option in "$@"; do
		guest_boot=${guest_boot/quiet/quiet blkfront:$option}
	done
	cp "$DIR/random" "$DIR/a.img"
	xl_guest g "disk=['$DIR/a.img,raw,xvda,rw']" "vcpus=$cpus"
	frontend=/local/domain/$(domid g)/device/vbd/51712
}

# The guest reads what Dom0 has put there, and Dom0 what the guest has.
verified() {
	is "what the guest reads" "$(guest_sh g 'sha256sum </dev/xvda')" "$(sha256sum <"$DIR/random")"
	works guest_sh g 'head -c 16M /dev/urandom >/tmp/data; dd if=/tmp/data of=/dev/xvda bs=1M \
		conv=fsync 2>/dev/null; sha256sum </tmp/data'
	is "what the guest wrote" "$(sha256sum <"$DIR/a.img")" "$out"
	[ "$(stat_of g indirect_reqs)" -gt 0 ] || fail "there were no indirect requests"
	is "errors" "$(stat_of g errors)" 0
}

# As it comes.
with
is "segments" "$(guest_sh g 'cat /sys/block/xvda/queue/max_segments')" 32
is "discard" "$(guest_sh g 'test $(cat /sys/block/xvda/queue/discard_max_bytes) -gt 0 && echo yes')" yes
is "persistent grants" "$(xenstore-read "$frontend/feature-persistent")" 1
contains "its kernel" "$(guest_sh g 'dmesg | grep xvda:')" \
	"flush diskcache: enabled; persistent grants: enabled; indirect descriptors: enabled"
verified

# The new size within the second that a look takes.
works xpv block-resize g xvda 32M
eventually 2 guest_sh g '[ "$(cat /sys/block/xvda/size)" = 65536 ]'
contains "its kernel" "$(guest_sh g 'dmesg | grep -i capacity')" "65536"
works guest_sh g 'echo beyond | dd of=/dev/xvda bs=1M seek=31 conv=sync,fsync 2>/dev/null'
is "what it wrote there" "$(tail -c 1M "$DIR/a.img" | head -n 1)" beyond

# A file system that discards, and the image on the host.
works guest_sh g 'mke2fs -q -t ext4 -E discard /dev/xvda && mount -o discard /dev/xvda /mnt &&
	head -c 12M /dev/urandom >/mnt/file && sync'
full=$(du -k "$DIR/a.img" | cut -f1)
works guest_sh g 'rm /mnt/file && sync && umount /mnt'
[ "$(du -k "$DIR/a.img" | cut -f1)" -lt $((full - 8000)) ] ||
	fail "the image had $full KiB and has $(du -k "$DIR/a.img" | cut -f1)"
fsck_clean "$DIR/a.img"
is "errors" "$(stat_of g errors)" 0
works xl destroy g

# A ring of four pages, requests of 1 MiB, nothing persistent.
with max_ring_page_order=2 max_indirect_segments=256 feature_persistent=N
is "ring-page-order" "$(xenstore-read "$frontend/ring-page-order")" 2
is "the ring's last page" "$(xenstore-read "$frontend/ring-ref3" | grep -c '^[0-9]*$')" 1
is "segments" "$(guest_sh g 'cat /sys/block/xvda/queue/max_segments')" 256
contains "its kernel" "$(guest_sh g 'dmesg | grep xvda:')" "persistent grants: disabled"
verified
worker=$(stat_of g worker)
kill -9 "$worker"
eventually 10 replaced g
is "after a kill" "$(guest_sh g 'echo 3 >/proc/sys/vm/drop_caches; sha256sum </dev/xvda')" \
	"$(sha256sum <"$DIR/a.img")"
works xl destroy g

# The largest ring. (With persistent grants the guest has pages for all of it from the beginning:
# more segments would not fit its memory.)
with max_ring_page_order=4
is "ring-page-order" "$(xenstore-read "$frontend/ring-page-order")" 4
is "segments" "$(guest_sh g 'cat /sys/block/xvda/queue/max_segments')" 32
verified
works xl destroy g

# A processor more, and so a queue more: two rings of two pages, two threads of the worker.
cpus=2
with max_ring_page_order=1
is "queues" "$(xenstore-read "$frontend/multi-queue-num-queues")" 2
is "the last ring's last page" "$(xenstore-read "$frontend/queue-1/ring-ref1" | grep -c '^[0-9]*$')" 1
is "queues in the guest" "$(guest_sh g 'ls /sys/block/xvda/mq | wc -l')" 2
verified
worker=$(stat_of g worker)
is "threads" "$(find "/proc/$worker/task" -mindepth 1 -maxdepth 1 -exec cat {}/comm \; |
	grep -c '^xpv-vdisk')" 2
kill -9 "$worker"
eventually 10 replaced g
is "after a kill" "$(guest_sh g 'echo 3 >/proc/sys/vm/drop_caches; sha256sum </dev/xvda')" \
	"$(sha256sum <"$DIR/a.img")"
works xl destroy g
eventually 20 no_workers
works xpv check
passed
