#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_nbd_discard.sh - what a guest discards is given back by the server that has its disk
#
# A server that can trim is a disk that discards: its file shrinks, and what stands beside it stays,
# also while server, worker and xpvd are killed. Discard is not offered where the server cannot, the
# disk is read-only, where it is forbidden, and for images of formats that give nothing back; a
# server that cannot any more is a disk that says so, and goes on. A qcow2 image gives back as well,
# and is as sound as before.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

nbd_need nbdinfo qemu-io qemu-img
need xpv-vdisk-nbd

# KiB that it takes on the host
used() {
	du -k "$DIR/$1" | cut -f1
}

# offers TAG TARGET DISCARD: attached so as xvda, it is told to discard or not, in xenstore and by
# the frontend's own server, TAG
offers() {
	local backend

	works xpv block-attach g "vdev=xvda,$2"
	nbd_serve "$1" g xvda
	backend=/local/domain/0/backend/vbd/$(domid g)/51712
	is "$2: feature-discard" "$(xen xenstore-read "$backend/feature-discard")" "$3"
	is "$2: trim" "$(nbdinfo "$(nbd_uri "$1")" | sed -n "s/^[[:space:]]*can_trim: //p")" \
		"$([ "$3" = 1 ] && echo true || echo false)"
}

offers_no() {
	offers none "$1" 0
	nbd_end none
	works xpv block-detach g xvda
}

# gives_back TAG FILE: of 32 MiB of sevens 17 are discarded, and the file is smaller by them; the
# others are there, whatever is read of those now
gives_back() {
	local before

	nbd_io 0 "$1" "write -q -P 7 0 32M" flush
	before=$(used "$2")
	nbd_io 0 "$1" "discard 4M 16M" "discard 1M 1M" "read -q -P 7 2M 2M" "read -q -P 7 0 1M" \
		"read -q -P 7 20M 12M" flush
	lacks "qemu-io" "$out" "ailed"
	[ "$(used "$2")" -le $((before - 17 * 1024 + 512)) ] ||
		fail "$2 takes $(used "$2") KiB, before it was $before"
	is "discarded" "$(stat_of g discard_bytes)" $((17 << 20))
	is "errors" "$(stat_of g errors)" 0
}

# survives TAG WHO...: each is a list of those who are killed while something is discarded;
# kill_it() does it to the server, and starts what xpvd does not
survives() {
	local tag=$1 round i=0 discard pids

	nbd_io 0 "$tag" "write -q -P 7 0 32M" flush
	shift
	for round in "$@"; do
		nbd_io 0 "$tag" "discard $((i * 4))M 2M" "write -q -P 5 $((i * 4))M 1M" \
			"read -q -P 5 $((i * 4))M 1M" "read -q -P 7 $((i * 4 + 2))M 2M" \
			>"$DIR/survivor" &
		discard=$!
		pids=()
		[[ $round != *worker* ]] || pids+=("$(stat_of g worker)")
		[[ $round != *xpvd* ]] || pids+=("$(xpvd_pid)")
		[ "${#pids[@]}" -eq 0 ] || kill -9 "${pids[@]}"
		[[ $round != *server* ]] || kill_it
		xpvd_again
		wait "$discard" || fail "$round: $(cat "$DIR/survivor")"
		i=$((i + 1))
	done
	for ((i -= 1; i >= 0; i--)); do
		nbd_io 0 "$tag" "read -q -P 5 $((i * 4))M 1M" "read -q -P 7 $((i * 4 + 2))M 2M"
	done
	is "errors" "$(stat_of g errors)" 0
}

truncate -s 32M "$DIR/a.img"
sim_start
guest g

# One thread: nbdkit 1.32 with more fails an assertion of its own when a client is killed.
start_server() {
	server store -t 1 "$@" "$DIR/a.img"
}

kill_it() {
	server_end store
	start_server file
}

start_server file
offers a "target=$(at store)" 1
gives_back a a.img
survives a server worker xpvd server,worker worker,xpvd server,worker,xpvd

# One that cannot any more, and then can again.
server_end store
start_server split
nbd_io 0 a "read -q -P 5 0 1M"
nbd_io 1 a "discard 2M 1M"
contains "a discard that cannot be" "$out" "discard failed"
contains "the log" "$(cat "$XPV_RUNDIR/log/xpvd.log")" \
	"discard of 1048576 bytes at sector 4096: Operation not supported"
nbd_io 0 a "write -q -P 6 2M 1M" "read -q -P 6 2M 1M" "read -q -P 5 0 1M"
guest_end a || fail "the server in the guest: $(guest_said a)"
contains "what its frontend has heard" "$(guest_said a)" "not supported"
rm "$DIR/a.sock" "$DIR/job.a"
works xpv block-detach g xvda

# Not offered.
offers_no "target=$(at store)"
server_end store
start_server file
offers_no "access=ro,target=$(at store)"
offers_no "no-discard,target=$(at store)"

# A qcow2 image, whose server is xpvd's own.
if [ -n "$(command -v qemu-storage-daemon)" ]; then
	daemon() {
		pgrep -f "^qemu-storage-daemon .*$XPV_RUNDIR/format/"
	}
	kill_it() {
		kill -9 "$(daemon)"
	}
	qemu-img create -q -f qcow2 "$DIR/a.qcow2" 32M
	offers q "format=qcow2,target=$DIR/a.qcow2" 1
	gives_back q a.qcow2
	survives q server worker server,worker worker,xpvd server,xpvd server,worker,xpvd server
	nbd_end q
	works xpv block-detach g xvda
	gone() { ! daemon; }
	eventually 5 gone
	# what is leaked has been given up, and not yet taken back: 3. All else would be corruption.
	qemu-img check -q "$DIR/a.qcow2" >"$DIR/out" 2>&1 || [ $? -eq 3 ] ||
		fail "the image: $(cat "$DIR/out")"
	offers_no "format=qcow2,no-discard,target=$DIR/a.qcow2"
	offers_no "format=qcow2,access=ro,target=$DIR/a.qcow2"
	qemu-img create -q -f vmdk "$DIR/a.vmdk" 8M
	offers_no "format=vmdk,target=$DIR/a.vmdk"
else
	echo "not checked: qemu-storage-daemon is not installed"
fi
works xpv check
works xpv destroy g
eventually 10 no_workers
passed
