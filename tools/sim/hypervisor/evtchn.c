/* SPDX-License-Identifier: MIT */
/*
 * Event channels: handles, ports and what connects them.
 *
 * A handle is a socket pair. Its receiving end is the one descriptor that a program sees (it
 * polls it, reads port numbers from it, hands it to another process or lets a child inherit it);
 * the sending end is held here and by whoever notifies. When the last copy of the receiving end
 * is closed, the sending end hangs up and the handle's ports close: the life of the handle is
 * that of an open /dev/xen/evtchn.
 *
 * When one end of a channel closes, the other becomes unbound, reserved for the closer's domain.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/event_channel.h>

#include "hv.h"

#define QUEUE_BYTES	(4 << 20)	/* what we ask for; the kernel may give less: see event.h */

static void evtchn_hangup(struct hv *hv, struct watch *watch, uint32_t events)
{
	if (events & (EPOLLHUP | EPOLLERR))
		evtchn_close(hv, (struct evtchn *)watch);	/* its first member */
}

static void reply_fds(struct conn *conn, struct evtchn *evtchn, int receiver)
{
	conn->fds[conn->nr_fds++] = conn->dom->memfd;
	conn->fds[conn->nr_fds++] = evtchn->watch.fd;
	if (receiver >= 0)
		conn->fds[conn->nr_fds++] = receiver;
	conn->close_fd = receiver;
}

int evtchn_open(struct hv *hv, struct conn *conn, uint32_t *id)
{
	struct evtchn *evtchn = calloc(1, sizeof(*evtchn));
	int size = QUEUE_BYTES, ends[2];
	socklen_t len = sizeof(evtchn->cookie);
	int rc;

	if (!evtchn)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		rc = -errno;
		free(evtchn);
		return rc;
	}
	if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	getsockopt(ends[0], SOL_SOCKET, SO_COOKIE, &evtchn->cookie, &len);
	evtchn->watch = (struct watch){ .fd = ends[1], .ready = evtchn_hangup };
	evtchn->dom = conn->dom;
	evtchn->restricted = ~0u;
	evtchn->id = ++hv->next_handle;
	rc = hv_watch_add(hv, &evtchn->watch, 0);
	if (rc) {
		close(ends[0]);
		close(ends[1]);
		free(evtchn);
		return rc;
	}
	LIST_INSERT_HEAD(&conn->dom->evtchns, evtchn, link);
	conn->evtchn = evtchn;
	reply_fds(conn, evtchn, ends[0]);
	*id = evtchn->id;
	return 0;
}

void evtchn_close(struct hv *hv, struct evtchn *evtchn)
{
	struct domain *dom = evtchn->dom;
	struct conn *conn;

	LIST_FOREACH(conn, &hv->conns, link)
		if (conn->evtchn == evtchn)
			conn->evtchn = NULL;
	shutdown(evtchn->watch.fd, SHUT_RDWR);
	hv_watch_close(hv, &evtchn->watch);
	for (uint32_t port = 1; port < SIM_NR_PORTS; port++)
		if (dom->ports[port].owner == evtchn)
			port_close(hv, dom, port);
	LIST_REMOVE(evtchn, link);
	LIST_INSERT_HEAD(&hv->dead_evtchns, evtchn, link);
}

/* Tell the clients that a port, or who receives its peer's events, has changed. */
void port_publish(struct domain *dom, uint32_t port)
{
	struct sim_port *shared = sim_port(dom->base, port);
	struct port *p = &dom->ports[port];

	atomic_store(&shared->owner, p->owner ? p->owner->id : 0);
	atomic_store(&shared->gen, ++p->gen);
}

static void queue(struct domain *dom, uint32_t port)
{
	struct evtchn *owner = dom->ports[port].owner;

	if (owner)
		sim_queue_send(owner->watch.fd, sim_header(dom->base), port);
}

void port_raise(struct domain *dom, uint32_t port)
{
	if (sim_port_raise(sim_port(dom->base, port)))
		queue(dom, port);
}

