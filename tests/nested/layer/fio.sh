#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fio.sh - the layer `fio`: /guest/fio.img, a file system with fio and its libraries
#
#   fio.sh DIR
#
# They are too many to stand in a guest's memory: the guest mounts them as a disk.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")
packages=$(realpath "${1:?usage: fio.sh DIR}")

[ ! -e "$packages/fio.cpio" ] || exit 0
"$here/../../../tools/deps.sh" fio
# shellcheck source-path=SCRIPTDIR
. "$here/../pack.bash"
tree=$packages/tree.fio
rm -rf "$tree"
mkdir -p "$tree/lib"
put_file "$(command -v fio)" /fio
for file in $(libraries_of "$tree/fio"); do
	put_file "$file" "/lib/${file##*/}"
done
mke2fs -q -t ext4 -d "$tree" "$packages/fio.img" "$(($(du -sm "$tree" | cut -f1) + 16))M"
rm -rf "$tree"
mkdir -p "$tree/guest"
mv "$packages/fio.img" "$tree/guest/"
pack "$packages/fio.cpio"
rm -rf "$tree"
