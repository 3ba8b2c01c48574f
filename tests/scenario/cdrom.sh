#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cdrom.sh - drives: offered empty, filled, changed and emptied under a connected guest, by xpv and by
# what libxl writes; over kills; a medium's format is never guessed (XSA-258)
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/server.bash
. "$(dirname "$0")/../lib/server.bash"

need xpv xpvd xpv-vdisk minidom
command -v nbdkit >/dev/null || skip "nbdkit is not installed: 'make deps' does it"

# filled NAME SIZE SEED: an image with minidom's pattern; its sum is in sum_NAME
filled() {
	truncate -s "$2" "$DIR/$1.iso"
	works xpv block-attach m "vdev=xvda,target=$DIR/$1.iso"
	works in_guest m "fill xvda $3"
	works xpv block-detach m xvda
	eval "sum_$1=$(sha256sum <"$DIR/$1.iso" | cut -d' ' -f1)"
}

says() {
	xen xenstore-read "$back/$1"
}

drive_holds() {
	[ "$(says medium)" = "$1" ] && [ "$(says sectors)" = "$2" ]
}

# asks COMMAND WORDS: the guest's program, which has the drive open, prints WORDS next
asks() {
	local before

	before=$(guest_said life | wc -l)
	guest_tell life "$1"
	eventually 30 guest_grown life "$before"
	contains "$1" "$(guest_said life | tail -n +$((before + 1)))" "$2"
}

# sees SECTORS: so many has the drive to the guest, which hears of it when it looks at its watches
sees() {
	sees_size "$1" || eventually 30 sees_size "$1"
}

sees_size() {
	local before

	before=$(guest_said life | wc -l)
	guest_tell life disks
	eventually 30 guest_grown life $((before + 1))
	[[ $'\n'$(guest_said life tail -n +$((before + 1))) == *$'\n'"xvdd "*" $1 "* ]]
}

# fails COMMAND WORDS: it is the end of the guest's program, which says that; another has the drive
# open then
fails() {
	guest_tell life "$1"
	eventually 30 guest_has_said life "$2"
	guest_told life
	! guest_wait life || fail "$1: status 0"
	rm "$DIR/commands.life"
	guest_begin life g
	asks "sum xvdd 0 0" e3b0c442
}

sim_start
sum_a='' sum_b=''
guest m
filled a 4M 1
filled b 6M 2
guest g

# What is a drive, and what is not.
works xpv block-attach g vdev=xvdd,cdrom
back=/local/domain/0/backend/vbd/$(domid g)/51760
works in_guest g disks
contains "the drive" "$out" "CD-ROM drive, empty"
is "info" "$(says info)" 7
is "device-type" "$(says device-type)" cdrom
is "sectors" "$(says sectors)" 0
is "mode" "$(says mode)" r
works xpv block-attach g "vdev=xvda,access=ro,target=$DIR/a.iso"
refuses 1 "no CD-ROM drive" xpv cd-insert g xvda "$DIR/b.iso"
refuses 1 "no CD-ROM drive" xpv cd-eject g xvda
works xpv block-detach g xvda
refuses 1 "no such disk" xpv cd-eject g xvdz
refuses 1 "no such disk" xpv cd-insert g xvdz "$DIR/a.iso"
refuses 1 "no such file" xpv cd-insert g xvdd "$DIR/none.iso"
refuses 1 "no such domain" xpv cd-eject nobody xvdd
refuses 2 "needed" xpv cd-insert g xvdd
refuses 2 "needed" xpv cd-insert g xvdd ""
refuses 2 "needed" xpv cd-eject g
refuses 2 "not a virtual disk" xpv cd-eject g nodisk
refuses 2 "no target" xpv block-attach g vdev=xvde

# A drive whose guest is not there takes what is in it when it connects.
works xpv cd-insert g xvdd "$DIR/b.iso"
works in_guest g "sum xvdd"
contains "the sum" "$out" "$sum_b"
works xpv cd-eject g xvdd
works in_guest g "read xvdd 0 0; sum xvdd"
contains "the sum of nothing" "$out" e3b0c44298fc1c149afbf4c8996fb924

# Under a guest that has it open.
guest_begin life g
asks "sum xvdd" e3b0c44298fc1c149afbf4c8996fb924
sees 0
fails "read xvdd 0 8" "beyond the end"
works xpv cd-insert g xvdd "$DIR/a.iso"
drive_holds "$DIR/a.iso" 8192 || fail "the guest was not told"
is "state" "$(says state)" 4
sees 8192
asks "sum xvdd" "$sum_a"
fails "fill xvdd 1" "read-only"
asks disks CD-ROM
json_says "\"medium\": \"$DIR/b.iso\"" '"vdev": "xvdd"' -- cd-insert g xvdd "$DIR/b.iso"
sees 12288
asks "sum xvdd" "$sum_b"
works xpv cd-insert g xvdd "$DIR/a.iso"
sees 8192
asks "verify xvdd 1" ok
works xpv cd-eject g xvdd
works xpv cd-eject g xvdd
drive_holds "" 0 || fail "the drive is not empty"
sees 0
fails "read xvdd 0 8" "beyond the end"
works xpv check

