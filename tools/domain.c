/* SPDX-License-Identifier: MIT */
/*
 * domain.c - making and ending guests
 *
 * A guest is made in the order in which libxl does it: the domain, its records, its machine, its
 * disks; whoever watches sees each only when what it needs is there. To end it, the backends let
 * go of its memory, then its records go, then the domain. Only build_machine() knows what kind of
 * machine it is.
 */
#include "domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "sim.h"
#include "vdisk.h"

#define DESTROY_SECONDS 10	/* for all backends together */
#define SWEEPS 3		/* how often disks are looked for that came meanwhile */

bool domain_log_path(char *buf, size_t size, const char *name)
{
	char file[CONFIG_NAME_MAX + 32];

	snprintf(file, sizeof(file), "log/guest-%s.log", name);
	return tool_runpath(buf, size, file);
}

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

static int make_domain(xc_interface *xch, const struct config *config, uint32_t *domid)
{
	struct xen_domctl_createdomain create = {
		.max_vcpus = config->vcpus,
		.max_evtchn_port = 1023,
		.max_grant_frames = 64,
		.max_maptrack_frames = 1024,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
	};

	memcpy(create.handle, config->uuid, sizeof(create.handle));
	*domid = 0;	/* the next one that is free */
	if (xc_domain_create(xch, domid, &create))
		return tool_error("%s: the domain cannot be made: %s; see the log of the "
				  "hypervisor", config->name, strerror(errno));
	if (xc_domain_setmaxmem(xch, *domid, config->memory_kb)) {
		tool_error("%s: %llu MiB of memory are refused: %s; ask for less", config->name,
			   (unsigned long long)config->memory_kb / 1024, strerror(errno));
		xc_domain_destroy(xch, *domid);
		return TOOL_FAILED;
	}
	return TOOL_OK;
}

/* Memory, console and store pages, and something to run. */
static int build_machine(xc_interface *xch, const struct config *config, uint32_t domid)
{
	char log[XS_PATH_MAX];
	int rc;

	if (!domain_log_path(log, sizeof(log), config->name))
		return TOOL_FAILED;
	rc = sim_domain_build(xch, domid);
	if (!rc)
		rc = sim_vm_start(domid, config->kernel, config->args.argv, log);
	if (rc)
		return tool_error("%s: its machine cannot be built: %s; see the simulator's log in "
				  "%s/log", config->name, strerror(rc < 0 ? -rc : errno),
				  tool_rundir());
	return TOOL_OK;
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

	if (!sim_running())
		return tool_error("%s: xpv creates guests only in the simulator so far; on Xen "
				  "use 'xl create', then 'xpv block-attach'", config->name);
	if (check_name(xs, xch, config->name) || !tool_make_rundir("log"))
		return TOOL_FAILED;
	for (size_t i = 0; i < config->disk_count; i++)
		if (image_check(config->disks[i].target, config->disks[i].readonly, &image))
			return TOOL_FAILED;
	return config->disk_count && !control_ping() ? TOOL_FAILED : TOOL_OK;
}

static int say_no_records(const char *name, int err)
{
	switch (err) {
	case ECANCELED:
		return TOOL_FAILED;	/* the error has been printed */
	case EEXIST:
		return tool_error("%s: a guest with this uuid exists; leave uuid out, or choose "
				  "another", name);
	case ENOTUNIQ:
		return tool_error("%s: a guest that was made at the same time has this name "
				  "already; choose another name", name);
	default:
		return tool_error("%s: its records cannot be written: %s; are you root in Dom0?",
				  name, strerror(err));
	}
}

int domain_create(struct xs_handle *xs, xc_interface *xch, const struct config *config,
		  struct domain *out)
{
	int rc = check(xs, xch, config);

	if (!rc)
		rc = make_domain(xch, config, &out->domid);
	if (rc)
		return rc;
	snprintf(out->name, sizeof(out->name), "%s", config->name);
	rc = domain_store_write(xs, xch, out->domid, config);
	if (rc) {
		xc_domain_destroy(xch, out->domid);
		return say_no_records(config->name, -rc);
	}
	tool_note("%s: domain %u is made; building its machine", config->name, out->domid);
	rc = build_machine(xch, config, out->domid);
	if (!rc)
		rc = attach_disks(xs, config, out);
	if (rc)
		domain_destroy(xs, xch, out);
	return rc;
}

/* Backends first. A disk that somebody attaches meanwhile is found by the next round. */
static int remove_traces(struct xs_handle *xs, const struct domain *dom)
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

/* The records go before the domain: if we are killed in between, what is left is a paused domain
 * without a name, which is listed, and which can be destroyed by its number. */
int domain_destroy(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	int rc;

	xc_domain_pause(xch, dom->domid);	/* best effort: no new I/O while backends close */
	rc = remove_traces(xs, dom);
	if (xc_domain_destroy(xch, dom->domid) && errno != ESRCH)
		return tool_error("%s: it cannot be destroyed: %s; try again: 'xpv destroy %u'",
				  dom->name, strerror(errno), dom->domid);
	if (rc)
		return tool_error("%s: destroyed, but its records stay: %s; try again: 'xpv "
				  "destroy %u'", dom->name, strerror(-rc), dom->domid);
	return TOOL_OK;
}
