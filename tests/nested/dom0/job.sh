#!/bin/bash
# SPDX-License-Identifier: MIT
#
# job.sh - runs scenarios in Dom0, one after the other, until one fails
#
#   job.sh SECONDS SCRIPT [SECONDS SCRIPT]...	paths below /xpv
#
# Of each, /share gets NAME.out and NAME.status, which also has the seconds that it took; of one
# that fails, also a dump of xenstore, the kernel's and Xen's messages and the guests' consoles.
# Then it ends with status 1, because what a failure has left behind is no place for the next one.

export BUILD=/xpv/build XPV_SYSTEM=xen
TRACE=${TRACE:-}

collect() {
	local to=/share/$1.failed

	mkdir -p "$to"
	xenstore-ls -fp >"$to/xenstore" 2>&1
	dmesg >"$to/dmesg" 2>&1
	xl dmesg >"$to/xen" 2>&1
	xl list -l >"$to/domains" 2>&1
	ps -ef >"$to/processes" 2>&1 || ps >"$to/processes"
	cp -r /var/log/xen "$to/log" 2>/dev/null
}

while [ $# -gt 1 ]; do
	name=$(basename "$2" .sh)
	echo "dom0: runs $name"
	status=0 start=$SECONDS
	# shellcheck disable=SC2086 # nothing, or an option
	BASH_XTRACEFD=9 timeout -k 30 "$1" bash $TRACE "/xpv/$2" </dev/null >"/share/$name.out" 2>&1 \
		9>"/share/$name.trace" || status=$?
	[ -n "$TRACE" ] || rm "/share/$name.trace"
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || collect "$name"
	echo "$status $((SECONDS - start))" >"/share/$name.status"
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || exit 1
	shift 2
done
