# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# system_xen.bash - a scenario's system is real Xen: it runs in Dom0 (see scenario.sh)
#
# A guest is a stock Linux kernel with an agent (tests/nested/guest/init) that runs what it is
# asked to through xenstore. With frontend=stock the kernel's own blkfront serves its disks; as a
# rule frontend=xpv, and minidom drives them from user space, as it does in the simulator.
# GUEST_TYPE is pv (default) or pvh.

GUEST_TYPE=${GUEST_TYPE:-pv}
guest_memory=256
guest_boot="kernel=\"/guest/vmlinux\"
ramdisk=\"/guest/initrd\"
type=\"$GUEST_TYPE\"
extra=\"console=hvc0 quiet frontend=${FRONTEND:-xpv}\""
PATH=$BUILD:$PATH:/usr/lib/xen-4.17/bin

# system_start [OPTION of xpvd...]
system_start() {
	mkdir -p "$XPV_RUNDIR/log"
	mkfifo "$DIR/ready"
	"$BUILD/xpvd" --ready-fd 3 -v "$@" 3>"$DIR/ready" >>"$XPV_RUNDIR/log/xpvd.log" 2>&1 &
	xpvd=$!
	read -r -t 30 _ <"$DIR/ready" || fail "xpvd: $(tail -n 3 "$XPV_RUNDIR/log/xpvd.log")"
	rm "$DIR/ready"
}

system_stop() {
	local id

	for id in $(guest_ids); do
		xl destroy "$id" >/dev/null 2>&1 || true
	done
	[ -z "${xpvd:-}" ] || { sleep 0.3; kill "$xpvd" 2>/dev/null || true; }
	pkill -f "^$BUILD/xpv-vdisk" 2>/dev/null || true
}

guest_ids() {
	xl list 2>/dev/null | awk 'NR > 2 { print $2 }'
}

xen() {
	"$@"
}

# guest NAME [LINE...]: makes a guest from a configuration and waits until it answers.
guest() {
	guest_config "$@"
	works xpv create "$DIR/$1.cfg"
	guest_up "$1"
}

# xl_guest NAME [LINE...]: the same, by plain xl.
xl_guest() {
	guest_config "$@"
	xl create "$DIR/$1.cfg" >"$DIR/out" 2>&1 || fail "xl create: $(cat "$DIR/out")"
	guest_up "$1"
}

guest_path() {
	echo "/local/domain/$(domid "$1")/data/agent"
}

guest_up() {
	eventually 120 xenstore-read "$(guest_path "$1")/ready"
}

guest_answered() {
	[ "$(xenstore-read "$1/done" | cut -d' ' -f1)" = "$2" ]
}

# guest_sh NAME SCRIPT: what a shell in the guest prints, and its status.
guest_sh() {
	local path number status pieces i

	path=$(guest_path "$1")
	number=$(($(xenstore-read "$path/run" 2>/dev/null || echo 0) + 1))
	xenstore-write "$path/command" "$2" "$path/run" "$number"
	eventually 120 guest_answered "$path" "$number"
	read -r _ status pieces < <(xenstore-read "$path/done")
	for ((i = 0; i < pieces; i++)); do
		xenstore-read -R "$path/out/$i" | sed '$ s/\.$//' | head -c -1
	done >"$DIR/said"
	cat "$DIR/said"
	[ "$status" -eq 0 ] || cat "$DIR/said" >&2
	return "$status"
}

in_guest() {
	guest_sh "$1" "exec minidom '$2'"
}

guest_begin() {
	eval "job_$1=$2"
	guest_sh "$2" "rm -f /tmp/job.$1.status
(minidom '$3' & echo \$! >/tmp/job.$1.pid; wait \$!; echo \$? >/tmp/job.$1.status) >/tmp/job.$1 2>&1 &"
}

guest_said() {
	local name=job_$1

	guest_sh "${!name}" "cat /tmp/job.$1"
}

guest_runs() {
	local name=job_$1

	guest_sh "${!name}" "[ ! -e /tmp/job.$1.status ]"
}

guest_end() {
	local name=job_$1

	guest_sh "${!name}" "kill \$(cat /tmp/job.$1.pid)" || true
	eventually 60 guest_ended "$1"
	return "$(guest_sh "${!name}" "cat /tmp/job.$1.status")"
}

guest_ended() {
	! guest_runs "$1"
}

# stat_of NAME KEY: a number that `xpv stats` has of the guest's first disk
stat_of() {
	xpv stats --json "$1" | sed -n "s/^ *\"$2\": *\([0-9]*\),\{0,1\}$/\1/p" | head -n 1
}
