#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_queues.sh - numbers and keys of queues that cannot be, and one of several that is broken
#
# runs on: simulator, xen
# seconds: 600
#
# shellcheck source=tests/hostile/siege.bash
. "$(dirname "$0")/siege.bash"

siege guest_queues
siege_end
