#!/bin/bash
# SPDX-License-Identifier: MIT
#
# who_serves.sh - the kernel's disks, QEMU's and ours, told apart
#
# A sysfs of the test's own says whether xen-blkback is loaded. What is the kernel's or QEMU's must
# not be touched, what is ours must work under either kind and before the eyes of xl, and a driver
# that is loaded too late must be called a danger.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/libxl.bash"

need xpv xpvd xpv-vdisk minidom
xl=/usr/lib/xen-4.17/bin/xl
driver=$XPV_RUNDIR/sim/sysfs/bus/xen-backend/drivers/vbd

xpvd_pid() {
	xpv sim status --json | grep -A 1 '"xpvd"' | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'
}

logged() {
	grep -qF "$1" "$XPV_RUNDIR/log/xpvd.log"
}

# How often the log says it.
times() {
	grep -cF "$1" "$XPV_RUNDIR/log/xpvd.log" || true
}

minidom() {
	xpv sim run --dom g -- "$BUILD/minidom" "$@"
}

untouched() {
	sleep 0.3
	is "the backend's state" "$(get "$back/state")" "$1"
	! there "$back/feature-flush-cache" || fail "xpvd wrote into a directory that is not its own"
	is "what xpvd lists" "$(xpv stats --json g | tr -d '\n')" "[]"
}

truncate -s 4M "$DIR/a.img"
sim_start
guest g
libxl_name g
eventually 5 logged "xen-blkback is not loaded: xpvd serves every vbd"

# Not loaded: ours.
libxl_add "$DIR/a.img" w
works minidom "fill xvda 7"
logged "guest $id vbd 51712: served by xpvd: xen-blkback is not loaded" || fail "not logged"
libxl_ask_to_close
eventually 10 reads "$back/state" 6
libxl_forget

# Loaded: the kernel's, said once; unloaded: ours.
mkdir -p "$driver"
eventually 10 logged "error: xen-blkback is loaded and takes every vbd"
libxl_add "$DIR/a.img" w
eventually 5 logged "guest $id vbd 51712: left to xen-blkback"
untouched 1
put "$back/mode" r
put "$back/mode" w
untouched 1
is "how often it is said" "$(times "left to xen-blkback")" 1
rmdir "$driver"
eventually 10 reads "$back/state" 2
works minidom "verify xvda 7"

# Loaded while we serve: ours all the same, also for an xpvd that begins then; the danger is named.
mkdir "$driver"
eventually 10 logged "has been loaded and may write to the images of 1 disks that xpvd serves"
works minidom "verify xvda 7"
minidom "loop 100000 stress xvda 7 1" >"$DIR/load" 2>&1 &
load=$!
eventually 10 grep -q ok "$DIR/load"
kill -9 "$(xpvd_pid)"
eventually 10 logged "guest $id vbd 51712: xen-blkback is loaded and may write to the image"
lines=$(wc -l <"$DIR/load")
more() { [ "$(wc -l <"$DIR/load")" -gt "$lines" ]; }
eventually 10 more
kill "$load"
wait "$load" || true
xen xenstore-rm "$front"
libxl_ask_to_close
eventually 10 reads "$back/state" 6
xen xenstore-rm -t "$back" "$record"

# QEMU's: no mark.
libxl_name g qdisk
libxl_add "raw:$DIR/a.img" w
eventually 5 logged "guest $id vbd 51712: left to QEMU"
untouched 1
is "xpv check" "$(xpv check g | tail -n 1)" "0 devices checked: 0 errors, 0 notices"
refuses 1 "another backend than xpv serves it" xpv block-detach g xvda
libxl_forget

# Ours, as `xpv block-attach` makes it while xen-blkback is loaded. QEMU takes what it finds in
# Initialising with online=1: that must never be seen.
initialising=$(times "Initialising ->")
works xpv block-attach g "$DIR/a.img,raw,xvda,rw"
is "the state" "$(get "$back/state")" 2
is "the mark" "$(get "$back/served-by")" xpv
is "the record's" "$(get "$record/served-by")" xpv
is "libxl's word for it" "$(get "$record/type")" qdisk
is "the record's state" "$(get "$record/state")" 0
contains "the list" "$(xpv block-list g)" "$back"
contains "the states" "$(xpv block-list --json g)" '"backend-state": "InitWait"'
works minidom "verify xvda 7"
works minidom "verify xvda 7"
works xpv check g
contains "check" "$out" "1 device checked: 0 errors"
works xpv block-attach g "$DIR/a.img,raw,xvda,rw"
contains "attached again" "$out" "already attached"
refuses 1 "it is in use by disk 51712" xpv block-attach g "$DIR/a.img,raw,xvdb,rw"
kill -9 "$(xpvd_pid)"
eventually 10 xpv stats g
works minidom "verify xvda 7"
rmdir "$driver"
works xpv block-attach g "$DIR/a.img,raw,xvda,rw"
contains "attached again" "$out" "already attached"
works xpv block-detach g xvda
mkdir "$driver"
is "how often it was Initialising" "$(times "Initialising ->")" "$initialising"
logged "Unknown -> InitWait" || fail "it did not begin in Unknown"
! there "$back" || fail "the backend stays"
! there "$record" || fail "the record stays"

# The same before the eyes of xl.
if [ -x "$xl" ]; then
	works xpv block-attach g "$DIR/a.img,raw,xvda,rw"
	contains "xl block-list" "$(xen "$xl" block-list g)" "$back"
	works minidom "verify xvda 7"
	xen "$xl" block-detach g xvda >"$DIR/xl" 2>&1 || fail "xl block-detach: $(cat "$DIR/xl")"
	! there "$record" || fail "xl has left the record"
	! there "$back" || fail "xl has left the backend"
	eventually 10 no_workers
fi

# One disk below two kinds: whoever was first is served, and then the other.
rmdir "$driver"
libxl_name g
libxl_add "$DIR/a.img" w
eventually 10 reads "$back/state" 2
other=/local/domain/0/backend/qdisk/$id/$devid
xen xenstore-write "$other/served-by" xpv "$other/frontend" "$front" "$other/frontend-id" "$id" \
	"$other/online" 1 "$other/params" "$DIR/a.img" "$other/mode" w "$other/state" 0
eventually 5 logged "below qdisk it cannot be served while it is served below another kind"
is "its state" "$(get "$other/state")" 0
works minidom "verify xvda 7"
xen xenstore-rm -t "$back"
eventually 10 reads "$other/state" 6	# for the guest has closed it
xen xenstore-rm -t "$other" "$front" "$record"
eventually 10 no_workers
works xpv destroy g
passed
