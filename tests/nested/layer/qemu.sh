#!/bin/bash
# SPDX-License-Identifier: MIT
#
# qemu.sh - the layer `qemu`: QEMU as Xen's tools start it for disks of the kind qdisk
#
#   qemu.sh DIR
#
# The program comes from a package that is only unpacked, because installing it would change what
# xl on this machine does; its libraries are this machine's.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")
packages=$(realpath "${1:?usage: qemu.sh DIR}")
program=/usr/libexec/xen-qemu-system-i386	# compiled into libxl

[ "$here/qemu.sh" -nt "$packages/qemu.cpio" ] || exit 0
"$here/../../../tools/deps.sh" libfdt1 libglib2.0-0 libjpeg62-turbo libpixman-1-0 libspice-server1 \
	libusb-1.0-0
"$here/../packages.sh" "$packages" qemu-system-xen
if ldd "$packages/root$program" | grep 'not found' >&2; then
	echo "nested: QEMU for Xen lacks these libraries: install their packages" >&2
	exit 1
fi
# shellcheck source-path=SCRIPTDIR
. "$here/../pack.bash"
tree=$packages/tree.qemu
rm -rf "$tree"
put_file "$packages/root$program" "$program"
put_file /usr/share/qemu/keymaps/en-us		# it starts with none other, and not without
for file in $(libraries_of "$packages/root$program"); do
	put_file "$file" "/usr/${file#/usr/}"
done
pack "$packages/qemu.cpio"
rm -rf "$tree"
