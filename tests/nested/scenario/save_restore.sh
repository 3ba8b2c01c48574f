#!/bin/bash
# SPDX-License-Identifier: MIT
#
# save_restore.sh - xl save and xl restore of a guest whose file systems are under load
#
# The domain ends and another one takes its place; what the frontend had not seen answered it asks
# for again, and the load does not notice. A saved guest can also be thrown away: its disks are as
# they were when it was saved. xl save -c leaves the guest running.
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
xl_guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/b.img,raw,xvdb,rw']"
load_prepare g xvda xvdb
load_begin g xvda xvdb

for ((i = 0; i < 3; i++)); do
	old=$(domid g)
	load_goes_on g xvda xvdb
	xl save g "$DIR/saved" >"$DIR/out" 2>&1 || fail "xl save: $(cat "$DIR/out")"
	leaks_none "a guest that has been saved"
	xl restore "$DIR/saved" >"$DIR/out" 2>&1 || fail "xl restore: $(cat "$DIR/out")"
	rm "$DIR/saved"
	[ "$(domid g)" -gt "$old" ] || fail "it is the same domain"
	load_goes_on g xvda xvdb
done

# The guest goes on after a checkpoint, with the connections that it has made anew.
xl save -c g "$DIR/saved" >"$DIR/out" 2>&1 || fail "xl save -c: $(cat "$DIR/out")"
rm "$DIR/saved"
load_goes_on g xvda xvdb

guest_sh g 'dmesg -c >/tmp/resumed'	# it tells of its processors and timers
works guest_sh g '! grep -iE "xvd|blkfront|vbd|I/O error|EXT4-fs" /tmp/resumed'
load_end g xvda xvdb
works guest_sh g 'umount /mnt/xvda /mnt/xvdb'
works xl destroy g
leaks_none "the end"
image_clean "$DIR/a.img" kept 0 1 2 3
image_clean "$DIR/b.img" kept 0 1 2 3
passed
