/* SPDX-License-Identifier: MIT */
/*
 * libxenevtchn over the simulator.
 *
 * The handle's descriptor is the receiving end of its queue; reading it gives port numbers, four
 * bytes each, as /dev/xen/evtchn does. Everything that hangs on the handle lives as long as any
 * copy of that descriptor: xenevtchn_fdopen() works on one that was inherited or received from
 * another process.
 *
 * The hard part is notify: the peer's port word and queue are remembered for each local port,
 * under the port's generation, which moves when the peer changes. If it has moved by the time we
 * raised the peer's word, the word may by now belong to someone else, whose number we did not
 * queue; then the hypervisor is asked to look (SIM_EVTCHN_KICK).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xen/hvm/params.h>

#include "client.h"
#include "event.h"
#include "evtchn.h"
#include "toolcore.h"

/* Where a notification on a local port goes. */
struct peer {
	uint32_t gen;		/* of the local port; 0: never looked up */
	uint32_t port;
	struct sim_domain *domain;	/* NULL: nobody to notify */
	int queue;		/* -1: nobody listens yet */
};

struct xenevtchn_handle {
	struct toolcore_handle toolcore;
	struct sim_client client;
	struct sim_domain *own;
	int fd;			/* the receiving end of our queue */
	int queue;		/* the sending end, for unmask */
	uint32_t overflow;	/* the header's count when we last looked at all ports */
	pthread_mutex_t notify_lock;
	struct peer *peers;
};

static int restrict_callback(struct toolcore_handle *toolcore, domid_t domid)
{
	return xenevtchn_restrict((xenevtchn_handle *)toolcore, domid);	/* its first member */
}

/* `fd` is the descriptor to adopt, or -1 for a handle of our own. */
static xenevtchn_handle *open_handle(int fd)
{
	xenevtchn_handle *xce = calloc(1, sizeof(*xce));
	int fds[SIM_MAX_FDS] = { -1, -1, -1 };
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie = 0;
	int rc = -ENOMEM;

	if (!xce)
		goto err;
	xce->peers = calloc(SIM_NR_PORTS, sizeof(*xce->peers));
	if (!xce->peers)
		goto err;
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len)) {
		rc = -errno;
		goto err;
	}
	rc = sim_client_open(&xce->client, fd < 0 ? SIM_KIND_EVTCHN : SIM_KIND_EVTCHN_ADOPT, cookie,
			     fds);
	if (rc)
		goto err;
	xce->queue = fds[1];
	xce->fd = fd < 0 ? fds[2] : fd;
	rc = sim_domain_add(&xce->client, xce->client.domid, xce->client.generation, fds[0],
			    &xce->own);
	if (rc) {
		sim_client_close(&xce->client);
		close(fds[1]);
		if (fd < 0)
			close(fds[2]);
		goto err;
	}
	pthread_mutex_init(&xce->notify_lock, NULL);
	xce->toolcore.restrict_callback = restrict_callback;
	xentoolcore__register_active_handle(&xce->toolcore);
	return xce;
err:
	if (xce)
		free(xce->peers);
	free(xce);
	errno = -rc;
	return NULL;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	xenevtchn_handle *xce;
	(void)logger;

	if (flags & ~XENEVTCHN_NO_CLOEXEC) {
		errno = EINVAL;
		return NULL;
	}
	xce = open_handle(-1);
	if (xce && (flags & XENEVTCHN_NO_CLOEXEC)) {
		int kept = dup(xce->fd);	/* without FD_CLOEXEC */

		if (kept < 0) {
			xenevtchn_close(xce);
			return NULL;
		}
		close(xce->fd);
		xce->fd = kept;
	}
	return xce;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned int flags)
{
	(void)logger;
	if (flags || fd < 0) {
		errno = EINVAL;
		return NULL;
	}
	return open_handle(fd);
}

