# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what it sets is for scenario.sh and its users
#
# system_sim.bash - a scenario's system is a simulator of its own (see scenario.sh)
#
# A guest is a domain without a kernel, in which programs run when they are asked to. A job is one
# that runs in the background, and has a name, its tag. Guests find the tests' programs on their PATH.

slow=1
guest_memory=64
guest_boot=

# system_start [--spin-us N]
# shellcheck disable=SC2120 # most scenarios need no option
system_start() {
	sim_start "$@"
}

system_stop() {
	[ ! -d "$XPV_RUNDIR" ] || xpv sim stop >/dev/null 2>&1 || true
}

# Runs a Xen tool.
xen() {
	xpv sim run -- "$@"
}

xpvd_pid() {
	xpv sim status | awk '$1 == "xpvd" { print $2 }'
}

# After xpvd has been killed: there is one again. The simulator sees to it by itself.
xpvd_again() {
	eventually 10 xpvd_answers
}

# What the hypervisor counts: ports, grants, mappings and handles of each domain.
system_holds() {
	xpv sim status --json | grep -E '"(domid|ports|grants|maps|handles)"'
}

# The processes of xpv and Xen, those of this simulator.
system_pids() {
	local pid

	for pid in $(pgrep '^(xpv|xenstored)'); do
		! grep -qsxz "XPV_RUNDIR=$XPV_RUNDIR" "/proc/$pid/environ" || echo "$pid"
	done
}

# guest NAME [LINE...]: makes a guest from a configuration, with nobody in it who uses its disks
guest() {
	guest_config "$@"
	works xpv create "$DIR/$1.cfg"
}

# guest_live NAME COMMANDS [LINE...]: one that lives for minidom's commands, its job NAME
guest_live() {
	local name=$1 commands=$2

	shift 2
	guest "$name" "kernel='$BUILD/minidom'" "extra='$commands'" "$@"
	ln -sf "$XPV_RUNDIR/log/guest-$name.log" "$DIR/job.$name"
	eventually 10 guest_process "$name" "$commands"
}

# Finds the process that is this guest's kernel, among those of other simulators.
guest_process() {
	local pid

	for pid in $(pgrep -f "^$BUILD/minidom $2"); do
		! grep -qsxz "XPV_RUNDIR=$XPV_RUNDIR" "/proc/$pid/environ" || eval "job_$1=$pid"
	done
	pid=job_$1
	[ -n "${!pid:-}" ]
}

# guest_deaf NAME [LINE...]: one that runs, and does not care for its disks
guest_deaf() {
	guest "$@" 'kernel="/bin/sleep"' 'extra="100000"'
}

# Its kernel dies.
guest_crash() {
	guest_kill "$1" KILL
}

# guest_sh NAME SCRIPT: what a shell in the guest prints, and its status.
guest_sh() {
	PATH=$BUILD:$BUILD/tests/lib:$BUILD/tests/hostile:$PATH \
		"$BUILD/xpv" sim run --dom "$1" -- bash -c "$2"
}

# in_guest NAME COMMANDS: minidom's commands in the guest; its output, its status.
in_guest() {
	guest_sh "$1" "exec minidom '$2'"
}

# guest_job TAG NAME SCRIPT: a shell in the background.
guest_job() {
	: >"$DIR/job.$1"
	PATH=$BUILD:$BUILD/tests/lib:$BUILD/tests/hostile:$PATH \
		"$BUILD/xpv" sim run --dom "$2" -- bash -c "$3" </dev/null >>"$DIR/job.$1" 2>&1 &
	eval "job_$1=$!"
}

# guest_begin TAG NAME [COMMANDS]: minidom in the background; without commands it takes them from
# guest_tell TAG LINE, until guest_told TAG says that this was all
guest_begin() {
	if [ $# -eq 3 ]; then
		guest_job "$1" "$2" "exec minidom '$3'"
		return
	fi
	mkfifo "$DIR/commands.$1"
	guest_job "$1" "$2" "exec minidom <'$DIR/commands.$1'"
	eval "exec {commands_$1}>'$DIR/commands.$1'"
}

guest_tell() {
	local commands=commands_$1

	echo "$2" >&"${!commands}"
}

guest_told() {
	eval "exec {commands_$1}>&-"
}

# guest_said TAG [FILTER...]: what it has printed so far, through that command if there is one.
guest_said() {
	local tag=$1

	shift
	[ $# -gt 0 ] || set -- cat
	"$@" <"$DIR/job.$tag" || true
}

guest_runs() {
	local pid=job_$1

	kill -0 "${!pid}" 2>/dev/null
}

# guest_kill TAG SIGNAL: to the job itself, not to what has put it into the guest
guest_kill() {
	local pid=job_$1

	# shellcheck disable=SC2046 # a number
	kill -s "$2" $(pgrep -P "${!pid}" || echo "${!pid}")
}

# guest_wait TAG: waits until it ends, or its guest has gone; its status.
guest_wait() {
	local pid=job_$1

	wait "${!pid}"
}

# guest_end TAG: interrupts it and waits; its status.
guest_end() {
	guest_kill "$1" TERM 2>/dev/null || true
	guest_wait "$1"
}
