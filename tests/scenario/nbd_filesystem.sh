#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nbd_filesystem.sh - a file system on a guest's disk, made and filled through the frontend: by
# e2fsprogs on a file that is the disk (nbdfuse), and by copying an image
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo nbdcopy mke2fs debugfs

# holds IMAGE: a sound file system with our folder in it
holds() {
	fsck_clean "$1"
	debugfs -R "dump /code/big $DIR/big.out" "$1" >/dev/null 2>&1
	works cmp "$DIR/files/code/big" "$DIR/big.out"
	rm "$DIR/big.out"
}

mkdir -p "$DIR/files/code"
cp "$(dirname "$0")"/*.sh "$DIR/files/code/"
dd if=/dev/urandom of="$DIR/files/code/big" bs=1M count=12 status=none
truncate -s 48M "$DIR/a.img" "$DIR/b.img" "$DIR/made.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/b.img,raw,xvdb,rw']"

# An image that was made elsewhere.
mke2fs -q -t ext4 -d "$DIR/files" "$DIR/made.img" || fail "mke2fs"
nbd_serve a g xvda
works nbdcopy --flush "$DIR/made.img" "$(nbd_uri a)"
holds "$DIR/a.img"
works nbdcopy "$(nbd_uri a)" "$DIR/out.img"
holds "$DIR/out.img"
nbd_end a

# One that is made on the disk itself, and read there by the next server. nbdfuse unmounts when it
# is asked to end.
command -v nbdfuse >/dev/null || skip "nbdfuse is not installed: only copies were tried"
nbdfuse=
end_nbdfuse() {
	kill "$nbdfuse" || true
	wait "$nbdfuse" || true		# it says that it was a signal
	nbdfuse=
}
# $DIR cannot be removed while something is mounted there; clean_up() wants to see the status.
leave() {
	[ -z "$nbdfuse" ] || end_nbdfuse
	return "$1"
}
trap 'leave $? || clean_up; clean_up' EXIT
touch "$DIR/disk"

# mounted: $DIR/disk is the guest's disk xvdb
mounted() {
	nbd_serve b g xvdb
	nbdfuse "$DIR/disk" "$(nbd_uri b)" >"$DIR/nbdfuse" 2>&1 &
	nbdfuse=$!
	has_size() { [ "$(stat -c %s "$DIR/disk")" -gt 0 ] || ! kill -0 "$nbdfuse"; }
	eventually 5 has_size
	kill -0 "$nbdfuse" || skip "nothing can be mounted here: $(cat "$DIR/nbdfuse")"
}

unmounted() {
	end_nbdfuse
	nbd_end b
}

mounted
mke2fs -q -t ext4 -d "$DIR/files" "$DIR/disk" || fail "mke2fs: $(cat "$DIR/nbdfuse")"
unmounted
holds "$DIR/b.img"
mounted
holds "$DIR/disk"
unmounted
works xpv destroy g
passed
