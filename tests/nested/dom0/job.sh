#!/bin/bash
# SPDX-License-Identifier: MIT
#
# job.sh - runs scenarios in Dom0, one after the other
#
#   job.sh SECONDS SCRIPT...	paths below /xpv
#
# Of each, /share gets NAME.out and NAME.status; of one that fails, also a dump of xenstore, the
# kernel's and Xen's messages and the guests' consoles. Ends with status 1 if one failed.

limit=${1:?}
shift
export BUILD=/xpv/build XPV_SYSTEM=xen
failed=0

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

for script in "$@"; do
	name=$(basename "$script" .sh)
	echo "dom0: runs $name"
	status=0
	timeout -k 30 "$limit" bash "/xpv/$script" </dev/null >"/share/$name.out" 2>&1 || status=$?
	case $status in
	0 | 77) ;;
	*)
		failed=1
		collect "$name"
		;;
	esac
	echo "$status" >"/share/$name.status"
done
exit $failed
