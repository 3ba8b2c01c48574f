#!/bin/bash
# SPDX-License-Identifier: MIT
#
# console_terminal.sh - xpv console at xenconsoled's terminal: keys, and a terminal that is given back on
# every way out; pipes
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpv-hypervisor xpv-sim-vm minidom
[ -x /usr/lib/xen-4.17/bin/xenconsoled ] || skip "xen-utils-4.17 is not installed"
# shellcheck source=../lib/terminal.bash
. "$(dirname "$0")/../lib/terminal.bash"

served() {
	contains "list" "$(xpv console-list g)" "xenconsoled /dev/pts/"
}

sim_start --no-xpvd --xenconsoled
guest g "kernel='$BUILD/minidom'"
eventually 10 served

# Pipes: what is sent is answered; the end of input ends it, once the guest has been silent.
works bash -c "printf 'help\ndisks\n' | '$BUILD/xpv' console -w 5 g"
contains "the prompt and the echo" "$out" "minidom> disks"
contains "the answer" "$out" "name    vdev"
works bash -c "printf 'h\303\244\033\001\n' | '$BUILD/xpv' console -w 5 g"
contains "UTF-8" "$out" "$(printf 'h\303\244')"

# A terminal.
terminal a
is_cooked a || fail "the shell's terminal is $(terminal_mode a)"
keys a 'xpv console g; echo "status=$?"' Enter
eventually 10 is_raw a
keys a Enter
eventually 10 screen_shows a 'minidom>$'
keys a 'disk' BSpace 'ks' Enter
eventually 10 screen_shows a 'name *vdev'
keys a 'abc' C-c
eventually 10 screen_shows a 'abc.C$'
is_raw a || fail "^C did not go to the guest: $(terminal_mode a)"
tm resize-window -t a -x 70 -y 20
tm resize-window -t a -x 100 -y 40
keys a 'hel' 'p' Enter
eventually 10 screen_shows a 'DEV is a name'

# It has one user.
refuses 1 "somebody else is at its console" bash -c "true | '$BUILD/xpv' console g"
keys a C-]
eventually 10 screen_shows a 'status=0'
is_cooked a || fail "after ^]: $(terminal_mode a)"

# Another escape character; ^] is then the guest's, who does not care for it.
keys a 'clear; xpv console -e ^a g; echo "status=$?"' Enter
eventually 10 is_raw a
keys a C-] 'disks' Enter
eventually 10 screen_shows a 'name *vdev'
keys a C-a
eventually 10 screen_shows a 'status=0'
is_cooked a || fail "after ^a: $(terminal_mode a)"

# Signals, those that cannot be caught too.
for signal in TERM HUP INT KILL SEGV; do
	keys a 'clear; xpv console g' Enter
	eventually 10 is_raw a
	kill -s $signal "$(terminal_job a)"
	eventually 10 is_cooked a
	eventually 10 screen_shows a 'shell>$'
done

# It is stopped, and goes on.
keys a 'clear; set -m; xpv console g' Enter
eventually 10 is_raw a
job=$(terminal_job a)
kill -s TSTP "$job"
eventually 10 screen_shows a 'Stopped'
eventually 10 is_cooked a
keys a 'fg' Enter
eventually 10 is_raw a
keys a 'disks' Enter
eventually 10 screen_shows a 'name *vdev'
keys a C-]
eventually 10 is_cooked a

# The guest ends, and the session with it.
keys a 'clear; xpv console g; echo "status=$?"' Enter
eventually 10 is_raw a
keys a 'poweroff' Enter
eventually 20 screen_shows a 'status=0'
is_cooked a || fail "after the guest's end: $(terminal_mode a)"

# The window is closed.
guest g "kernel='$BUILD/minidom'"
eventually 10 served
terminal b
keys b 'xpv console g' Enter
eventually 10 is_raw b
job=$(terminal_job b)
gone() { ! kill -0 "$job" 2>/dev/null; }
tm kill-session -t b
eventually 10 gone
works bash -c "echo disks | '$BUILD/xpv' console -w 5 g"
contains "the next user" "$out" "name    vdev"

# What cannot be.
refuses 1 "no such domain" xpv console nobody
refuses 1 "it has no console 7" xpv console -n 7 g
refuses 1 "whose console is the machine's" xpv console 0
refuses 2 "neither a character" xpv console -e ^^^ g
refuses 2 "only pv" xpv console -t serial g
refuses 2 "not both" xpv console -r --take g
passed
