#!/bin/bash
# SPDX-License-Identifier: MIT
#
# images.sh - the images of Dom0 and of the Linux guest
#
#   images.sh DIR	where packages.sh has been at work
#
# DIR/dom0.cpio is Dom0's root: Xen's daemons and tools, the hotplug scripts and what they call.
# DIR/guest.cpio is a stock Linux guest's: busybox, the frontends' modules, and an agent that runs
# what Dom0 asks for (guest/init). Made again only if a script or a program has changed.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")

packages=$(realpath "${1:?usage: images.sh DIR}")
xen=/usr/lib/xen-4.17/bin

dom0_image() {
	local tree=$packages/tree.dom0


	# shellcheck source=/dev/null
	. "$here/pack.bash"
	new_tree
	put_commands bash flock losetup mount umount modprobe brctl ip mke2fs e2fsck debugfs setsid \
		xenstore xenstore-read xenstore-write xenstore-list xenstore-ls xenstore-rm \
		xenstore-exists xenstore-watch xenstore-chmod getopt fallocate
	put_packages coreutils diffutils findutils grep mawk procps sed
	put_programs $xen/{xl,xenstored,xenconsoled,xenconsole,xen-init-dom0,lsevtchn,libxl-save-helper}
	# what pthread_cancel() loads, and xl dies without
	put_file /lib/x86_64-linux-gnu/libgcc_s.so.1
	ln -s $xen/xl "$tree/usr/bin/xl"
	mkdir -p "$tree/etc/xen"
	cp -rL /etc/xen/scripts "$tree/etc/xen/"
	cp /etc/mke2fs.conf "$tree/etc/"
	put_modules xenfs xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xen-blkback loop brd bridge ext4 crc32c_generic \
		9p 9pnet_virtio virtio_pci
	put_busybox
	ln -sf bash "$tree/usr/bin/sh"
	ln -sf mawk "$tree/usr/bin/awk"
	printf 'root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n' >"$tree/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
	printf 'autoballoon="off"\n' >"$tree/etc/xen/xl.conf"
	cp "$here/dom0/init" "$tree/init"
	chmod 755 "$tree/init"
	pack "$packages/dom0.cpio"
}

guest_image() {
	local tree=$packages/tree.guest

	# shellcheck source=/dev/null
	. "$here/pack.bash"
	new_tree
	put_commands bash xenstore-read xenstore-write xenstore-watch xenstore-rm mke2fs e2fsck
	put_packages coreutils
	cp /etc/mke2fs.conf "$tree/etc/"
	put_modules xenfs xen-blkfront xen-gntalloc xen-gntdev xen-evtchn ext4 crc32c_generic
	put_busybox
	cp "$here/guest/init" "$tree/init"
	chmod 755 "$tree/init"
	pack "$packages/guest.cpio"
}

# stale IMAGE SCRIPT...: the image is older than one of what it is made from
stale() {
	local image=$1 file

	shift
	[ -e "$image" ] || return 0
	for file in "$@" "$packages/kernel-version" "$xen/xl"; do
		[ "$file" -nt "$image" ] && return 0
	done
	return 1
}

common=("$here/images.sh" "$here/pack.bash")
! stale "$packages/dom0.cpio" "${common[@]}" "$here/dom0/init" || dom0_image
! stale "$packages/guest.cpio" "${common[@]}" "$here/guest/init" || guest_image