static void forget_peer(xenevtchn_handle *xce, struct peer *peer)
{
	if (peer->domain) {
		sim_domain_put(&xce->client, peer->domain);
		if (peer->queue >= 0)
			close(peer->queue);
	}
	memset(peer, 0, sizeof(*peer));
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	if (!xce)
		return 0;
	xentoolcore__deregister_active_handle(&xce->toolcore);
	for (uint32_t port = 0; port < SIM_NR_PORTS; port++)
		forget_peer(xce, &xce->peers[port]);
	close(xce->fd);
	close(xce->queue);
	sim_client_close(&xce->client);
	pthread_mutex_destroy(&xce->notify_lock);
	free(xce->peers);
	free(xce);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->fd;
}

static bool is_own(xenevtchn_handle *xce, uint32_t port)
{
	return port < SIM_NR_PORTS &&
	       atomic_load(&sim_port(xce->own->base, port)->owner) == xce->client.handle;
}

static int look_up_peer(xenevtchn_handle *xce, uint32_t port, struct peer *peer)
{
	struct sim_msg msg = { .op = SIM_EVTCHN_PEER, .u.ports.port = port };
	struct sim_ports *ports = &msg.u.ports;
	int fds[SIM_MAX_FDS], rc;

	forget_peer(xce, peer);
	rc = sim_call(&xce->client, &msg, sizeof(*ports), fds);
	if (rc < 0)
		return rc;
	if (ports->state == EVTCHNSTAT_interdomain) {
		rc = sim_domain_get(&xce->client, ports->remote_domid, ports->generation,
				    &peer->domain);
		if (rc < 0) {
			/* It died since; our port's generation has moved on. */
			peer->domain = NULL;
			if (fds[0] >= 0)
				close(fds[0]);
			return 0;
		}
		peer->port = ports->remote_port;
		peer->queue = fds[0];
	}
	peer->gen = ports->gen;
	return 0;
}

static int kick(xenevtchn_handle *xce, const struct peer *peer)
{
	struct sim_msg msg = { .op = SIM_EVTCHN_KICK };

	msg.u.ports.remote_domid = peer->domain->domid;
	msg.u.ports.remote_port = peer->port;
	msg.u.ports.generation = peer->domain->generation;
	return sim_call(&xce->client, &msg, sizeof(msg.u.ports), NULL);
}

static int notify(xenevtchn_handle *xce, uint32_t port)
{
	struct sim_port *local = sim_port(xce->own->base, port);
	struct peer *peer = &xce->peers[port];
	uint32_t gen = atomic_load(&local->gen);
	int rc = 0;

	if (peer->gen != gen)
		rc = look_up_peer(xce, port, peer);
	if (rc || !peer->domain)
		return rc;	/* nobody bound: a notification is dropped without an error */
	if (!sim_port_raise(sim_port(peer->domain->base, peer->port)))
		return 0;
	if (peer->queue >= 0)
		sim_queue_send(peer->queue, sim_header(peer->domain->base), peer->port);
	return atomic_load(&local->gen) == peer->gen ? 0 : kick(xce, peer);
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	int rc = -ENOTCONN;

	if (is_own(xce, port)) {
		pthread_mutex_lock(&xce->notify_lock);
		rc = notify(xce, port);
		pthread_mutex_unlock(&xce->notify_lock);
	}
	return sim_result(rc);
}

/* A queue was full: look at all ports of ours. The numbers that still do not fit count again. */
static void rescan(xenevtchn_handle *xce, uint32_t overflow)
{
	xce->overflow = overflow;
	for (uint32_t port = 1; port < SIM_NR_PORTS; port++)
		if (is_own(xce, port) && sim_port_due(sim_port(xce->own->base, port)))
			sim_queue_send(xce->queue, sim_header(xce->own->base), port);
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	uint32_t port, overflow;
	ssize_t got = read(xce->fd, &port, sizeof(port));

	if (got < 0)
		return -1;
	if (got != sizeof(port) || port >= SIM_NR_PORTS) {
		errno = ENODEV;		/* our domain is gone */
		return -1;
	}
	/* A number that outlived its port's binding must not touch what the port is now. */
	if (is_own(xce, port))
		sim_port_take(sim_port(xce->own->base, port));
	overflow = atomic_load(&sim_header(xce->own->base)->overflow);
	if (overflow != xce->overflow)
		rescan(xce, overflow);
	return (xenevtchn_port_or_error_t)port;
}

