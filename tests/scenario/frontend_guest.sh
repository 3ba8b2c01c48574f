#!/bin/bash
# SPDX-License-Identifier: MIT
#
# frontend_guest.sh - the Linux port and minidom against the real backend: every layout and manner,
# commands from a pipe, a disk that is taken away and comes back, a new size, an orderly end
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need minidom xpvd xpv-vdisk tests/lib/guest_frontend_io

in_guest() {
	xpv sim run --dom g -- "$@"
}

# The state in a device's directory.
state_of() {
	xen xenstore-read "$1/state"
}

has() { grep -qs -- "$2" "$1"; }
backend_is() { [ "$(state_of "$backend")" = "$1" ]; }

truncate -s 4M "$DIR/a.img"
truncate -s 8M "$DIR/b.img"
printf 'name="g"\ndisk=["format=raw,vdev=xvda,access=rw,target=%s"]\n' "$DIR/a.img" >"$DIR/g.cfg"
sim_start
works xpv create "$DIR/g.cfg"
dom=$(xpv list --json g | grep -Eo '"domid": ?[0-9]+' | grep -Eo '[0-9]+')
backend=/local/domain/0/backend/vbd/$dom/51712
frontend=/local/domain/$dom/device/vbd/51712

# Every layout, persistent grants or not, sleeping or polling; each closes in order.
works in_guest "$BUILD/tests/lib/guest_frontend_io" 51712
is "manners" "$(grep -c ': no error, close: no error$' <<<"$out")" 5
is "backend after close" "$(state_of "$backend")" 6
is "frontend after close" "$(state_of "$frontend")" 6

# Commands from a pipe; the sum is sha256sum's.
works in_guest "$BUILD/minidom" "fill xvda 5; flush xvda; sum xvda"
contains "sum" "$out" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)  xvda"
printf 'verify xvda 5\npoweroff\n' | in_guest "$BUILD/minidom" >"$DIR/piped"
is "piped" "$(cat "$DIR/piped")" "verify xvda: 8192 sectors, seed 5: ok"
status=0
in_guest "$BUILD/minidom" "read xvda 8192 1" >"$DIR/beyond" 2>&1 || status=$?
is "beyond the end" "$status $(cat "$DIR/beyond")" "1 minidom: read xvda: beyond the end of the \
disk; 'disks' shows the size in sectors of 512 bytes"

# One program through the life of a disk. Its commands come through a pipe that stays open.
mkfifo "$DIR/commands"
in_guest "$BUILD/minidom" <"$DIR/commands" >"$DIR/life" 2>"$DIR/life.err" &
exec 9>"$DIR/commands"
echo "verify xvda 5" >&9
eventually 10 has "$DIR/life" "seed 5: ok"
backend_is 4 || fail "the disk is not connected"

# A new size, as a backend announces it.
xen xenstore-write "$backend/sectors" 4096
xen xenstore-write "$backend/state" 4
echo "sleep 1" >&9
echo "verify xvda 5" >&9
eventually 10 has "$DIR/life" "4096 sectors, seed 5: ok"

# Taken away while nothing goes on, and another one in its place.
works xpv block-detach g xvda
works xpv block-attach g "format=raw,vdev=xvda,access=rw,target=$DIR/b.img"
echo "fill xvda 6" >&9
eventually 10 has "$DIR/life" "fill xvda: 16384 sectors, seed 6: ok"

# Taken away under load: an error line, no hang, and the program ends with status 1.
echo "stress xvda 7 100000" >&9
sleep 0.5
works xpv block-detach g xvda
status=0
wait %1 || status=$?
is "status" "$status" 1
exec 9>&-
is "error" "$(cat "$DIR/life.err")" \
	"minidom: stress xvda: the backend closed the device; attach it again"

# A missing disk is awaited, and found.
in_guest "$BUILD/minidom" "verify xvda 6 0 0; fill xvda 8; verify xvda 8" >"$DIR/late" 2>&1 &
sleep 1
works xpv block-attach g "format=raw,vdev=xvda,access=rw,target=$DIR/b.img"
wait %1 || fail "$(cat "$DIR/late")"
contains "late" "$(cat "$DIR/late")" "verify xvda: 16384 sectors, seed 8: ok"

# SIGTERM ends it in order.
in_guest "$BUILD/minidom" "stress xvda 1 100000" >"$DIR/term" 2>&1 &
eventually 10 backend_is 4
for pid in $(pgrep -x minidom); do
	if grep -qsz "^XPV_RUNDIR=$XPV_RUNDIR\$" "/proc/$pid/environ"; then
		kill -TERM "$pid"
	fi
done
wait %1 && fail "minidom was interrupted, and says it was not"
contains "term" "$(cat "$DIR/term")" "minidom: stress xvda: interrupted"
eventually 10 backend_is 6
is "frontend after SIGTERM" "$(state_of "$frontend")" 6

echo "frontend_guest: $checks checks passed"
