#!/bin/bash
# SPDX-License-Identifier: MIT
#
# negotiation.sh - every combination of what a vdisk's two ends may agree on, with data through it
#
# One guest program connects to one disk again and again, each time with other options; what a
# connection wrote, later ones read. While each stands, xenstore and the backend are asked what was
# agreed.
#
# ORDERS, QUEUES, PERSISTENT, INDIRECT, ABIS and SECTORS may be set to try fewer.
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk tests/lib/guest_negotiation

: "${ORDERS:=0 1 2 3 4}" "${QUEUES:=1 2 3 4}" "${PERSISTENT:=on off}" "${INDIRECT:=on off}"
: "${ABIS:=64 32}" "${SECTORS:=512 4096}"

# What only looks need not be the sanitizers' build: there is much to look at.
look() {
	"${PLAIN:-$BUILD}/xpv" "$@"
}

# The frontend's keys that say how it connects, in one line, in the store's words; a ring's pages as
# their number.
agreed() {
	look sim run -- xenstore-ls "$frontend" | awk '
		{ gsub(/"/, "") }
		/^[a-z]/ { several = $1 ~ /^queue-/ }
		/^protocol/ { abi = $3 }
		/^feature-persistent/ { persistent = $3 }
		/^multi-queue-num-queues/ { queues = $3 }
		/^ring-page-order/ { order = $3 }
		!several && $1 ~ /^ring-ref/ { flat[$1] }
		several && $1 ~ /^queue-/ { queue = $1 }
		several && $1 ~ /^ring-ref/ { pages[queue, $1]; nr[queue]++ }
		several && $1 == "event-channel" { ports[queue] = $3 }
		/^event-channel/ { port = $3 }
		END {
			order += 0
			line = "abi " abi " persistent " persistent " order " order " queues "
			line = line (queues ? queues : 1) ":"
			for (q = 0; q < (queues ? queues : 1); q++) {
				found = queues ? ports["queue-" q] > 0 : port > 0
				for (p = 0; p < 2 ^ order; p++) {
					key = order ? "ring-ref" p : "ring-ref"
					found += queues ? ("queue-" q, key) in pages : key in flat
				}
				line = line " " found
			}
			print line
		}'
}

# The next line that the program prints, into $answer.
take_answer() {
	until read -r answer <&"$said"; do
		guest_runs g || fail "$1: $(guest_said g)"
		sleep 0.01
	done
}

# The backend's numbers of all requests and of indirect ones, into $counted; the last into $before.
# (A disk has them first, then each of its queues.)
counts() {
	before=("${counted[@]}")
	read -r -a counted < <(look stats --json g | awk -F '[ ,]*' '
		/"(read|write|indirect)_reqs"/ { gsub(/[":]/, ""); if (!($2 in n)) n[$2] = $3 }
		END { print n["read_reqs"] + n["write_reqs"], n["indirect_reqs"] + 0 }')
}

# try ORDER QUEUES PERSISTENT INDIRECT ABI SECTOR
try() {
	local flag=0 indirect=0 expected q
	local what="sector $6, order $1, queues $2, persistent $3, indirect $4, abi $5"

	cell=$((cell + 1))
	echo "order=$1 queues=$2 persistent=$3 indirect=$4 abi=$5" >&"$lines"
	take_answer "$what"
	[ "$3" = off ] || flag=1
	[ "$4" = off ] || indirect=1
	is "$what, the guest" "$answer" "cell $cell: queues $2 slots \
$((32 << $1)) persistent $flag indirect $indirect sector $6"
	expected="abi x86_$5-abi persistent $flag order $1 queues $2:"
	for ((q = 0; q < $2; q++)); do
		expected+=" $(((1 << $1) + 1))"
	done
	is "$what, xenstore" "$(agreed)" "$expected"
	counts
	is "$what, indirect requests" "$((counted[1] > before[1]))" "$indirect"
	is "$what, requests" "$((counted[0] - before[0] >= 2 * (32 << $1) * $2))" 1
}

memory_dir
sim_start
for sector in $SECTORS; do
	truncate -s 0 "$MEMORY/a.img"
	truncate -s 9M "$MEMORY/a.img"
	spec="format=raw,vdev=xvda,access=rw"
	[ "$sector" = 512 ] || spec+=",sector-size=$sector"
	guest g "disk=['$spec,target=$MEMORY/a.img']"
	dom=$(domid g)
	frontend=/local/domain/$dom/device/vbd/51712
	mkfifo "$DIR/lines"
	guest_job g g "exec guest_negotiation 51712 <'$DIR/lines'"
	exec {lines}>"$DIR/lines"
	exec {said}<"$DIR/job.g"
	cell=0 counted=(0 0)
	for order in $ORDERS; do
		for queues in $QUEUES; do
			for persistent in $PERSISTENT; do
				for indirect in $INDIRECT; do
					for abi in $ABIS; do
						try "$order" "$queues" "$persistent" "$indirect" \
							"$abi" "$sector"
					done
				done
			done
		done
	done
	exec {lines}>&-
	guest_wait g || fail "$(guest_said g)"
	take_answer "the end"
	exec {said}<&-
	is "the end" "$answer" "everything is as it was written"
	is "pages still granted" "$(xpv sim status | awk -v dom="$dom" '$1 == dom { print $4 }')" 0
	works xpv destroy g
	eventually 10 no_workers
	rm -f "$DIR/lines" "$DIR/job.g"
	echo "sectors of $sector bytes: $cell connections"
done
passed
