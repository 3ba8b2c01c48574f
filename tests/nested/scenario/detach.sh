#!/bin/bash
# SPDX-License-Identifier: MIT
#
# detach.sh - disks that come and go while their guest runs, is paused, and uses them
#
# xl detaches what xpv attached; what xl attached with a script, xpv leaves to xl. Under Linux 6.1 a disk that is mounted
# goes at once; a guest that is paused holds it, until xl gives up and is told to force it.
#
# seconds: 1500
#
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"
. "$(dirname "$0")/../../lib/guest_load.bash"
. "$(dirname "$0")/../../lib/leaks.bash"

truncate -s 64M "$DIR/a.img" "$DIR/b.img"
system_start
leaks_begin
xl_guest g "disk=['$DIR/a.img,raw,xvda,rw']"
load_prepare g xvda
sum_of_a=${load_sum:?}

node() {
	guest_sh g "[ $1 -e /dev/xvdb ]"
}

# The same name, attached and detached by each tool in turn; the data of one is there in the next.
cycles() {
	local i attach detach

	for ((i = 0; i < 6; i++)); do
		attach=xpv detach=xl
		[ $((i % 2)) -eq 0 ] || attach=xl
		[ $((i % 4)) -ne 2 ] || detach=xpv
		works $attach block-attach g "$DIR/b.img,raw,xvdb,rw"
		eventually 60 node ''
		[ "$attach" = xpv ] || refuses 1 "xl block-detach" xpv block-detach g xvdb
		[ "$i" -eq 0 ] ||
			is "disk $i" "$(guest_sh g 'head -n 1 /dev/xvdb')" "round $((i - 1))"
		works guest_sh g "echo round $i | dd of=/dev/xvdb conv=sync,fsync 2>/dev/null"
		works $detach block-detach g xvdb
		eventually 60 node '!'
	done
	is "loop devices" "$(losetup -a | grep -c "$DIR/b.img" || true)" 0
	works guest_sh g 'dmesg -c >/dev/null'	# it names each disk that came
}

# A guest that is paused in mid-I/O, and its worker killed meanwhile, goes on as if nothing were.
pauses() {
	local i

	load_begin g xvda
	for ((i = 0; i < 3; i++)); do
		load_goes_on g xvda
		works xl pause g
		kill -9 "$(stat_of g worker)"
		sleep 1
		works xl unpause g
	done
	load_goes_on g xvda
	load_end g xvda
}

# Mounted and written to: the guest loses the disk, not more, and the image can be mended.
mounted() {
	works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
	load_prepare g xvdb
	load_begin g xvdb
	load_goes_on g xvdb
	works xl block-detach g xvdb
	eventually 60 load_ended g
	guest_sh g 'umount -l /mnt/xvdb; dmesg -c >/dev/null'
	eventually 60 node '!'
	image_mends "$DIR/b.img"
}

# A guest that does not answer: xl gives up, nothing is lost; xl is told to force it.
paused() {
	works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
	works xl pause g
	! xl block-detach g xvdb >"$DIR/out" 2>&1 || fail "a paused guest let go: $(cat "$DIR/out")"
	works xl block-detach --force g xvdb
	works xl unpause g
	eventually 60 node '!'
}

cycles
pauses
mounted
paused
works guest_sh g 'umount /mnt/xvda'
works xl destroy g
leaks_none "the end"
load_sum=$sum_of_a	# the second disk has had data of its own
image_clean "$DIR/a.img" kept 0 1 2 3
passed