/* Ports that are not ours are ignored, as Linux does. */
int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	if (is_own(xce, port) && sim_port_unmask(sim_port(xce->own->base, port)))
		sim_queue_send(xce->queue, sim_header(xce->own->base), port);
	return 0;
}

static int port_call(xenevtchn_handle *xce, enum sim_op op, struct sim_ports ports)
{
	struct sim_msg msg = { .op = op, .u.ports = ports };
	int rc = sim_call(&xce->client, &msg, sizeof(msg.u.ports), NULL);

	return sim_result(rc < 0 ? rc : (int)msg.u.ports.port);
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *xce, uint32_t domid)
{
	return port_call(xce, SIM_EVTCHN_ALLOC, (struct sim_ports){ .remote_domid = domid });
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
						     evtchn_port_t remote_port)
{
	return port_call(xce, SIM_EVTCHN_BIND,
			 (struct sim_ports){ .remote_domid = domid, .remote_port = remote_port });
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	return port_call(xce, SIM_EVTCHN_VIRQ, (struct sim_ports){ .virq = virq });
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	int r = port_call(xce, SIM_EVTCHN_UNBIND, (struct sim_ports){ .port = port });

	if (r < 0)
		return -1;
	pthread_mutex_lock(&xce->notify_lock);
	forget_peer(xce, &xce->peers[port]);
	pthread_mutex_unlock(&xce->notify_lock);
	return 0;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	int r = port_call(xce, SIM_EVTCHN_RESTRICT, (struct sim_ports){ .domid = domid });

	return r < 0 ? -1 : 0;
}

int sim_evtchn_adopt(xenevtchn_handle *xce, evtchn_port_t port)
{
	int r = port_call(xce, SIM_EVTCHN_ADOPT, (struct sim_ports){ .port = port });

	return r < 0 ? -1 : 0;
}

static int get_param(struct sim_client *calls, uint32_t index, uint64_t *value)
{
	struct sim_msg msg = { .op = SIM_PARAM_GET,
			       .u.param = { .domid = DOMID_SELF, .index = index } };
	int rc = sim_call(calls, &msg, sizeof(msg.u.param), NULL);

	*value = msg.u.param.value;
	return rc < 0 ? rc : 0;
}

/* Where the domain builder has put it: hypercalls, which a handle for events does not make. */
static int find_console(uint64_t *frame, uint64_t *port)
{
	struct sim_client calls;
	int rc = sim_client_open(&calls, SIM_KIND_CALL, 0, NULL);

	if (rc)
		return rc;
	rc = get_param(&calls, HVM_PARAM_CONSOLE_PFN, frame);
	if (!rc)
		rc = get_param(&calls, HVM_PARAM_CONSOLE_EVTCHN, port);
	sim_client_close(&calls);
	if (!rc && (!*frame || *frame >= SIM_NR_FRAMES || !*port || *port >= SIM_NR_PORTS))
		rc = -ENXIO;		/* it was built without one */
	return rc;
}

void *sim_console_open(xenevtchn_handle *xce, evtchn_port_t *port)
{
	uint64_t frame = 0, number = 0;

	if (sim_result(find_console(&frame, &number)) ||
	    sim_evtchn_adopt(xce, (evtchn_port_t)number))
		return NULL;
	*port = (evtchn_port_t)number;
	return sim_frame(xce->own->base, (uint32_t)frame);
}
