#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nbd_input.sh - what a user of the nbdkit plugin may get wrong: each is answered by one line
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source=../lib/nbd.bash
. "$(dirname "$0")/../lib/nbd.bash"

nbd_need nbdinfo

# refused LINE PLACE... -- ARGUMENTS: status 1 and this line, with nothing served
refused() {
	local line=$1 status=0 place=()

	shift
	while [ "$1" != -- ]; do
		place+=("$1")
		shift
	done
	shift
	"${place[@]}" bash -c "$(nbdkit_command) -f -U '$DIR/bad.sock' '$plugin' $*" \
		>"$DIR/out" 2>"$DIR/err" || status=$?
	is "nbdkit $*" "$status $(cat "$DIR/out" "$DIR/err")" "1 nbdkit: error: $line"
}

in_g() { "$BUILD/xpv" sim run --dom g -- "$@"; }
in_h() { "$BUILD/xpv" sim run --dom h -- "$@"; }

truncate -s 1M "$DIR/a.img" "$DIR/b.img"
sim_start
guest g "disk=['$DIR/a.img,raw,xvda,rw','$DIR/b.img,raw,sdc,r']"
guest h
before=$(store)

# Texts that need no guest.
help=$(bash -c "$(nbdkit_command) '$plugin' --help")
contains "the help" "$help" "xpv paravirtual disk"
contains "the help" "$help" "[dev=]<NAME> "
contains "the help" "$help" "timeout=<SECONDS> "
contains "the help" "$help" "queues=<1..16> "
dump=$(bash -c "$(nbdkit_command) '$plugin' --dump-plugin")
contains "the dump" "$dump" "magic_config_key=dev"
contains "the dump" "$dump" "thread_model=parallel"

refused "no disk was named: say dev=NAME, such as dev=xvda" in_g --
for name in disk1 xvda0 xvd /dev/xvda 99999999999 "''"; do
	refused "dev=${name#\'\'}: not a disk's name: say xvda, hda, sda, d0p0, or a device number" \
		in_g -- "dev=$name"
done
refused "unknown parameter 'size': see 'nbdkit PLUGIN --help'" in_g -- xvda size=1
refused "order=5: impossible value: see 'nbdkit PLUGIN --help'" in_g -- xvda order=5
refused "timeout=3601: at most 3600 seconds" in_g -- xvda timeout=3601
refused "dev=xvdb: this domain has no such disk: it has xvda, sdc" in_g -- dev=xvdb
refused "dev=51728: this domain has no such disk: it has xvda, sdc" in_g -- 51728
refused "dev=xvda: this domain has no such disk: attach it with 'xpv block-attach'" in_h -- xvda

# No guest at all. With a sanitizer's run time nbdkit hangs when it ends early after strerror(),
# whatever its plugin: here it is the plain one.
if [ ! -e /dev/xen/gntalloc ]; then
	plugin=${PLAIN:-$BUILD}/nbdkit-xpv-plugin.so
	refused "cannot open the grant device: No such file or directory: run nbdkit in a Xen \
guest, or by 'xpv sim run --dom DOM'" timeout 20 -- xvda
	plugin=$BUILD/nbdkit-xpv-plugin.so
fi
is "the store" "$(store)" "$before"

# A backend that does not connect: xpvd is frozen. Afterwards the disk is as usable as before.
xpvd=$(xpvd_pid)
kill -STOP "$xpvd"
refused "dev=xvda: not connected within 1 s: 'xpv check' says what it waits for" \
	in_g -- xvda timeout=1
kill -CONT "$xpvd"

# Every name of a disk leads to it.
for name in xvda 51712 0xca00 d0 d0p0; do
	nbd_serve "$name" g "dev=$name"
	nbd_end "$name"
done
nbd_serve ro g sdc
nbd_end ro
works xpv destroy g
works xpv destroy h
passed
