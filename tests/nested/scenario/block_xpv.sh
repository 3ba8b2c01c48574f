#!/bin/bash
# SPDX-License-Identifier: MIT
#
# block_xpv.sh - disks that plain xl sets up with script=block-xpv
#
# Files as they are, without a loop device, by any name; an image that is not raw; memory. Attached
# with the guest and while it runs, refused with the script's own words, kept over a reboot.
#
# layers: storage
# seconds: 900
#
# shellcheck disable=SC2016 # the guest expands
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"
. "$(dirname "$0")/../../lib/leaks.bash"

odd="$DIR/an odd name.img"
truncate -s 16M "$odd"
truncate -s 0 "$DIR/empty.img"
qemu-img create -q -f qcow2 "$DIR/a.qcow2" 16M
system_start
leaks_begin

# disk VDEV TARGET: its specification
disk() {
	echo "script=block-xpv,vdev=$1,access=rw,target=$2"
}

sums() {
	guest_sh g 'for d in /sys/block/xvd*; do d=${d##*/}; echo "$d $(sha256sum </dev/$d)"; done'
}

xl_guest g "disk=['$(disk xvda "$odd")','$(disk xvdb "qcow2:$DIR/a.qcow2")']" 'on_reboot="restart"'
is "states" "$(xl block-list g | awk 'NR > 1 { print $1, $4 }' | tr '\n' ' ')" "51712 4 51728 4 "
is "loop devices" "$(losetup -a)" ""
works guest_sh g 'for d in a b; do head -c 16M /dev/urandom >/dev/xvd$d || exit 1; done; sync'
before=$(sums)
contains "the file" "$before" "xvda $(sha256sum <"$odd")"

# While it runs; and what the script says of what cannot be.
works xl block-attach g "$(disk xvdc ram:8M)"
works guest_sh g 'head -c 8M /dev/urandom >/tmp/c && cp /tmp/c /dev/xvdc && sync &&
	echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/c /dev/xvdc'
works xl block-detach g xvdc

# refused TARGET REASON: xl says why. It leaves what it has made, as with any script.
refused() {
	! xl block-attach g "$(disk xvdd "$1")" >"$DIR/said" 2>&1 || fail "$1 was attached"
	contains "$1" "$(cat "$DIR/said")" "$2"
	works xl block-detach g xvdd
	is "disks" "$(xl block-list g | grep -c /backend/)" 2
}
refused "$DIR/none.img" "no such file"
refused "$DIR/empty.img" "it is empty"
refused "$odd" "only readers may share"

first=$(domid g)
moved_on() { [ "$(domid g)" -gt "$first" ] 2>/dev/null; }
xl reboot g >"$DIR/out" 2>&1 || fail "xl reboot: $(cat "$DIR/out")"
eventually 120 moved_on
guest_up g
is "disks after a reboot" "$(sums)" "$before"
works xl destroy g
leaks_none "the end"
qemu-img convert -f qcow2 -O raw "$DIR/a.qcow2" "$DIR/a.img"
contains "the image" "$before" "xvdb $(sha256sum <"$DIR/a.img")"
passed
