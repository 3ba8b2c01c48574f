#!/bin/bash
# SPDX-License-Identifier: MIT
#
# grub.sh - the layer `grub`: PV GRUB, and a kernel that it can load
#
#   grub.sh DIR
#
# /guest/grub-pv and /guest/grub-pvh stand in a guest's configuration as its kernel. They look on
# the guest's disks for /boot/grub/grub.cfg. /guest/vmlinuz and /guest/initrd.xz are the guests' usual
# kernel and initial root, compressed: GRUB reads a page at a time, and takes no other kernel in a
# PVH guest.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")
packages=$(realpath "${1:?usage: grub.sh DIR}")
vmlinuz=$packages/root/boot/vmlinuz-$(cat "$packages/kernel-version")

stale=
for file in "$here/grub.sh" "$vmlinuz" "$packages/guest.cpio"; do
	[ "$file" -ot "$packages/grub.cpio" ] || stale=yes
done
[ -n "$stale" ] || exit 0
"$here/../packages.sh" "$packages" grub-xen-host
# shellcheck source-path=SCRIPTDIR
. "$here/../pack.bash"
tree=$packages/tree.grub
rm -rf "$tree"
put_file "$packages/root/usr/lib/grub-xen/grub-x86_64-xen.bin" /guest/grub-pv
put_file "$packages/root/usr/lib/grub-xen/grub-i386-xen_pvh.bin" /guest/grub-pvh
put_file "$vmlinuz" /guest/vmlinuz
xz --check=crc32 -T0 -c "$packages/guest.cpio" >"$tree/guest/initrd.xz"
pack "$packages/grub.cpio"
rm -rf "$tree"
