#!/bin/bash
# SPDX-License-Identifier: MIT
#
# siege_xenbus.sh - keys and states that no honest frontend writes, and too many of them
#
# runs on: simulator, xen
# seconds: 1800
#
# shellcheck source=tests/hostile/siege.bash
. "$(dirname "$0")/siege.bash"

siege guest_xenbus
siege_end
