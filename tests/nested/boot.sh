#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boot.sh - boots Xen with a Dom0 under QEMU's software emulation
#
#   boot.sh DIR SHARE [-i] [LAYER]...
#
# DIR is what packages.sh and images.sh have made. SHARE is a directory that Dom0 mounts at /share;
# its script `job` is what Dom0 runs (dom0/init). Each LAYER is a cpio archive that is unpacked over
# Dom0's root. -i: no job; the console is yours. Ends when Dom0 says that it is done, or after
# $NESTED_SECONDS, whichever comes first; the exit status is the job's, 124 if time ran out.
# $NESTED_MEMORY (3072) and $NESTED_CPUS (2) are the machine's.
#
# What the options are for:
#   -smap	Dom0 dies at once with supervisor-mode access prevention
#   +svm	gives Xen hardware-assisted guests with nested paging: PVH and HVM
#   -rdtscp	keeps PVH guests from flooding Xen's log
#   eager-fpu	without it vector registers get corrupted when domains compete for a processor

set -eu -o pipefail

dir=$(realpath "${1:?usage: boot.sh DIR SHARE [-i] [LAYER]...}")
share=$(realpath "${2:?usage: boot.sh DIR SHARE [-i] [LAYER]...}")
shift 2
mode=job
[ "${1:-}" != -i ] || { mode=shell; shift; }
limit=${NESTED_SECONDS:-600}

for initrd in "$dir"/initrd.*; do		# of boots that were killed
	kill -0 "${initrd##*.}" 2>/dev/null || rm -f "$initrd"
done
initrd=$dir/initrd.$$
qemu_pid=
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	if [ -n "$qemu_pid" ]; then
		kill -9 "$qemu_pid" 2>/dev/null || true
		wait "$qemu_pid" 2>/dev/null || true
	fi
	rm -f "$initrd"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
cat "$dir/dom0.cpio" "$@" >"$initrd"

qemu() {
	exec qemu-system-x86_64 -accel tcg,thread=multi -cpu max,-smap,-rdtscp,+svm \
		-m "${NESTED_MEMORY:-3072}" -smp "${NESTED_CPUS:-2}" -display none -no-reboot -net none \
		-kernel "$dir/xen.elf" \
		-append "console=com1 com1=115200 dom0_mem=1280M,max:1280M spec-ctrl=no,eager-fpu" \
		-initrd "$dir/vmlinux console=hvc0 quiet panic=5 dom0=$mode,$initrd" \
		-fsdev "local,id=share,path=$share,security_model=none" \
		-device virtio-9p-pci,fsdev=share,mount_tag=share,disable-legacy=on \
		-device isa-debug-exit,iobase=0xf4,iosize=1 "$@"
}

if [ "$mode" = shell ]; then
	(qemu -serial mon:stdio) || [ "$?" -eq 1 ]	# what isa-debug-exit makes of 0
	exit
fi

rm -f "$share/serial"
(qemu -serial "file:$share/serial" </dev/null >"$share/qemu" 2>&1) &
qemu_pid=$!
end=$((SECONDS + limit))
while kill -0 "$qemu_pid" 2>/dev/null; do
	[ "$SECONDS" -lt "$end" ] || exit 124
	sleep 0.2
done
qemu_pid=
status=$(sed -n 's/^dom0: ends with status \([0-9]*\).*/\1/p' "$share/serial")
[ -n "$status" ] || echo "nested: QEMU has ended: $(tail -n 3 "$share/qemu" | tr '\n' ' ')" >&2
exit "${status:-125}"
