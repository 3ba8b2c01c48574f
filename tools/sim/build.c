/* SPDX-License-Identifier: MIT */
/*
 * Building a simulated domain, as libxl builds a real one: the store and the console each get a
 * page, which domain 0 is granted, and a port that it may bind; the guest finds them in its
 * parameters, xenconsoled in xenstore. Only calls of Debian's libraries are used.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>
#include <xenstore.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

/* Frames of the domain builder's part of a simulated domain (memory.h: SIM_FIRST_FRAME). */
#define STORE_FRAME	1
#define CONSOLE_FRAME	2
#define CONSOLE_LIMIT	"1048576"	/* bytes of backlog that xenconsoled keeps */

static int seed_grants(uint32_t domid)
{
	xenforeignmemory_handle *fmem = xenforeignmemory_open(NULL, 0);
	xenforeignmemory_resource_handle *fres;
	struct grant_entry_v1 *table;
	void *addr = NULL;

	if (!fmem)
		return -errno;
	fres = xenforeignmemory_map_resource(fmem, (domid_t)domid, XENMEM_resource_grant_table,
					     XENMEM_resource_grant_table_id_shared, 0, 1, &addr,
					     PROT_READ | PROT_WRITE, 0);
	if (!fres) {
		int rc = -errno;

		xenforeignmemory_close(fmem);
		return rc;
	}
	table = addr;
	table[GNTTAB_RESERVED_CONSOLE] =
		(struct grant_entry_v1){ .flags = GTF_permit_access, .frame = CONSOLE_FRAME };
	table[GNTTAB_RESERVED_XENSTORE] =
		(struct grant_entry_v1){ .flags = GTF_permit_access, .frame = STORE_FRAME };
	xenforeignmemory_unmap_resource(fmem, fres);
	xenforeignmemory_close(fmem);
	return 0;
}

static int alloc_port(xc_interface *xch, uint32_t domid, int param)
{
	int port = xc_evtchn_alloc_unbound(xch, domid, 0);

	if (port < 0 || xc_hvm_param_set(xch, domid, param, (uint64_t)port))
		return -errno;
	return port;
}

/* A node and its owner: the guest reads it, and writes it if it is the owner. */
static bool put(struct xs_handle *xs, uint32_t domid, bool guest_owns, const char *name,
		const char *value)
{
	struct xs_permissions perms[2] = {
		{ .id = guest_owns ? domid : 0, .perms = XS_PERM_NONE },
		{ .id = domid, .perms = XS_PERM_READ },
	};
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/%u%s%s", domid, *name ? "/" : "", name);
	return xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)) &&
	       xs_set_permissions(xs, XBT_NULL, path, perms, guest_owns ? 1 : 2);
}

static bool put_number(struct xs_handle *xs, uint32_t domid, const char *name, int number)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", number);
	return put(xs, domid, false, name, value);
}

/* The console's `ring-ref` is a frame number; `tty` is for xenconsoled to fill in. */
static bool write_keys(struct xs_handle *xs, uint32_t domid, int store_port, int console_port)
{
	char path[64];
	unsigned int len;
	char *old;

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	old = xs_read(xs, XBT_NULL, path, &len);
	free(old);
	return (old || put(xs, domid, false, "", "")) &&
	       put(xs, domid, false, "store", "") &&
	       put_number(xs, domid, "store/port", store_port) &&
	       put_number(xs, domid, "store/ring-ref", STORE_FRAME) &&
	       put(xs, domid, false, "console", "") &&
	       put(xs, domid, false, "console/limit", CONSOLE_LIMIT) &&
	       put(xs, domid, false, "console/type", "xenconsoled") &&
	       put(xs, domid, false, "console/output", "pty") &&
	       put(xs, domid, false, "console/tty", "") &&
	       put_number(xs, domid, "console/port", console_port) &&
	       put_number(xs, domid, "console/ring-ref", CONSOLE_FRAME);
}

int sim_domain_build(xc_interface *xch, uint32_t domid)
{
	int store_port, console_port, rc;
	struct xs_handle *xs;

	rc = seed_grants(domid);
	if (rc)
		return rc;
	store_port = alloc_port(xch, domid, HVM_PARAM_STORE_EVTCHN);
	console_port = alloc_port(xch, domid, HVM_PARAM_CONSOLE_EVTCHN);
	if (store_port < 0 || console_port < 0)
		return store_port < 0 ? store_port : console_port;
	if (xc_hvm_param_set(xch, domid, HVM_PARAM_STORE_PFN, STORE_FRAME) ||
	    xc_hvm_param_set(xch, domid, HVM_PARAM_CONSOLE_PFN, CONSOLE_FRAME))
		return -errno;
	xs = xs_open(0);
	if (!xs)
		return -errno;
	rc = write_keys(xs, domid, store_port, console_port) &&
	     xs_introduce_domain(xs, domid, STORE_FRAME, (unsigned int)store_port) ? 0 : -errno;
	xs_close(xs);
	return rc;
}
