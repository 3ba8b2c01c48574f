#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - runs scenarios on real Xen
#
#   run.sh BUILD [all|NAME]...
#
# Scenarios are tests/nested/scenario/*.sh, which need Xen, and those of tests/scenario/ that have a
# line "# runs on: simulator, xen". quick.sh is what `make test` runs of them. Of the former each
# has a machine that is booted for it; the latter share one, until one fails: the next ones then
# get another.
# A NAME may also be one of tests/nested/bench/. In a script's head a line "# layers: NAME..." asks
# for further layers (layer/NAME.sh makes them), "# seconds: N" for another limit; "# prints: table"
# says that lines of its output that begin with a bar are to be shown.
# Counts as tests/run.sh does: status 0 passed, 77 skipped, with the reason, anything else failed,
# with what the scenario said; the logs of what failed stay in BUILD/nested/results/NAME. With
# TRACE=1 in the environment they have every command in them, while it runs.

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

limit_of() {
	local limit

	limit=$(header "$1" seconds)
	echo "${limit:-$default_limit}"
}

# layers_of SCRIPT: sets $layers to the archives that it wants; false if one cannot be made
layers_of() {
	local layer

	layers=()
	for layer in xpv $(header "$1" layers); do
		if [ -x "$here/layer/$layer.sh" ]; then
			"$here/layer/$layer.sh" "$dir" || return 1
		fi
		layers+=("$dir/$layer.cpio")
	done
}

# boot_for SHARE SCRIPT...: one machine; its status
boot_for() {
	local share=$1 script limit seconds=120 jobs=

	shift
	for script in "$@"; do
		limit=$(limit_of "$script")
		seconds=$((seconds + limit))
		jobs="$jobs $limit $script"
	done
	echo "TRACE=${TRACE:+-x} exec bash /xpv/tests/nested/dom0/job.sh$jobs" >"$share/job"
	NESTED_SECONDS=$seconds "$here/boot.sh" "$dir" "$share" "${layers[@]}" >"$share/boot" 2>&1 &
	boot=$!
	wait "$boot"
}

# run SCRIPT...: all of them, in as few machines as it takes
run() {
	local ran layers

	layers_of "$1" || { failed=$((failed + $#)); return; }
	while [ $# -gt 0 ]; do
		run_on_one "$@"
		shift "$ran"
	done
}

# One machine, and the scenarios that it comes to: sets $ran to their number. Its directory is that
# of its first scenario; each of the others finds what it has left in its own.
run_on_one() {
	local share script name to machine status=0 seconds

	share=$results/$(basename "$1" .sh) ran=0
	rm -rf "$share"
	mkdir -p "$share"
	boot_for "$share" "$@"
	machine=$?
	for script in "$@"; do
		name=$(basename "$script" .sh)
		to=$results/$name
		[ "$to" = "$share" ] || { rm -rf "$to"; mkdir -p "$to"; mv "$share/$name".* "$to" 2>/dev/null; }
		# without a status the machine has ended under it
		[ "$machine" -ne 0 ] || machine=125
		status=$machine seconds="?"
		[ ! -e "$to/$name.status" ] || read -r status seconds <"$to/$name.status"
		ran=$((ran + 1))
		[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || [ "$to" = "$share" ] ||
			mv "$share"/{serial,job,boot,qemu} "$to"
		tell "$script" "$name" "$to" "$status" "$seconds"
		[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || return
	done
	rm -rf "${share:?}"/{serial,job,boot,qemu}
}

tell() {
	local script=$1 name=$2 share=$3 status=$4 seconds=$5

	case $status in
	0)
		passed=$((passed + 1))
		echo "ok      xen: ${script#tests/} ($seconds s)"
		[ -z "$(header "$script" prints)" ] || sed -n '/^|/p' "$share/$name.out"
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
	local name script found

	for name in "$@"; do
		[ "$name" != all ] || { scenarios; continue; }
		found=
		for script in $(scenarios) tests/nested/bench/*.sh; do
			[ "$(basename "$script" .sh)" != "$name" ] || found=$script
		done
		[ -n "$found" ] || echo "no scenario '$name' for Xen: T= takes a name without .sh" >&2
		echo "$found"
	done
}

if ! "$here/prepare.sh" "$build" 2>"$dir/why"; then
	cat "$dir/why" >&2
	echo "SKIPPED xen: everything: $(tail -n 1 "$dir/why")"
	echo "0 passed, 0 failed, 1 skipped"
	exit 1
fi
cat "$dir/why" >&2
together=()
for script in $(select_scripts "${@:-all}"); do
	if grep -q '^# runs on: simulator, xen$' "$script"; then
		together+=("$script")
	else
		run "$script"
	fi
done
[ ${#together[@]} -eq 0 ] || run "${together[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
