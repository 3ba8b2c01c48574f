# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# leaks.bash - what a scenario on Xen must leave as it found it
#
# leaks_begin remembers Dom0 as it is without a guest; leaks_none compares, once every guest is
# gone. The best witness is Xen itself: a domain of which anyone still holds a page or a port does
# not end, and stays in xl's list. Source it after scenario.sh.

# Processes of users, by command line; xl leaves a monitor for each domain, which ends with it.
leaks_processes() {
	ps -e -o ppid=,pid=,args= | awk -v self=$$ '
		$1 != 2 && $2 != 2 && $2 != self && $1 != self { $1 = $2 = ""; print }' |
		grep -v '^ *\(ps -e\|awk\|sort\|grep\|bash /xpv\|xenstore-watch\)' | sort
}

# Keys, without the values and what any use leaves behind: directories that guests share. (libxl
# removes its own when it finds them empty.)
leaks_keys() {
	xenstore-ls -f | sed 's/ = .*//' |
		grep -v '^/\(libxl\|vm\)$\|^/tool/xenstored/\|/error\(/backend\(/[a-z]*\)\?\)\?$' | sort
}

# What xpvd has open: images, journals, sockets, pidfds.
leaks_descriptors() {
	# shellcheck disable=SC2154 # of system_xen.bash
	find "/proc/$xpvd/fd" -type l -printf '%l\n' 2>/dev/null | sed 's/:\[[0-9]*\]//' | sort
}

leaks_look() {
	system_holds >"$1.holds"
	leaks_processes >"$1.processes"
	leaks_keys >"$1.keys"
	leaks_descriptors >"$1.descriptors"
	losetup -a | sort >"$1.loops"
	xl list | awk 'NR > 1 { print $1, $2 }' >"$1.domains"
	find "$XPV_RUNDIR/worker" "$XPV_RUNDIR/journal" ! -type d >"$1.kept"
}

leaks_begin() {
	mkdir -p "$DIR/leaks"
	leaks_look "$DIR/leaks/before"
}

leaks_same() {
	local what

	leaks_look "$DIR/leaks/after"
	for what in holds processes keys descriptors loops domains kept; do
		cmp -s "$DIR/leaks/before.$what" "$DIR/leaks/after.$what" || return 1
	done
}

# leaks_none WHEN: a worker and xl's monitor may take a moment to end; what is left then is a leak.
leaks_none() {
	local end=$((SECONDS + 60)) what

	until leaks_same; do
		if [ "$SECONDS" -ge "$end" ]; then
			for what in "$DIR"/leaks/before.*; do
				diff -U 0 "$what" "${what/before./after.}" || true
			done
			fail "$1: Dom0 is not as it was"
		fi
		sleep 1
	done
	checks=$((checks + 7))
	works xpv check
}
