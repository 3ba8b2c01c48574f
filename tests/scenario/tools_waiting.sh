#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_waiting.sh - who has not moved? Attach and detach against ends that hang, refuse and vanish
#
# In place of xpvd there is nobody, then a socket that answers, and the backend's part is played
# by hand in the store.
#
# Only in the simulator: without xpvd, and with a guest whose states are written for it.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv
command -v perl >/dev/null || skip "perl plays the supervisor, and is not installed"

truncate -s 1M "$DIR/a.img"
spec=vdev=xvda,target=$DIR/a.img
sim_start --no-xpvd
guest idle
guest busy 'kernel="/bin/sleep"' 'extra="1000"'
before=$(store)

refuses 1 "xpvd is not running" xpv block-attach idle "$spec"
refuses 1 "xpvd is not running" xpv stats
refuses 1 "xpvd is not running" xpv restart
echo 'disk=[ "'"$spec"'" ]' | cat "$DIR/idle.cfg" - >"$DIR/disk.cfg"
refuses 1 "xpvd is not running" xpv create "$DIR/disk.cfg" 'name="other"'
is "the store" "$(store)" "$before"

perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die $!;
	while (my $c = $s->accept) { <$c>; print $c "{\"ok\":true,\"devices\":[]}\n"; close $c }
' "$XPV_RUNDIR/xpvd.sock" &
supervisor=$!
finish() {
	local status=$?

	set +e
	kill "$supervisor" 2>/dev/null
	(exit "$status")
	clean_up
}
trap finish EXIT
eventually 5 test -S "$XPV_RUNDIR/xpvd.sock"

# name DOM: sets $back and $front
name() {
	local id

	id=$(domid "$1")
	back=/local/domain/0/backend/vbd/$id/51712
	front=/local/domain/$id/device/vbd/51712
	error=/local/domain/0/error/backend/vbd/$id/51712/error
}

there() {
	xen xenstore-exists "$1"
}

reads() {
	[ "$(xen xenstore-read "$1" 2>/dev/null)" = "$2" ]
}

put() {
	xen xenstore-write "$@"
}

# ends STATUS PART: how the command in the background has ended
ends() {
	local status=0

	wait "$job" || status=$?
	is "status" "$status" "$1"
	is "lines" "$(wc -l <"$DIR/job")" 1
	contains "its error" "$(cat "$DIR/job")" "$2"
}

background() {
	"$BUILD/xpv" "$@" >"$DIR/job" 2>&1 &
	job=$!
}

# A backend that does nothing.
name idle
refuses 1 "the backend has not answered within 0 s (it is Initialising)" \
	xpv block-attach --timeout 0 idle "$spec"
is "the store" "$(store)" "$before"

# A backend that refuses; its reason may be anything, and stays on one line.
background block-attach idle "$spec"
eventually 5 there "$back/state"
put "$error" $'22 cannot open\nthe image'
eventually 5 reads "$back/state" 5
put "$back/state" 6
ends 1 'the backend refused it: 22 cannot open\x0athe image'
is "the store" "$(store)" "$before"

# Interrupted: nothing stays. (A shell's background jobs ignore SIGINT, which is one of the three.)
for signal in TERM HUP; do
	background block-attach idle "$spec"
	eventually 5 there "$back/state"
	kill -s "$signal" "$job"
	ends 1 "interrupted"
	is "the store" "$(store)" "$before"
done

# The same while a guest is made: neither the disk nor the guest stays.
for why in refused interrupted; do
	background create "$DIR/disk.cfg" 'name="other"'
	eventually 5 xpv list other
	name other
	eventually 5 there "$back/state"
	if [ "$why" = refused ]; then
		put "$error" "22 cannot open the image"
	else
		kill "$job"
	fi
	ends 1 "$why"
	! xpv list other >/dev/null 2>&1 || fail "the guest stays"
	is "the store" "$(store)" "$before"
done
name idle

# Somebody takes the disk away meanwhile.
background block-attach idle "$spec"
eventually 5 there "$back/state"
xen xenstore-rm "${back%/*/*}" "${front%/*}" "/libxl/$(domid idle)/device/vbd"
ends 1 "taken away again"

# The backend is ready, and the guest is not: the disk stays, and one can wait again.
name busy
background block-attach --timeout 1 busy "$spec"
eventually 5 there "$back/state"
put "$back/state" 2
ends 1 "attached, but the guest has not connected within 1 s (its frontend is Initialising, the"
there "$back/state" || fail "the disk has gone"
background block-attach busy "$spec"
put "$front/state" 4 "$back/state" 4
status=0
wait "$job" || status=$?
is "the second time" "$status" 0
contains "the second time" "$(cat "$DIR/job")" "already attached"

# The guest does not let go. Asking again goes on with it; the disk is not ours to pull out.
refuses 1 "the guest still has it in use after 1 s (its frontend is Connected, the backend" \
	xpv block-detach --timeout 1 busy xvda
is "online" "$(xen xenstore-read "$back/online")" 0
is "state" "$(xen xenstore-read "$back/state")" 5
refuses 1 "it is being detached" xpv block-attach busy "$spec"
background block-detach busy xvda
put "$front/state" 6
sleep 0.2
kill -0 "$job" 2>/dev/null || fail "detach did not wait for the backend"
put "$back/state" 6
wait "$job" || fail "detach: $(cat "$DIR/job")"
is "the store" "$(store)" "$before"

# The guest has written rubbish in place of its state: that is what holds the disk up.
background block-attach busy "$spec"
eventually 5 there "$back/state"
put "$front/state" 4 "$back/state" 4
wait "$job" || fail "attach: $(cat "$DIR/job")"
put "$front/state" evil
refuses 1 "the guest has written something into $front/state that is no state" \
	xpv block-detach --timeout 1 busy xvda
! xpv check busy >"$DIR/check" || fail "check found nothing"
contains "check" "$(cat "$DIR/check")" "error: $front/state: the guest has written something"
lacks "check" "$(cat "$DIR/check")" "is xpvd running"
put "$back/state" 6
works xpv block-detach busy xvda
is "the store" "$(store)" "$before"

# By force: the guest is not asked, and a backend that hangs is named.
background block-attach busy "$spec"
eventually 5 there "$back/state"
put "$front/state" 4 "$back/state" 4
wait "$job" || fail "attach: $(cat "$DIR/job")"
status=0
xpv block-detach --force --timeout 1 busy xvda 2>"$DIR/err" || status=$?
is "by force" "$status" 0
contains "the warning" "$(cat "$DIR/err")" "removed while its backend was still Closing"
is "the store" "$(store)" "$before"

works xpv destroy idle
works xpv destroy busy
kill "$supervisor"
passed
