#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nbd_plugin.sh - a guest's disks for tools that speak NBD: what they are told of a disk, copies in
# and out, patterns, two disks at once, a read-only one, a server in the background, an orderly end
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo nbdcopy nbdsh qemu-io qemu-img

# info KEY: what nbdinfo says of it
info() {
	nbdinfo "$(nbd_uri "$1")" | sed -n "s/^[[:space:]]*$2: //p"
}

dd if=/dev/urandom of="$DIR/in.img" bs=1M count=32 status=none
truncate -s 32M "$DIR/a.img" "$DIR/b.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/b.img,raw,xvdb,rw','$DIR/in.img,raw,xvdc,r']"

# What it is.
nbd_serve a g dev=xvda
is "its size" "$(nbdinfo --size "$(nbd_uri a)")" $((32 << 20))
is "its sectors" "$(info a block_size_minimum)" 512
is "its blocks" "$(info a block_size_preferred)" 4096
is "its largest request" "$(info a block_size_maximum)" $((32 << 20))
for can in flush fua multi_conn zero; do
	is "$can" "$(info a can_$can)" true
done
is "trim" "$(info a can_trim)" true
is "read-only" "$(info a is_read_only)" false

# Whole images, by several connections at once, in the forms of two tools.
works nbdcopy "$DIR/in.img" "$(nbd_uri a)"
cmp "$DIR/in.img" "$DIR/a.img" || fail "the image is not what was copied to the disk"
works nbdcopy "$(nbd_uri a)" "$DIR/out.img"
cmp "$DIR/in.img" "$DIR/out.img" || fail "what was read is not what was written"
works qemu-img compare -f raw -F raw "$(nbd_uri a)" "$DIR/in.img"
contains "qemu-img" "$out" "Images are identical."

# Patterns, from one sector to more than a ring holds; durable; zeros; what is not whole sectors.
nbd_io 0 a "write -P 0x11 0 512" "write -P 0x22 512 1M" "write -f -P 0x33 3M 45568" flush \
	"write -z 8M 1M" "aio_write -P 0x44 16M 4M" "aio_write -P 0x55 20M 4M" aio_flush \
	"read -P 0x11 0 512" "read -P 0x22 512 1M" "read -P 0x33 3M 45568" "read -P 0 8M 1M" \
	"read -P 0x44 16M 4M" "read -P 0x55 20M 4M" "write -P 0x66 33553920 512"
lacks "the patterns" "$out" "ailed"
is "the last sector" "$(tail -c 512 "$DIR/a.img" | tr -d f)" ""
is "complaints so far" "$(guest_said a)" ""

# Who asks for what cannot be is told so, and nothing else happens.
is "half a sector" "$(nbd_error a "h.pread(256, 0)")" EINVAL
is "between sectors" "$(nbd_error a "h.pwrite(b'x' * 512, 100)")" EINVAL
is "complaints" "$(guest_said a | sed 's/.*error: //')" \
	"dev=xvda: read of 256 bytes at 0: not a multiple of the disk's sector size
dev=xvda: write of 512 bytes at 100: not a multiple of the disk's sector size"
is "beyond the end" "$(nbd_error a "h.pwrite(b'x' * 512, 32 << 20)")" ENOSPC
: >"$DIR/job.a"

# Two servers of one guest, each for a disk; both work at once.
nbd_serve b g "dev=xvdb order=2 persistent=off indirect=off abi=32"
is "what it asks for" "$(for key in ring-page-order feature-persistent protocol; do
	xen xenstore-read "/local/domain/$(domid g)/device/vbd/51728/$key"
done | tr '\n' ' ')" "2 0 x86_32-abi "
nbdcopy "$DIR/in.img" "$(nbd_uri b)" &
copy=$!
works qemu-img compare -f raw -F raw "$(nbd_uri a)" "$DIR/a.img"
wait "$copy" || fail "nbdcopy to the second disk: status $?"
works cmp "$DIR/in.img" "$DIR/b.img"

# A disk that is read-only, and one that is served so.
nbd_serve c g dev=xvdc
is "read-only" "$(info c is_read_only)" true
works nbdcopy "$(nbd_uri c)" "$DIR/out.img"
works cmp "$DIR/in.img" "$DIR/out.img"
is "a write to it" "$(nbd_error c "h.pwrite(b'x' * 512, 0)")" EPERM
: >"$DIR/job.c"	# nbdkit's own complaint
nbd_end c
nbd_serve c g "-r dev=xvdb"
is "read-only" "$(info c is_read_only)" true
nbd_end c

# The end: both sides let go, and nothing stays granted.
nbd_end a
nbd_closed g 51712 || fail "the disk is not closed"
nbd_end b
nbd_closed g 51728 || fail "the disk is not closed"
is "pages still granted" "$(guest_grants g)" 0
works xpv check g
lacks "xpv check" "$out" error:

# In the background, where nbdkit opens the disk after it has forked.
nbdkit=$(nbdkit_command)
guest_sh g "${nbdkit#exec } -U '$DIR/bg.sock' -P '$DIR/pid' '$plugin' xvda &&
	nbdcopy '$(nbd_uri bg)' '$DIR/out.img' && kill \$(cat '$DIR/pid') &&
	until [ \$(xenstore-read device/vbd/51712/state) = 6 ]; do sleep 0.05; done" ||
	fail "in the background"
works cmp "$DIR/a.img" "$DIR/out.img"
nbd_closed g 51712 || fail "the disk is not closed"
works xpv destroy g
eventually 10 no_workers
passed
