#!/bin/bash
# SPDX-License-Identifier: MIT
#
# limits.sh - xpv block-limit: rates hold within 5% over 10 s, bursts are as set, changes are live
#
# What counts is what `xpv stats` has counted between two points in time, divided by the time that
# has really passed. The load could do far more than it may, and the worker sleeps meanwhile.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
memory_dir
truncate -s 16M "$MEMORY/a.img" "$MEMORY/b.img"
sim_start
guest g
works xpv block-attach g "vdev=xvda,iops=100@50,bps=1G,target=$MEMORY/a.img"
works xpv block-attach g "vdev=xvdb,target=$MEMORY/b.img"
backend=/local/domain/0/backend/vbd/$(domid g)/51712
is "limit-iops" "$(xen xenstore-read "$backend/limit-iops")" 100
is "limit-bps" "$(xen xenstore-read "$backend/limit-bps")" 1073741824

# counted KEY [DEVID]: reads and writes together, of one moment
counted() {
	xpv stats --json g | awk -v key="$1" -v devid="${2:-51712}" '
		$1 == "\"devid\":" { here = $2 + 0 == devid }
		$1 == "\"queues\":" { here = 0 }	# of each the same again
		here && ($1 == "\"read_" key "\":" || $1 == "\"write_" key "\":") { n += $2 }
		END { print n + 0 }'
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# busy_ms PID: processor time that it has used
busy_ms() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' \
		"/proc/$1/stat"
}

# On a busy machine it takes a while to ask. $least and $longest are the times that may have passed
# between what was counted by begin KEY and by end KEY, in ms; $n is how many it were.
begin() {
	before=$(now_ms) had=$(counted "$1") after=$(now_ms)
}

end() {
	least=$(($(now_ms) - after))
	n=$(($(counted "$1") - had))
	longest=$(($(now_ms) - before))
}

# within WHAT GOT LOWEST HIGHEST
within() {
	if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
		fail "$1: $2, expected $3 to $4"
	fi
	checks=$((checks + 1))
	echo "$1: $2 ($3 to $4)"
}

# holds KEY LIMIT SECONDS BURST: at least 95% of it in one of three times, for the machine may be
# busy with other things; and in none more than it and one burst
holds() {
	local lowest most try

	for try in 1 2 3; do
		begin "$1"
		sleep "$3"
		end "$1"
		lowest=$(($2 * least * 95 / 100000)) most=$(($2 * longest / 1000 + $4 + 2))
		[ "$n" -ge $lowest ] || [ $try -eq 3 ] || continue
		within "$1 in $longest ms, limit $2" "$n" $lowest $most
		return
	done
}

guest_begin load g
guest_tell load "fill xvda 1 0 8"
guest_tell load "fill xvdb 1 0 8"
eventually 10 guest_has_said load "fill xvdb: 8 sectors"
guest_tell load "loop 0 stress xvda 3 1"
sleep 1

# Requests, and a worker that sleeps: it wakes for tokens, and does not look for them.
worker=$(stat_of g worker)
busy=$(busy_ms "$worker")
holds reqs 100 10 50
within "ms of processor time" $(($(busy_ms "$worker") - busy)) 0 2000

# Bytes, beside a limit of requests that is changed and then lifted alone.
works xpv block-limit g xvda bps=4M@2M iops=1000000
is "what was printed" "$out" ""
holds bytes 4194304 10 2162688
works xpv block-limit g xvda iops=none
works xpv block-limit g xvda
is "the limits" "$out" "bps=4M@2M"
is "limit-iops" "$(xen xenstore-read "$backend/limit-iops" 2>&1 | grep -c "couldn't read")" 1

# A change is in force when the verb returns, and it takes no second where the machine has one.
for try in 1 2 3; do
	before=$(now_ms)
	works xpv block-limit g xvda iops=60@30 bps=none
	took=$(($(now_ms) - before))
	[ $took -ge 1000 ] || break
done
within "ms that a change took" "$took" 0 1000
holds reqs 60 5 30
works xpv block-limit --json g xvda iops=150@75 bps=4G
for part in '"vdev": "xvda"' '"iops": 150' '"iops-burst": 75' '"bps": 4294967296' \
	'"bps-burst": null' '"paused": false'; do
	contains "json" "$out" "$part"
done
holds reqs 150 5 75
works xpv block-limit g xvda iops=150@75	# again
works xpv block-limit g xvda
is "the limits" "$out" "iops=150@75 bps=4G"
contains "stats" "$(xpv stats g)" "at most 150 requests/s at most 4.0G/s"

