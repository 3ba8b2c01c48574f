/* SPDX-License-Identifier: MIT */
/*
 * What the toolstack asks for: domains, their configuration and parameters, and the memory that a
 * program needs to see them. Error numbers are Xen's.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/sched.h>

#include "hv.h"

static bool may_see(struct conn *conn, uint32_t domid)
{
	return conn->restricted == ~0u || conn->restricted == domid;
}

/*
 * Any domain's memory is handed to any caller, since that is how a grant is mapped: domains here
 * are kept apart by agreement (README.md).
 */
int op_memory(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_memory *memory = &msg->u.memory;
	struct domain *dom = memory->domid == DOMID_SELF ? conn->dom :
							   domain_find(hv, memory->domid);

	if (!dom)
		return -ESRCH;
	if (!may_see(conn, dom->domid) ||
	    (conn->kind == SIM_KIND_FOREIGN && !domain_target(hv, conn, dom->domid)))
		return -EPERM;
	memory->domid = dom->domid;
	memory->generation = dom->generation;
	conn->fds[conn->nr_fds++] = dom->memfd;
	return 0;
}

int op_restrict(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	(void)hv;
	if (conn->restricted != ~0u)
		return -EACCES;
	conn->restricted = msg->u.memory.domid;
	return 0;
}

static uint32_t free_domid(struct hv *hv)
{
	while (domain_find(hv, hv->next_domid)) {
		if (++hv->next_domid >= DOMID_FIRST_RESERVED)
			hv->next_domid = 1;
	}
	return hv->next_domid;
}

int op_dom_create(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_domain_info *info = &msg->u.dom;
	struct domain *dom;
	(void)conn;

	if (hv->stopping)
		return -EPERM;
	if (info->domid == 0 || info->domid >= DOMID_FIRST_RESERVED)
		info->domid = free_domid(hv);
	else if (domain_find(hv, info->domid))
		return -EEXIST;
	dom = domain_new(hv, info->domid);
	if (!dom)
		return -ENOMEM;
	if (info->domid == hv->next_domid && ++hv->next_domid >= DOMID_FIRST_RESERVED)
		hv->next_domid = 1;
	dom->flags = info->flags;
	dom->vcpus = info->vcpus;
	dom->ssidref = info->ssidref;
	memcpy(dom->handle, info->handle, sizeof(dom->handle));
	return 0;
}

/* A guest that an operation may change: domain 0 is not one. */
static int find_guest(struct hv *hv, const struct sim_msg *msg, struct domain **dom)
{
	*dom = domain_find(hv, msg->u.dom.domid);
	if (!*dom)
		return -ESRCH;
	return (*dom)->domid ? 0 : -EINVAL;
}

int op_dom_destroy(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct domain *dom;
	int rc = find_guest(hv, msg, &dom);
	(void)conn;

	if (!rc)
		domain_destroy(hv, dom);
	return rc;
}

static int set_paused(struct hv *hv, struct sim_msg *msg, bool paused)
{
	struct domain *dom;
	int rc = find_guest(hv, msg, &dom);

	if (rc || dom->paused == paused)
		return rc;
	dom->paused = paused;
	if (!dom->dying && !dom->shutdown)
		conn_note(dom->machine, paused ? SIM_NOTE_PAUSE : SIM_NOTE_RUN);
	return 0;
}

int op_dom_pause(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	(void)conn;
	return set_paused(hv, msg, true);
}

int op_dom_unpause(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	(void)conn;
	return set_paused(hv, msg, false);
}

int op_dom_shutdown(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct domain *dom = domain_target(hv, conn, msg->u.dom.domid);

	if (!dom)
		return conn->dom->domid ? -EPERM : -ESRCH;
	if (!dom->domid || msg->u.dom.reason > SHUTDOWN_MAX)
		return -EINVAL;
	domain_shutdown(hv, dom, (uint8_t)msg->u.dom.reason);
	return 0;
}

/* Only the state: the programs of a domain that shut down have ended. */
int op_dom_resume(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct domain *dom;
	int rc = find_guest(hv, msg, &dom);
	(void)conn;

	if (!rc) {
		dom->shutdown = false;
		dom->reason = 0;
	}
	return rc;
}

int op_dom_config(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	static const uint8_t keep[16] = { 255, 255, 255, 255, 255, 255, 255, 255,
					  255, 255, 255, 255, 255, 255, 255, 255 };
	struct sim_domain_info *info = &msg->u.dom;
	struct domain *dom = domain_find(hv, info->domid);
	(void)conn;

	if (!dom)
		return -ESRCH;
	if (info->max_pages != ~0ull)
		dom->max_pages = info->max_pages;
	if (info->vcpus != ~0u)
		dom->vcpus = info->vcpus;
	if (memcmp(info->handle, keep, sizeof(keep)))
		memcpy(dom->handle, info->handle, sizeof(dom->handle));
	return 0;
}

int op_dom_list(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_domain_list *list = &msg->u.list;
	uint32_t max = list->count, n = 0;
	struct domain *dom;
	(void)conn;

	if (max > sizeof(list->entry) / sizeof(list->entry[0]))
		max = sizeof(list->entry) / sizeof(list->entry[0]);
	LIST_FOREACH(dom, &hv->domains, link)
		if (dom->domid >= list->first && n < max)
			domain_info(hv, dom, &list->entry[n++]);
	list->count = n;
	msg->size = (uint32_t)(offsetof(struct sim_domain_list, entry) +
			       n * sizeof(list->entry[0]));
	return 0;
}

int op_param_get(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_param *param = &msg->u.param;
	struct domain *dom = domain_target(hv, conn, param->domid);

	if (!dom)
		return -ESRCH;
	if (param->index >= HV_NR_PARAMS)
		return -EINVAL;
	param->value = dom->params[param->index];
	return 0;
}

int op_param_set(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_param *param = &msg->u.param;
	struct domain *dom = domain_target(hv, conn, param->domid);

	if (!dom)
		return -ESRCH;
	if (param->index >= HV_NR_PARAMS)
		return -EINVAL;
	dom->params[param->index] = param->value;
	return 0;
}
