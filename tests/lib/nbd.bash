# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what it sets is for its users
#
# nbd.bash - a guest's disks through nbdkit, for scenarios in the simulator
#
# The server runs in the guest, in the foreground, as the job TAG; its clients run beside it.

plugin=$BUILD/nbdkit-xpv-plugin.so

nbd_need() {
	local tool

	need xpv xpvd xpv-vdisk
	[ -e "$plugin" ] || skip "$plugin has not been built"
	for tool in nbdkit "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed: 'make deps' does it"
	done
}

# nbdkit itself knows nothing of sanitizers: a plugin that was built with one brings its run time.
# Leaks are not looked for, because nbdkit itself has some when it is interrupted.
nbdkit_command() {
	local runtime

	runtime=$(ldd "$plugin" | awk '$1 ~ /^lib(asan|tsan)/ { print $3; exit }')
	[ -z "$runtime" ] || runtime="env LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0"
	echo "exec $runtime nbdkit"
}

# nbd_serve TAG GUEST ARGUMENTS: a server at the socket $DIR/TAG.sock, that answers
nbd_serve() {
	guest_job "$1" "$2" "$(nbdkit_command) -f -t 64 -U '$DIR/$1.sock' '$plugin' $3"
	nbd_answers "$1"
}

nbd_answers() {
	local uri

	uri=$(nbd_uri "$1")
	eventually 10 test -S "$DIR/$1.sock"
	nbdinfo --size "$uri" >"$DIR/out" 2>&1 || fail "$1: $(cat "$DIR/out"; guest_said "$1")"
}

# nbd_end TAG: ends it in order, and it has nothing to complain of
nbd_end() {
	guest_end "$1" || fail "$1: status $?: $(guest_said "$1")"
	is "what $1 said" "$(guest_said "$1")" ""
	rm -f "$DIR/$1.sock" "$DIR/job.$1"
}

nbd_uri() {
	echo "nbd+unix:///?socket=$DIR/$1.sock"
}

# nbd_io STATUS TAG COMMAND...: qemu-io, one -c each; what it printed is in $out
nbd_io() {
	local want=$1 uri command status=0 commands=()

	uri=$(nbd_uri "$2")
	shift 2
	for command in "$@"; do
		commands+=(-c "$command")
	done
	out=$(qemu-io -f raw "${commands[@]}" "$uri" 2>&1) || status=$?
	is "qemu-io $*: $out" "$status" "$want"
}

# nbd_error TAG CALL: the server's error for a call that no well-behaved client makes
nbd_error() {
	# Debian's Python has the module.
	PATH=/usr/bin:$PATH nbdsh -c "
import errno
h.set_strict_mode(0)
h.connect_uri('$(nbd_uri "$1")')
try:
	$2
	print('OK')
except nbd.Error as e:
	print(e.errno)"
}

# nbd_fio TAG OPTION...: random writes that are read back and verified
nbd_fio() {
	local uri tag=$1

	uri=$(nbd_uri "$1")
	shift
	(cd "$DIR" && fio --name="$tag" --ioengine=nbd --uri="$uri" --rw=randwrite \
		--verify=crc32c --verify_fatal=1 --verify_state_save=0 --group_reporting "$@") \
		>"$DIR/fio.$tag" 2>&1
}

# Both ends of the disk are Closed: 6 and 6. nbd_closed GUEST DEVID
nbd_closed() {
	local dom

	dom=$(domid "$1")
	[ "$(xen xenstore-read "/local/domain/$dom/device/vbd/$2/state" \
		"/local/domain/0/backend/vbd/$dom/$2/state" | tr -d '\n')" = 66 ]
}

# guest_grants NAME: how many pages the domain has granted to others
guest_grants() {
	xpv sim status | awk -v dom="$(domid "$1")" '$1 == dom { print $4 }'
}
