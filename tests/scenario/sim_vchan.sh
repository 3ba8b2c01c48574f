#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_vchan.sh - Debian's libxenvchan, unmodified, carries a stream between a guest and domain 0:
# shared pages, event channels and the notification of a peer that goes
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpv-hypervisor xpv-sim-vm
proxy=/usr/lib/xen-4.17/bin/vchan-socket-proxy
[ -x $proxy ] || skip "xen-utils-4.17 is not installed"

sim_start --no-xpvd
guest g
id=$(domid g)
path=/local/domain/$id/data/vchan
head -c 3000000 /dev/urandom >"$DIR/data"
mkfifo "$DIR/hold"

# The guest serves what it reads from the data; domain 0 is the client.
xpv sim run --dom g -- sh -c "$proxy -m server 0 $path - <'$DIR/data' >'$DIR/back'" \
	>"$DIR/server" 2>&1 &
server=$!
ring() { xen xenstore-exists "$path/ring-ref"; }
eventually 5 ring
sleep 5 >"$DIR/hold" &
timeout 20 "$BUILD/xpv" sim run -- $proxy -m client "$id" "$path" - \
	<"$DIR/hold" >"$DIR/copy" 2>"$DIR/client" || true
wait $server || true
is "bytes" "$(stat -c %s "$DIR/copy")" 3000000
cmp "$DIR/data" "$DIR/copy" || fail "the stream has changed on its way"
works xpv destroy g
passed
