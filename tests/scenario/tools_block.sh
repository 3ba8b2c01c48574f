#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools_block.sh - disks are attached, listed and detached, by us and before the eyes of xl
#
# runs on: simulator, xen
# seconds: 1200
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk
xl=/usr/lib/xen-4.17/bin/xl

field() {
	xpv block-list --json g | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p"
}

truncate -s 1M "$DIR/a.img" "$DIR/b.img" "$DIR/c.img"
system_start
guest g
guest h
id=$(domid g)
before=$(store)
back=/local/domain/0/backend/vbd/$id/51728
front=/local/domain/$id/device/vbd/51728

# Both forms of a specification; the second time is no error and changes nothing.
for spec in "format=raw,vdev=xvdb,access=rw,target=$DIR/b.img" "$DIR/b.img,raw,xvdb,rw"; do
	works xpv block-attach g "$spec"
	is "what is said" "$out" ""
	attached=$(store)
	works xpv block-attach g "$spec"
	contains "the second time" "$out" "already attached"
	is "the store" "$(store)" "$attached"
	works xpv block-detach g xvdb
	is "what is said" "$out" ""
	is "the store after detach" "$(store)" "$before"
	works xpv block-detach g xvdb
	contains "the second time" "$out" "not attached"
done
works xpv block-attach g "$DIR/b.img" raw xvdb ro
works xpv block-detach g 51728
is "the store after detach" "$(store)" "$before"

# Who may do what: the guest owns its directory and reads its backend's; the record is Dom0's.
works xpv block-attach g "format=raw,vdev=xvdb,access=rw,target=$DIR/b.img"
perms=$(xen xenstore-ls -fp)
contains "the frontend" "$perms" "$front = \"\"   (n$id,r0)"
contains "its state" "$perms" "$front/state = \"1\"   (n$id,r0)"
contains "its backend" "$perms" "$front/backend = \"$back\"   (n$id,r0)"
contains "its number" "$perms" "$front/virtual-device = \"51728\"   (n$id,r0)"
contains "the backend" "$perms" "$back = \"\"   (n0,r$id)"
contains "its frontend" "$perms" "$back/frontend = \"$front\"   (n0,r$id)"
contains "its image" "$perms" "$back/params = \"$DIR/b.img\"   (n0,r$id)"
contains "its mode" "$perms" "$back/mode = \"w\"   (n0,r$id)"
contains "its state" "$perms" "$back/state = \"2\"   (n0,r$id)"
contains "the record" "$perms" "/libxl/$id/device/vbd/51728/backend = \"$back\"   (n0)"

# Another guest sees none of it, and this one cannot change what is its backend's.
is "the guest reads its mode" "$(guest_sh g "xenstore-read $back/mode")" w
! guest_sh g "xenstore-write $back/mode r" >/dev/null 2>&1 || fail "the guest wrote $back/mode"
! guest_sh g "xenstore-read /libxl/$id/type" >/dev/null 2>&1 || fail "the guest read /libxl"
! guest_sh h "xenstore-read $back/mode" >/dev/null 2>&1 || fail "another guest read $back/mode"
! guest_sh h "xenstore-read $front/state" >/dev/null 2>&1 || fail "another guest read $front/state"
! guest_sh h "xenstore-write $front/state 6" >/dev/null 2>&1 || fail "another guest wrote it"

# The list, in xl's columns and as JSON.
works xpv block-list g
is "the heading" "$(head -n 1 <<<"$out")" \
	"Vdev  BE  handle state evt-ch ring-ref BE-path                       "
is "the row" "$(tail -n 1 <<<"$out" | tr -s ' ')" "51728 0 $id 1 -1 -1 $back"
if [ -x "$xl" ]; then
	is "xl block-list" "$(xen "$xl" block-list g)" "$out"
fi
is "vdev" "$(field vdev)" xvdb
is "params" "$(field params)" "$DIR/b.img"
is "mode" "$(field mode)" w
is "backend-state" "$(field backend-state)" InitWait
works xpv block-list --json g h
contains "two domains" "$out" '"domid"'

# An image has many readers or one writer.
works xpv block-attach g "vdev=xvdc,access=ro,target=$DIR/c.img"
works xpv block-attach h "vdev=xvdc,access=ro,target=$DIR/c.img"
refuses 1 "in use by disk" xpv block-attach h "vdev=xvdd,access=rw,target=$DIR/c.img"
works xpv block-detach g xvdc
works xpv block-detach h xvdc
works xpv block-attach h "vdev=xvdd,access=rw,target=$DIR/c.img"
works xpv block-detach h xvdd

# Of many who want to write it at the same time, one gets it.
rivals=()
for dev in xvde xvdf xvdg xvdh; do
	for dom in g h; do
		xpv block-attach "$dom" "vdev=$dev,target=$DIR/c.img" 2>/dev/null &&
			echo "$dom $dev" >>"$DIR/winners" &
		rivals+=($!)
	done
done
wait "${rivals[@]}" || true
is "winners" "$(wc -l <"$DIR/winners")" 1
# shellcheck disable=SC2046 # two words
works xpv block-detach $(cat "$DIR/winners")

# A guest that writes what it likes into its own directory changes nothing of what is removed.
works xpv block-attach h "vdev=xvda,target=$DIR/a.img"
guest_sh h "xenstore-write device/vbd/51712/backend $back"
works xpv block-detach --force h xvda
contains "the other's disk" "$(xpv block-list g)" "$back"
is "the other's state" "$(xen xenstore-read "$back/state")" 2

# Nor does it change what is shown.
works xpv block-attach h "vdev=xvda,target=$DIR/a.img"
shown=$(xpv block-list h)
guest_sh h "xenstore-write device/vbd/51712/backend $back device/vbd/51712/backend-id 7"
is "the list" "$(xpv block-list h)" "$shown"
works xpv block-detach h xvda

# Disks from the configuration; destroy takes all of them.
works xpv block-detach g xvdb
is "the store after all of this" "$(store)" "$before"
guest d "disk=[ \"$DIR/a.img,raw,xvda,w\", \"vdev=xvdb,access=ro,target=$DIR/b.img\" ]"
is "its disks" "$(xpv block-list d | wc -l)" 3
works xpv destroy d
is "the store after destroy" "$(store)" "$before"

# xl takes away what we have attached.
if [ -x "$xl" ]; then
	guest x
	works xpv block-attach x "vdev=xvdd,target=$DIR/c.img"
	works xen "$xl" block-detach x xvdd
	lacks "what xl has left" "$(store)" "vbd/$(domid x)"
	works xpv destroy x
	is "the store after xl" "$(store)" "$before"
fi
passed
