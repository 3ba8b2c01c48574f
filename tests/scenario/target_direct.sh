#!/bin/bash
# SPDX-License-Identifier: MIT
#
# target_direct.sh - images past the page cache: what is asked for is done, or refused
#
# A raw file that is attached with `direct` is opened with O_DIRECT, by xpvd for its worker; without,
# it is not. What the guest wrote is in the file, also over a kill. A file system that knows no such
# thing, and a device whose unit is larger than a guest's sector, are one clear line.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
loop='' lagging='' frozen=''

finish() {
	local status=$?

	set +e
	[ -z "$frozen" ] || fsfreeze -u "$DIR/fs"
	system_stop			# nobody has them open any more
	[ -z "$loop" ] || losetup -d "$loop"
	[ -z "$lagging" ] || losetup -d "$lagging"
	! mountpoint -q "$DIR/fs" || umount "$DIR/fs"
	(exit "$status")
	clean_up
}
trap finish EXIT

truncate -s 16M "$DIR/a.img"
dd if=/dev/zero of="$DIR/a.img" bs=4096 count=1 oflag=direct conv=notrunc status=none 2>/dev/null ||
	skip "no O_DIRECT in $DIR"

# opened_direct FILE: whether the worker has it open so
opened_direct() {
	local fd worker

	worker=$(stat_of g worker)
	for fd in /proc/"$worker"/fd/*; do
		[ "$(readlink "$fd")" = "$1" ] || continue
		(((8#$(awk '$1 == "flags:" { print $2 }' "${fd/\/fd\//\/fdinfo\/}") & 8#40000) != 0))
		return
	done
	fail "worker $worker does not have $1 open"
}

sim_start
guest g
works xpv block-attach g "direct,vdev=xvda,target=$DIR/a.img"
guest_begin load g "loop 100000 stress xvda 7 1"
eventually 20 guest_has_said load ok
if [ "$(id -u)" -eq 0 ]; then
	opened_direct "$DIR/a.img" || fail "it is not opened with O_DIRECT"
fi
for _ in 1 2 3; do
	kill -9 "$(stat_of g worker)"
	guest_goes_on load
done
! guest_end load || fail "an interrupted program says that it was not"
is "requests that failed" "$(stat_of g errors)" 0
works in_guest g "fill xvda 5; verify xvda 5"
is "the file" "$(in_guest g "sum xvda" | cut -d' ' -f1)" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)"
works xpv block-detach g xvda

# What is permitted is done; what is not possible is done without.
works xpv block-attach g "direct-io-safe,untrusted,vdev=xvda,target=$DIR/a.img"
is "direct-io-safe" "$(xen xenstore-read "/local/domain/0/backend/vbd/$(domid g)/51712/direct-io-safe")" 1
is "trusted" "$(xen xenstore-read "/local/domain/$(domid g)/device/vbd/51712/trusted")" 0
guest_begin load3 g "loop 100000 verify xvda 5"
eventually 20 guest_has_said load3 ok
if [ "$(id -u)" -eq 0 ]; then
	opened_direct "$DIR/a.img" || fail "it is not opened with O_DIRECT where it may be"
fi
guest_end load3 || true
works xpv block-detach g xvda

works xpv block-attach g "vdev=xvda,target=$DIR/a.img"
guest_begin load2 g "loop 100000 verify xvda 5"
eventually 20 guest_has_said load2 ok
if [ "$(id -u)" -eq 0 ]; then
	! opened_direct "$DIR/a.img" || fail "it is opened with O_DIRECT without being asked to"
fi
guest_end load2 || true
works xpv block-detach g xvda

# What cannot be done is said. Newer kernels know O_DIRECT on tmpfs.
memory_dir
truncate -s 1M "$MEMORY/m.img"
if [ "$MEMORY" != "$DIR" ] &&
   ! dd if="$MEMORY/m.img" of=/dev/null iflag=direct bs=4096 count=1 status=none 2>/dev/null; then
	refuses 1 "knows no O_DIRECT" xpv block-attach g "direct,vdev=xvda,target=$MEMORY/m.img"
fi
works xpv block-attach g "direct-io-safe,vdev=xvda,target=$MEMORY/m.img"
works in_guest g "fill xvda 6; verify xvda 6"
works xpv block-detach g xvda
refuses 2 "'direct' is for" xpv block-attach g direct,vdev=xvda,target=null:1M
if [ "$(id -u)" -eq 0 ] && loop=$(losetup --find --show --sector-size 4096 "$DIR/a.img" 2>/dev/null); then
	losetup --direct-io=on "$loop" 2>/dev/null || true
	rm "$DIR/a.img"		# so that it is not opened in the loop device's place
	refuses 1 "multiples of 4096 bytes" xpv block-attach g \
		"direct,sector-size=512,vdev=xvda,target=$loop"
else
	echo "not checked: loop devices cannot be set up here"
fi

# A write that is on its way to the device when its worker is killed: nobody takes the disk over
# before it has arrived, for it would come after what was written since.
truncate -s 64M "$DIR/fs.img"
mkdir "$DIR/fs"
if [ "$(id -u)" -eq 0 ] && mkfs.ext4 -q "$DIR/fs.img" 2>/dev/null &&
   mount -o loop "$DIR/fs.img" "$DIR/fs" 2>/dev/null && truncate -s 16M "$DIR/fs/s.img" &&
   lagging=$(losetup --find --show "$DIR/fs/s.img" 2>/dev/null); then
	works xpv block-attach g "direct,vdev=xvdb,target=$lagging"
	guest_begin late g "loop 100000 stress xvdb 8 1"
	eventually 20 guest_has_said late ok
	frozen=yes
	fsfreeze -f "$DIR/fs"		# the loop device has to wait for its file system
	waits() { [ "$(xpv stats --json g | tr -d ' ,' | grep -c '"under_way":[1-9]')" -gt 0 ]; }
	eventually 10 waits
	kill -9 "$(stat_of g worker)"
	held() { [[ $(stat_of g error 51728) == *"on its way"* ]]; }
	eventually 10 held
	is "a worker that serves it" "$(stat_of g attached 51728)" false
	fsfreeze -u "$DIR/fs"
	frozen=
	guest_goes_on late
	! guest_end late || fail "an interrupted program says that it was not"
	is "requests that failed" "$(stat_of g errors 51728)" 0
	works xpv block-detach g xvdb
else
	echo "not checked: no file system can be mounted here"
fi
works xpv destroy g
eventually 10 no_workers
passed
