# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# system_sim.bash - a scenario's system is a simulator of its own (see scenario.sh)

# system_start [--spin-us N]
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

# guest NAME [LINE...]: makes a guest from a configuration; without kernel= it is empty.
guest() {
	guest_config "$@"
	works xpv create "$DIR/$1.cfg"
}

guest_memory=64
guest_boot=

# in_guest NAME COMMANDS: minidom's commands in the guest; its output, its status.
in_guest() {
	xpv sim run --dom "$1" -- "$BUILD/minidom" "$2"
}

# guest_begin TAG NAME COMMANDS: the same in the background.
guest_begin() {
	"$BUILD/xpv" sim run --dom "$2" -- "$BUILD/minidom" "$3" >"$DIR/job.$1" 2>&1 &
	eval "job_$1=$!"
}

# guest_said TAG: what it has printed so far.
guest_said() {
	cat "$DIR/job.$1"
}

guest_runs() {
	local pid=job_$1

	kill -0 "${!pid}" 2>/dev/null
}

# guest_end TAG: interrupts it and waits; its status.
guest_end() {
	local pid=job_$1

	kill "${!pid}" 2>/dev/null || true
	wait "${!pid}"
}
