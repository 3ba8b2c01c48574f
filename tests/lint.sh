#!/bin/bash
# SPDX-License-Identifier: MIT
#
# lint.sh - the rules of the house that no compiler knows
#
# Every file says its licence; no line is longer than 100 columns or ends in blanks; no include
# climbs out of its folder, and none crosses the folder rules; atomics stay in ring/barrier.h (and
# in the simulator's own shared memory); keys of xenstore stay in the schema's tables. Shell
# scripts pass shellcheck. Prints each offence as file:line; status 1 if there is one.

set -u
cd "$(dirname "$0")/.." || exit 1
bad=0

offence() {
	[ -z "$2" ] && return
	printf '%s:\n%s\n' "$1" "$2" >&2
	bad=1
}

mapfile -t sources < <(git ls-files -co --exclude-standard '*.c' '*.h' '*.def')
mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' '*.bash' 'tools/hotplug/*' .ci/run)

for file in "${sources[@]}" "${scripts[@]}"; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || offence "no SPDX line" "$file"
done
offence "blanks at the end of a line" "$(grep -nE '[[:blank:]]+$' "${sources[@]}" "${scripts[@]}")"
offence "longer than 100 columns" "$(for file in "${sources[@]}"; do
	expand -t 8 "$file" | awk -v f="$file" 'length($0) > 100 { print f ":" NR }'
done)"
offence "an include that climbs" "$(grep -nE '#include "\.\./' "${sources[@]}")"
offence "a folder that may not be included here" "$({
	grep -rnE '#include "(backend|tools|tests|frontend)/' ring xenstore-schema
	grep -rnE '#include "(backend|tools|tests)/' frontend
	grep -rnE '#include "(frontend|tools|tests)/' backend
	grep -rnE '#include "(ring|frontend|backend|tests)/' tools
} 2>/dev/null)"
offence "atomics outside ring/barrier.h" "$(grep -nE '__atomic_|__sync_|stdatomic' \
	"${sources[@]}" | grep -vE '^(ring/barrier.h|tools/sim/|tests/)')"
offence "a key's name outside the schema" "$(grep -nE \
	'"(ring-ref|event-channel|feature-[a-z-]+|sector-size|frontend-id|backend-id|hotplug-status)"' \
	"${sources[@]}" | grep -vE '^(xenstore-schema/|tests/)')"

if command -v shellcheck >/dev/null; then
	shellcheck -x "${scripts[@]}" >&2 || bad=1
else
	echo "shellcheck is not installed: scripts were not checked" >&2
	bad=1
fi
exit $bad
