#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_kill.sh - whoever is killed with -9, the rest goes on or ends as it should, and nothing is left
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpv-hypervisor xpv-sim-vm


pid_of() { awk -v name="$1" '$1 == name { print $2 }' "$XPV_RUNDIR/sim/pids"; }
dead() { [ ! -d "/proc/$1" ] || grep -qs '^State:.*Z' "/proc/$1/status"; }
stopped() { grep -qs '^State:.*T' "/proc/$1/status"; }
runs() { ! dead "$1" && ! stopped "$1"; }
no_dom() { ! xpv list "$1" >/dev/null 2>&1; }
not_running() { ! xpv sim status >/dev/null 2>&1; }
log_has() { grep -q "$1" "$XPV_RUNDIR/log/sim.log"; }

kill_job() {
	kill -9 "$1"
	wait "$1" 2>/dev/null || true
}

# The two processes of a domain's machine, among those that have our environment.
machine_of() {
	local pid

	for pid in $(pgrep -x xpv-sim-vm); do
		{
			grep -qsxz "XPV_RUNDIR=$XPV_RUNDIR" "/proc/$pid/environ" &&
				tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "--domid $1 " &&
				echo "$pid"
		} 2>/dev/null || true
	done | sort -n
}

sim_start --no-xpvd
before=$(xpv sim status | tail -n +5)
keys=$(store)

# A guest whose program leaves a child and a grandchild behind; their pids are in its log.
tree='kernel="/bin/bash"
extra="-c '"'"'(sleep 1001 & echo $!; wait) & echo $! $$; wait'"'"'"'
start_tree() {
	guest "$1" "$tree"
	eventually 5 sh -c "[ \$(wc -w <'$XPV_RUNDIR/log/guest-$1.log') -ge 3 ]"
	main=$(awk 'NF == 2 { print $2 }' "$XPV_RUNDIR/log/guest-$1.log")
	pids=$(tr '\n' ' ' <"$XPV_RUNDIR/log/guest-$1.log")
	: >"$XPV_RUNDIR/log/guest-$1.log"
}

# Pause stops them all, unpause lets them go on, destroy ends them.
start_tree t1
works xpv pause t1
for pid in $pids; do eventually 5 stopped "$pid"; done
works xpv unpause t1
for pid in $pids; do eventually 5 runs "$pid"; done
works xpv destroy t1
for pid in $pids; do eventually 5 dead "$pid"; done

# The program is killed: the domain crashes, and what is left of it ends.
start_tree t2
kill -9 "$main"
for pid in $pids; do eventually 5 dead "$pid"; done
xpv destroy t2 >/dev/null 2>&1 || true
eventually 5 no_dom t2

# Half of its machine is killed: likewise, whichever half it is.
for half in 1 2; do
	start_tree "half$half"
	id=$(domid "half$half")
	victim=$(machine_of "$id" | sed -n "${half}p")
	[ -n "$victim" ] || fail "no machine of domain $id is to be seen"
	kill -9 "$victim"
	for pid in $pids $(machine_of "$id"); do eventually 5 dead "$pid"; done
	xpv destroy "half$half" >/dev/null 2>&1 || true
	eventually 5 no_dom "half$half"
done

# A command in a guest ends with the guest.
guest t4
"$BUILD/xpv" sim run --dom t4 -- sleep 1002 >/dev/null 2>&1 &
run=$!
sleep 0.3
works xpv destroy t4
wait $run && fail "the command outlived its guest"
eventually 5 dead $run

# A xenstore client of domain 0 with a watch and of a guest: the store goes on.
guest t5
"$BUILD/xpv" sim run -- xenstore-watch /tool >/dev/null &
sleep 0.2
kill_job $!
"$BUILD/xpv" sim run --dom t5 -- xenstore-watch data >/dev/null 2>&1 &
sleep 0.3
kill_job $!
works xpv sim run --dom t5 -- xenstore-read name
is "the guest's name" "$out" t5
works xpv destroy t5

# Nothing of all this is left.
same() { [ "$(xpv sim status | tail -n +5)" = "$before" ]; }
eventually 5 same
is "the store" "$(store)" "$keys"

# The daemons themselves.
for victim in hypervisor xenstored; do
	start_tree "of-$victim"
	kill -9 "$(pid_of $victim)"
	eventually 20 not_running
	log_has "$victim was killed by signal 9" || fail "the log does not say that $victim was killed"
	for pid in $pids; do eventually 5 dead "$pid"; done
	works xpv sim stop
	works xpv sim start --no-xpvd
done

# The supervising process: all the others go, and one can start again.
start_tree last
all="$(pid_of hypervisor) $(pid_of xenstored) $pids"
kill -9 "$(xpv sim status --json | sed -n 's/^  "pid": *\([0-9]*\).*/\1/p')"
for pid in $all; do eventually 20 dead "$pid"; done
works xpv sim stop
is "no socket is left" "$(find "$XPV_RUNDIR" -type s | wc -l)" 0
works xpv sim start --no-xpvd
works xen xenstore-ls
passed
