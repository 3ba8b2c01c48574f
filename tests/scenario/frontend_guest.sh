#!/bin/bash
# SPDX-License-Identifier: MIT
#
# frontend_guest.sh - the Linux port and minidom against the real backend: every layout and manner,
# commands from a pipe, a disk that is taken away and comes back, a new size, an orderly end
#
# runs on: simulator, xen
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need minidom xpvd xpv-vdisk tests/lib/guest_frontend_io

# The state in a device's directory.
state_of() {
	xen xenstore-read "$1/state"
}

backend_is() { [ "$(state_of "$backend")" = "$1" ]; }

truncate -s 4M "$DIR/a.img"
truncate -s 8M "$DIR/b.img"
system_start
guest g "disk=['format=raw,vdev=xvda,access=rw,target=$DIR/a.img']"
dom=$(domid g)
backend=/local/domain/0/backend/vbd/$dom/51712
frontend=/local/domain/$dom/device/vbd/51712

# Every layout, persistent grants or not, sleeping or polling; each closes in order.
works guest_sh g "guest_frontend_io 51712"
is "manners" "$(grep -c ': no error, close: no error$' <<<"$out")" 6
[ "$(stat_of g indirect_reqs)" -gt 100 ] || fail "there were no indirect requests"
is "backend after close" "$(state_of "$backend")" 6
is "frontend after close" "$(state_of "$frontend")" 6

# Commands from a pipe; the sum is sha256sum's.
works in_guest g "fill xvda 5; flush xvda; sum xvda"
contains "sum" "$out" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)  xvda"
works guest_sh g "printf 'verify xvda 5\npoweroff\n' | minidom"
is "piped" "$out" "verify xvda: 8192 sectors, seed 5: ok"
status=0
in_guest g "read xvda 8192 1" >"$DIR/beyond" 2>&1 || status=$?
is "beyond the end" "$status $(cat "$DIR/beyond")" "1 minidom: read xvda: beyond the end of the \
disk; 'disks' shows the size in sectors of 512 bytes"

# One program through the life of a disk; its commands come one by one.
guest_begin life g
guest_tell life "verify xvda 5"
eventually 10 guest_has_said life "seed 5: ok"
backend_is 4 || fail "the disk is not connected"

# A new size, as a backend announces it.
xen xenstore-write "$backend/sectors" 4096
xen xenstore-write "$backend/state" 4
guest_tell life "sleep 1"
guest_tell life "verify xvda 5"
eventually 10 guest_has_said life "4096 sectors, seed 5: ok"

# Taken away while nothing goes on, and another one in its place.
works xpv block-detach g xvda
works xpv block-attach g "format=raw,vdev=xvda,access=rw,target=$DIR/b.img"
guest_tell life "fill xvda 6"
eventually 10 guest_has_said life "fill xvda: 16384 sectors, seed 6: ok"

# Taken away under load: an error line, no hang, and the program ends with status 1.
guest_tell life "stress xvda 7 100000"
sleep 0.5
works xpv block-detach g xvda
status=0
guest_wait life || status=$?
is "status" "$status" 1
guest_told life
is "error" "$(guest_said life | grep minidom:)" \
	"minidom: stress xvda: the backend closed the device; attach it again"

# A missing disk is awaited, and found.
guest_begin late g "verify xvda 6 0 0; fill xvda 8; verify xvda 8"
sleep 1
works xpv block-attach g "format=raw,vdev=xvda,access=rw,target=$DIR/b.img"
guest_wait late || fail "$(guest_said late)"
contains "late" "$(guest_said late)" "verify xvda: 16384 sectors, seed 8: ok"

# SIGTERM ends it in order.
guest_begin term g "stress xvda 1 100000"
eventually 10 backend_is 4
! guest_end term || fail "minidom was interrupted, and says it was not"
contains "term" "$(guest_said term)" "minidom: stress xvda: interrupted"
eventually 10 backend_is 6
is "frontend after SIGTERM" "$(state_of "$frontend")" 6
works xpv destroy g
passed
