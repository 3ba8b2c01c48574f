#!/bin/bash
# SPDX-License-Identifier: MIT
#
# reload.sh - a disk whose guest's driver goes and comes back: in order and with other options, killed
# without a word as by a crash kernel, from a boot loader to a kernel, with an earlier one's keys left
# behind, with states skipped; what one wrote the next one reads
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need minidom xpvd xpv-vdisk tests/lib/guest_frontend_io
truncate -s 4M "$DIR/a.img"
sim_start
guest g "disk=['sector-size=512,vdev=xvda,target=$DIR/a.img']"
dom=$(domid g)
backend=/local/domain/0/backend/vbd/$dom/51712
frontend=/local/domain/$dom/device/vbd/51712

both_are() {
	[ "$(xen xenstore-read "$frontend/state" "$backend/state" | tr -d '\n')" = "$1" ]
}

# In order: every driver takes up what the last one wrote, and the worker stays.
for round in 1 2 3; do
	works guest_sh g "guest_frontend_io 51712"
	is "manners" "$(grep -c ': no error, close: no error$' <<<"$out")" 6
	works in_guest g "fill xvda $round; flush xvda"
	works in_guest g "verify xvda $round"
	both_are 66 || fail "they are not closed"
	is "online" "$(xen xenstore-read "$backend/online")" 1
done

# A crash kernel: the last driver was killed under load and closed nothing.
for round in 4 5 6 7; do
	works in_guest g "fill xvda $round"
	guest_begin crash g "loop 0 verify xvda $round"
	eventually 10 guest_has_said crash ok
	both_are 44 || fail "it is not connected"
	guest_kill crash KILL
	guest_wait crash || true
	if [ "$round" -gt 5 ]; then	# some begin without closing what they find
		works xen xenstore-write "$frontend/state" 1
		eventually 10 both_are 12
	fi
	works in_guest g "verify xvda $round"
done

# Keys that an earlier driver left, and that this one does not know of.
works xen xenstore-write "$frontend/ring-page-order" 2 "$frontend/num-ring-pages" 4 \
	"$frontend/multi-queue-num-queues" 1 "$frontend/ring-ref0" 999
works in_guest g "verify xvda 7; fill xvda 8"

# A state that was skipped or makes no sense between two drivers does the next one no harm.
for state in 5 6 2 7 8 3 4 5 1; do
	works xen xenstore-write "$frontend/state" "$state"
	sleep 0.1
	works in_guest g "verify xvda 8"
done

# While xpvd is away; and the worker, between the two.
works in_guest g "fill xvda 9"
kill -9 "$(xpvd_pid)"
xpvd_again
works in_guest g "verify xvda 9"
worker=$(stat_of g worker)
[ "${worker:-0}" -eq 0 ] || kill -9 "$worker"
works in_guest g "verify xvda 9; fill xvda 10"
is "the image" "$(in_guest g "sum xvda" | cut -d' ' -f1)" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)"
is "errors" "$(stat_of g errors)" 0
works xpv check
works xpv destroy g
eventually 10 no_workers
passed
