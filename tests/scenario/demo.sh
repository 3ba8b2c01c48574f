#!/bin/bash
# SPDX-License-Identifier: MIT
#
# demo.sh - the demo passes, with its own image and with one of the user's, which stays as it is
#
# shellcheck source-path=SCRIPTDIR/../lib
. "$(dirname "$0")/../lib/scenario.sh"

need xpv xpvd xpv-vdisk minidom
demo=$(dirname "$0")/../../tools/demo.sh
export TMPDIR=$DIR

works "$demo"
contains "the transcript" "$out" "the sums are equal"
contains "the transcript" "$out" "The demo has passed."

head -c 3M /dev/urandom >"$DIR/own.img"
sum=$(sha256sum "$DIR/own.img")
works "$demo" "$DIR/own.img"
contains "the transcript" "$out" "${sum%% *}"
is "the image" "$(sha256sum "$DIR/own.img")" "$sum"

head -c 1000 /dev/urandom >"$DIR/odd.img"
! "$demo" "$DIR/odd.img" >"$DIR/out" 2>&1 || fail "an image of 1000 bytes was taken"
contains "the transcript" "$(cat "$DIR/out")" "not a multiple of 512"
is "what is left" "$(find "$DIR" -maxdepth 1 -name 'xpv-demo-*')" ""
passed
