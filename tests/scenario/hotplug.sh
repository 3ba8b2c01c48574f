#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hotplug.sh - disks that a script sets up, as plain xl has them, in every order
#
# xpvd must say InitWait before the script has run, open nothing before it is done, and have closed
# everything when it says Closed; the script may come before the guest or long after, may fail, and
# xpvd may die between any two steps. libxl's and the script's parts are played by hand.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/libxl.bash"

need xpv xpvd xpv-vdisk minidom
script=/etc/xen/scripts/block

xpvd_pid() {
	xpv sim status --json | grep -A 1 '"xpvd"' | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'
}

kill_xpvd() {
	kill -9 "$(xpvd_pid)"
	eventually 10 xpv stats
}

worker_pid() {
	xpv stats --json g | sed -n 's/^ *"worker": *\([0-9]*\),\{0,1\}$/\1/p'
}

serves() {
	[ "$(worker_pid)" -gt 0 ]
}

# Both at once, when there are both; then there is an xpvd again.
kill_both() {
	eventually 10 serves
	kill -9 "$(xpvd_pid)" "$(worker_pid)"
	eventually 10 xpv stats
}

# Who has a file open: xpvd or its workers.
is_open() {
	local pid

	for pid in $(xpvd_pid) $(worker_pid); do
		[ "$pid" -gt 0 ] || continue
		[ -z "$(find "/proc/$pid/fd" -lname "$1" 2>/dev/null)" ] || return 0
	done
	return 1
}

minidom() {
	xpv sim run --dom g -- "$BUILD/minidom" "$@"
}

# In the background: the guest's part; what it prints is in $DIR/guest.
guest_begins() {
	: >"$DIR/guest"
	minidom "$@" >"$DIR/guest" 2>&1 &
	guest_job=$!
}

guest_ends() {
	wait "$guest_job" || fail "the guest: $(cat "$DIR/guest")"
	checks=$((checks + 1))
}

waits_in() {
	sleep 0.3
	is "the backend's state" "$(get "$back/state")" "$1"
}

says() {
	[[ $(xpv stats --json g) == *"\"error\": \"$1"* ]]
}

# The guest has closed the disk, or never opened it: libxl's detach, to the end.
detach() {
	libxl_ask_to_close
	eventually 10 reads "$back/state" 6
	! is_open "$1" || fail "$1 is open although the disk is Closed"
	libxl_forget
	eventually 10 no_workers
}

# What guests share may stay; what is the disk's may not.
nothing_left() {
	is "what is left" "$(store | grep -F "$devid" || true)" ""
}

truncate -s 4M "$DIR/a.img" "$DIR/b.img"
sim_start
guest g
libxl_name g

# The script comes late: the guest is at Initialised meanwhile, and nothing is open.
libxl_add "$DIR/a.img" w script "$script"
eventually 10 reads "$back/state" 2
guest_begins "fill xvda 7; verify xvda 7"
eventually 10 reads "$front/state" 3
waits_in 2
! is_open "$DIR/a.img" || fail "the image is open before the script has ended"
! xpv check g >"$DIR/check" || fail "check found nothing"
contains "check" "$(cat "$DIR/check")" "the hotplug script $script has not ended"
put "$back/hotplug-status" connected
guest_ends
detach "$DIR/a.img"
nothing_left

# The script comes early. Then what it wrote counts, and params does not.
libxl_add "$DIR/nowhere" w script "$script"
eventually 10 reads "$back/state" 2
put "$back/physical-device-path" "$DIR/a.img" "$back/hotplug-status" connected
works minidom "verify xvda 7"
detach "$DIR/a.img"

# xpvd dies between all of it, and the one that comes next goes on.
libxl_add "$DIR/a.img" w script "$script"
eventually 10 reads "$back/state" 2
kill_xpvd
waits_in 2
guest_begins "verify xvda 7; loop 100000 stress xvda 7 1"
eventually 10 reads "$front/state" 3
kill_xpvd
waits_in 2
kill -9 "$(xpvd_pid)"
put "$back/physical-device-path" "$DIR/a.img" "$back/hotplug-status" connected
eventually 10 grep -q ok "$DIR/guest"
kill_xpvd
kill_both
lines=$(wc -l <"$DIR/guest")
more() { [ "$(wc -l <"$DIR/guest")" -gt "$lines" ]; }
eventually 15 more
kill -0 "$guest_job" || fail "the guest: $(cat "$DIR/guest")"
lacks "what the guest saw" "$(cat "$DIR/guest")" "minidom:"

