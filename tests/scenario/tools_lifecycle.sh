#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_lifecycle.sh - guests are made, listed, paused, and end in all the ways that there are
#
# Only in the simulator: its guests are programs, which end as they are told to.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
xl=/usr/lib/xen-4.17/bin/xl

alive() {
	xpv list "$1" >/dev/null 2>&1
}

gone() {
	! alive "$1"
}

flags() {
	xpv list --json "$1" | sed -n 's/.*"flags": *"\(.*\)".*/\1/p'
}

has_flag() {
	[[ $(flags "$2") == *"$1"* ]]
}

sim_start
before=$(store)

# An empty guest, as we and as xl see it.
guest empty
works xpv list
contains "the heading" "$out" "Name                                        ID   Mem VCPUs"
contains "the guest" "$out" "empty "
if [ -x "$xl" ]; then
	is "xl list" "$(xen "$xl" list | sed 's/ *[0-9.]*$//')" "$(xpv list | sed 's/ *[0-9.]*$//')"
fi
id=$(domid empty)
is "the name by number" "$(xpv list "$id" | tail -n 1 | cut -d' ' -f1)" empty
works xpv pause empty
contains "paused" "$(flags empty)" p
works xpv unpause empty
lacks "unpaused" "$(flags empty)" p

# What the guest may write, and what it may only read.
perms=$(xen xenstore-ls -fp)
contains "its directory" "$perms" "/local/domain/$id = \"\"   (n0,r$id)"
contains "its requests" "$perms" "/local/domain/$id/control/shutdown = \"\"   (n$id)"
contains "its data" "$perms" "/local/domain/$id/data = \"\"   (n$id)"
contains "its name" "$perms" "/local/domain/$id/name = \"empty\"   (n0,r$id)"
contains "libxl's record" "$perms" "/libxl/$id = \"\"   (n0)"
works xpv destroy empty
eventually 5 gone empty
is "the store after destroy" "$(store)" "$before"

# A guest that powers off, and one that crashes: create -c shows the output and how it ended.
cat >"$DIR/run.cfg" <<-END
	name="run"
	memory=32
	kernel="/bin/sh"
	extra="-c 'echo hello from \$0; echo second >&2; exit 0' guest"
END
works xpv create -c "$DIR/run.cfg"
contains "its output" "$out" "hello from guest"
contains "its output" "$out" "second"
eventually 5 gone run
refuses 1 "crashed" xpv create -c "$DIR/run.cfg" "extra=\"-c 'echo dying; exit 3'\""
contains "its last words" "$(cat "$DIR/out")" dying
lacks "the output of the one before" "$(cat "$DIR/out")" hello
eventually 5 gone run
refuses 1 "crashed" xpv create -c "$DIR/run.cfg" "extra=\"-c 'kill -9 \$\$'\""
eventually 5 gone run
is "the store after the ends" "$(store)" "$before"

# A disk that is there from the start.
dd if=/dev/urandom of="$DIR/a.img" bs=64k count=4 status=none
cat >"$DIR/once.cfg" <<-END
	name="once"
	memory=64
	kernel="$BUILD/minidom"
	extra="sum xvda; poweroff"
	disk=[ "format=raw,vdev=xvda,access=ro,target=$DIR/a.img" ]
END
works xpv create -c "$DIR/once.cfg"
contains "what the guest reads" "$out" "$(sha256sum <"$DIR/a.img" | cut -d' ' -f1)"
eventually 5 gone once
is "the store" "$(store)" "$before"

# The arguments are split as a shell would, and nothing is expanded.
works xpv create -c "$DIR/run.cfg" 'kernel="/usr/bin/printf"' "extra=\"'<%s>' 'a  b' \$HOME \`id\`\""
# shellcheck disable=SC2016 # that is the point
contains "the words" "$out" '<a  b><$HOME><`id`>'
eventually 5 gone run

# Left paused it does not begin.
rm -f "$XPV_RUNDIR/log/guest-run.log"
works xpv create -p "$DIR/run.cfg"
contains "created paused" "$(flags run)" p
is "its output" "$(cat "$XPV_RUNDIR/log/guest-run.log" 2>/dev/null || true)" ""
works xpv unpause run
eventually 5 grep -q hello "$XPV_RUNDIR/log/guest-run.log"
eventually 5 gone run

# preserve keeps what has ended, until it is destroyed.
works xpv create "$DIR/run.cfg" 'on_poweroff="preserve"'
eventually 5 has_flag s run
refuses 1 "has ended already" xpv shutdown run
works xpv destroy run
eventually 5 gone run

# restart gives it a new number; a guest that ends at once is given up in the end.
works xpv create "$DIR/run.cfg" "extra=\"-c 'echo again; exit 1'\"" 'on_crash="restart"'
eventually 20 grep -q "not started again" "$XPV_RUNDIR/log/xpv-run.log"
eventually 5 gone run
is "the store after restarts" "$(store)" "$before"

# A guest that does not listen is told apart, and the request is taken back.
works xpv create "$DIR/run.cfg" 'kernel="/bin/sleep"' 'extra="1000"'
id=$(domid run)
refuses 1 "does not answer" xpv shutdown --timeout 1 run
is "the request" "$(xen xenstore-read "/local/domain/$id/control/shutdown")" ""

# Destroyed while somebody shows its output.
xpv create -c "$DIR/run.cfg" 'name="shown"' 'kernel="/bin/sleep"' 'extra="1000"' \
	>"$DIR/shown" 2>&1 &
shown=$!
eventually 5 alive shown
works xpv destroy shown
status=0
wait "$shown" || status=$?
is "the status of create -c" "$status" 1
contains "its error" "$(cat "$DIR/shown")" "was destroyed"
works xpv destroy run
is "the store in the end" "$(store)" "$before"
passed
