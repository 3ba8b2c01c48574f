#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_images.sh - one image has many names, and is one image
#
# runs on: simulator, xen
# seconds: 1200
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
xl=/usr/lib/xen-4.17/bin/xl
loops=()

finish() {
	local status=$?

	set +e
	[ "${#loops[@]}" -eq 0 ] || losetup -d "${loops[@]}"
	(exit "$status")
	clean_up
}
trap finish EXIT

# loop OPTION... FILE: sets $loop to a new loop device.
loop() {
	loop=$(losetup --find --show "$@") || return 1
	loops+=("$loop")
}

truncate -s 1M "$DIR/a.img" "$DIR/b.img"
ln -s a.img "$DIR/symbolic"
ln "$DIR/a.img" "$DIR/hard"
system_start
guest g
guest h

# Attached again under another name: it is there, and stays as it was first written.
works xpv block-attach g "$DIR/a.img,raw,xvda,rw"
before=$(store)
for name in ./a.img a.img symbolic hard "$DIR/symbolic" "$DIR/../$(basename "$DIR")/a.img"; do
	cd "$DIR"
	works xpv block-attach g "$name,raw,xvda,rw"
	contains "as $name" "$out" "already attached"
	cd "$OLDPWD"
	is "the store" "$(store)" "$before"
done
refuses 1 "another disk of that name" xpv block-attach g "$DIR/b.img,raw,xvda,rw"
refuses 1 "another disk of that name" xpv block-attach g "$DIR/hard,raw,xvda,ro"
works xpv block-detach g xvda

# What the store has is a path from the root: the backend's folder is another.
(cd "$DIR" && xpv block-attach g "b.img,raw,xvdb,rw") || fail "a relative path"
is "the path" "$(xen xenstore-read "/local/domain/0/backend/vbd/$(domid g)/51728/params")" \
	"$DIR/b.img"
works xpv block-detach g xvdb

# A disk that its guest has closed is attached, in a guest that runs by itself and in one that
# was created empty.
guest_deaf live
works xpv block-attach g "$DIR/a.img,raw,xvda,ro"
xpv block-attach --timeout 1 live "$DIR/a.img,raw,xvda,ro" 2>/dev/null || true
for dom in g live; do
	works in_guest "$dom" "sum xvda"
	works xpv block-attach --timeout 5 --json "$dom" "$DIR/a.img,raw,xvda,ro"
	contains "the second time" "$out" '"already": true'
	contains "the backend" "$out" '"backend-state": "Closed"'
	works xpv block-detach "$dom" xvda
done
works xpv destroy live

# However the disk is called, xl lists it.
for vdev in d0 d1p2 xvda3 51728 hda sdb1 0xca00; do
	works xpv block-attach g "vdev=$vdev,target=$DIR/a.img"
	if [ -x "$xl" ]; then
		is "xl lists $vdev" "$(xen "$xl" block-list g)" "$(xpv block-list g)"
	fi
	works xpv block-detach g "$vdev"
done

# Loop devices: read-only ones are not written, and one is the file behind it.
if [ "$(id -u)" -ne 0 ] || ! loop --read-only "$DIR/a.img" 2>/dev/null; then
	echo "not checked: loop devices cannot be set up here"
	passed
	exit
fi
refuses 1 "the device is read-only" xpv block-attach g "vdev=xvda,access=rw,target=$loop"
works xpv block-attach g "vdev=xvda,access=ro,target=$loop"
works xpv block-attach h "vdev=xvda,access=ro,target=$DIR/a.img"
refuses 1 "in use by disk" xpv block-attach h "vdev=xvdb,target=$DIR/a.img"
works xpv block-detach g xvda
works xpv block-detach h xvda

loop "$DIR/b.img"
works xpv block-attach g "vdev=xvda,target=$DIR/b.img"
refuses 1 "in use by disk 51712" xpv block-attach h "vdev=xvda,target=$loop"
works xpv block-detach g xvda
works xpv block-attach h "vdev=xvda,target=$loop"
refuses 1 "in use by disk 51712" xpv block-attach g "vdev=xvda,access=ro,target=$DIR/b.img"
works xpv block-detach h xvda

# Two halves of a file are two disks.
loop --sizelimit 524288 "$DIR/b.img"
works xpv block-attach g "vdev=xvda,target=$loop"
refuses 1 "in use by disk" xpv block-attach h "vdev=xvda,target=$DIR/b.img"
loop --offset 524288 "$DIR/b.img"
works xpv block-attach h "vdev=xvda,target=$loop"
works xpv block-detach g xvda
works xpv block-detach h xvda
passed
