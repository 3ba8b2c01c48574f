#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lint_cc.sh - takes a compiler's place in the Makefile and runs clang-tidy with the same flags
#
# The Makefile calls it as `CC FLAGS -c FILE -o OBJECT`. The "object" is an empty file that says
# that FILE was found clean.

set -u
flags=()
while [ $# -gt 0 ]; do
	case $1 in
	-c) file=$2 && shift ;;
	-o) object=$2 && shift ;;
	-MMD | -MP | -fno-sanitize-recover=all) ;;
	*) flags+=("$1") ;;
	esac
	shift
done
if ! out=$(clang-tidy --quiet "$file" -- "${flags[@]}" 2>&1); then
	printf '%s\n' "$out" | grep -v 'warnings\? generated\|warnings treated as errors' >&2
	exit 1
fi
: >"$object"
