# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what it sets is for scenario.sh and its users
#
# system_xen.bash - a scenario's system is real Xen: it runs in Dom0 (see scenario.sh)
#
# A guest is a stock Linux kernel with an agent (tests/nested/guest/init) that runs what it is
# asked to through xenstore. With frontend=stock the kernel's own blkfront serves its disks; as a
# rule frontend=xpv, and minidom drives them from user space, as it does in the simulator.
# GUEST_TYPE is pv (default) or pvh.

GUEST_TYPE=${GUEST_TYPE:-pv}
slow=5
guest_memory=256
guest_boot="kernel=\"/guest/vmlinux\"
ramdisk=\"/guest/initrd\"
type=\"$GUEST_TYPE\"
extra=\"console=hvc0 quiet frontend=${FRONTEND:-xpv}\""
PATH=$BUILD:$PATH:/usr/lib/xen-4.17/bin

# system_start [OPTION of xpvd...]
# shellcheck disable=SC2120 # most scenarios need no option
system_start() {
	xpvd_options=("$@")
	mkdir -p "$XPV_RUNDIR/log"
	xpvd_start
}

xpvd_start() {
	rm -f "$DIR/ready"
	mkfifo "$DIR/ready"
	"$BUILD/xpvd" --ready-fd 3 -v "${xpvd_options[@]}" 3>"$DIR/ready" \
		>>"$XPV_RUNDIR/log/xpvd.log" 2>&1 &
	xpvd=$!
	read -r -t 60 _ <"$DIR/ready" || fail "xpvd: $(tail -n 3 "$XPV_RUNDIR/log/xpvd.log")"
}

xpvd_pid() {
	echo "$xpvd"
}

xpvd_again() {
	wait "$xpvd" || true
	xpvd_start
}

system_stop() {
	local id

	for id in $(guest_ids); do
		xl destroy "$id" >/dev/null 2>&1 || true
	done
	if [ -n "${xpvd:-}" ]; then
		sleep 0.3
		kill "$xpvd" 2>/dev/null || true
		wait "$xpvd" || true
		xpvd=
	fi
	pkill -f "^$BUILD/xpv-vdisk" 2>/dev/null || true
}

# Each domain's ports by what they are, and how many of its grants are in use.
system_holds() {
	local id

	for id in 0 $(guest_ids); do
		lsevtchn "$id" | sed "s/^ *[0-9]*: VCPU *[0-9]*: /$id: /; s/,\\{0,1\\} .*Port .*//" | sort
	done
	xl dmesg -c >/dev/null
	xl debug-keys g
	xl dmesg | awk '/grant-table for remote/ { sub(/.*remote d/, ""); dom = $1 + 0 }
		/\] +[0-9]+ 0x/ { entries[dom]++ }
		END { for (dom in entries) print dom, "grants", entries[dom] }' | sort
}

system_pids() {
	pgrep '^(xpv|xenstored)'
}

guest_ids() {
	xl list 2>/dev/null | awk 'NR > 2 { print $2 }'
}

xen() {
	"$@"
}

# guest NAME [LINE...]: makes a guest from a configuration and waits until it answers. With
# frontend=xpv nobody in it uses its disks so far, and xpv need not wait for anybody.
guest() {
	guest_config "$@"
	works xpv create "$DIR/$1.cfg"
	guest_up "$1"
	[ "${FRONTEND:-xpv}" != xpv ] || xenstore-write "/libxl/$(domid "$1")/xpv-empty" 1
}

guest_deaf() {
	guest "$@"
	xenstore-rm "/libxl/$(domid "$1")/xpv-empty"
}

guest_live() {
	local name=$1 commands=$2

	shift 2
	guest "$name" "$@"
	guest_begin "$name" "$name" "$commands"
	xenstore-rm "/libxl/$(domid "$name")/xpv-empty"
}

# Its agent does not live to answer.
guest_crash() {
	guest_ask "$1" 'echo c >/proc/sysrq-trigger'
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
	eventually 30 xenstore-read "$(guest_path "$1")/ready"
}

# guest_ask NAME SCRIPT: sets $number, by which the answer is known. (What xenstore-write is given
# has escapes in it.)
guest_ask() {
	local path

	path=$(guest_path "$1")
	number=$(date +%s%N)	# not counted: a guest that was restored has lost the last one
	xenstore-write "$path/command" "${2//\\/\\\\}" "$path/run" "$number"
}

guest_answered() {
	[ "$(xenstore-read "$1/done" | cut -d' ' -f1)" = "$2" ]
}

# guest_sh NAME SCRIPT: what a shell in the guest prints, and its status.
guest_sh() {
	local path number status pieces i

	path=$(guest_path "$1")
	guest_ask "$1" "$2"
	eventually 60 guest_answered "$path" "$number"
	read -r _ status pieces < <(xenstore-read "$path/done")
	for ((i = 0; i < pieces; i++)); do
		xenstore-read -R "$path/out/$i" | sed '$ s/\.$//' | head -c -1
	done
	return "$status"
}

in_guest() {
	guest_sh "$1" "exec minidom '$2'"
}

# A job's files in the guest: what it has printed, its number, and its status once it has ended.
guest_job() {
	eval "job_$1=$2"
	guest_sh "$2" "rm -f /tmp/job.$1.status; : >/tmp/job.$1
(bash -c $(printf %q "$3") & echo \$! >/tmp/job.$1.pid; wait \$!
	echo \$? >/tmp/job.$1.status) >/tmp/job.$1 2>&1 &"
}

guest_begin() {
	if [ $# -eq 3 ]; then
		guest_job "$1" "$2" "exec minidom '$3'"
		return
	fi
	guest_sh "$2" "rm -f /tmp/commands.$1; mkfifo /tmp/commands.$1
sleep 100000 >/tmp/commands.$1 2>&1 & echo \$! >/tmp/commands.$1.pid"
	guest_job "$1" "$2" "exec minidom </tmp/commands.$1"
}

guest_tell() {
	local name=job_$1

	guest_sh "${!name}" "echo '$2' >/tmp/commands.$1"
}

guest_told() {
	local name=job_$1

	guest_sh "${!name}" "kill \$(cat /tmp/commands.$1.pid)"
}

guest_said() {
	local name=job_$1 tag=$1

	shift
	[ $# -gt 0 ] || set -- cat
	guest_sh "${!name}" "${*@Q} </tmp/job.$tag || true"
}

guest_runs() {
	local name=job_$1

	guest_sh "${!name}" "[ ! -e /tmp/job.$1.status ]"
}

guest_kill() {
	local name=job_$1

	guest_sh "${!name}" "kill -s $2 \$(cat /tmp/job.$1.pid)"
}

guest_wait() {
	local name=job_$1

	eventually 60 guest_ended "$1"
	[ -n "$(domid "${!name}" 2>/dev/null)" ] || return 1
	return "$(guest_sh "${!name}" "cat /tmp/job.$1.status")"
}

guest_ended() {
	local name=job_$1

	[ -z "$(domid "${!name}")" ] || ! guest_runs "$1"
}

guest_end() {
	guest_kill "$1" TERM || true
	guest_wait "$1"
}
