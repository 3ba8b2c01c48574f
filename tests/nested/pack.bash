# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# pack.bash - root filesystems for Dom0 and guests, out of this machine's own programs
#
# An image is a directory that becomes a cpio archive. Programs are this machine's, with the
# libraries that they load; kernel modules come from the unpacked package. Sourced with $packages set to
# what packages.sh has made; $tree is the directory that is being filled.

: "${packages:?}"

# The directories of a merged /usr, and the places where file systems are mounted.
new_tree() {
	local name

	rm -rf "${tree:?}"
	mkdir -p "$tree"/usr/{bin,lib,lib64} "$tree"/{dev,proc,sys,run,tmp,etc,root,mnt} \
		"$tree"/var/{log/xen,lib/xen,run,tmp}
	ln -s bin "$tree/usr/sbin"
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$tree/$name"
	done
	ln -sfn /run "$tree/var/run.new" && rm -rf "$tree/var/run" && mv "$tree/var/run.new" "$tree/var/run"
}

# put_file FILE [AS]: a copy at the same path, or at AS; links are followed.
put_file() {
	local to=$tree${2:-$1}

	mkdir -p "$(dirname "$to")"
	cp -L --preserve=mode,timestamps "$1" "$to"
}

libraries_of() {
	ldd "$@" 2>/dev/null | sed -n 's,.*[[:space:]]\(/[^ ]*\) (0x.*,\1,p' | sort -u
}

# put_programs PATH...: with the libraries that they are linked with
put_programs() {
	local file

	for file in "$@"; do
		put_file "$file"
	done
	while read -r file; do
		[ -e "$tree$file" ] || put_file "$file"
	done < <(libraries_of "$@")
}

# put_commands NAME...: programs that are found on the PATH
put_commands() {
	local name paths=()

	for name in "$@"; do
		paths+=("$(PATH=$PATH:/usr/sbin:/sbin command -v "$name")")
	done
	put_programs "${paths[@]}"
}

# put_packages NAME...: the programs of installed Debian packages
put_packages() {
	local file paths=()

	while read -r file; do
		[ ! -f "$file" ] || [ ! -x "$file" ] || paths+=("$file")
	done < <(dpkg -L "$@" | grep -E '^(/usr)?/s?bin/')
	put_programs "${paths[@]}"
}

# busybox for whatever is not there already
put_busybox() {
	local applet

	put_file "$(command -v busybox)" /usr/bin/busybox
	while read -r applet; do
		if [ ! -e "$tree/usr/bin/$applet" ]; then
			ln -s busybox "$tree/usr/bin/$applet"
		fi
	done < <(busybox --list)
}

# put_modules NAME...: kernel modules and what they depend on
put_modules() {
	local name path version

	version=$(cat "$packages/kernel-version")
	[ -e "$packages/root/lib/modules/$version/modules.dep.bin" ] ||
		PATH=$PATH:/usr/sbin:/sbin depmod -b "$packages/root" "$version"
	for name in "$@"; do
		PATH=$PATH:/usr/sbin:/sbin modprobe -d "$packages/root" -S "$version" \
			--show-depends "$name" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | sort -u | while read -r path; do
		put_file "$path" "${path#"$packages/root"}"
	done
	cp "$packages/root/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$tree/lib/modules/$version/"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$tree" "$version"
}

# pack FILE: the tree as a cpio archive, which a kernel unpacks as its first root
pack() {
	(cd "$tree" && find . -print0 | sort -z | cpio --quiet -o0 -H newc -R 0:0) >"$1.new"
	mv "$1.new" "$1"
}
