#!/bin/bash
# SPDX-License-Identifier: MIT
#
# reboot.sh - a guest that starts again has its disks again, with the data on them
#
# By xl reboot, by itself, and by a crash with on_crash=restart; in mid-I/O each time. xl's monitor
# makes the new domain from what libxl has recorded: that has to include a disk that xpv attached
# while the guest ran, and must not include one that was detached.
#
# seconds: 1500
#
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"
. "$(dirname "$0")/../../lib/guest_load.bash"
. "$(dirname "$0")/../../lib/leaks.bash"

truncate -s 64M "$DIR/a.img" "$DIR/b.img" "$DIR/c.img"
system_start
leaks_begin
xl_guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/c.img,raw,xvdc,rw']" \
	"on_reboot='restart'" "on_crash='restart'"

another_domain() {
	local id

	id=$(domid g) && [ -n "$id" ] && [ "$id" -gt "$old" ]
}

# restarts HOW COMMAND...: the command makes the guest start again, while xvda is being written to.
restarts() {
	local how=$1

	shift
	old=$(domid g)
	works guest_sh g 'mkdir -p /mnt/xvda; mount /dev/xvda /mnt/xvda'
	works guest_sh g '(cat /dev/zero >/mnt/xvda/fill; sync) >/dev/null 2>&1 &'
	"$@" >"$DIR/out" 2>&1 || fail "$how: $(cat "$DIR/out")"
	eventually 120 another_domain
	guest_up g
	is "the kept file after $how" "$(guest_sh g 'mkdir -p /mnt/xvda && mount /dev/xvda /mnt/xvda &&
		sha256sum </mnt/xvda/kept; rm -f /mnt/xvda/fill; umount /mnt/xvda')" "${load_sum:?}"
}

load_prepare g xvda
works guest_sh g 'umount /mnt/xvda'
restarts "xl reboot" xl reboot g
restarts "reboot -f" guest_ask g 'busybox reboot -f'
restarts "a crash" guest_crash g

# What is added and taken away outlives the domain.
works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
works xl block-detach g xvdc
works guest_sh g 'echo here | dd of=/dev/xvdb conv=sync,fsync 2>/dev/null'
restarts "xl reboot" xl reboot g
is "the disk that xpv attached" "$(guest_sh g 'head -n 1 /dev/xvdb')" here
works guest_sh g '[ ! -e /dev/xvdc ]'

works xl destroy g
leaks_none "the end"
image_clean "$DIR/a.img" kept
passed
