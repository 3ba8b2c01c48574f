/* SPDX-License-Identifier: MIT */
/*
 * domain.c - making and ending guests
 *
 * A guest is made in the order in which libxl does it: the domain, its records, its machine, its
 * disks; whoever watches sees each only when what it needs is there. Disks are attached here, in
 * the same way whatever the guest runs on. Who makes and ends the rest is a struct of functions:
 * the simulator's (domain_sim.c) or xl (domain_xl.c).
 */
#include "domain.h"

#include <errno.h>
#include <string.h>

#include "await.h"
#include "control.h"
#include "sim.h"
#include "vdisk.h"

#define DESTROY_SECONDS 10	/* for all backends together */
#define SWEEPS 3		/* how often disks are looked for that came meanwhile */

bool domain_is_live(struct xs_handle *xs, xc_interface *xch, uint32_t domid)
{
	const uint32_t idle = XEN_DOMINF_paused | XEN_DOMINF_shutdown | XEN_DOMINF_dying;
	xc_domaininfo_t info;

	return tool_domain_info(xch, domid, &info) && !(info.flags & idle) &&
	       !domain_store_empty(xs, domid);
}

/* Two guests of one name could not be told apart. */
static int check_name(struct xs_handle *xs, xc_interface *xch, const char *name)
{
	uint32_t domid;
	int found = tool_domain_named(xs, XBT_NULL, xch, name, &domid);

	if (found > 0)
		tool_error("%s: domain %u has this name already; destroy it, or choose another "
			   "name", name, domid);
	return found ? TOOL_FAILED : TOOL_OK;
}

static int attach_disks(struct xs_handle *xs, const struct config *config,
			const struct domain *dom)
{
	struct vdisk_result result;

	for (size_t i = 0; i < config->disk_count; i++)
		if (vdisk_attach(xs, dom, &config->disks[i], false, VDISK_SECONDS, &result))
			return TOOL_FAILED;
	return TOOL_OK;
}

/* What can be known to fail before there is a domain. */
static int check(struct xs_handle *xs, xc_interface *xch, const struct config *config)
{
	struct image image;

	if (check_name(xs, xch, config->name) || !tool_make_rundir("log"))
		return TOOL_FAILED;
	for (size_t i = 0; i < config->disk_count; i++)
		if (disk_check(&config->disks[i], &image))
			return TOOL_FAILED;
	return config->disk_count && !control_ping() ? TOOL_FAILED : TOOL_OK;
}

static const struct domain_maker *maker(void)
{
	return sim_running() ? &domain_maker_sim : &domain_maker_xl;
}

int domain_create(struct xs_handle *xs, xc_interface *xch, const struct config *config,
		  struct domain *out)
{
	int rc = check(xs, xch, config);

	if (!rc)
		rc = maker()->make(xs, xch, config, out);
	if (rc)
		return rc;
	rc = attach_disks(xs, config, out);
	if (!rc && await_interrupted())
		rc = tool_error("%s: interrupted; nothing is left of it", out->name);
	if (rc)
		domain_destroy(xs, xch, out);
	return rc;
}

int domain_destroy(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	return maker()->end(xs, xch, dom);
}

/* Backends first. A disk that somebody attaches meanwhile is found by the next round. */
int domain_remove_traces(struct xs_handle *xs, const struct domain *dom)
{
	bool clean = true;
	int rc = -EBUSY;

	for (int left = SWEEPS; rc == -EBUSY && left; left--) {
		clean &= vdisk_abandon_all(xs, dom->domid, DESTROY_SECONDS);
		rc = domain_store_remove(xs, dom->domid, left == 1);
	}
	if (!clean)
		tool_warn("%s: a backend did not close in time; see xpvd's log", dom->name);
	return rc;
}

int domain_say_not_ended(const struct domain *dom, int err)
{
	return tool_error("%s: destroyed, but its records stay: %s; try again: 'xpv destroy %u'",
			  dom->name, strerror(err), dom->domid);
}
