#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hotplug_loop.sh - the loop devices that xl's block script makes
#
# The file behind a loop device is opened in its place if the device is all of it and is what
# `params` names; otherwise the device is. Either way `losetup -d` must succeed at once when the
# disk is Closed, for the script does just that and nothing looks again.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/libxl.bash"

need xpv xpvd xpv-vdisk minidom
truncate -s 4M "$DIR/a.img" "$DIR/b.img"
loop=$(losetup -f --show "$DIR/a.img" 2>"$DIR/err") ||
	skip "no loop device can be made here: $(cat "$DIR/err")"
link='' links=''
finish() {
	local status=$?

	set +e
	for dev in "$loop" "${part:-}"; do
		[ -z "$dev" ] || losetup -d "$dev" 2>/dev/null
	done
	[ -z "$link" ] || rm -f "$link"
	[ -z "$links" ] || rmdir "$links"
	(exit "$status")
	clean_up
}
trap finish EXIT

numbers() {
	stat -L -c %t:%T "$1"
}

# What the worker has open, of all that is a disk's; a link's name is the kernel's for it.
opened() {
	local pid

	pid=$(xpv stats --json g | sed -n 's/^ *"worker": *\([0-9]*\),\{0,1\}$/\1/p')
	find "/proc/$pid/fd" \( -lname "$DIR/*.img" -o -lname '/dev/*loop*' -o -lname '/dev/block/*' \) \
		-printf '%l\n' | sort -u
}

# serves WHAT PARAMS KEY VALUE...: a disk with these keys serves the guest from WHAT
serves() {
	local what=$1 params=$2 job

	shift 2
	libxl_add "$params" w script /etc/xen/scripts/block
	eventually 10 reads "$back/state" 2
	while [ "$#" -gt 0 ]; do
		put "$back/$1" "$2"
		shift 2
	done
	put "$back/hotplug-status" connected
	: >"$DIR/guest"
	xpv sim run --dom g -- "$BUILD/minidom" "loop 100000 stress xvda 7 1" >"$DIR/guest" 2>&1 &
	job=$!
	eventually 10 grep -q ok "$DIR/guest"
	is "what is open" "$(opened)" "$what"
	xen xenstore-rm "$front"
	libxl_ask_to_close
	eventually 10 reads "$back/state" 6
	kill "$job" 2>/dev/null || true
	wait "$job" || true
}

gone() {
	[[ $(losetup -a) != *"$DIR/$1"* ]]
}

forget() {
	xen xenstore-rm -t "$back" "$record"
	eventually 10 no_workers
}

sim_start
guest g
libxl_name g

# All of the file that params names: the file. Its loop device goes at once.
serves "$DIR/a.img" "$DIR/a.img" node "$loop" physical-device "$(numbers "$loop")" \
	physical-device-path "$loop"
works losetup -d "$loop"
gone a.img || fail "the loop device is still held"
loop=
forget

# A part of it, or another file than params names: the device.
part=$(losetup -f --show -o 1M "$DIR/a.img")
serves "$part" "$DIR/a.img" physical-device-path "$part"
works losetup -d "$part"
gone a.img || fail "the loop device is still held"
forget
part=$(losetup -f --show --sizelimit 1M "$DIR/a.img")
serves "$part" "$DIR/a.img" physical-device-path "$part"
works losetup -d "$part"
forget
part=$(losetup -f --show "$DIR/a.img")
serves "$part" "$DIR/b.img" physical-device-path "$part"
serves_sum=$(sha256sum <"$DIR/b.img")
is "the file that params names" "$serves_sum" "$(head -c 4M /dev/zero | sha256sum)"
works losetup -d "$part"
forget

# Only its numbers are known. Where no udev keeps /dev/block, we do for a moment.
part=$(losetup -f --show "$DIR/b.img")
node=/dev/block/$(printf '%d:%d' "0x$(stat -c %t "$part")" "0x$(stat -c %T "$part")")
if [ ! -e "$node" ]; then
	[ -d /dev/block ] || { mkdir /dev/block && links=/dev/block; }
	ln -s "../${part##*/}" "$node" && link=$node
fi
serves "$DIR/b.img" "$DIR/b.img" physical-device "$(numbers "$part")"
forget
serves "$part" "$DIR/a.img" physical-device "$(numbers "$part")"
forget
works losetup -d "$part"

# A loop device that may only be read, for a disk that is to be written.
part=$(losetup -f --show -r "$DIR/b.img")
libxl_add "$DIR/b.img" w script /etc/xen/scripts/block
eventually 10 reads "$back/state" 2
put "$back/physical-device-path" "$part" "$back/hotplug-status" connected
! xpv sim run --dom g -- "$BUILD/minidom" "sum xvda" >"$DIR/guest" 2>&1 || fail "it was served"
contains "the reason" "$(get "$error")" "$part is read-only"
libxl_ask_to_close
eventually 10 reads "$back/state" 6
works losetup -d "$part"
libxl_forget
works xpv destroy g
passed
