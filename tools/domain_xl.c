/* SPDX-License-Identifier: MIT */
/*
 * domain_xl.c - guests on real Xen, which xl builds and ends
 *
 * xl gets the configuration as it was read and checked here, with disk=[] after it, which overrides
 * what stands before: it builds the domain paused and without disks. xl's own monitor watches over
 * it from then on, as over every guest of xl's, and acts on on_reboot= and the like; what it makes
 * of our disks then is xl_record.c's concern.
 *
 * To end a guest xl goes first: it alone runs the hotplug scripts of the devices that it made. What
 * it has not taken away is removed afterwards.
 */
#include "domain.h"

#include <stdio.h>
#include <stdlib.h>

#include "vdisk.h"
#include "xl.h"

static int build(const struct config *config)
{
	char *const argv[] = { "xl", "create", "-p", XL_TEXT, NULL };
	char *text;
	int rc;

	if (asprintf(&text, "%s\ndisk=[]\n", config->text) < 0)
		return tool_error("%s: out of memory; free some", config->name);
	rc = xl_run(config->name, argv, text);
	free(text);
	return rc;
}

static int make(struct xs_handle *xs, xc_interface *xch, const struct config *config,
		struct domain *out)
{
	int found, rc = build(config);

	if (rc)
		return rc;
	found = tool_domain_named(xs, XBT_NULL, xch, config->name, &out->domid);
	if (found < 0)
		return TOOL_FAILED;
	if (!found)
		return tool_error("%s: xl has made it, and it is gone already; see "
				  "/var/log/xen/xl-%s.log", config->name, config->name);
	snprintf(out->name, sizeof(out->name), "%s", config->name);
	tool_note("%s: xl has built domain %u", config->name, out->domid);
	return TOOL_OK;
}

/* The disks that it has; xl destroys their records, which alone say what to look for. */
static struct device *find_disks(struct xs_handle *xs, uint32_t domid, size_t *n)
{
	struct device *disks = NULL;
	uint32_t *devids;

	*n = device_ids(xs, domid, XS_CLASS_VDISK, &devids);
	if (*n)
		disks = calloc(*n, sizeof(*disks));
	for (size_t i = 0; disks && i < *n; i++)
		device_find(xs, XBT_NULL, &disks[i], XS_KIND_VBD, domid, devids[i]);
	free(devids);
	return disks;
}

/* A guest that ended by itself meanwhile is gone all the same. */
static bool still_there(xc_interface *xch, uint32_t domid)
{
	xc_domaininfo_t info;

	return tool_domain_info(xch, domid, &info) && !(info.flags & XEN_DOMINF_dying);
}

static int end(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	char domid[16];
	char *const argv[] = { "xl", "destroy", domid, NULL };
	struct device *disks;
	size_t n;
	int rc = TOOL_OK;

	disks = find_disks(xs, dom->domid, &n);
	snprintf(domid, sizeof(domid), "%u", dom->domid);
	if (still_there(xch, dom->domid))
		rc = xl_run(dom->name, argv, NULL);
	if (rc && still_there(xch, dom->domid)) {
		free(disks);
		return rc;
	}
	rc = domain_remove_traces(xs, dom);
	for (size_t i = 0; disks && i < n && !rc; i++)	/* also why a backend had failed once */
		rc = vdisk_remove_node(xs, &disks[i]);
	free(disks);
	return rc ? domain_say_not_ended(dom, -rc) : TOOL_OK;
}

const struct domain_maker domain_maker_xl = { .make = make, .end = end };
