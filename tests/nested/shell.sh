#!/bin/bash
# SPDX-License-Identifier: MIT
#
# shell.sh - Dom0's prompt for a human
#
#   shell.sh BUILD
#
# BUILD/nested/shell is shared with it, at /share.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")

build=$(realpath "${1:?usage: shell.sh BUILD}")
[ -t 0 ] || { echo "nested: a shell needs a terminal: run make nested-shell at one" >&2; exit 1; }
"$here/prepare.sh" "$build"
mkdir -p "$build/nested/shell"
rm -f "$build/nested/shell/job"
echo "booting; Ctrl-a x ends it at any time"
exec "$here/boot.sh" "$build/nested" "$build/nested/shell" -i "$build/nested/xpv.cpio"
