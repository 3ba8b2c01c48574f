#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_nbd_lost.sh - a server that is lost and found again costs its guest a pause, and no data
#
# Under a load that verifies, the server, the worker and xpvd are killed, each alone and together.
# A server that stays away for longer than reconnect= says fails I/O, until it is back; one that
# comes back with less than the disk has is not used; one that hangs is connected to again. A disk
# whose server is away can be detached.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

need xpv xpvd xpv-vdisk xpv-vdisk-nbd minidom
[ -n "$(command -v nbdkit)" ] || skip "nbdkit is not installed"

# One thread: nbdkit 1.32 with more fails an assertion of its own when a client is killed.
start_server() {
	server a -t 1 file "$DIR/a.img"
}

truncate -s 8M "$DIR/a.img"
start_server
sim_start
guest g
works xpv block-attach g "vdev=xvda,reconnect=60,target=$(at a)"
guest_begin load g "loop 100000 stress xvda 7 1"
eventually 10 guest_has_said load ok

for round in server worker xpvd server,worker server,xpvd worker,xpvd server,worker,xpvd server; do
	sleep 0.0"$((RANDOM % 9))"
	pids=()
	[[ $round != *worker* ]] || pids+=("$(stat_of g worker)")
	[[ $round != *xpvd* ]] || pids+=("$(xpvd_pid)")
	[ "${#pids[@]}" -eq 0 ] || kill -9 "${pids[@]}"
	if [[ $round == *server* ]]; then
		server_end a
		sleep 0.3
		start_server
	fi
	xpvd_again
	guest_goes_on load
done
# Many short ones, so that some meet every state of a connection.
for ((i = 0; i < 20; i++)); do
	server_end a
	start_server
	sleep 0.1"$((RANDOM % 9))"
done
guest_goes_on load
logged "its server is there again" || fail "nothing was reconnected"

# One that hangs: the guest waits; what is said names the reason. Then it goes on.
server_kill a STOP
sleep 1
server_kill a CONT
guest_goes_on load
! guest_end load || fail "an interrupted program says that it was not"
is "what the guest saw" "$(guest_said load | grep -v ': ok$')" "minidom: stress xvda: interrupted"
is "requests that failed" "$(stat_of g errors)" 0
works xpv check

# Away for too long.
works xpv block-detach g xvda
works xpv block-attach g "vdev=xvda,reconnect=2,target=$(at a)"
works in_guest g "fill xvda 7"
guest_begin away g "loop 100000 verify xvda 7"
eventually 10 guest_has_said away ok
server_end a
eventually 5 says "its server"
! guest_wait away || fail "I/O without a server works"
logged "has not answered for 2 s" || fail "the log does not say so"
start_server
works in_guest g "verify xvda 7"

# A server that hangs for too long, and is replaced.
guest_begin hung g "loop 100000 verify xvda 7"
eventually 10 guest_has_said hung ok
server_kill a STOP
! guest_wait hung || fail "I/O with a server that hangs works"
server_end a
start_server
works in_guest g "verify xvda 7"

# What comes back is not what the disk is made of.
guest_begin small g "loop 100000 verify xvda 7"
eventually 10 guest_has_said small ok
server_end a
server a memory 1M
eventually 10 says "1048576 bytes now, and the disk has 8388608"
! guest_wait small || fail "a smaller export is used"
server_end a
start_server
works in_guest g "verify xvda 7"

# Detached while its server is away.
works xpv block-detach g xvda
works xpv block-attach g "vdev=xvda,target=$(at a)"
guest_begin held g "loop 100000 verify xvda 7"
eventually 10 guest_has_said held ok
server_end a
server a -t 1 -r file "$DIR/a.img"
eventually 10 says "can only be read now"
server_end a
start_server
guest_goes_on held
server_end a
eventually 5 says "its server"
works xpv block-detach --force g xvda
start_server
works xpv block-attach g "vdev=xvdb,target=$(at a)"
works in_guest g "verify xvdb 7"
[ "$(grep -c 'its server is lost' "$XPV_RUNDIR/log/xpvd.log")" -lt 200 ] || fail "the log is flooded"
works xpv destroy g
eventually 10 no_workers
passed
