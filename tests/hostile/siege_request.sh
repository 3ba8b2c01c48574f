#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_request.sh - malformed requests: each gets one error, and nothing else happens
#
# runs on: simulator, xen
# seconds: 1800
#
# shellcheck source=tests/hostile/siege.bash
. "$(dirname "$0")/siege.bash"

siege guest_request
# XSA-71: nothing of that guest's is held once it has ended, before the workers are gone.
attack guest_request xsa71-good-pages-around-a-bad-one lives "$xvda"
eventually 5 as_before
# XSA-142: the same guest, on its read-only disk.
attack guest_request xsa142-readonly lives "$xvdc"
siege_end
