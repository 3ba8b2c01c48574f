#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check_port.sh - proves that the frontend core asks its surroundings for nothing but os.h and mem*
#
# The core is compiled without a single header of the C library (Xen's public ones it may see), as
# 64-bit and as 32-bit code and by each compiler that is there, linked into one object, and what
# remains undefined is compared with what a port has to supply: all twelve functions, and nothing
# else. The same for minidom, which needs its own three functions more. Last, the public headers
# have to compile as C++.
#
# usage: check_port.sh OUTDIR SOURCE...	(the core's sources; from the top of the tree)
set -eu
shopt -s inherit_errexit

out=$1
shift
core=("$@")
minidom=(frontend/example/*.c)
flags=(-std=c11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector -fno-strict-aliasing
       -fno-pic
       -Ifrontend -Iring -Ixenstore-schema)
core_needs='pvos_[a-z_]+|mem(cpy|move|set|cmp)'
minidom_needs="$core_needs|md_(put|line|wait)"
mkdir -p "$out/include"
ln -sfn /usr/include/xen "$out/include/xen"

undefined() {	# CC MODE NAME SOURCE...
	local cc=$1 mode=$2 name=$3 objects=() own source
	shift 3
	own=$("$cc" -print-file-name=include)
	[ -d "$own" ] || own=$("$cc" -print-resource-dir)/include
	for source in "$@"; do
		objects+=("$out/$name-${source//\//-}.o")
		"$cc" "$mode" "${flags[@]}" -nostdinc -isystem "$own" -isystem "$out/include" \
			-c "$source" -o "${objects[-1]}"
	done
	"$cc" "$mode" -nostdlib -r -o "$out/$name.o" "${objects[@]}"
	nm -u "$out/$name.o" | awk '{ print $2 }'
}

expect_only() {	# WHAT ALLOWED SYMBOLS
	local extra used
	used=$(echo "$3" | grep -c '^pvos_' || true)
	if [ "$used" != 12 ]; then
		echo "check-port: $1 uses $used functions of os.h instead of twelve" >&2
		exit 1
	fi
	extra=$(echo "$3" | grep -Evx "$2" || true)
	if [ -n "$extra" ]; then
		echo "check-port: $1 needs more than a port supplies: ${extra//$'\n'/ }" >&2
		exit 1
	fi
	echo "check-port: $1: asks for twelve functions and $(echo "$3" | grep -v '^pvos_' | xargs)"
}

works() {
	echo 'int x;' | "$1" "$2" -ffreestanding -x c -c - -o "$out/probe.o" 2>/dev/null &&
		"$1" "$2" -nostdlib -r -o "$out/probe2.o" "$out/probe.o" 2>/dev/null
}

for cc in gcc clang; do
	command -v $cc >/dev/null || { echo "check-port: SKIPPED $cc: not installed"; continue; }
	for mode in -m64 -m32; do
		if ! works $cc $mode; then
			echo "check-port: SKIPPED $cc $mode: this compiler cannot"
			continue
		fi
		symbols=$(undefined $cc $mode "core-$cc$mode" "${core[@]}")
		expect_only "the core ($cc $mode)" "$core_needs" "$symbols"
		symbols=$(undefined $cc $mode "minidom-$cc$mode" "${core[@]}" "${minidom[@]}")
		expect_only "minidom ($cc $mode)" "$minidom_needs" "$symbols"
	done
done

functions=$(grep -Eoc '^[a-z].*[ *]pvos_[a-z_]+\(' frontend/os.h)
if [ "$functions" != 12 ]; then
	echo "check-port: os.h declares $functions functions instead of twelve" >&2
	exit 1
fi

if command -v g++ >/dev/null; then
	printf '#include "pv.h"\n#include "os.h"\n' |
		g++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -Ifrontend -fsyntax-only -x c++ -
	echo "check-port: pv.h and os.h compile as C++"
else
	echo "check-port: SKIPPED C++: g++ is not installed"
fi
