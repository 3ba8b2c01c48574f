/* SPDX-License-Identifier: MIT */
/*
 * domain_sim.c - the simulator's guests
 *
 * The domain, its records in the store, its machine. To end it, the backends let go of its memory,
 * then its records go, then the domain. Only build_machine() knows what kind of machine it is.
 */
#include "domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

bool domain_log_path(char *buf, size_t size, const char *name)
{
	char file[CONFIG_NAME_MAX + 32];

	snprintf(file, sizeof(file), "log/guest-%s.log", name);
	return tool_runpath(buf, size, file);
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

static int make(struct xs_handle *xs, xc_interface *xch, const struct config *config,
		struct domain *out)
{
	int rc = make_domain(xch, config, &out->domid);

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
	if (rc)
		domain_destroy(xs, xch, out);
	return rc;
}

/* The records go before the domain: if we are killed in between, what is left is a paused domain
 * without a name, which is listed, and which can be destroyed by its number. */
static int end(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	int rc;

	xc_domain_pause(xch, dom->domid);	/* best effort: no new I/O while backends close */
	rc = domain_remove_traces(xs, dom);
	if (xc_domain_destroy(xch, dom->domid) && errno != ESRCH)
		return tool_error("%s: it cannot be destroyed: %s; try again: 'xpv destroy %u'",
				  dom->name, strerror(errno), dom->domid);
	return rc ? domain_say_not_ended(dom, -rc) : TOOL_OK;
}

const struct domain_maker domain_maker_sim = { .make = make, .end = end };
