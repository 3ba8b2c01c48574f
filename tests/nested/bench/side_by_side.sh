#!/bin/bash
# SPDX-License-Identifier: MIT
#
# side_by_side.sh - xpv, xen-blkback and qdisk in one boot, and what attaching costs
#
# One stock Linux guest has a disk of each backend, on a RAM disk of Dom0 each. In every round fio
# runs each workload on all three in turn, and what counts is the ratio within the round: an
# emulated machine's absolute figures mean nothing, and vary by half between rounds.
#
# layers: fio qemu
# seconds: 1500
# prints: table
#
# shellcheck source-path=SCRIPTDIR
FRONTEND=stock . "$(dirname "$0")/../../lib/scenario.sh"

rounds=${ROUNDS:-5}
seconds=3
workloads=("randread 4k 32" "randwrite 4k 32" "read 128k 8" "write 128k 8")
guest_memory=384

modprobe brd rd_nr=4 rd_size=65536
modprobe xen-blkback
system_start
xl_guest g "disk=['format=raw,vdev=xvdb,target=/dev/ram1',
	'format=raw,vdev=xvdc,backendtype=qdisk,target=/dev/ram2']"
works xpv block-attach g "/guest/fio.img,raw,xvdd,ro"
works xpv block-attach g "/dev/ram0,raw,xvda,rw"
works guest_sh g 'mount -o ro /dev/xvdd /mnt'
is "who serves what" "$(xl block-list g | awk 'NR > 1 { split($7, p, "/"); print $1, p[6] }' | sort)" \
	"51712 qdisk
51728 vbd
51744 qdisk
51760 qdisk"

# fio_on DISK RW BS QD: I/Os a second
fio_on() {
	guest_sh g "LD_LIBRARY_PATH=/mnt/lib /mnt/fio --name=b --filename=/dev/$1 --direct=1 --thread \
		--ioengine=libaio --rw=$2 --bs=$3 --iodepth=$4 --runtime=$seconds --time_based --minimal" |
		awk -F';' 'END { if (NF < 49) exit 1; print $8 + $49 }'
}

declare -A disk_of=([xpv]=xvda [blkback]=xvdb [qdisk]=xvdc)
orders=("xpv blkback qdisk" "blkback qdisk xpv" "qdisk xpv blkback")
for ((round = 0; round < rounds; round++)); do
	for workload in "${workloads[@]}"; do
		for backend in ${orders[round % 3]}; do
			# shellcheck disable=SC2086 # three words
			echo "$backend $round ${workload// /_} $(fio_on ${disk_of[$backend]} $workload)"
		done
	done
done >"$DIR/iops"

milliseconds() {
	local start=${EPOCHREALTIME/./}

	works "$@"
	echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

truncate -s 16M "$DIR/x.img" "$DIR/y.img"
for ((round = 0; round < rounds; round++)); do
	echo "xpv $round attach $(milliseconds xpv block-attach g "$DIR/x.img,raw,xvde,rw")"
	works xpv block-detach g xvde
	echo "xl $round attach $(milliseconds xl block-attach g "file:$DIR/y.img,xvdf,w")"
	works xl block-detach g xvdf
done >"$DIR/attach"
cp "$DIR/iops" "$DIR/attach" /share/

# ratio FILE WORKLOAD A B: the median of A / B over the rounds, and the spread
ratio() {
	awk -v w="$2" -v a="$3" -v b="$4" '
		$3 == w && $1 == a { x[$2] = $4 } $3 == w && $1 == b { y[$2] = $4 }
		END { for (r in x) printf "%.3f\n", x[r] / y[r] }' "$1" | sort -n |
		awk '{ v[NR] = $1 } END { printf "%.2f (%.2f-%.2f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

median() {
	awk -v w="$2" -v a="$3" '$3 == w && $1 == a { print $4 }' "$1" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

echo "| workload | xpv / blkback | xpv / qdisk | IOPS: xpv, blkback, qdisk |"
echo "|---|---|---|---|"
for workload in "${workloads[@]}"; do
	w=${workload// /_}
	echo "| $workload | $(ratio "$DIR/iops" "$w" xpv blkback) | $(ratio "$DIR/iops" "$w" xpv qdisk) |" \
		"$(median "$DIR/iops" "$w" xpv), $(median "$DIR/iops" "$w" blkback)," \
		"$(median "$DIR/iops" "$w" qdisk) |"
done
echo
echo "| | xl / xpv | ms: xpv, xl |"
echo "|---|---|---|"
echo "| block-attach | $(ratio "$DIR/attach" attach xl xpv) |" \
	"$(median "$DIR/attach" attach xpv), $(median "$DIR/attach" attach xl) |"
passed
