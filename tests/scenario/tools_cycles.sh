#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_cycles.sh - 200 times attached and detached: no key, port, grant, process or fd stays
#
# CYCLES=n runs another number of them. In every tenth the guest connects and reads the disk.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
cycles=${CYCLES:-200}

# The processes of this simulator by name, each with the number of its open descriptors.
census() {
	local pid

	{ grep -lsz "^XPV_RUNDIR=$XPV_RUNDIR\$" /proc/[0-9]*/environ || true; } |
		cut -d/ -f3 | while read -r pid; do
			echo "$(cat "/proc/$pid/comm" 2>/dev/null || true)" \
				"$({ find "/proc/$pid/fd" -mindepth 1 2>/dev/null || true; } |
					wc -l)"
		done | { grep -E '^(xpv|xenstored)' || true; } | sort
}

# What the hypervisor counts: ports, grants, mappings and handles of each domain.
resources() {
	xpv sim status --json | grep -E '"(domid|ports|grants|maps|handles)"'
}

cycle() {
	xpv block-attach g "$DIR/a.img,raw,xvda,rw" || fail "attach"
	if [ "$1" = connected ]; then
		is "what the guest reads" "$(xpv sim run --dom g -- "$BUILD/minidom" "sum xvda")" \
			"$sum  xvda"
	fi
	xpv block-detach g xvda || fail "detach"
}

dd if=/dev/urandom of="$DIR/a.img" bs=64k count=4 status=none
sum=$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)
sim_start
guest g
cycle connected		# fills the caches that stay
before=$(store)
crowd=$(census)
held=$(resources)
contains "the processes" "$crowd" xpvd
contains "the processes" "$crowd" xenstored
contains "the resources" "$held" '"ports"'

for i in $(seq "$cycles"); do
	if [ $((i % 10)) -eq 0 ]; then
		cycle connected
	else
		cycle idle
	fi
done
is "the store after $cycles cycles" "$(store)" "$before"

as_before() {
	[ "$(census)" = "$crowd" ] && [ "$(resources)" = "$held" ]
}
for _ in $(seq 100); do
	as_before && break
	sleep 0.05
done
is "processes and their descriptors" "$(census)" "$crowd"
is "ports, grants and mappings" "$(resources)" "$held"
is "the image" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)" "$sum"
works xpv destroy g
passed
