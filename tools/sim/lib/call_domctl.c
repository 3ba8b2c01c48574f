/* SPDX-License-Identifier: MIT */
/*
 * The domctl hypercall: what a toolstack builds, pauses, describes and destroys domains with. The
 * commands that shape a real machine and mean nothing to a process (affinity, devices, CPU
 * policy) succeed without effect where a toolstack takes their success for granted, and are
 * ENOSYS otherwise.
 */
#include "call.h"

#include <errno.h>
#include <string.h>

#define KIB_A_PAGE	4

typedef int domctl_fn(struct sim_client *client, struct xen_domctl *op);

static int call_dom(struct sim_client *client, enum sim_op op, struct sim_msg *msg)
{
	msg->op = op;
	return sim_call(client, msg, sizeof(msg->u.dom), NULL);
}

static int simple(struct sim_client *client, struct xen_domctl *op, enum sim_op sim_op)
{
	struct sim_msg msg = { .u.dom.domid = op->domain };

	return call_dom(client, sim_op, &msg);
}

static int do_create(struct sim_client *client, struct xen_domctl *op)
{
	const struct xen_domctl_createdomain *create = &op->u.createdomain;
	struct sim_msg msg = { .u.dom.domid = op->domain };
	int rc;

	msg.u.dom.vcpus = create->max_vcpus;
	msg.u.dom.ssidref = create->ssidref;
	if (create->flags & XEN_DOMCTL_CDF_hvm)
		msg.u.dom.flags = XEN_DOMINF_hvm_guest;
	memcpy(msg.u.dom.handle, create->handle, sizeof(msg.u.dom.handle));
	rc = call_dom(client, SIM_DOM_CREATE, &msg);
	if (rc >= 0)
		op->domain = (domid_t)msg.u.dom.domid;
	return rc;
}

static int do_destroy(struct sim_client *client, struct xen_domctl *op)
{
	return simple(client, op, SIM_DOM_DESTROY);
}

static int do_pause(struct sim_client *client, struct xen_domctl *op)
{
	return simple(client, op, SIM_DOM_PAUSE);
}

static int do_unpause(struct sim_client *client, struct xen_domctl *op)
{
	return simple(client, op, SIM_DOM_UNPAUSE);
}

static int do_resume(struct sim_client *client, struct xen_domctl *op)
{
	return simple(client, op, SIM_DOM_RESUME);
}

static int do_getinfo(struct sim_client *client, struct xen_domctl *op)
{
	struct sim_msg msg = { .op = SIM_DOM_LIST };
	int rc;

	/* The domain asked for, or the next there is. */
	msg.u.list.first = op->domain;
	msg.u.list.count = 1;
	rc = sim_call(client, &msg, offsetof(struct sim_domain_list, entry), NULL);
	if (rc < 0)
		return rc;
	if (!msg.u.list.count)
		return -ESRCH;
	call_fill_info(&msg.u.list.entry[0], &op->u.getdomaininfo);
	op->domain = op->u.getdomaininfo.domain;
	return 0;
}

static int configure(struct sim_client *client, struct xen_domctl *op, struct sim_domain_info info)
{
	struct sim_msg msg = { .u.dom = info };

	msg.u.dom.domid = op->domain;
	return call_dom(client, SIM_DOM_CONFIG, &msg);
}

/* All fields "leave as it is". */
static struct sim_domain_info keep(void)
{
	struct sim_domain_info info;

	memset(&info, 0xff, sizeof(info));
	return info;
}

static int do_max_mem(struct sim_client *client, struct xen_domctl *op)
{
	struct sim_domain_info info = keep();

	info.max_pages = op->u.max_mem.max_memkb / KIB_A_PAGE;
	return configure(client, op, info);
}

static int do_max_vcpus(struct sim_client *client, struct xen_domctl *op)
{
	struct sim_domain_info info = keep();

	info.vcpus = op->u.max_vcpus.max;
	return configure(client, op, info);
}

static int do_handle(struct sim_client *client, struct xen_domctl *op)
{
	struct sim_domain_info info = keep();

	memcpy(info.handle, op->u.setdomainhandle.handle, sizeof(info.handle));
	return configure(client, op, info);
}

static int do_nothing(struct sim_client *client, struct xen_domctl *op)
{
	(void)client;
	(void)op;
	return 0;
}

static domctl_fn *const domctls[] = {
	[XEN_DOMCTL_createdomain] = do_create,
	[XEN_DOMCTL_destroydomain] = do_destroy,
	[XEN_DOMCTL_pausedomain] = do_pause,
	[XEN_DOMCTL_unpausedomain] = do_unpause,
	[XEN_DOMCTL_getdomaininfo] = do_getinfo,
	[XEN_DOMCTL_setvcpuaffinity] = do_nothing,
	[XEN_DOMCTL_max_mem] = do_max_mem,
	[XEN_DOMCTL_max_vcpus] = do_max_vcpus,
	[XEN_DOMCTL_setdomainhandle] = do_handle,
	[XEN_DOMCTL_settimeoffset] = do_nothing,
	[XEN_DOMCTL_resumedomain] = do_resume,
	[XEN_DOMCTL_setnodeaffinity] = do_nothing,
};

void call_fill_info(const struct sim_domain_info *from, struct xen_domctl_getdomaininfo *to)
{
	memset(to, 0, sizeof(*to));
	to->domain = (domid_t)from->domid;
	to->flags = from->flags;
	to->tot_pages = from->pages;
	to->max_pages = from->max_pages;
	to->nr_online_vcpus = from->vcpus;
	to->max_vcpu_id = from->vcpus ? from->vcpus - 1 : XEN_INVALID_MAX_VCPU_ID;
	to->ssidref = from->ssidref;
	to->shared_info_frame = ~0ull;
	to->gpaddr_bits = 46;
	memcpy(to->handle, from->handle, sizeof(to->handle));
}

long call_domctl(struct sim_client *client, const uint64_t *arg)
{
	struct xen_domctl *op = call_ptr(arg[0]);

	if (op->interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -EACCES;
	if (op->cmd >= sizeof(domctls) / sizeof(domctls[0]) || !domctls[op->cmd])
		return -ENOSYS;
	return domctls[op->cmd](client, op);
}
