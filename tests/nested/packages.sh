#!/bin/bash
# SPDX-License-Identifier: MIT
#
# packages.sh - Debian packages that nested runs use and that must never be installed
#
#   packages.sh DIR [PACKAGE]...
#
# A hypervisor and a kernel that were installed would change how this machine boots. They are
# downloaded and unpacked below DIR instead: DIR/root is the packages' tree, DIR/xen.elf and
# DIR/vmlinux are the two, uncompressed, because a slow machine would unpack them at each boot.
# Needs no root: if apt's own lists cannot be used, lists of our own are fetched into DIR/apt.

set -eu -o pipefail

dir=${1:?usage: packages.sh DIR [PACKAGE]...}
shift
mkdir -p "$dir/deb" "$dir/root"
dir=$(realpath "$dir")

options=()

# From here on apt uses lists of our own, fresh ones.
own_lists() {
	[ "${#options[@]}" -eq 0 ] || return 1
	mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
	options=(-o "Dir::State=$dir/apt" -o "Dir::State::lists=$dir/apt/lists"
		-o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$dir/apt/cache")
	apt-get -q "${options[@]}" update >"$dir/apt.log" 2>&1
}

give_up() {
	tail -n 5 "$dir/apt.log" >&2
	echo "nested: $1 cannot be downloaded: see above; is Debian's mirror reachable?" >&2
	exit 1
}

# get PACKAGE: into $dir/root
get() {
	[ ! -e "$dir/deb/$1.done" ] || return 0
	echo "  GET      $1"
	(cd "$dir/deb" && rm -f "$1"_*.deb && apt-get -q "${options[@]}" download "$1") \
		>"$dir/apt.log" 2>&1 || return 1
	dpkg-deb -x "$dir/deb/$1"_*.deb "$dir/root"
	touch "$dir/deb/$1.done"
}

unpack() {
	get "$1" || { own_lists && get "$1"; } || give_up "$1"
}

# The kernel that the metapackage stands for; its version is in its name.
kernel_package() {
	apt-cache "${options[@]}" depends linux-image-amd64 2>/dev/null |
		sed -n 's/^ *Depends: *//p' | head -n 1
}

get_kernel() {
	package=$(kernel_package)
	[ -n "$package" ] && get "$package"
}

# little_endian FILE OFFSET BYTES
little_endian() {
	od -An -tu"$3" -j"$2" -N"$3" "$1" | tr -d ' '
}

# A bzImage's payload is the kernel's ELF file, compressed: Documentation/x86/boot.rst of Linux.
extract_vmlinux() {
	local image=$1 setup offset length

	setup=$(little_endian "$image" $((0x1f1)) 1)
	offset=$(little_endian "$image" $((0x248)) 4)
	length=$(little_endian "$image" $((0x24c)) 4)
	dd if="$image" iflag=skip_bytes,count_bytes skip=$(((setup + 1) * 512 + offset)) \
		count="$length" bs=1M status=none | xz -dc --single-stream >"$dir/vmlinux.new"
	mv "$dir/vmlinux.new" "$dir/vmlinux"
}

hypervisor() {
	[ ! -e "$dir/xen.elf" ] || return 0
	unpack xen-hypervisor-4.17-amd64
	gunzip -c "$dir"/root/boot/xen-4.17-amd64.gz >"$dir/xen.elf.new"
	mv "$dir/xen.elf.new" "$dir/xen.elf"
}

kernel() {
	local package

	[ ! -e "$dir/vmlinux" ] || return 0
	get_kernel || { own_lists && get_kernel; } || give_up linux-image-amd64
	echo "${package#linux-image-}" >"$dir/kernel-version"
	extract_vmlinux "$dir/root/boot/vmlinuz-${package#linux-image-}"
}

hypervisor
kernel
for package in "$@"; do
	unpack "$package"
done