void port_kick(struct domain *dom, uint32_t port)
{
	if (sim_port_due(sim_port(dom->base, port)))
		queue(dom, port);
}

/*
 * A second connection for a handle, by a process that was given its descriptor. Whoever had it
 * before may have been killed with a number read and not yet taken: that one is queued again.
 */
int evtchn_attach(struct hv *hv, struct conn *conn, uint64_t cookie, uint32_t *id)
{
	struct evtchn *evtchn;
	(void)hv;

	LIST_FOREACH(evtchn, &conn->dom->evtchns, link) {
		if (evtchn->cookie != cookie)
			continue;
		conn->evtchn = evtchn;
		reply_fds(conn, evtchn, -1);
		*id = evtchn->id;
		for (uint32_t port = 1; port < SIM_NR_PORTS; port++)
			if (conn->dom->ports[port].owner == evtchn)
				port_kick(conn->dom, port);
		return 0;
	}
	return -EBADF;
}

int port_alloc(struct domain *dom, uint32_t remote_domid, struct evtchn *owner, uint32_t *port)
{
	for (uint32_t i = 1; i < SIM_NR_PORTS; i++) {
		struct port *p = &dom->ports[i];

		if (p->state != EVTCHNSTAT_closed)
			continue;
		p->state = EVTCHNSTAT_unbound;
		p->remote_domid = (uint16_t)remote_domid;
		p->owner = owner;
		dom->nr_ports++;
		/* Whoever still thought of the former binding may have raised it since. */
		atomic_store(&sim_port(dom->base, i)->word, 0);
		port_publish(dom, i);
		*port = i;
		return 0;
	}
	return -ENOSPC;
}

static struct port *port_peer(struct hv *hv, struct domain *dom, uint32_t port,
			      struct domain **peer)
{
	struct port *p = &dom->ports[port];

	if (p->state != EVTCHNSTAT_interdomain)
		return NULL;
	*peer = domain_find(hv, p->remote_domid);
	return *peer ? &(*peer)->ports[p->remote_port] : NULL;
}

/*
 * The peer's generation moves before our word is reset: a notifier that hits the word of whoever
 * gets this port next sees that its own port changed, and asks for a kick (lib/evtchn.c).
 */
void port_close(struct hv *hv, struct domain *dom, uint32_t port)
{
	struct port *p = &dom->ports[port];
	struct domain *peer_dom;
	struct port *peer;

	if (p->state == EVTCHNSTAT_closed)
		return;
	p->owner = NULL;
	if (p->notifies && !dom->dying) {
		p->orphan = true;
		port_publish(dom, port);
		return;
	}
	peer = port_peer(hv, dom, port, &peer_dom);
	if (p->state == EVTCHNSTAT_virq)
		hv->dom_exc_port = 0;
	p->state = EVTCHNSTAT_closed;
	p->orphan = false;
	dom->nr_ports--;
	if (peer) {
		peer->state = EVTCHNSTAT_unbound;
		peer->remote_domid = (uint16_t)dom->domid;
		port_publish(peer_dom, p->remote_port);
	}
	port_publish(dom, port);
	atomic_store(&sim_port(dom->base, port)->word, 0);
	if (peer)
		port_kick(peer_dom, p->remote_port);
}

/* An unmap notification keeps its port open, whatever its owner does. */
int port_hold(struct domain *dom, uint32_t port)
{
	if (port == 0 || port >= SIM_NR_PORTS || dom->ports[port].state == EVTCHNSTAT_closed)
		return -EINVAL;
	dom->ports[port].notifies++;
	return 0;
}

void port_fire(struct hv *hv, struct domain *dom, uint32_t port)
{
	struct port *p = &dom->ports[port];
	struct domain *peer_dom;

	if (port_peer(hv, dom, port, &peer_dom))
		port_raise(peer_dom, p->remote_port);
	if (--p->notifies == 0 && p->orphan)
		port_close(hv, dom, port);
}

void evtchn_virq_dom_exc(struct hv *hv)
{
	if (hv->dom_exc_port)
		port_raise(domain_find(hv, 0), hv->dom_exc_port);
}
