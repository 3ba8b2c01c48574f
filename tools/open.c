/* SPDX-License-Identifier: MIT */
/*
 * open.c - the way to Xen, and to one of its domains
 *
 * The same calls reach real Xen and the simulator; only when neither answers does it matter
 * which of the two the user expected, and the error says how to get either.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "tool.h"

#define BATCH 64	/* domains asked for at a time */

static void drop_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
			 const char *context, const char *format, va_list args)
{
	(void)logger, (void)level, (void)errnoval, (void)context, (void)format, (void)args;
}

struct xentoollog_logger tool_silent = { .vmessage = drop_message };

/* Either may be missing in Dom0: the one where xenfs is not mounted, the other in a kernel that was
 * built without it. */
static bool under_xen(void)
{
	return !access("/proc/xen/capabilities", F_OK) || !access("/sys/hypervisor/type", F_OK);
}

static void say_no_xen(const char *what, const char *remedy)
{
	int err = errno;

	if (err == EMFILE || err == ENFILE)
		tool_error("cannot open %s: %s; allow more, as with 'ulimit -n 1024'", what,
			   strerror(err));
	else if (sim_running())
		tool_error("the simulator in %s does not give %s: %s; see its log, or run "
			   "'xpv sim stop' and 'xpv sim start'", tool_rundir(), what,
			   strerror(err));
	else if (under_xen())
		tool_error("cannot open %s: %s; run this as root in Dom0%s", what, strerror(err),
			   remedy);
	else
		tool_error("no Xen here and no simulator: run 'xpv sim start'");
}

struct xs_handle *tool_xs_open(void)
{
	struct xs_handle *xs = xs_open(0);

	if (!xs)
		say_no_xen("xenstore", ", with xenstored running");
	return xs;
}

xc_interface *tool_xc_open(void)
{
	xc_interface *xch = xc_interface_open(&tool_silent, &tool_silent, 0);

	if (!xch)
		say_no_xen("the hypervisor", ", after 'modprobe xen-privcmd'");
	return xch;
}

void tool_domain_name(struct xs_handle *xs, uint32_t domid, char *buf, size_t size)
{
	char path[64], *name;

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	name = store_read(xs, XBT_NULL, path);
	tool_escape(buf, size, name ? name : "", name ? strlen(name) : 0);
	free(name);
}

int tool_domains(xc_interface *xch, xc_domaininfo_t **list)
{
	xc_domaininfo_t *infos = NULL, *more;
	uint32_t from = 0;
	int n = 0, r;

	do {
		more = realloc(infos, ((size_t)n + BATCH) * sizeof(*infos));
		if (!more)
			break;
		infos = more;
		r = xc_domain_getinfolist(xch, from, BATCH, infos + n);
		if (r < 0)
			break;
		n += r;
		if (r < BATCH) {
			*list = infos;
			return n;
		}
		from = infos[n - 1].domain + 1u;
	} while (from < DOMID_FIRST_RESERVED);
	free(infos);
	tool_error("cannot list the domains: %s; this needs root in Dom0, or a simulator",
		   strerror(errno));
	return -1;
}

bool tool_domain_info(xc_interface *xch, uint32_t domid, xc_domaininfo_t *info)
{
	int r = xc_domain_getinfolist(xch, domid, 1, info);

	/* The call finds the next domain that exists, which need not be the one asked for. */
	return r == 1 && info->domain == domid;
}

const char *tool_domain_state(const xc_domaininfo_t *info)
{
	if (info->flags & XEN_DOMINF_dying)
		return "dying";
	if (info->flags & XEN_DOMINF_shutdown)
		return (info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) ==
		       SHUTDOWN_crash ? "crashed" : "shutdown";
	if (info->flags & XEN_DOMINF_paused)
		return "paused";
	return info->flags & XEN_DOMINF_blocked ? "blocked" : "running";
}

/* Only Dom0 and toolstacks write names: they can be trusted as such. */
int tool_domain_named(struct xs_handle *xs, xs_transaction_t t, xc_interface *xch,
		      const char *name, uint32_t *domid)
{
	xc_domaininfo_t *list;
	char path[64], *value;
	int n = tool_domains(xch, &list), found = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n && !found; i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/name", list[i].domain);
		value = store_read(xs, t, path);
		found = value && !strcmp(value, name);
		free(value);
		*domid = list[i].domain;
	}
	free(list);
	return found;
}

int tool_domain(struct xs_handle *xs, xc_interface *xch, const char *dom, struct domain *out)
{
	xc_domaininfo_t info;
	uint64_t number;
	int found;

	if (!xs_parse_u64(dom, strlen(dom), &number)) {
		out->domid = (uint32_t)number;
		found = number < DOMID_FIRST_RESERVED &&
			tool_domain_info(xch, out->domid, &info);
	} else {
		found = tool_domain_named(xs, XBT_NULL, xch, dom, &out->domid);
	}
	if (found < 0)
		return TOOL_FAILED;
	if (!found)
		return tool_error("%s: no such domain; 'xpv list' shows those that exist", dom);
	tool_domain_name(xs, out->domid, out->name, sizeof(out->name));
	if (!*out->name)
		xs_format_u64(out->name, sizeof(out->name), out->domid);
	return TOOL_OK;
}

int tool_resolve(const char *dom, struct domain *out)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	int rc = xch ? tool_domain(xs, xch, dom, out) : TOOL_FAILED;

	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}