# The same file again is looked at again.
works xpv cd-insert g xvdd "$DIR/a.iso"
cp "$DIR/b.iso" "$DIR/new.iso"
mv "$DIR/new.iso" "$DIR/a.iso"
works xpv cd-insert g xvdd "$DIR/a.iso"
sees 12288
asks "sum xvdd" "$sum_b"

# A server's export, and memory; then as libxl writes it, in two steps and in one.
server nbd memory 2M
works xpv cd-insert g xvdd "nbd+unix:///?socket=$DIR/nbd.sock"
sees 4096
asks "sum xvdd" "$(head -c 2M /dev/zero | sha256sum | cut -d' ' -f1)"
record=/libxl/$(domid g)/device/vbd/51760
works xen xenstore-write "$back/type" phy "$back/params" "" "$record/params" ""
eventually 30 drive_holds "" 0
works xen xenstore-write "$back/type" phy "$back/params" "aio:$DIR/b.iso" \
	"$record/params" "aio:$DIR/b.iso"
eventually 30 drive_holds "aio:$DIR/b.iso" 12288
sees 12288
asks "sum xvdd" "$sum_b"

# A medium that cannot be opened is an empty drive and a reason, and no guest waits for it.
works xen xenstore-write "$back/params" "$DIR/none.iso"
eventually 30 drive_holds "$DIR/none.iso" 0
contains "the reason" "$(stat_of g error 51760)" "No such file"
sees 0
fails "read xvdd 0 8" "beyond the end"
works xpv cd-insert g xvdd "$DIR/b.iso"
sees 12288
asks "sum xvdd" "$sum_b"
is "the reason" "$(stat_of g error 51760)" null

# XSA-258: a raw medium that looks like another format is served as it is.
if command -v qemu-img >/dev/null; then
	echo "a file of Dom0's" >"$DIR/secret"
	truncate -s 64K "$DIR/secret"
	qemu-img create -q -f qcow2 -b "$DIR/secret" -F raw "$DIR/evil.iso" 64K
	truncate -s 256K "$DIR/evil.iso"
	works xpv cd-insert g xvdd "$DIR/evil.iso"
	sees 512
	asks "sum xvdd" "$(sha256sum <"$DIR/evil.iso" | cut -d' ' -f1)"
	works xen xenstore-write "$back/params" "aio:$DIR/evil.iso"
	eventually 30 drive_holds "aio:$DIR/evil.iso" 512
	sees 512
	asks "sum xvdd" "$(sha256sum <"$DIR/evil.iso" | cut -d' ' -f1)"
	works xen xenstore-write "$back/params" "qcow2:$DIR/evil.iso"
	eventually 30 drive_holds "qcow2:$DIR/evil.iso" 0
	contains "the reason" "$(stat_of g error 51760)" "backing"
fi

# Whoever dies, the drive has in the end what was asked for, and the guest goes on.
works xpv cd-insert g xvdd "$DIR/b.iso"
kill -9 "$(xpvd_pid)"
works xen xenstore-write "$back/params" ""
xpvd_again
eventually 30 drive_holds "" 0
for round in 1 2 3 4 5 6; do
	xen xenstore-write "$back/params" "$DIR/b.iso"
	if [ $((round % 2)) -eq 0 ]; then
		kill -9 "$(stat_of g worker 51760)" 2>/dev/null || true
	else
		kill -9 "$(xpvd_pid)"
		xpvd_again
	fi
	eventually 30 drive_holds "$DIR/b.iso" 12288
	sees 12288
	asks "sum xvdd" "$sum_b"
	works xpv cd-eject g xvdd
done

# Under load: what waits is answered from what comes, and nothing is lost but what ended with a
# medium that is gone.
works xpv cd-insert g xvdd "$DIR/b.iso"
sees 12288
guest_tell life "loop 0 verify xvdd 2 0 8192"
cp "$DIR/b.iso" "$DIR/c.iso"
for _ in 1 2 3 4 5; do
	works xen xenstore-write "$back/params" "$DIR/c.iso"
	eventually 30 drive_holds "$DIR/c.iso" 12288
	guest_goes_on life
	works xen xenstore-write "$back/params" "$DIR/b.iso"
	eventually 30 drive_holds "$DIR/b.iso" 12288
	guest_goes_on life
done
is "the device" "$(says state)" 4
guest_end life || true
works xpv block-detach g xvdd
works xpv destroy g
works xpv destroy m
eventually 30 no_workers
passed
