#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sim_tools.sh - Xen's own tools and daemons run unmodified over the simulator
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpv-hypervisor xpv-sim-vm tests/lib/guest_sim_console
bin=/usr/lib/xen-4.17/bin
[ -x $bin/xl ] || skip "xen-utils-4.17 is not installed"

sim_start --no-xpvd --xenconsoled

# xl, on what is there.
works xen $bin/xl list
contains "domain 0" "$out" "Domain-0                                     0"
contains "it runs" "$out" "r-----"
works xen $bin/xl info
contains "the version" "$out" "xen_major              : 4"

# The xenstore tools, a watch among them.
works xen xenstore-write /tool/xpv-test/a 1 /tool/xpv-test/b 2
works xen xenstore-read /tool/xpv-test/a
is "what was written" "$out" 1
works xen xenstore-list /tool/xpv-test
is "the folder" "$out" "$(printf 'a\nb')"
xen timeout 10 xenstore-watch -n 2 /tool/xpv-test >"$DIR/watch" &
watch=$!
eventually 5 test -s "$DIR/watch"
works xen xenstore-rm /tool/xpv-test/a
wait $watch
is "two events" "$(wc -l <"$DIR/watch")" 2
works xen xenstore-rm /tool/xpv-test

# A guest, as xl sees it, and lsevtchn's view of its ports.
guest g1
id=$(domid g1)
works xen $bin/xl list
contains "the guest" "$out" "g1 "
works xen $bin/xl domid g1
is "its number" "$out" "$id"
works xen $bin/xl domname "$id"
is "its name" "$out" g1
works xen $bin/lsevtchn "$id"
contains "its store's port" "$out" "Interdomain"

# xenconsoled logs what the guest writes to its console page.
tty() { [ -n "$(xen xenstore-read "/local/domain/$id/console/tty")" ]; }
eventually 5 tty
works xpv sim run --dom g1 -- "$BUILD/tests/lib/guest_sim_console" "hello from the console"
contains "xenconsoled's log" "$(cat "$XPV_RUNDIR"/log/console/guest-g1.log)" "hello from the console"

# xl can pause it.
works xen $bin/xl pause g1
contains "paused" "$(xen $bin/xl list g1)" "p"
works xen $bin/xl unpause g1
works xpv destroy g1
works xen $bin/xl list
lacks "destroyed" "$out" "g1 "
passed
