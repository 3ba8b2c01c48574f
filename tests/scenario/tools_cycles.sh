#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_cycles.sh - many times attached and detached: no key, port, grant, process or fd stays
#
# 200 times, in a slow system fewer; CYCLES=n is another number. In every tenth the guest connects and reads the disk.
#
# runs on: simulator, xen
# seconds: 1200
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
cycles=${CYCLES:-$((200 / slow))}

# By name, each with the number of its open descriptors.
census() {
	local pid

	for pid in $(system_pids); do
		echo "$(cat "/proc/$pid/comm" 2>/dev/null || true)" \
			"$({ find "/proc/$pid/fd" -mindepth 1 2>/dev/null || true; } | wc -l)"
	done | sort
}

cycle() {
	xpv block-attach g "$DIR/a.img,raw,xvda,rw" || fail "attach"
	if [ "$1" = connected ]; then
		is "what the guest reads" "$(in_guest g "sum xvda")" "$sum  xvda"
	fi
	xpv block-detach g xvda || fail "detach"
}

dd if=/dev/urandom of="$DIR/a.img" bs=64k count=4 status=none
sum=$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)
system_start
guest g
cycle connected		# fills the caches that stay
before=$(store)
crowd=$(census)
held=$(system_holds)
contains "the processes" "$crowd" xpvd
contains "the processes" "$crowd" xenstored
[ -n "$held" ] || fail "the hypervisor says nothing"

for i in $(seq "$cycles"); do
	if [ $((i % 10)) -eq 0 ]; then
		cycle connected
	else
		cycle idle
	fi
done
is "the store after $cycles cycles" "$(store)" "$before"

as_before() {
	[ "$(census)" = "$crowd" ] && [ "$(system_holds)" = "$held" ]
}
for _ in $(seq $((100 * slow))); do
	as_before && break
	sleep 0.05
done
is "processes and their descriptors" "$(census)" "$crowd"
is "ports, grants and mappings" "$(system_holds)" "$held"
is "the image" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)" "$sum"
works xpv destroy g
passed
