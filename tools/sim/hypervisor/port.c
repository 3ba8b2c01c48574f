/* SPDX-License-Identifier: MIT */
/*
 * Operations on event channels: what libxenevtchn asks for on behalf of its handle, and what the
 * toolstack asks for by hypercall. Error numbers are those of Xen and of Linux's evtchn driver.
 */
#include <errno.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

#include "hv.h"

/* The caller's own port, by number; NULL if it is not this handle's. */
static struct port *own_port(struct conn *conn, uint32_t port)
{
	struct port *p;

	if (port == 0 || port >= SIM_NR_PORTS)
		return NULL;
	p = &conn->dom->ports[port];
	return p->state != EVTCHNSTAT_closed && p->owner && p->owner == conn->evtchn ? p : NULL;
}

static int check_handle(struct conn *conn, uint32_t remote_domid)
{
	if (!conn->evtchn)
		return -EBADF;
	if (conn->evtchn->restricted != ~0u && conn->evtchn->restricted != remote_domid)
		return -EACCES;
	return 0;
}

static uint32_t resolve(struct conn *conn, uint32_t domid)
{
	return domid == DOMID_SELF ? conn->dom->domid : domid;
}

/* By a handle, for itself; by hypercall, for a domain that will adopt the port. */
int op_evtchn_alloc(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_ports *ports = &msg->u.ports;
	struct domain *dom = domain_target(hv, conn, ports->domid);
	uint32_t remote = resolve(conn, ports->remote_domid);
	int rc = 0;

	if (conn->kind != SIM_KIND_CALL) {
		dom = conn->dom;
		rc = check_handle(conn, remote);
	}
	if (rc)
		return rc;
	if (!dom || dom->dying)
		return -ESRCH;
	return port_alloc(dom, remote, conn->evtchn, &ports->port);
}

int op_evtchn_bind(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_ports *ports = &msg->u.ports;
	uint32_t remote_domid = resolve(conn, ports->remote_domid);
	struct domain *remote = domain_find(hv, remote_domid);
	struct port *local_port, *remote_port;
	int rc = check_handle(conn, remote_domid);

	if (rc)
		return rc;
	if (!remote || remote->dying)
		return -ESRCH;
	if (ports->remote_port == 0 || ports->remote_port >= SIM_NR_PORTS)
		return -EINVAL;
	remote_port = &remote->ports[ports->remote_port];
	if (remote_port->state != EVTCHNSTAT_unbound ||
	    remote_port->remote_domid != conn->dom->domid)
		return -EINVAL;
	rc = port_alloc(conn->dom, remote_domid, conn->evtchn, &ports->port);
	if (rc)
		return rc;
	local_port = &conn->dom->ports[ports->port];
	local_port->state = EVTCHNSTAT_interdomain;
	local_port->remote_port = ports->remote_port;
	remote_port->state = EVTCHNSTAT_interdomain;
	remote_port->remote_port = ports->port;
	port_publish(conn->dom, ports->port);
	port_publish(remote, ports->remote_port);
	/* The remote may have notified before anyone listened; Xen makes us look. */
	port_raise(conn->dom, ports->port);
	return 0;
}

int op_evtchn_virq(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_ports *ports = &msg->u.ports;
	int rc;

	if (!conn->evtchn)
		return -EBADF;
	if (conn->evtchn->restricted != ~0u)
		return -EACCES;
	if (ports->virq >= NR_VIRQS)
		return -EINVAL;
	if (ports->virq != VIRQ_DOM_EXC)
		return -EOPNOTSUPP;
	if (conn->dom->domid)
		return -EINVAL;
	if (hv->dom_exc_port)
		return -EEXIST;
	rc = port_alloc(conn->dom, 0, conn->evtchn, &ports->port);
	if (rc)
		return rc;
	conn->dom->ports[ports->port].state = EVTCHNSTAT_virq;
	hv->dom_exc_port = ports->port;
	return 0;
}

int op_evtchn_unbind(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	uint32_t port = msg->u.ports.port;

	if (port == 0 || port >= SIM_NR_PORTS)
		return -EINVAL;
	if (!own_port(conn, port))
		return -ENOTCONN;
	port_close(hv, conn->dom, port);
	return 0;
}

int op_evtchn_adopt(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	uint32_t port = msg->u.ports.port;
	struct domain *remote;
	struct port *p;

	if (!conn->evtchn)
		return -EBADF;
	if (port == 0 || port >= SIM_NR_PORTS)
		return -EINVAL;
	p = &conn->dom->ports[port];
	if (p->state == EVTCHNSTAT_closed || p->orphan)
		return -EINVAL;
	if (p->owner)
		return -EBUSY;
	p->owner = conn->evtchn;
	port_publish(conn->dom, port);
	remote = p->state == EVTCHNSTAT_interdomain ? domain_find(hv, p->remote_domid) : NULL;
	if (remote)
		port_publish(remote, p->remote_port);	/* it has to learn of our queue */
	port_kick(conn->dom, port);
	return 0;
}

int op_evtchn_peer(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_ports *ports = &msg->u.ports;
	struct port *p = own_port(conn, ports->port);
	struct domain *remote;
	struct evtchn *owner;

	if (!p)
		return -ENOTCONN;
	ports->gen = p->gen;
	ports->state = p->state;
	if (p->state != EVTCHNSTAT_interdomain)
		return 0;
	remote = domain_find(hv, p->remote_domid);
	if (!remote)
		return -ESRCH;
	owner = remote->ports[p->remote_port].owner;
	ports->remote_domid = p->remote_domid;
	ports->remote_port = p->remote_port;
	ports->generation = remote->generation;
	if (owner)
		conn->fds[conn->nr_fds++] = owner->watch.fd;
	return 0;
}

int op_evtchn_kick(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_ports *ports = &msg->u.ports;
	struct domain *remote = domain_find(hv, ports->remote_domid);
	(void)conn;

	if (ports->remote_port >= SIM_NR_PORTS)
		return -EINVAL;
	if (remote && remote->generation == ports->generation)
		port_kick(remote, ports->remote_port);
	return 0;
}

int op_evtchn_status(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_ports *ports = &msg->u.ports;
	struct domain *dom = domain_target(hv, conn, ports->domid);
	struct port *p;

	if (!dom)
		return -ESRCH;
	if (ports->port >= SIM_NR_PORTS)
		return -EINVAL;
	p = &dom->ports[ports->port];
	ports->state = p->state;
	ports->remote_domid = p->remote_domid;
	ports->remote_port = p->remote_port;
	ports->virq = VIRQ_DOM_EXC;
	return 0;
}

int op_evtchn_reset(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct domain *dom = domain_target(hv, conn, msg->u.ports.domid);

	if (!dom)
		return -ESRCH;
	for (uint32_t port = 1; port < SIM_NR_PORTS; port++)
		port_close(hv, dom, port);
	return 0;
}

int op_evtchn_restrict(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	uint32_t domid = msg->u.ports.domid;
	(void)hv;

	if (!conn->evtchn)
		return -EBADF;
	if (conn->evtchn->restricted != ~0u)
		return -EACCES;
	if (domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	conn->evtchn->restricted = domid;
	return 0;
}
