# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# guest_load.bash - file systems under load in a Linux guest, and what is true of them afterwards
#
# A load writes files, lets them reach the disk, drops the page cache and compares, until it is
# told to stop; the first difference or error ends it. What it compares with stands in the guest's
# memory. Source it after scenario.sh, with FRONTEND=stock.

LOAD_MB=6

# load_prepare GUEST DISK...: an ext4 on each, mounted at /mnt/DISK, with a file of known content
load_prepare() {
	local guest=$1 disk

	shift
	works guest_sh "$guest" "head -c ${LOAD_MB}M /dev/urandom >/tmp/data; sha256sum </tmp/data"
	load_sum=${out:?}
	# shellcheck disable=SC2016 # the guest's shell expands it
	works guest_sh "$guest" 'cat >/tmp/load <<"END"
n=0
while [ ! -e /tmp/stop ]; do
	file=/mnt/$1/$((n % 4))
	{ cp /tmp/data $file && sync $file && echo 3 >/proc/sys/vm/drop_caches &&
		cmp /tmp/data $file; } || { echo "round $n"; exit 1; }
	n=$((n + 1))
	echo $n >/tmp/rounds.$1
done
END'
	for disk in "$@"; do
		works guest_sh "$guest" "mkdir -p /mnt/$disk && mke2fs -q -t ext4 /dev/$disk &&
			mount /dev/$disk /mnt/$disk && cp /tmp/data /mnt/$disk/kept && sync"
	done
	# 4: the kernel does not mention it from now on
	works guest_sh "$guest" 'echo 4 >/proc/sys/vm/drop_caches; dmesg -c >/dev/null'
}

# load_begin GUEST DISK...
load_begin() {
	local guest=$1 disk

	shift
	for disk in "$@"; do
		works guest_sh "$guest" "rm -f /tmp/stop; echo 0 >/tmp/rounds.$disk
(bash /tmp/load $disk >/tmp/load.$disk 2>&1; echo \$? >>/tmp/load.$disk) >/dev/null 2>&1 &"
	done
}

# How many have ended; 0 also while the number is being written.
load_rounds() {
	guest_sh "$1" "read -r n </tmp/rounds.$2; echo \${n:-0}"
}

# load_goes_on GUEST DISK...: each load ends two more rounds, the last of them begun after now.
load_goes_on() {
	local guest=$1 disk end said goal

	shift
	for disk in "$@"; do
		goal=$(($(load_rounds "$guest" "$disk") + 2)) end=$((SECONDS + 240))
		until [ "$(load_rounds "$guest" "$disk")" -ge "$goal" ]; do
			said=$(guest_sh "$guest" "cat /tmp/load.$disk")
			[ -z "$said" ] || fail "the load on $disk has ended: $said"
			[ "$SECONDS" -lt "$end" ] || fail "the load on $disk does not go on"
			sleep 0.2
		done
		checks=$((checks + 1))
	done
}

# What the kernel has said since load_prepare, but for what emulation does to its clocks.
guest_dmesg() {
	guest_sh "$1" "dmesg -c | grep -v 'clocksource:\|hrtimer:' || true"
}

# Each has left its status as its last word.
load_ended() {
	# shellcheck disable=SC2016 # the guest's shell expands it
	guest_sh "$1" 'for f in /tmp/load.*; do [[ $(tail -n 1 $f) =~ ^[0-9]+$ ]] || exit 1; done'
}

# load_end GUEST DISK...: stops the loads; none of them has seen anything wrong.
load_end() {
	local guest=$1 disk

	shift
	guest_sh "$guest" 'touch /tmp/stop'
	eventually 120 load_ended "$guest"
	for disk in "$@"; do
		is "the load on $disk" "$(guest_sh "$guest" "cat /tmp/load.$disk")" 0
	done
	is "what the guest's kernel says" "$(guest_dmesg "$guest")" ""
}

# image_clean IMAGE [FILE...]: Dom0 finds nothing to mend, and the files have the known content.
image_clean() {
	local image=$1 file

	shift
	fsck_clean "$image"
	image_files "$image" "$@"
}

# image_mends IMAGE: of a guest that ended in the middle of everything. Its journal is replayed, and
# what had been synced is there.
image_mends() {
	local status=0

	e2fsck -fp "$1" >"$DIR/fsck" 2>&1 || status=$?
	[ "$status" -le 1 ] || fail "e2fsck $1: status $status: $(cat "$DIR/fsck")"
	image_clean "$1" kept
}

image_files() {
	local image=$1 file

	shift
	for file in "$@"; do
		is "$file in $image" "$(debugfs -R "cat $file" "$image" 2>/dev/null | sha256sum)" \
			"$load_sum"
	done
}
