# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# server.bash - servers of network block devices for scenarios, by nbdkit
#
# A server has a name, a Unix socket $DIR/NAME.sock and a process $server_NAME. To be sourced after
# scenario.sh; whatever still runs ends with the scenario.

servers=()

finish_servers() {
	local status=$? name

	set +e
	for name in "${servers[@]}"; do
		server_kill "$name" CONT
		server_kill "$name" KILL
	done 2>/dev/null
	(exit "$status")
	clean_up
}
trap finish_servers EXIT

# server NAME ARGUMENT...: nbdkit with these arguments, ready to be connected to
server() {
	local name=$1

	shift
	rm -f "$DIR/$name.sock" "$DIR/$name.pid"
	nbdkit -f -U "$DIR/$name.sock" -P "$DIR/$name.pid" "$@" 2>"$DIR/$name.err" &
	eval "server_$name=$!"
	servers+=("$name")
	eventually 10 test -s "$DIR/$name.pid"
}

# server_kill NAME SIGNAL
server_kill() {
	local pid=server_$1

	kill -s "$2" "${!pid}"
}

# server_end NAME: kills it and waits, so that it is gone.
server_end() {
	local pid=server_$1

	kill -KILL "${!pid}" 2>/dev/null || true
	wait "${!pid}" 2>/dev/null || true
}

# at NAME: what target= has to be
at() {
	echo "nbd+unix:///?socket=$DIR/$1.sock"
}

# What xpv says of the guest's disk begins so.
says() {
	[[ $(stat_of g error) == *"$1"* ]]
}

# Lines of xpvd's log, which its workers write to as well
logged() {
	grep -q "$1" "$XPV_RUNDIR/log/xpvd.log"
}
