#!/bin/bash
# SPDX-License-Identifier: MIT
#
# storage.sh - the layer `storage`: what serves disks that are not raw files, and a server for them
#
#   storage.sh DIR
#
# DIR stands in the build folder, from which the worker for such disks comes. (It is not in every
# Dom0, because libnbd brings 40 MB of libraries along.)

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")
packages=$(realpath "${1:?usage: storage.sh DIR}")
worker=$packages/../xpv-vdisk-nbd

[ "$packages/storage.cpio" -ot "$here/storage.sh" ] || [ "$packages/storage.cpio" -ot "$worker" ] ||
	exit 0
"$here/../../../tools/deps.sh" nbdkit qemu-utils
# shellcheck source-path=SCRIPTDIR
. "$here/../pack.bash"
tree=$packages/tree.storage
plugin=$(nbdkit --dump-config | sed -n 's/^plugindir=//p')/nbdkit-file-plugin.so
programs=("$(command -v nbdkit)" "$(command -v qemu-img)" "$(command -v qemu-storage-daemon)")
rm -rf "$tree"
put_file "$worker" /xpv/build/xpv-vdisk-nbd
for file in "${programs[@]}" "$plugin" $(libraries_of "${programs[@]}" "$plugin" "$worker"); do
	put_file "$file" "/usr/${file#/usr/}"
done
pack "$packages/storage.cpio"
rm -rf "$tree"
