#!/bin/bash
# SPDX-License-Identifier: MIT
#
# console.sh - a guest's primary console, served by xpvd: clients, writers, logs, restarts
#
# Xen's own xenconsole works on its terminal, clients of its socket read and write, one at a time,
# and all of them find it where it was after its worker was replaced.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vconsole tests/lib/guest_console
xenconsole=/usr/lib/xen-4.17/bin/xenconsole
client() {
	python3 "$(dirname "$0")/../lib/console_client.py" "$@"
}

tty() {
	xen xenstore-read "/local/domain/$id/console/tty"
}

served() {
	case $(tty) in
	/dev/pts/*) ;;
	*) return 1 ;;
	esac
}

refuses 2 "neither" xpv sim start --consoles --xenconsoled
refuses 2 "neither" xpv sim start --consoles --no-xpvd

sim_start --consoles
guest g
id=$(domid g)
socket=$XPV_RUNDIR/console/$id-0.sock
log=$XPV_RUNDIR/log/console/guest-g.log
eventually 10 served
is "the socket's mode" "$(stat -c %a "$socket")" 600
before=$(tty)

# What waits for a client of the terminal is given to the first. What it sends is the guest's.
printf 'login: ' >"$DIR/login"
printf '\033[1mwelcome\033[0m \303\274\n' >"$DIR/welcome"
guest_job g g "exec guest_console out '$DIR/login' in 5 '$DIR/name' out '$DIR/welcome' \
	in 4 '$DIR/more' out '$DIR/login' sleep 1000000"
if [ -x $xenconsole ]; then
	mkfifo "$DIR/keys"
	xen timeout 60 $xenconsole --interactive "$id" <"$DIR/keys" >"$DIR/screen" 2>"$DIR/err" &
	xenconsole_pid=$!
	exec {keys}>"$DIR/keys"
	prompted() { grep -q login: "$DIR/screen"; }
	eventually 20 prompted
	printf 'root\n' >&"$keys"
else
	printf 'root\n' | client send "$socket"
fi
client cat "$socket" $((7 + $(stat -c %s "$DIR/welcome"))) >"$DIR/read" 2>"$DIR/err" ||
	fail "the reader: $(cat "$DIR/err")"
cat "$DIR/login" "$DIR/welcome" | cmp - "$DIR/read" || fail "what was read is not what was put out"
is "what the guest took" "$(cat "$DIR/name")" root
if [ -x $xenconsole ]; then
	welcomed() { cat "$DIR/login" "$DIR/welcome" | cmp -s - "$DIR/screen"; }
	eventually 20 welcomed
	kill "$xenconsole_pid"
	exec {keys}>&-
fi

# Many read, one writes; who does is said, and can be taken from it.
python3 - "$socket" <<'END' || fail "the writers"
import socket, sys
def client():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(30)
    s.connect(sys.argv[1])
    return s
def await_type(s, types):
    while True:
        p = s.recv(4096)
        assert p, "it has hung up"
        if p[:1] in types:
            return p
a, b = client(), client()
a.send(b"W\0alice")
assert await_type(a, b"GB") == b"G"
b.send(b"W\0bob\x1b[2J")
assert await_type(b, b"GB") == b"Balice"
b.send(b"Dnot mine")
b.send(b"S3")
b.send(b"R")
assert await_type(b, b"P")
b.send(b"W\1bob\x1b[2J")
assert await_type(b, b"GB") == b"G"
assert await_type(a, b"L") == b"Lbob\\x1b[2J", "its name is for people's terminals"
a.send(b"Dnot mine any more")
b.send(b"Y")
b.send(b"W\0bob")
assert await_type(b, b"GB") == b"G"
b.close()
END

# The log, with stamps; another file after SIGHUP.
stripped() { sed 's/^\[[-0-9]* [0-9:]*\] //' "$1"; }
cat "$DIR/login" "$DIR/welcome" | cmp - <(stripped "$log") || fail "the log: $(cat "$log")"
mv "$log" "$log.old"
kill -HUP "$(xpvd_pid)"
eventually 10 test -e "$log"

# A worker that is replaced, an xpvd that dies: the terminal and the socket stay what they were.
works xpv restart g vconsole
kill -9 "$(xpvd_pid)"
xpvd_again
works xpv restart g vconsole
eventually 10 served
is "the terminal" "$(tty)" "$before"
printf 'ls\r\n' | client send "$socket" 2>"$DIR/err" || fail "the writer: $(cat "$DIR/err")"
logged() { [ "$(stripped "$log")" = "login: " ]; }
eventually 10 logged

# Nothing is left but the logs.
works xpv destroy g
nothing() { [ -z "$(find "$XPV_RUNDIR"/{console,scrollback,worker} ! -type d)" ]; }
eventually 10 nothing
passed
