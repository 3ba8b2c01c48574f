#!/bin/bash
# SPDX-License-Identifier: MIT
#
# targets.sh - disks that are not raw files, under a stock Linux guest: a qcow2 image, an NBD server
#
# Each has an ext4 with a load that verifies, while what serves it is killed: the worker, the daemon
# of the image, the server. The guest sees a pause; what Dom0 finds afterwards is whole.
#
# layers: storage
# seconds: 1200
#
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"
. "$(dirname "$0")/../../lib/guest_load.bash"
. "$(dirname "$0")/../../lib/server.bash"
. "$(dirname "$0")/../../lib/leaks.bash"

need xpv-vdisk-nbd

daemon() {
	pgrep -f '^qemu-storage-daemon '
}

qemu-img create -q -f qcow2 "$DIR/a.qcow2" 64M
truncate -s 64M "$DIR/b.img"
system_start
leaks_begin
server b file "$DIR/b.img"
xl_guest g
works xpv block-attach g "format=qcow2,vdev=xvda,target=$DIR/a.qcow2"
works xpv block-attach g "vdev=xvdb,target=$(at b)"
refuses 1 "no qcow2 image" xpv block-attach g "format=qcow2,vdev=xvdc,target=$DIR/b.img"
is "what xl sees" "$(xl block-list g | awk 'NR > 1 { print $1, $4 }' | tr '\n' ' ')" "51712 4 51728 4 "
load_prepare g xvda xvdb

load_begin g xvda xvdb
load_goes_on g xvda xvdb
for ((i = 0; i < 5; i++)); do
	kill -9 "$(stat_of g worker)"
	load_goes_on g xvda
	kill -9 "$(daemon)"
	load_goes_on g xvda
	server_end b
	sleep 0."$((RANDOM % 9))"
	server b file "$DIR/b.img"
	load_goes_on g xvdb
done
is "daemons" "$(daemon | wc -w)" 1
load_end g xvda xvdb
for devid in 51712 51728; do
	is "requests that failed" "$(stat_of g errors "$devid")" 0
done

works guest_sh g 'umount /mnt/xvda /mnt/xvdb'
works xl block-detach g xvdb
works xpv block-detach g xvda
image_clean "$DIR/b.img" kept
qemu-img check -q "$DIR/a.qcow2" 2>"$DIR/err" || [ $? -eq 3 ] ||
	fail "the image has faults: $(cat "$DIR/err")"
qemu-img convert -O raw "$DIR/a.qcow2" "$DIR/a.img"
image_clean "$DIR/a.img" kept

# A domain that is destroyed takes its daemon along.
works xpv block-attach g "format=qcow2,vdev=xvda,target=$DIR/a.qcow2"
works xl destroy g
no_daemon() { ! daemon; }
eventually 10 no_daemon
server_end b
leaks_none "the end"
passed
