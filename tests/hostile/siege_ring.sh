#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_ring.sh - indexes, slots and pages that change under the backend
#
# runs on: simulator, xen
# seconds: 1800
#
# shellcheck source=tests/hostile/siege.bash
. "$(dirname "$0")/siege.bash"

siege guest_ring
siege_end
