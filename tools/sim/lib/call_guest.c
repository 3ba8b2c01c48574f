/* SPDX-License-Identifier: MIT */
/*
 * The hypercalls that a guest may make for itself, and domain 0 for others: event channels by
 * number, HVM parameters (where a guest finds its store and console), shutting down, and Xen's
 * version.
 */
#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/version.h>

#define XEN_MAJOR	4u
#define XEN_MINOR	17u

static int call_ports(struct sim_client *client, enum sim_op op, struct sim_msg *msg)
{
	msg->op = op;
	return sim_call(client, msg, sizeof(msg->u.ports), NULL);
}

static int evtchn_alloc(struct sim_client *client, struct evtchn_alloc_unbound *op)
{
	struct sim_msg msg = { .u.ports = { .domid = op->dom, .remote_domid = op->remote_dom } };
	int rc = call_ports(client, SIM_EVTCHN_ALLOC, &msg);

	op->port = msg.u.ports.port;
	return rc;
}

static int evtchn_status(struct sim_client *client, struct evtchn_status *op)
{
	struct sim_msg msg = { .u.ports = { .domid = op->dom, .port = op->port } };
	const struct sim_ports *ports = &msg.u.ports;
	int rc = call_ports(client, SIM_EVTCHN_STATUS, &msg);

	if (rc < 0)
		return rc;
	op->status = ports->state;
	op->vcpu = 0;
	switch (ports->state) {
	case EVTCHNSTAT_unbound:
		op->u.unbound.dom = (domid_t)ports->remote_domid;
		break;
	case EVTCHNSTAT_interdomain:
		op->u.interdomain.dom = (domid_t)ports->remote_domid;
		op->u.interdomain.port = ports->remote_port;
		break;
	case EVTCHNSTAT_virq:
		op->u.virq = ports->virq;
		break;
	}
	return 0;
}

static int evtchn_reset(struct sim_client *client, const struct evtchn_reset *op)
{
	struct sim_msg msg = { .u.ports.domid = op->dom };

	return call_ports(client, SIM_EVTCHN_RESET, &msg);
}

long call_evtchn(struct sim_client *client, const uint64_t *arg)
{
	switch (arg[0]) {
	case EVTCHNOP_alloc_unbound:
		return evtchn_alloc(client, call_ptr(arg[1]));
	case EVTCHNOP_status:
		return evtchn_status(client, call_ptr(arg[1]));
	case EVTCHNOP_reset:
		return evtchn_reset(client, call_ptr(arg[1]));
	default:
		return -ENOSYS;
	}
}

long call_hvm(struct sim_client *client, const uint64_t *arg)
{
	struct xen_hvm_param *param = call_ptr(arg[1]);
	struct sim_msg msg = { .op = arg[0] == HVMOP_set_param ? SIM_PARAM_SET : SIM_PARAM_GET };
	int rc;

	if (arg[0] != HVMOP_set_param && arg[0] != HVMOP_get_param)
		return -ENOSYS;
	msg.u.param = (struct sim_param){ param->domid, param->index, param->value };
	rc = sim_call(client, &msg, sizeof(msg.u.param), NULL);
	if (rc >= 0 && arg[0] == HVMOP_get_param)
		param->value = msg.u.param.value;
	return rc;
}

static int shut_down(struct sim_client *client, uint32_t domid, uint32_t reason)
{
	struct sim_msg msg = { .op = SIM_DOM_SHUTDOWN,
			       .u.dom = { .domid = domid, .reason = reason } };

	return sim_call(client, &msg, sizeof(msg.u.dom), NULL);
}

long call_sched(struct sim_client *client, const uint64_t *arg)
{
	const struct sched_remote_shutdown *remote = call_ptr(arg[1]);
	const struct sched_shutdown *own = call_ptr(arg[1]);

	switch (arg[0]) {
	case SCHEDOP_remote_shutdown:
		return shut_down(client, remote->domain_id, remote->reason);
	case SCHEDOP_shutdown:
		return shut_down(client, DOMID_SELF, own->reason);
	case SCHEDOP_yield:
		return 0;
	default:
		return -ENOSYS;
	}
}

static void describe(struct xen_compile_info *info)
{
	memset(info, 0, sizeof(*info));
	snprintf(info->compiler, sizeof(info->compiler), "%s", "xpv simulator");
	snprintf(info->compile_by, sizeof(info->compile_by), "%s", "xpv");
	snprintf(info->compile_domain, sizeof(info->compile_domain), "%s", "simulator");
	snprintf(info->compile_date, sizeof(info->compile_date), "%s", "-");
}

long call_version(struct sim_client *client, const uint64_t *arg)
{
	void *out = call_ptr(arg[1]);
	(void)client;

	switch (arg[0]) {
	case XENVER_version:
		return XEN_MAJOR << 16 | XEN_MINOR;
	case XENVER_extraversion:
		snprintf(out, sizeof(xen_extraversion_t), "%s", "-xpv-sim");
		return 0;
	case XENVER_compile_info:
		describe(out);
		return 0;
	case XENVER_capabilities:
		snprintf(out, sizeof(xen_capabilities_info_t), "xen-%u.%u-x86_64", XEN_MAJOR,
			 XEN_MINOR);
		return 0;
	case XENVER_changeset:
		snprintf(out, sizeof(xen_changeset_info_t), "%s", "simulator");
		return 0;
	case XENVER_commandline:
		snprintf(out, sizeof(xen_commandline_t), "%s", "");
		return 0;
	case XENVER_platform_parameters:
		memset(out, 0, sizeof(xen_platform_parameters_t));
		return 0;
	case XENVER_get_features:
		((xen_feature_info_t *)out)->submap = 0;
		return 0;
	case XENVER_pagesize:
		return SIM_PAGE;
	default:
		return -ENOSYS;
	}
}

/* A simulated domain has all its frames from the start; there is no memory to hand out. */
long call_memory(struct sim_client *client, const uint64_t *arg)
{
	(void)client;
	switch (arg[0]) {
	case XENMEM_maximum_ram_page:
	case XENMEM_maximum_gpfn:
		return SIM_NR_FRAMES - 1;
	default:
		return -ENOSYS;
	}
}
