/* SPDX-License-Identifier: MIT */
/*
 * libxencall over the simulator: entry points, buffers, and the table of hypercalls. A hypercall
 * is taken apart here, in the caller's process, and becomes a request of proto.h, so the
 * hypervisor sees no pointers. What is not in the table is ENOSYS.
 */
#include "call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toolcore.h"

struct xencall_handle {
	struct toolcore_handle toolcore;
	struct sim_client client;
};

static call_fn *const calls[] = {
	[__HYPERVISOR_memory_op] = call_memory,
	[__HYPERVISOR_xen_version] = call_version,
	[__HYPERVISOR_sched_op] = call_sched,
	[__HYPERVISOR_event_channel_op] = call_evtchn,
	[__HYPERVISOR_hvm_op] = call_hvm,
	[__HYPERVISOR_sysctl] = call_sysctl,
	[__HYPERVISOR_domctl] = call_domctl,
};

static int restrict_callback(struct toolcore_handle *toolcore, domid_t domid)
{
	xencall_handle *xcall = (xencall_handle *)toolcore;	/* its first member */
	(void)domid;

	return xentoolcore__restrict_by_dup2_null(xcall->client.fd);
}

xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned int flags)
{
	xencall_handle *xcall = calloc(1, sizeof(*xcall));
	int rc;
	(void)logger;
	(void)flags;

	if (!xcall)
		return NULL;
	rc = sim_client_open(&xcall->client, SIM_KIND_CALL, 0, NULL);
	if (rc) {
		free(xcall);
		errno = -rc;
		return NULL;
	}
	xcall->toolcore.restrict_callback = restrict_callback;
	xentoolcore__register_active_handle(&xcall->toolcore);
	return xcall;
}

int xencall_close(xencall_handle *xcall)
{
	if (!xcall)
		return 0;
	xentoolcore__deregister_active_handle(&xcall->toolcore);
	sim_client_close(&xcall->client);
	free(xcall);
	return 0;
}

int xencall_fd(xencall_handle *xcall)
{
	return xcall->client.fd;
}

static long call(xencall_handle *xcall, unsigned int op, const uint64_t *arg)
{
	long rc = -ENOSYS;

	if (op < sizeof(calls) / sizeof(calls[0]) && calls[op])
		rc = calls[op](&xcall->client, arg);
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

int xencall0(xencall_handle *xcall, unsigned int op)
{
	return xencall5(xcall, op, 0, 0, 0, 0, 0);
}

int xencall1(xencall_handle *xcall, unsigned int op, uint64_t arg1)
{
	return xencall5(xcall, op, arg1, 0, 0, 0, 0);
}

int xencall2(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2)
{
	return xencall5(xcall, op, arg1, arg2, 0, 0, 0);
}

int xencall3(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2, uint64_t arg3)
{
	return xencall5(xcall, op, arg1, arg2, arg3, 0, 0);
}

int xencall4(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2, uint64_t arg3,
	     uint64_t arg4)
{
	return xencall5(xcall, op, arg1, arg2, arg3, arg4, 0);
}

int xencall5(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2, uint64_t arg3,
	     uint64_t arg4, uint64_t arg5)
{
	return (int)call(xcall, op, (const uint64_t[]){ arg1, arg2, arg3, arg4, arg5 });
}

long xencall2L(xencall_handle *xcall, unsigned int op, uint64_t arg1, uint64_t arg2)
{
	return call(xcall, op, (const uint64_t[]){ arg1, arg2, 0, 0, 0 });
}

/* Ordinary memory will do, but pages are promised to be aligned and clear. */
void *xencall_alloc_buffer_pages(xencall_handle *xcall, size_t nr_pages)
{
	size_t size = nr_pages * SIM_PAGE;
	void *p = aligned_alloc(SIM_PAGE, size);
	(void)xcall;

	return p ? memset(p, 0, size) : NULL;
}

void xencall_free_buffer_pages(xencall_handle *xcall, void *p, size_t nr_pages)
{
	(void)xcall;
	(void)nr_pages;
	free(p);
}

void *xencall_alloc_buffer(xencall_handle *xcall, size_t size)
{
	return xencall_alloc_buffer_pages(xcall, (size + SIM_PAGE - 1) / SIM_PAGE);
}

void xencall_free_buffer(xencall_handle *xcall, void *p)
{
	(void)xcall;
	free(p);
}

int xencall_buffers_never_fault(xencall_handle *xcall)
{
	(void)xcall;
	return 1;
}
