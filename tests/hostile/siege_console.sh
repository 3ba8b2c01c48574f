#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_console.sh - guests that lie about their console, and others that share the host with them
#
# Counters that jump, wrap and go backwards; counters that are not the guest's, overwritten; keys of
# the console that the guest may write (XSA-57); output without end (XSA-180); events without end
# (the shape of XSA-391). A neighbour's console has to work all the time, the worker and xpvd have
# to live, memory and files have to stay bounded.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vconsole tests/lib/guest_console
client() {
	python3 "$(dirname "$0")/../lib/console_client.py" "$@"
}

# consoles NAME KEY: what xpvd says of a guest's console
consoles() {
	python3 -c 'import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(json.dumps({"cmd": "consoles", "domid": int(sys.argv[2])}).encode() + b"\n")
print(json.loads(s.makefile().readline())["consoles"][0][sys.argv[3]])' \
		"$XPV_RUNDIR/xpvd.sock" "$(domid "$1")" "$2"
}

socket_of() {
	echo "$XPV_RUNDIR/console/$(domid "$1")-0.sock"
}

key() {
	xen xenstore-read "/local/domain/$(domid "$1")/console/$2"
}

served() {
	case $(key "$1" tty) in
	/dev/pts/*) ;;
	*) return 1 ;;
	esac
}

# new NAME: a guest whose console is served
new() {
	guest "$1"
	eventually 10 served "$1"
}

# The neighbour's console takes and gives, by the same worker of its own and the same xpvd.
neighbour() {
	guest_job echo "good$1" "exec guest_console out '$DIR/text' in 6 '$DIR/typed'"
	client cat "$(socket_of "good$1")" "$(stat -c %s "$DIR/text")" >"$DIR/read" 2>"$DIR/err" ||
		fail "the neighbour: $(cat "$DIR/err")"
	cmp "$DIR/read" "$DIR/text" || fail "the neighbour's output is not what it put out"
	printf 'hello\n' | client send "$(socket_of "good$1")" 2>"$DIR/err" ||
		fail "the neighbour: $(cat "$DIR/err")"
	guest_wait echo || fail "the neighbour: $(guest_said echo)"
	is "what the neighbour took" "$(cat "$DIR/typed")" hello
}

broken() {
	[ "$(consoles "$1" error)" != None ]
}

sim_start --consoles
echo "counters"
xpvd=$(xpvd_pid)
seq 1 200 >"$DIR/text"

# Impossible counters: that console stops, and says why; the reason is about the right one.
for n in 2049 0x80000000 0xffffffff; do
	new "bad$n"
	guest_job jump "bad$n" "guest_console jump $n sleep 2000000000"
	eventually 10 broken "bad$n"
	contains "why, after a jump of $n" "$(consoles "bad$n" error)" "out_prod is impossible"
	node=/local/domain/0/error/backend/console/$(domid "bad$n")/0/error
	contains "where tools look" "$(xen xenstore-read "$node")" \
		"out_prod is impossible"
	guest_kill jump KILL
	works xpv destroy "bad$n"
done
new ate
guest_job ate ate "guest_console ate 1 sleep 2000000000"
eventually 10 broken ate
contains "why" "$(consoles ate error)" "in_cons is impossible"
guest_kill ate KILL
works xpv destroy ate

echo "counters of the worker's"
# Counters that the worker owns: what the guest makes of them is not believed, also by a successor.
new lie
guest_job lie lie "exec guest_console out '$DIR/text' lie 0xdeadbeef storm 10 out '$DIR/text' \
	in 6 '$DIR/typed'"
client cat "$(socket_of lie)" $((2 * $(stat -c %s "$DIR/text") + 1)) >"$DIR/read" 2>"$DIR/err" ||
	fail "the liar's reader: $(cat "$DIR/err")"
(cat "$DIR/text"; echo; cat "$DIR/text") | cmp - "$DIR/read" ||
	fail "the liar's output is not what it put out"
printf 'hello\n' | client send "$(socket_of lie)" 2>"$DIR/err" || fail "$(cat "$DIR/err")"
guest_wait lie || fail "the liar: $(guest_said lie)"
is "what it took" "$(cat "$DIR/typed")" hello
works xpv destroy lie

echo "keys"
# Keys that a toolstack of old let the guest write: what it writes there is not believed, and the
# one that clients read is taken from it.
new keys
id=$(domid keys)
for k in tty output limit type; do
	works xen xenstore-chmod "/local/domain/$id/console/$k" "n$id"
done
tty=$(key keys tty)
for k in tty=/dev/mem output=file:/etc/passwd limit=99999999999999999999 type=ioemu; do
	# its tty may have been taken from it already
	guest_sh keys "xenstore-write console/${k%%=*} '${k#*=}'" >"$DIR/err" 2>&1 ||
		[ "${k%%=*}" = tty ] || fail "$k: $(cat "$DIR/err")"
done
ours_again() { [ "$(key keys tty)" = "$tty" ]; }
eventually 10 ours_again
contains "its owner" "$(xen xenstore-ls -fp "/local/domain/$id/console" | grep /tty)" "(n0,r$id)"
if guest_sh keys "xenstore-write console/tty /dev/null" 2>/dev/null; then
	fail "the guest may still write its tty"
fi
kill -9 "$(consoles keys worker)"	# a successor reads them all
alive() { [ "$(consoles keys worker)" -gt 0 ] && [ "$(consoles keys attached)" = True ]; }
eventually 10 alive
is "the tty" "$(key keys tty)" "$tty"
guest_job keys keys "exec guest_console out '$DIR/text'"
client cat "$(socket_of keys)" "$(stat -c %s "$DIR/text")" >"$DIR/read" || fail "it is not served"
cmp "$DIR/read" "$DIR/text" || fail "its output is not what it put out"
guest_wait keys || fail "the guest: $(guest_said keys)"
works xpv destroy keys

echo "endless"
# Output without end, events without end, with clients that do not read: the neighbour has its turn,
# and the worker grows no more.
new loud
new loud2
new good1
guest_job endless loud "exec guest_console endless"
guest_job storm loud2 "exec guest_console storm 2000000000"
worker=$(consoles loud worker)
python3 - "$(socket_of loud)" <<'END' &
import socket, sys, time
all = []
for i in range(20):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    s.send(b"R")
    all.append(s)
time.sleep(1000)
END
deaf=$!
grown() { [ "$(consoles loud output)" -gt 1000000 ]; }
before=$(awk '/^Rss(Anon|Shmem)/ { n += $2 } END { print n }' "/proc/$worker/status")
neighbour 1
eventually 60 grown
after=$(awk '/^Rss(Anon|Shmem)/ { n += $2 } END { print n }' "/proc/$worker/status")
[ "$after" -lt $((before + 1024)) ] || fail "the worker grew from $before to $after KiB"
[ "$(du -sk "$XPV_RUNDIR/scrollback" | cut -f1)" -le 600 ] || fail "the scrollbacks grow"
is "the worker" "$(consoles loud worker)" "$worker"
kill $deaf
guest_runs endless || fail "endless ended: $(guest_said endless)"
guest_runs storm || fail "storm ended: $(guest_said storm)"
guest_kill endless KILL
guest_kill storm KILL
works xpv destroy loud
works xpv destroy loud2

# Clients that talk nonsense are not listened to.
new good2
works client say "$(socket_of good2)" Wx Sfoo 'S@99999999999999999999999' 'W\x00me' q D '\x00' W
contains "what it hears" "$out" "P0"
neighbour 2
is "xpvd" "$(xpvd_pid)" "$xpvd"
passed
