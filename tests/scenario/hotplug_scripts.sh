#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hotplug_scripts.sh - block-xpv, and xl's own block script, set disks up that xpvd serves
#
# The scripts run as libxl runs them, against the simulator's xenstore. What block-xpv refuses must
# be refused with a reason, and what it lets through must be served; what one guest uses another
# may not have, whoever attached it and by whatever name.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/libxl.bash"

need xpv xpvd xpv-vdisk minidom
[ "$(id -u)" -eq 0 ] || skip "the scripts want to be run by root"
[ -e /etc/xen/scripts/block-common.sh ] || skip "xen-utils-common is not installed"
[ -d /var/log/xen ] || skip "there is no /var/log/xen, where the scripts log"
mkdir "$DIR/scripts"
ln -s /etc/xen/scripts/* "$DIR/scripts"
cp "$(dirname "$0")/../../tools/hotplug/block-xpv" "$DIR/scripts"
loop=
finish() {
	local status=$?

	set +e
	[ -z "$loop" ] || losetup -d "$loop" 2>/dev/null
	(exit "$status")
	clean_up
}
trap finish EXIT

# script NAME COMMAND: as libxl runs it
script() {
	xen env "XENBUS_PATH=backend/vbd/$id/$devid" "$DIR/scripts/$1" "$2" >"$DIR/script" 2>&1
}

# begin DOM PARAMS MODE [SCRIPT]: until the script is due
begin() {
	libxl_name "$1"
	libxl_add "$2" "$3" script "/etc/xen/scripts/${4:-block-xpv}"
	eventually 10 reads "$back/state" 2
}

end() {
	libxl_ask_to_close
	eventually 10 reads "$back/state" 6
	script "${1:-block-xpv}" remove || fail "${1:-block-xpv} remove: $(cat "$DIR/script")"
	libxl_forget
}

# lets MODE PARAMS: block-xpv lets guest h have it
lets() {
	begin h "$2" "$1"
	script block-xpv add || fail "$2: $(get "$back/hotplug-error")"
	is "hotplug-status" "$(get "$back/hotplug-status")" connected
	end
}

# refuses_it MODE PARAMS REASON
refuses_it() {
	begin h "$2" "$1"
	! script block-xpv add || fail "$2: let through"
	is "hotplug-status" "$(get "$back/hotplug-status")" error
	contains "hotplug-error" "$(get "$back/hotplug-error")" "$3"
	eventually 5 there "$error"
	contains "what xpvd says" "$(get "$error")" "its hotplug script failed: "
	! there "$back/physical-device-path" || fail "the path was written all the same"
	end
}

minidom() {
	xpv sim run --dom g -- "$BUILD/minidom" "$@"
}

odd="$DIR/an odd \\x41 'name' \"é\".img"
truncate -s 4M "$DIR/a.img" "$DIR/b.img" "$odd"
truncate -s 0 "$DIR/empty.img"
truncate -s 1000 "$DIR/crooked.img"
mkfifo "$DIR/fifo"
ln -s b.img "$DIR/link.img"
sim_start
guest g
guest h

# A file, as it is, whatever it is called.
before=$(losetup -a)
begin g "${odd//\\/\\\\}" w	# xenstore-write undoes this
script block-xpv add || fail "block-xpv: $(get "$back/hotplug-error")"
works minidom "fill xvda 7; verify xvda 7"
is "the loop devices" "$(losetup -a)" "$before"
[ "$(stat -c %b "$odd")" -gt 0 ] || fail "the file was not written"
script block-xpv add || fail "the second time"
end
is "what is left" "$(store | grep -F "$devid" || true)" ""

# What is no image, or may not be written.
refuses_it r "$DIR/none.img" "no such file"
refuses_it r relative.img "not an absolute path"
refuses_it r "" "no target"
refuses_it r "$DIR" "neither a file nor a block device"
refuses_it r "$DIR/fifo" "neither a file nor a block device"
refuses_it r "$DIR/empty.img" "it is empty"
refuses_it r "$DIR/crooked.img" "1000 bytes are not a multiple of 512"
chmod 444 "$DIR/b.img"
refuses_it w "$DIR/b.img" "it may only be read"
lets r "$DIR/b.img"
chmod 644 "$DIR/b.img"

# Other targets, named as xpv names them.
if [ -n "$(command -v qemu-img)" ]; then
	qemu-img create -q -f qcow2 "$DIR/q.qcow2" 4M
	begin g "qcow2:$DIR/q.qcow2" w
	script block-xpv add || fail "block-xpv: $(get "$back/hotplug-error")"
	works minidom "fill xvda 7; verify xvda 7"
	refuses_it w "qcow2:$DIR/q.qcow2" "disk 51712 of domain"
	libxl_name g
	end
fi
begin g null:4M w
script block-xpv add || fail "block-xpv: $(get "$back/hotplug-error")"
works minidom "fill xvda 7"
end
refuses_it w "vhd:$DIR/none.vhd" "no such file"
refuses_it w "zip:$DIR/b.img" "not an absolute path"

# With limits, which others than the script do not take for a part of the image's name.
begin g "iops=1000@2000,bps=64M,$DIR/b.img" w
script block-xpv add || fail "block-xpv: $(get "$back/hotplug-error")"
works minidom "fill xvda 7; verify xvda 7"
works xpv block-limit g xvda
is "the limits" "$out" "iops=1000@2000 bps=64M"
works xpv block-limit g xvda iops=none
refuses 1 "it is in use by disk 51712" xpv block-attach h "$DIR/link.img,raw,xvdb,rw"
refuses_it w "$DIR/b.img" "disk 51712 of domain"
libxl_name g
end
# With the other words of xpv's own.
begin g "direct,sector-size=4096,bps=1G,physical-sector-size=8192,$DIR/b.img" w
script block-xpv add || fail "block-xpv: $(get "$back/hotplug-error")"
works minidom "fill xvda 7; verify xvda 7"
is "sector-size" "$(get "$back/sector-size")" 4096
is "physical-sector-size" "$(get "$back/physical-sector-size")" 8192
is "direct" "$(get "$back/direct")" 1
is "limit-bps" "$(get "$back/limit-bps")" 1073741824
end
refuses_it w "sector-size=4K,$DIR/b.img" "'4K' is no number: write sector-size=N"
refuses_it w "directly,$DIR/b.img" "not an absolute path"
refuses_it w "iops=x,$DIR/b.img" "'x' is no limit"
refuses_it w "bps=8M@,$DIR/b.img" "is no limit"
refuses_it w "iops=5K,$DIR/b.img" "'5K' is no limit"
refuses_it w "iops=5" "not an absolute path"

# While the kernel's backend is there.
mkdir -p "$XPV_RUNDIR/sim/sysfs/bus/xen-backend/drivers"
begin h "$DIR/b.img" w
mkdir "$XPV_RUNDIR/sim/sysfs/bus/xen-backend/drivers/vbd"
! script block-xpv add || fail "let through"
contains "hotplug-error" "$(get "$back/hotplug-error")" "xen-blkback is loaded, takes this disk"
rmdir "$XPV_RUNDIR/sim/sysfs/bus/xen-backend/drivers/vbd"
end

# One writer or many readers, by any name, whoever attached it.
works xpv block-attach g "$DIR/b.img,raw,xvdb,rw"
refuses_it w "$DIR/b.img" "disk 51728 of domain"
refuses_it r "$DIR/link.img" "only readers may share"
works xpv block-detach g xvdb
works xpv block-attach g "$DIR/b.img,raw,xvdb,ro"
refuses_it w "$DIR/link.img" "disk 51728 of domain"
lets r "$DIR/link.img"
works xpv block-detach g xvdb

# One whose script has not succeeded uses nothing yet.
begin g "$DIR/b.img" w
lets w "$DIR/b.img"
libxl_name g
script block-xpv add || fail "block-xpv: $(get "$back/hotplug-error")"
refuses_it w "$DIR/link.img" "disk 51712 of domain"
refuses 1 "it is in use by disk 51712" xpv block-attach h "$DIR/link.img,raw,xvdb,rw"
libxl_name g
refuses 1 "has to take it down; use 'xl block-detach" xpv block-detach g xvda
end

# xl's own script: its loop device is there for it to take down, and the file is served.
if loop=$(losetup -f --show "$DIR/a.img" 2>/dev/null); then
	refuses_it w "$DIR/none.img" "no such file"
	lets w "$loop"
	losetup -d "$loop"
	loop=
	begin g "$DIR/a.img" w block
	script block add || fail "block: $(cat "$DIR/script") $(get "$back/hotplug-error")"
	loop=$(get "$back/node")
	contains "the loop devices" "$(losetup -a)" "$DIR/a.img"
	works minidom "fill xvda 9; verify xvda 9"
	refuses_it w "$DIR/a.img" "disk 51712 of domain"
	libxl_name g
	end block
	lacks "the loop devices" "$(losetup -a)" "$DIR/a.img"
	loop=
	[ "$(stat -c %b "$DIR/a.img")" -gt 0 ] || fail "the file was not written"
else
	echo "no loop device can be made here: xl's own script was not tried"
fi
works xpv destroy g
works xpv destroy h
passed
