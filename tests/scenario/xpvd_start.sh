#!/bin/bash
# SPDX-License-Identifier: MIT
#
# xpvd_start.sh - an xpvd that cannot serve says at once what is missing, and what to do
#
# One line, exit status 1: no Xen, no event channels, no grants, no xenstored. What a host lacks is
# played by giving it only some of the simulator's libraries, and a sysfs of the test's own.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd
grep -qs control_d /proc/xen/capabilities && skip "this is Dom0: nothing is missing"

# cannot PART COMMAND...
cannot() {
	local part=$1 status=0

	shift
	timeout 10 "$@" >"$DIR/out" 2>"$DIR/err" || status=$?
	is "the status of $*" "$status" 1
	is "its lines: $(cat "$DIR/err")" "$(wc -l <"$DIR/err")" 1
	contains "what it says" "$(cat "$DIR/err")" "$part"
}

sim_start --no-xpvd
mkdir -p "$DIR/xen/hypervisor" "$DIR/libs"
echo xen >"$DIR/xen/hypervisor/type"
outside=(env "XPV_RUNDIR=$DIR/other" "XPV_SYSFS=$DIR/none" "$BUILD/xpvd")
inside=("$BUILD/xpv" sim run --)
as_xen=(env "XPV_RUNDIR=$DIR/other" "XPV_SYSFS=$DIR/xen")

cannot "this is not Xen: boot into Dom0, or use the simulator" "${outside[@]}"
cannot "/dev/xen/evtchn): No such file or directory: 'modprobe xen-evtchn'" \
	"${as_xen[@]}" "$BUILD/xpvd"
ln -s "$BUILD/sim/libxenevtchn.so.1" "$DIR/libs"
cannot "'modprobe xen-gntdev'" "${inside[@]}" env "XPV_SYSFS=$DIR/xen" "LD_LIBRARY_PATH=$DIR/libs" \
	"$BUILD/xpvd"
cannot "start xenstored" "${inside[@]}" env "XENSTORED_RUNDIR=$DIR/none" "$BUILD/xpvd"
contains "the help" "$("$BUILD/xpvd" --help)" "XPV_SYSFS"
passed
