#!/bin/bash
# SPDX-License-Identifier: MIT
#
# layers.sh - what is unpacked over Dom0's root: this build, the tests, a guest's kernel
#
#   layers.sh BUILD DIR
#
# DIR/xpv.cpio holds the build at /xpv/build, the tests at /xpv/tests, and our hotplug script beside
# Xen's; at /guest the guest's kernel and initial root with minidom and the tests' guests in it.
# Programs of a build with sanitizers need a processor that is not emulated: the plain build is what
# runs here.

set -eu -o pipefail
here=$(realpath "$(dirname "$0")")
source=$(realpath "$here/../..")

build=$(realpath "${1:?usage: layers.sh BUILD DIR}")
packages=$(realpath "${2:?usage: layers.sh BUILD DIR}")
programs="xpv xpvd xpv-vdisk"
guests="minidom tests/lib/guest_frontend_io tests/hostile/guest_queues tests/hostile/guest_request
	tests/hostile/guest_ring tests/hostile/guest_takeover tests/hostile/guest_xenbus"

for program in $programs $guests; do
	[ -x "$build/$program" ] || {
		echo "nested: $build/$program has not been built: make all guests" >&2
		exit 1
	}
done

# shellcheck source-path=SCRIPTDIR
. "$here/pack.bash"

guest_layer() {
	local tree=$packages/tree.guest-xpv program file

	mkdir -p "$tree/usr/bin"
	rm -rf "${tree:?}"/*
	for program in $guests; do
		put_file "$build/$program" "/usr/bin/$(basename "$program")"
		for file in $(libraries_of "$build/$program"); do
			[ -e "$tree/usr/${file#/usr/}" ] || put_file "$file" "/usr/${file#/usr/}"
		done
	done
	# what pthread_cancel() loads, and libxenstore calls
	put_file /lib/x86_64-linux-gnu/libgcc_s.so.1 /usr/lib/x86_64-linux-gnu/libgcc_s.so.1
	pack "$packages/guest-xpv.cpio"
}

tree=$packages/tree.xpv
rm -rf "$tree"
mkdir -p "$tree/xpv/build" "$tree/guest"
guest_layer
for program in $programs; do
	put_file "$build/$program" "/xpv/build/$program"
	for file in $(libraries_of "$build/$program"); do
		put_file "$file" "/usr/${file#/usr/}"
	done
done
for program in $guests; do		# not to run there, but for scenarios to find
	put_file "$build/$program" "/xpv/build/$program"
done
put_file "$source/tools/hotplug/block-xpv" /etc/xen/scripts/block-xpv
cp -r "$source/tests" "$tree/xpv/tests"
cp "$packages/vmlinux" "$tree/guest/vmlinux"
cat "$packages/guest.cpio" "$packages/guest-xpv.cpio" >"$tree/guest/initrd"
pack "$packages/xpv.cpio"
