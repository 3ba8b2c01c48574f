#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deps.sh - the Debian packages that building and testing need, installed if they are missing
#
#   deps.sh [PACKAGE]...	more than the usual packages
#
# As root: by apt-get, without recommended packages. Otherwise: prints the one command to run.
# Xen's packages come with services for a Dom0. Unless they were here before, these are not
# started (a policy for the time of the installation) and not enabled (afterwards), so that the
# machine runs and boots as it did.

set -eu

packages='binutils clang e2fsprogs gcc libc6-dev libcap-ng-dev libcmocka-dev libjson-c-dev
libnbd-dev libseccomp-dev liburing-dev libxen-dev make nbdkit nbdkit-plugin-dev procps
qemu-system-common qemu-utils xen-utils-4.17 xenstore-utils '"$*"
services='xen xendomains'
policy=/usr/sbin/policy-rc.d

missing=
for package in $packages; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "xpv needs packages that are not installed. As root, run:" >&2
	echo "  apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

echo "installing:$missing"
new_services=
for service in $services; do
	[ -e "/etc/init.d/$service" ] || new_services="$new_services $service"
done

clean_up() {
	[ "${our_policy:-}" != yes ] || rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
if [ ! -e "$policy" ]; then
	our_policy=yes
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing; } \
	>"${TMPDIR:-/tmp}/xpv-deps.$$" 2>&1; then
	tail -n 20 "${TMPDIR:-/tmp}/xpv-deps.$$" >&2
	rm -f "${TMPDIR:-/tmp}/xpv-deps.$$"
	echo "deps.sh: the packages cannot be installed: see above; is Debian's mirror reachable?" >&2
	exit 1
fi
rm -f "${TMPDIR:-/tmp}/xpv-deps.$$"

for service in $new_services; do
	if [ -e "/etc/init.d/$service" ]; then
		update-rc.d "$service" disable >/dev/null 2>&1 || true
	fi
done
