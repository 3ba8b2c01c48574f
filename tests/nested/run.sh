#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - runs scenarios on real Xen, each in a machine that is booted for it
#
#   run.sh BUILD [all|NAME]...
#
# Scenarios are tests/nested/scenario/*.sh, which need Xen, and those of tests/scenario/ that have a
# line "# runs on: simulator, xen". quick.sh is what `make test` runs of them.
# A NAME may also be one of tests/nested/bench/. In a script's head a line "# layers: NAME..." asks
# for further layers (layer/NAME.sh makes them), "# seconds: N" for another limit; "# prints: table"
# says that lines of its output that begin with a bar are to be shown.
# Counts as tests/run.sh does: status 0 passed, 77 skipped, with the reason, anything else failed,
# with what the scenario said; the logs of what failed stay in BUILD/nested/results/NAME.

set -u -o pipefail
here=$(realpath "$(dirname "$0")")
cd "$here/../.." || exit 1

build=$(realpath "${1:?usage: run.sh BUILD [all|NAME]...}")
shift
dir=$build/nested
results=$dir/results
mkdir -p "$results"
passed=0 failed=0 skipped=0
default_limit=600
boot=
trap 'kill $boot 2>/dev/null; wait; exit 130' INT TERM HUP

scenarios() {
	grep -l '^# runs on: simulator, xen$' tests/scenario/*.sh tests/hostile/*.sh
	ls tests/nested/scenario/*.sh
}

# header SCRIPT WORD: what a line "# WORD: ..." of the script's head says
header() {
	sed -n "s/^# $2: *//p" "$1" | head -n 1
}

run() {
	local script=$1 name status limit share layers=() layer start=$SECONDS

	name=$(basename "$script" .sh)
	share=$results/$name
	rm -rf "$share"
	mkdir -p "$share"
	limit=$(header "$script" seconds)
	limit=${limit:-$default_limit}
	for layer in xpv $(header "$script" layers); do
		if [ -x "$here/layer/$layer.sh" ]; then
			"$here/layer/$layer.sh" "$dir" || { failed=$((failed + 1)); return; }
		fi
		layers+=("$dir/$layer.cpio")
	done
	echo "exec bash /xpv/tests/nested/dom0/job.sh $limit $script" >"$share/job"
	NESTED_SECONDS=$((limit + 120)) "$here/boot.sh" "$dir" "$share" "${layers[@]}" \
		>"$share/boot" 2>&1 &
	boot=$!
	wait "$boot"
	status=$?
	[ "$status" -eq 124 ] || status=$(cat "$share/$name.status" 2>/dev/null || echo "$status")
	tell "$script" "$name" "$share" "$status" $((SECONDS - start))
}

tell() {
	local script=$1 name=$2 share=$3 status=$4 seconds=$5

	case $status in
	0)
		passed=$((passed + 1))
		echo "ok      xen: ${script#tests/} ($seconds s)"
		[ -z "$(header "$script" prints)" ] || sed -n '/^|/p' "$share/$name.out"
		rm -rf "$share/serial" "$share/job" "$share/boot" "$share/qemu"
		;;
	77)
		skipped=$((skipped + 1))
		echo "SKIPPED xen: ${script#tests/}: $(tail -n 1 "$share/$name.out")"
		;;
	*)
		failed=$((failed + 1))
		echo "FAILED  xen: ${script#tests/} (status $status, $seconds s; see $share)"
		cat "$share/boot"
		[ "$status" -ne 124 ] || echo "it did not end in time"
		tail -n 40 "$share/$name.out" 2>/dev/null ||
			{ echo "--- serial"; tail -n 40 "$share/serial"; }
		;;
	esac
}

select_scripts() {
	local name found

	for name in "$@"; do
		case $name in
		all) scenarios ;;
		*)
			found=$(ls tests/nested/{scenario,bench}/"$name.sh" 2>/dev/null | grep . ||
				scenarios | grep "/$name\.sh$") || true
			[ -n "$found" ] || echo "no scenario '$name' for Xen: T= takes a name without .sh" >&2
			echo "$found"
			;;
		esac
	done
}

if ! "$here/prepare.sh" "$build" 2>"$dir/why"; then
	cat "$dir/why" >&2
	echo "SKIPPED xen: everything: $(tail -n 1 "$dir/why")"
	echo "0 passed, 0 failed, 1 skipped"
	exit 1
fi
cat "$dir/why" >&2
for script in $(select_scripts "${@:-all}"); do
	run "$script"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
