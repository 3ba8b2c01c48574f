#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bad_input.sh - mistakes of an administrator: each is answered by one line, and changes nothing
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk

img() {
	truncate -s "$2" "$DIR/$1"
}

img good.img 1M
img other.img 1M
img odd.img 1000
img empty.img 0
img ro.img 1M
chmod 0444 "$DIR/ro.img"
mkdir "$DIR/folder"
ln -s good.img "$DIR/link.img"
mkfifo "$DIR/fifo"

attach() {
	xpv block-attach "$@"
}

system_start
guest g
guest h
works attach g "format=raw,vdev=xvda,target=$DIR/good.img"
before=$(store)

# The image.
for access in rw ro; do
	spec=vdev=xvdb,access=$access
	refuses 1 "no such file" attach g "$spec,target=$DIR/none.img"
	refuses 1 "no such file" attach g "$spec,target=$DIR/good.img/x"
	refuses 1 "it is a directory" attach g "$spec,target=$DIR/folder"
	refuses 1 "neither a file nor a block device" attach g "$spec,target=$DIR/fifo"
	refuses 1 "neither a file nor a block device" attach g "$spec,target=/dev/null"
	refuses 1 "not a multiple of 512" attach g "$spec,target=$DIR/odd.img"
	refuses 1 "it is empty" attach g "$spec,target=$DIR/empty.img"
done
refuses 1 "access=ro" attach g "vdev=xvdb,access=rw,target=$DIR/ro.img"

# Its use elsewhere, under whatever name.
refuses 1 "in use by disk 51712 of domain $(domid g)" attach h "vdev=xvda,target=$DIR/good.img"
refuses 1 "in use by disk" attach g "vdev=xvdb,target=$DIR/link.img"
refuses 1 "in use by disk" attach h "vdev=xvda,access=ro,target=$DIR/../$(basename "$DIR")/good.img"

# The specification.
refuses 2 "unknown key 'acces'" attach g "vdev=xvdb,acces=ro,target=$DIR/other.img"
refuses 2 "unknown key 'x'" attach g "vdev=xvdb,x=y,target=$DIR/other.img"
refuses 2 "unknown value for access" attach g "vdev=xvdb,access=maybe,target=$DIR/other.img"
refuses 2 "unknown value for format" attach g "vdev=xvdb,format=zip,target=$DIR/other.img"
refuses 2 "none of raw, qcow2, vhd and vmdk" attach g "vdev=xvdb,format=qed,target=$DIR/other.img"
refuses 2 "no vdev" attach g "target=$DIR/other.img"
refuses 2 "no target" attach g vdev=xvdb
refuses 2 "not a virtual disk" attach g "vdev=disk1,target=$DIR/other.img"
refuses 2 "too many positional" attach g "$DIR/other.img,raw,xvdb,rw,more"
refuses 2 "needed" attach g
refuses 2 "no such option" attach --frobnicate g "vdev=xvdb,target=$DIR/other.img"
refuses 2 "not a virtual disk" xpv block-detach g disk1
refuses 2 "needed" xpv block-detach g

# What is taken, and who is not there.
refuses 1 "another disk of that name" attach g "vdev=xvda,target=$DIR/other.img"
refuses 1 "another disk of that name" attach g "vdev=xvda,access=ro,target=$DIR/good.img"
refuses 1 "no such domain" attach nobody "vdev=xvdb,target=$DIR/other.img"
refuses 1 "no such domain" attach 4711 "vdev=xvdb,target=$DIR/other.img"
refuses 1 "no such domain" attach 99999999999999999999 "vdev=xvdb,target=$DIR/other.img"
refuses 1 "no such domain" xpv block-list nobody
refuses 1 "no such domain" xpv block-detach nobody xvda
refuses 1 "no such domain" xpv destroy nobody
refuses 1 "this is Dom0" xpv destroy 0
refuses 1 "no such domain" xpv list nobody

# Verbs.
refuses 2 "did you mean 'list'" xpv lst
refuses 2 "no such verb" xpv frobnicate
refuses 2 "no verb" xpv

# Output that is lost is a failure.
full() {
	"$@" >/dev/full
}
for verb in "list" "list --json" "stats" "block-list g" "check"; do
	# shellcheck disable=SC2086 # words
	refuses 1 "cannot write the output" full xpv $verb
done

# A lack of descriptors is not taken for a lack of Xen.
few() {
	(ulimit -n "$1" && shift && xpv "$@")
}
refuses 1 "Too many open files" few 4 list

is "the store after all of this" "$(store)" "$before"
passed