# ... and also when the name means something else when it comes back.
xen xenstore-write "$back/physical-device-path" "$DIR/b.img"
kill_both
eventually 15 says "its name means something else"
xen xenstore-write "$back/physical-device-path" "$DIR/a.img"
lines=$(wc -l <"$DIR/guest")
eventually 15 more

# xl destroy: the frontend goes in the same moment, no state of it is seen again.
kill -STOP "$(xpvd_pid)"
xen xenstore-rm "$front"
libxl_ask_to_close
kill -CONT "$(xpvd_pid)"
eventually 10 reads "$back/state" 6
! is_open "$DIR/a.img" || fail "the image is open although the disk is Closed"
kill "$guest_job" 2>/dev/null || true
wait "$guest_job" || true
xen xenstore-rm -t "$back" "$record"
eventually 10 no_workers
is "the other image" "$(cmp "$DIR/b.img" <(head -c 4M /dev/zero) && echo untouched)" untouched

# The script fails before the guest comes, in several lines: the reason is shown, escaped and
# bounded, and the device stays where libxl looks for it.
libxl_add "$DIR/a.img" w script "$script"
eventually 10 reads "$back/state" 2
put "$back/hotplug-error" "$(printf 'Device is mounted,\n\033[31mand so cannot be%s' "$(printf ' x%.0s' {1..900})")" \
	"$back/hotplug-status" error
eventually 10 there "$error"
text=$(get "$error")
contains "the reason" "$text" 'failed: Device is mounted,\\x0a\\x1b[31mand so cannot'
[ "${#text}" -lt 300 ] || fail "the reason has ${#text} bytes"
waits_in 2
! xpv check g >"$DIR/check" || fail "check found nothing"
contains "check" "$(cat "$DIR/check")" 'the hotplug script ended with error: Device is mounted,\x0a'
detach "$DIR/a.img"
nothing_left

# It fails when the guest waits already: the guest is told by the states.
libxl_add "$DIR/a.img" w script "$script"
eventually 10 reads "$back/state" 2
guest_begins "verify xvda 7"
eventually 10 reads "$front/state" 3
put "$back/hotplug-error" "no such thing" "$back/hotplug-status" error
! wait "$guest_job" || fail "the guest got a disk"
contains "the reason" "$(get "$error")" "its hotplug script failed: no such thing"
detach "$DIR/a.img"

# What the script set up cannot be opened.
libxl_add "$DIR/a.img" w script "$script"
eventually 10 reads "$back/state" 2
put "$back/physical-device" "ffe:zz" "$back/hotplug-status" connected
! minidom "verify xvda 7" >"$DIR/guest" 2>&1 || fail "the guest got a disk"
contains "the reason" "$(get "$error")" "wrote ffe:zz as physical-device"
detach "$DIR/a.img"

# A drive without medium: offered, not connected, until there is one.
for keys in "" no; do
	libxl_add "" r script none
	[ -z "$keys" ] || xen xenstore-rm "$back/params"
	eventually 10 reads "$back/state" 2
	eventually 10 says "there is no medium in it"
	guest_begins "sum xvda"
	eventually 10 reads "$front/state" 3
	waits_in 2
	put "$back/params" "$DIR/a.img"
	guest_ends
	! there "$error" || fail "the reason stays: $(get "$error")"
	detach "$DIR/a.img"
done

# Nodes without a script connect as ever; those that are gone before they were seen leave nothing.
libxl_add "$DIR/a.img" w
works minidom "verify xvda 7"
detach "$DIR/a.img"
kill -STOP "$(xpvd_pid)"
libxl_add "$DIR/a.img" w script "$script"
libxl_forget
kill -CONT "$(xpvd_pid)"
eventually 10 xpv stats
nothing_left
works xpv destroy g
eventually 10 no_workers
passed
