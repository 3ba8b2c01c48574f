# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# libxl.bash - libxl's part in a disk's life, played by writing its keys
#
# To be sourced after scenario.sh. The keys, their order and what is written together are those of
# libxl 4.17: the nodes and the record in one transaction, the script once the backend is in
# InitWait, Closing with online=0, the script again once it is Closed, then the end of the nodes.
# One disk at a time, number 51712, of the guest $id; $back, $front and $record are its paths.

devid=51712

# libxl_name DOM [KIND]: sets the paths
libxl_name() {
	local kind=${2:-vbd}

	id=$(domid "$1")
	back=/local/domain/0/backend/$kind/$id/$devid
	front=/local/domain/$id/device/vbd/$devid
	record=/libxl/$id/device/vbd/$devid
	# shellcheck disable=SC2034 # for the scenario
	error=/local/domain/0/error/backend/$kind/$id/$devid/error
}

put() {
	xen xenstore-write "$@"
}

get() {
	xen xenstore-read "$1" 2>/dev/null
}

reads() {
	[ "$(get "$1")" = "$2" ]
}

there() {
	xen xenstore-exists "$1"
}

# libxl_add PARAMS MODE [KEY VALUE]...: keys of the backend in addition to libxl's own
libxl_add() {
	local params=$1 mode=$2 key value common

	shift 2
	common=(frontend "$front" frontend-id "$id" online 1 removable 0 bootable 1 state 1
		dev xvda type phy mode "$mode" device-type disk discard-enable 1
		specification xen params "$params" "$@")
	set --
	while [ "${#common[@]}" -gt 0 ]; do
		key=${common[0]} value=${common[1]}
		common=("${common[@]:2}")
		set -- "$@" "$back/$key" "$value" "$record/$key" "$value"
	done
	# xenstore-write makes one transaction of it all; the frontend's directory is the guest's
	xen xenstore-write "$front" "" "$record/backend" "$back" "$back" "" "$@"
	xen xenstore-chmod "$front" "n$id" r0
	xen xenstore-chmod -r "$back" n0 "r$id"
	put "$front/backend" "$back" "$front/backend-id" 0 "$front/state" 1 \
		"$front/virtual-device" "$devid" "$front/device-type" disk "$front/trusted" 1
	xen xenstore-chmod -r "$front" "n$id" r0
}

libxl_ask_to_close() {
	put "$back/online" 0 "$back/state" 5
}

libxl_forget() {
	xen xenstore-rm -t "$back" "$front" "$record"
}
