#!/bin/bash
# SPDX-License-Identifier: MIT
#
# destroy.sh - every way in which a guest ends in mid-I/O leaves Dom0 as it was
#
# xl destroy, also while the worker or xpvd is dead; a crash; power off. The domain has to be gone,
# which it is only when no page and no port of it is held by anyone. Its file system can be mended,
# and what had been synced is there.
#
# seconds: 1500
#
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"
. "$(dirname "$0")/../../lib/guest_load.bash"
. "$(dirname "$0")/../../lib/leaks.bash"

# A guest with a load on a disk of xl's and on one of xpv's
start() {
	truncate -s 0 "$DIR/a.img" "$DIR/b.img"
	truncate -s 64M "$DIR/a.img" "$DIR/b.img"
	xl_guest g "disk=['$DIR/a.img,raw,xvda,rw']" "on_crash='destroy'" "on_poweroff='destroy'"
	works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
	load_prepare g xvda xvdb
	load_begin g xvda xvdb
	load_goes_on g xvda
}

gone() {
	! xl domid g
}

# It ends, and nothing is left of it but the data.
ended() {
	eventually 60 gone
	leaks_none "$1"
	image_mends "$DIR/a.img"
	image_mends "$DIR/b.img"
}

system_start
leaks_begin

start
works xl destroy g
ended "xl destroy"

start
kill -9 "$(stat_of g worker)"
works xl destroy g
ended "xl destroy, with the worker killed"

start
guest_crash g
ended "a crash"

start
guest_ask g 'busybox poweroff -f'
ended "power off"

start
kill -9 "${xpvd:?}"
wait "$xpvd" || true
# xl waits for a backend in vain, and gives up on the disk's script with it: the loop device that it
# has made is the administrator's to take down. Nothing else is left.
xl destroy g >"$DIR/out" 2>&1 || true
losetup -j "$DIR/a.img" | cut -d: -f1 | xargs -r losetup -d
xpvd_start
ended "xl destroy, without xpvd"
passed
