/* SPDX-License-Identifier: MIT */
/*
 * The sysctl hypercall: the machine and the list of domains, as `xl info` and `xl list` show
 * them. The machine is the one we run on.
 */
#include "call.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SCHEDULER	6	/* XEN_SCHEDULER_CREDIT2 */

typedef int sysctl_fn(struct sim_client *client, struct xen_sysctl *op);

static int do_physinfo(struct sim_client *client, struct xen_sysctl *op)
{
	struct xen_sysctl_physinfo *info = &op->u.physinfo;
	uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	(void)client;

	memset(info, 0, sizeof(*info));
	info->threads_per_core = 1;
	info->cores_per_socket = cpus;
	info->nr_cpus = cpus;
	info->max_cpu_id = cpus - 1;
	info->nr_nodes = 1;
	info->cpu_khz = 1000000;
	info->total_pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
	info->free_pages = (uint64_t)sysconf(_SC_AVPHYS_PAGES);
	info->max_mfn = info->total_pages;
	return 0;
}

static int do_sched_id(struct sim_client *client, struct xen_sysctl *op)
{
	(void)client;
	op->u.sched_id.sched_id = SCHEDULER;
	return 0;
}

static int do_list(struct sim_client *client, struct xen_sysctl *op)
{
	struct xen_sysctl_getdomaininfolist *list = &op->u.getdomaininfolist;
	struct xen_domctl_getdomaininfo *out = list->buffer.p;
	struct sim_msg msg;
	uint32_t first = list->first_domain, n = 0;
	int rc;

	while (n < list->max_domains) {
		msg.op = SIM_DOM_LIST;
		msg.u.list.first = first;
		msg.u.list.count = list->max_domains - n;
		rc = sim_call(client, &msg, offsetof(struct sim_domain_list, entry), NULL);
		if (rc < 0)
			return rc;
		if (!msg.u.list.count)
			break;
		for (uint32_t i = 0; i < msg.u.list.count; i++)
			call_fill_info(&msg.u.list.entry[i], &out[n++]);
		first = out[n - 1].domain + 1u;
	}
	list->num_domains = n;
	return 0;
}

static sysctl_fn *const sysctls[] = {
	[XEN_SYSCTL_physinfo] = do_physinfo,
	[XEN_SYSCTL_sched_id] = do_sched_id,
	[XEN_SYSCTL_getdomaininfolist] = do_list,
};

long call_sysctl(struct sim_client *client, const uint64_t *arg)
{
	struct xen_sysctl *op = call_ptr(arg[0]);

	if (op->interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -EACCES;
	if (op->cmd >= sizeof(sysctls) / sizeof(sysctls[0]) || !sysctls[op->cmd])
		return -ENOSYS;
	return sysctls[op->cmd](client, op);
}
