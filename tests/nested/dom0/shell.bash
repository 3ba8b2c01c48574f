# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# shell.bash - Dom0's prompt, with everything set up: xpvd serves, and a guest waits to be made

export PATH=/xpv/build:$PATH XPV_RUNDIR=/run/xpv
PS1='dom0 \w# '
mkdir -p "$XPV_RUNDIR"
xpvd >/var/log/xpvd.log 2>&1 &
disown
truncate -s 64M /root/disk.img
cat >/root/guest.cfg <<'CONFIG'
name="guest"
type="pv"				# or "pvh"
memory=256
kernel="/guest/vmlinux"
ramdisk="/guest/initrd"
extra="console=hvc0 quiet"		# frontend=xpv leaves the disks to minidom
disk=['/root/disk.img,raw,xvda,rw']
CONFIG

cat <<'TEXT'

This is Dom0 of a real Xen. xpvd serves (its log: /var/log/xpvd.log).
  xl create guest.cfg, or: xpv create guest.cfg     a Linux guest with a disk of 64 MiB
  xl console guest                                  its console; ^] leaves
  xpv block-list guest; xpv stats guest; xpv check  what there is
  /share is a directory of the host's (build/nested/shell).
`exit` ends the machine; so does Ctrl-a x.

TEXT
