#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_nbd.sh - a disk that a server has: attached, used, refused
#
# By Unix socket and by TCP; what the guest wrote is in the server's file. A server that is not there,
# that hangs, that lets nothing be written, is refused when the disk is attached, in one line. One
# that fails requests fails them for the guest, and the disk goes on.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

need xpv xpvd xpv-vdisk xpv-vdisk-nbd minidom
[ -n "$(command -v nbdkit)" ] || skip "nbdkit is not installed"

truncate -s 8M "$DIR/a.img"
head -c 8M /dev/urandom >"$DIR/b.img"
sim_start
guest g

# What is there is what the server has.
server a file "$DIR/a.img"
server b -r file "$DIR/b.img"
works xpv block-attach g "vdev=xvda,target=$(at a)"
works in_guest g "fill xvda 7; verify xvda 7"
is "the server's file" "$(in_guest g "sum xvda" | cut -d' ' -f1)" \
	"$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)"
works xpv block-attach g "vdev=xvdb,access=ro,target=$(at b)"
is "a file that is only read" "$(in_guest g "sum xvdb" | cut -d' ' -f1)" \
	"$(sha256sum <"$DIR/b.img" | cut -d' ' -f1)"

# A disk in a file, attached before one on a server: its worker is replaced under load.
truncate -s 8M "$DIR/c.img"
guest h "disk=['$DIR/c.img,raw,xvda,rw']"
guest_begin load h "loop 100000 stress xvda 7 1"
eventually 10 guest_has_said load ok
server c memory 8M
works xpv block-attach h "vdev=xvdb,target=$(at c)"
guest_goes_on load
works in_guest h "fill xvdb 3; verify xvdb 3"
! guest_end load || fail "an interrupted program says that it was not"
is "errors" "$(stat_of h errors 51712)" 0
works xpv destroy h

# By TCP, to a port that was free a moment ago.
port=$((20000 + RANDOM % 20000))
nbdkit -f -i 127.0.0.1 -p "$port" -P "$DIR/tcp.pid" memory 8M 2>"$DIR/tcp.err" &
# shellcheck disable=SC2034 # for server.bash
server_tcp=$!
servers+=(tcp)
eventually 10 test -s "$DIR/tcp.pid"
works xpv block-attach g "vdev=xvdc,target=nbd://localhost:$port/"
works in_guest g "fill xvdc 3; verify xvdc 3"
works xpv block-detach g xvdc
refuses 1 "Connection refused" xpv block-attach g vdev=xvdd,target=nbd://127.0.0.1:1/
refuses 1 "its server" xpv block-attach g vdev=xvdd,target=nbd://nonesuch.invalid/

# Servers that do not do.
refuses 1 "No such file" xpv block-attach g "vdev=xvdd,target=$(at none)"
server ro -r memory 1M
refuses 1 "attach it with access=ro" xpv block-attach g "vdev=xvdd,access=rw,target=$(at ro)"
refuses 1 "only readers may share" xpv block-attach g "vdev=xvdd,target=$(at a)"
server strict --filter=exportname memory 1M exportname-strict=true exportname=there
refuses 1 "its server" xpv block-attach g \
	"vdev=xvdd,target=nbd+unix:///missing?socket=$DIR/strict.sock"
works xpv block-attach g "vdev=xvdd,target=nbd+unix:///there?socket=$DIR/strict.sock"
works xpv block-detach g xvdd
server large --filter=blocksize-policy memory 1M blocksize-minimum=8192 \
	blocksize-preferred=8192 blocksize-error-policy=error
refuses 1 "blocksize filter" xpv block-attach g "vdev=xvdd,target=$(at large)"
server none memory 0
refuses 1 "is empty" xpv block-attach g "vdev=xvdd,target=$(at none)"

# One that hangs holds nobody up: others are attached meanwhile.
server hangs memory 1M
server_kill hangs STOP
xpv block-attach g "vdev=xvdd,target=$(at hangs)" >"$DIR/hangs" 2>&1 &
attach=$!
works xpv block-attach g vdev=xvde,target=null:1M
kill -0 "$attach" || fail "it did not hang: $(cat "$DIR/hangs")"
works in_guest g "verify xvda 7"
! wait "$attach" || fail "a server that hangs was attached"
contains "the refusal" "$(cat "$DIR/hangs")" "does not answer"
server_kill hangs CONT
works xpv block-attach g "vdev=xvdd,target=$(at hangs)"
works in_guest g "fill xvdd 1; verify xvdd 1"

# Errors of the server's are the guest's, each of its own request.
server eio --filter=error memory 1M error-pread=EIO error-pread-rate=100%
works xpv block-attach g "vdev=xvdf,target=$(at eio)"
! in_guest g "sum xvdf" >"$DIR/said" 2>&1 || fail "reads work: $(cat "$DIR/said")"
contains "the log" "$(cat "$XPV_RUNDIR/log/xpvd.log")" "read of "
logged "Input/output error" || fail "the log does not say so"
works in_guest g "fill xvdf 1"
server full --filter=error memory 1M error-pwrite=ENOSPC error-pwrite-rate=100%
works xpv block-attach g "vdev=xvdg,target=$(at full)"
! in_guest g "fill xvdg 1" >"$DIR/said" 2>&1 || fail "writes work: $(cat "$DIR/said")"
logged "No space left on device" || fail "the log does not say so"
works in_guest g "sum xvdg"
works in_guest g "verify xvda 7"
[ "$(grep -c 'No space left' "$XPV_RUNDIR/log/xpvd.log")" -lt 20 ] || fail "the log is flooded"

works xpv destroy g
eventually 10 no_workers
passed
