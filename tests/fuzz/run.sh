#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - runs every fuzzer for a while
#
#   run.sh BUILD SECONDS
#
# A corpus is kept in the build folder from one run to the next; seeds in tests/fuzz/seeds/<name>/
# are read as well. The first finding ends the run with status 1 and says which file repeats it.

set -eu
build=$(realpath "${1:?usage: run.sh BUILD SECONDS}")
seconds=${2:?usage: run.sh BUILD SECONDS}
seeds=$(cd "$(dirname "$0")" && pwd)/seeds
clean=0

for fuzzer in "$build"/tests/fuzz/fuzz_*; do
	case $fuzzer in
	*.o | *.d) continue ;;
	esac
	name=$(basename "$fuzzer")
	corpus=$build/corpus/$name
	mkdir -p "$corpus"
	dirs=("$corpus")
	[ ! -d "$seeds/$name" ] || dirs+=("$seeds/$name")
	printf '%s: %s s\n' "$name" "$seconds"
	if ! "$fuzzer" -max_total_time="$seconds" -print_final_stats=1 \
		-artifact_prefix="$build/$name-" "${dirs[@]}" >"$build/$name.log" 2>&1; then
		tail -n 40 "$build/$name.log"
		echo "$name: a finding; the input that repeats it is named above"
		exit 1
	fi
	grep -E 'stat::number_of_executed_units|stat::average_exec' "$build/$name.log" || true
	clean=$((clean + 1))
done
echo "$clean fuzzers, no finding"
[ "$clean" -gt 0 ]
