#!/bin/bash
# SPDX-License-Identifier: MIT
#
# prepare.sh - everything that a nested run boots, below BUILD/nested
#
#   prepare.sh BUILD

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")

build=$(realpath "${1:?usage: prepare.sh BUILD}")
"$here/../../tools/deps.sh" bridge-utils busybox-static cpio iproute2 kmod qemu-system-x86 \
	util-linux xz-utils
mkdir -p "$build/nested"
exec 9>"$build/nested/lock"
flock 9				# runs side by side prepare one after the other
"$here/packages.sh" "$build/nested"
"$here/images.sh" "$build/nested"
"$here/layers.sh" "$build" "$build/nested"
