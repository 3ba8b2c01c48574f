#!/bin/bash
# SPDX-License-Identifier: MIT
#
# grub.sh - the layer `grub`: PV GRUB, and a kernel that it can load
#
#   grub.sh DIR
#
# /guest/grub-pv and /guest/grub-pvh stand in a guest's configuration as its kernel. They look on
# the guest's disks for /boot/grub/grub.cfg. /guest/vmlinuz is the guests' usual kernel, compressed:
# GRUB in a PVH guest takes no other, and reads disks slowly in both.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")
packages=$(realpath "${1:?usage: grub.sh DIR}")
vmlinuz=$packages/root/boot/vmlinuz-$(cat "$packages/kernel-version")

[ "$here/grub.sh" -nt "$packages/grub.cpio" ] || [ "$vmlinuz" -nt "$packages/grub.cpio" ] || exit 0
"$here/../packages.sh" "$packages" grub-xen-host
# shellcheck source-path=SCRIPTDIR/..
. "$here/../pack.bash"
tree=$packages/tree.grub
rm -rf "$tree"
put_file "$packages/root/usr/lib/grub-xen/grub-x86_64-xen.bin" /guest/grub-pv
put_file "$packages/root/usr/lib/grub-xen/grub-i386-xen_pvh.bin" /guest/grub-pvh
put_file "$vmlinuz" /guest/vmlinuz
pack "$packages/grub.cpio"
rm -rf "$tree"
