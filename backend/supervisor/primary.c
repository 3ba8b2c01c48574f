/* SPDX-License-Identifier: MIT */
/*
 * primary.c - finding domains' primary consoles
 *
 * They are older than xenbus: each domain that is introduced to xenstored has one, in its own
 * directory, and no backend's directory shows it. Only domain 0 may ask who exists, so elsewhere
 * there are none. What a domain has to say of its console may come after its introduction; its
 * directory is watched from then on.
 */
#include <errno.h>

#include "supervisor.h"

static void found_domain(struct supervisor *sup, const char *path, unsigned int domid, void *arg)
{
	struct device *dev;

	(void)path, (void)arg;
	if (domid == sup->domid || !xs_is_domain_introduced(sup->xs, domid))
		return;
	dev = device_find(sup, XS_KIND_CONSOLE, domid, 0);
	if (!dev)
		dev = device_create(sup, XS_KIND_CONSOLE, domid, 0);
	if (dev)
		dev->dirty = true;
}

void primary_scan(struct supervisor *sup)
{
	each_number(sup, "/local/domain", XS_DOMID_MAX + 1, found_domain, NULL);
}

int primary_start(struct supervisor *sup)
{
	if (!sup->consoles.served)
		return 0;
	if (sup->domid != 0) {
		log_error("--consoles: only domain 0 has the guests' primary consoles: start xpvd "
			  "without it here");
		return -EPERM;
	}
	if (!xs_watch(sup->xs_watches, "@introduceDomain", PRIMARY_TOKEN))
		return -errno;
	primary_scan(sup);
	return 0;
}