# Whoever dies: the limits are in the store. A successor begins with nothing saved up.
begin reqs
sleep 2
kill -9 "$worker"
eventually 10 replaced g
sleep 4
end reqs
within "reqs in $longest ms, limit 150, over a kill of the worker" $n $((150 * least / 2000)) \
	$((150 * longest / 1000 + 150 + 1))
holds reqs 150 4 75
kill -9 "$(xpvd_pid)"
works xen xenstore-write "$backend/limit-iops" 80 "$backend/limit-iops-burst" 40	# by hand
xpvd_again
holds reqs 80 5 40		# nobody asks xpvd before
works xpv block-limit g xvda
is "the limits" "$out" "iops=80@40 bps=4G"

# By hand: what the schema does not take changes nothing, is named, and can be repaired.
for value in "" 0 -1 1e9 99999999999999999999 "5 5"; do
	xen xenstore-write -- "$backend/limit-iops" "$value"
	refuses 1 "limit-iops" xpv block-limit g xvda bps=4G
done
refuses 1 "limit-iops" xpv block-limit g xvda bps=5G
contains "xpv check" "$(xpv check g 2>&1 || true)" "limit-iops"
holds reqs 80 4 40
works xpv block-limit g xvda iops=80@40 bps=none
works xpv check g

# A burst, after a pause that is long enough for it, and not a request more.
guest_kill load KILL
guest_wait load || true
works xpv block-detach --force g xvda
works xpv block-attach g "vdev=xvda,iops=100@400,target=$MEMORY/a.img"
rm "$DIR/commands.load"
guest_begin load g
guest_tell load "fill xvda 1 0 8"
eventually 10 guest_has_said load "fill xvda: 8 sectors"
sleep 5
begin reqs
guest_tell load "loop 0 stress xvda 3 1"
all_of_it() { [ $(($(counted reqs) - had)) -ge 400 ]; }
eventually 2 all_of_it				# the rate alone takes four
end reqs
within "reqs after a pause, in $longest ms" $n 400 $((402 + 100 * longest / 1000))
holds reqs 100 4 400

# None: what the machine can do.
works xpv block-limit g xvda none
works xpv block-limit g xvda
is "the limits" "$out" none
is "keys that are left" "$(xen xenstore-ls "$backend" | grep -c limit || true)" 0
begin reqs
sleep 2
end reqs
within "reqs without a limit" $n 1000 100000000

# Another disk of the same worker: neither a limit nor a queue that is always full is in its way.
works xpv block-limit g xvda iops=1
guest_begin other g "loop 0 stress xvdb 3 1"
eventually 10 guest_has_said other ok
a=$(counted reqs 51712) b=$(counted reqs 51728)
sleep 2
within "reqs of the disk with a limit" $(($(counted reqs 51712) - a)) 0 20
within "reqs of the disk beside it" $(($(counted reqs 51728) - b)) 1000 100000000
works xpv block-limit g xvda none
a=$(counted reqs 51712) b=$(counted reqs 51728)
sleep 3
a=$(($(counted reqs 51712) - a)) b=$(($(counted reqs 51728) - b))
within "reqs of two disks that always want more, in percent" $((a * 100 / (a + b))) 10 90
guest_kill other KILL
guest_wait other || true

# Words that are none.
for word in iops=0 iops= iops=x iops=5@ iops=5@0 iops=@5 iops=-1 iops=1K iops=99999999999 bps=1 \
	bps=4095 bps=1Q bps=8M@x bps=99999T bps=8M@1 iops=none@5 500 fast; do
	refuses 2 "" xpv block-limit g xvda "$word"
done
refuses 2 "must be a number from 1" xpv block-limit g xvda iops=0
refuses 2 "say iops=N[@BURST]" xpv block-limit g xvda fast
refuses 2 "needed" xpv block-limit g
refuses 1 "serves no such disk" xpv block-limit g xvdz iops=5
refuses 1 "no such domain" xpv block-limit nobody xvda iops=5
refuses 2 "its burst must be" xpv block-attach g "vdev=xvdc,iops=5@x,target=$MEMORY/b.img"
works xpv block-limit g xvda
is "the limits" "$out" none
is "errors" "$(stat_of g errors)" 0
guest_kill load KILL
guest_wait load || true
works xpv destroy g
eventually 10 no_workers
passed
