#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - runs the tests and counts them
#
#   run.sh BUILD [unit|scenario [NAME]|all]
#
# Without a kind: all unit tests and scenarios; `all` adds the proof that the frontend is
# freestanding, the worker's threads under the thread sanitizer, and a boot of real Xen, with the
# plain build that $PLAIN names. A unit test is a
# cmocka program and counts one a test function; a scenario is a script and counts one: status 0
# passed, 77 skipped, with the reason shown, anything else failed. "# prints: table" in its head asks
# that lines of its output that begin with a bar be shown. LIMIT is how many seconds each may take.
# The last line is the sum. The exit status is 0 only if something passed and nothing failed.

set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1

build=$(realpath "${1:?usage: run.sh BUILD [unit|scenario [NAME]|all]}")
shift
passed=0 failed=0 skipped=0
out=$(mktemp)
err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT
limit=${LIMIT:-600}		# seconds a test may take before it counts as failed

export BUILD=$build
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export CMOCKA_MESSAGE_OUTPUT=TAP

run_unit() {
	local status=0 good bad

	timeout -k 10 "$limit" "$1" >"$out" 2>"$err" || status=$?
	good=$(grep -c '^ok ' "$out")
	bad=$(grep -c '^not ok ' "$out")
	passed=$((passed + good)) failed=$((failed + bad))
	if [ "$status" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$good" -gt 0 ]; then
		printf 'ok      %s (%d)\n' "${1#"$build"/tests/}" "$good"
		return
	fi
	[ "$bad" -gt 0 ] || failed=$((failed + 1))
	printf 'FAILED  %s (status %d)\n' "${1#"$build"/tests/}" "$status"
	grep -v '^ok ' "$out" | tail -n 40
	tail -n 40 "$err"
}

run_scenario() {
	local status=0 start=$SECONDS

	timeout -k 30 "$limit" bash "$1" >"$out" 2>&1 </dev/null || status=$?
	case $status in
	0)
		passed=$((passed + 1))
		printf 'ok      %s (%d s)\n' "${1#tests/}" $((SECONDS - start))
		! grep -q '^# prints: table$' "$1" || grep '^|' "$out"
		;;
	77)
		skipped=$((skipped + 1))
		printf 'SKIPPED %s: %s\n' "${1#tests/}" "$(tail -n 1 "$out")"
		;;
	*)
		failed=$((failed + 1))
		printf 'FAILED  %s (status %d)\n' "${1#tests/}" "$status"
		sed '/^--- logs/,$d' "$out" | tail -n 20	# what the script said, then the logs
		sed -n '/^--- logs/,$p' "$out" | tail -n 60
		;;
	esac
}

all_units() {
	local test

	for test in "$build"/tests/unit/test_* "$build"/tests/hostile/test_*; do
		case $test in
		*.o | *.d) continue ;;
		esac
		[ -x "$test" ] && run_unit "$test"
	done
}

all_scenarios() {
	local script

	for script in tests/scenario/*.sh tests/hostile/*.sh; do
		[ -e "$script" ] || continue
		[ -z "${1:-}" ] || [ "$(basename "$script" .sh)" = "$1" ] || continue
		run_scenario "$script"
	done
}

# target NAME: one of make's, which counts one
target() {
	if make BUILD="$PLAIN" "$1" >"$out" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $1"
	else
		failed=$((failed + 1))
		echo "FAILED  $1"
		tail -n 20 "$out"
	fi
}

# One boot; its own last line has its counts.
nested() {
	local counts

	tests/nested/run.sh "$PLAIN" quick 2>&1 | tee "$out" | sed '$d'
	read -r -a counts < <(tail -n 1 "$out" | tr -cd '0-9 \n')
	passed=$((passed + counts[0])) failed=$((failed + counts[1]))
	skipped=$((skipped + counts[2]))
}

case ${1:-} in
unit) all_units ;;
scenario)
	all_scenarios "${2:-}"
	[ $((passed + failed + skipped)) -gt 0 ] || echo "no scenario '${2:-}': T= takes a name without .sh"
	;;
*)
	all_units
	all_scenarios
	[ "${1:-}" != all ] || { target check-port; target check-threads; nested; }
	;;
esac
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
