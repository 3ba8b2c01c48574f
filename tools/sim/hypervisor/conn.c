/* SPDX-License-Identifier: MIT */
/*
 * Connections: one for each library handle. This file receives a request, finds its operation in
 * a table, checks that the message is long enough, of the right kind of handle and from a domain
 * that may ask for it, and sends the reply. When a client hangs up, everything its handle held is
 * undone; that is the whole of crash recovery, as it is when a real device file closes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/sched.h>

#include "hv.h"

#define KIND(k)		(1u << SIM_KIND_##k)
#define ANY_KIND	(~0u)
#define EVTCHN_KINDS	(KIND(EVTCHN) | KIND(EVTCHN_ADOPT))
#define NEED(member)	sizeof(((struct sim_msg *)0)->u.member)

static int op_hello(struct hv *hv, struct conn *conn, struct sim_msg *msg);

struct op {
	int (*run)(struct hv *hv, struct conn *conn, struct sim_msg *msg);
	size_t need;		/* bytes of the union that a request must have */
	unsigned int kinds;	/* of handle */
	bool control;		/* domain 0 only */
};

/* Batches may be cut after their last entry; their operations check the count against the size. */
static const struct op ops[SIM_NR_OPS] = {
	[SIM_HELLO] = { op_hello, NEED(hello), ANY_KIND, false },
	[SIM_MEMORY] = { op_memory, NEED(memory), ANY_KIND, false },
	[SIM_EVTCHN_ALLOC] = { op_evtchn_alloc, NEED(ports), EVTCHN_KINDS | KIND(CALL), false },
	[SIM_EVTCHN_BIND] = { op_evtchn_bind, NEED(ports), EVTCHN_KINDS, false },
	[SIM_EVTCHN_VIRQ] = { op_evtchn_virq, NEED(ports), EVTCHN_KINDS, false },
	[SIM_EVTCHN_UNBIND] = { op_evtchn_unbind, NEED(ports), EVTCHN_KINDS, false },
	[SIM_EVTCHN_ADOPT] = { op_evtchn_adopt, NEED(ports), EVTCHN_KINDS, false },
	[SIM_EVTCHN_PEER] = { op_evtchn_peer, NEED(ports), EVTCHN_KINDS, false },
	[SIM_EVTCHN_KICK] = { op_evtchn_kick, NEED(ports), EVTCHN_KINDS, false },
	[SIM_EVTCHN_STATUS] = { op_evtchn_status, NEED(ports), KIND(CALL), false },
	[SIM_EVTCHN_RESET] = { op_evtchn_reset, NEED(ports), KIND(CALL), false },
	[SIM_EVTCHN_RESTRICT] = { op_evtchn_restrict, NEED(ports), EVTCHN_KINDS, false },
	[SIM_GRANT_MAP] = { op_grant_map, offsetof(struct sim_maps, entry), KIND(GNTTAB), false },
	[SIM_GRANT_UNMAP] = { op_grant_unmap, offsetof(struct sim_maps, entry), KIND(GNTTAB),
			      false },
	[SIM_GRANT_NOTIFY] = { op_grant_notify, NEED(notify), KIND(GNTTAB) | KIND(GNTSHR), false },
	[SIM_SHARE] = { op_share, offsetof(struct sim_share, entry), KIND(GNTSHR), false },
	[SIM_UNSHARE] = { op_unshare, offsetof(struct sim_share, entry), KIND(GNTSHR), false },
	[SIM_DOM_CREATE] = { op_dom_create, NEED(dom), KIND(CALL), true },
	[SIM_DOM_DESTROY] = { op_dom_destroy, NEED(dom), KIND(CALL), true },
	[SIM_DOM_PAUSE] = { op_dom_pause, NEED(dom), KIND(CALL), true },
	[SIM_DOM_UNPAUSE] = { op_dom_unpause, NEED(dom), KIND(CALL), true },
	[SIM_DOM_SHUTDOWN] = { op_dom_shutdown, NEED(dom), KIND(CALL), false },
	[SIM_DOM_RESUME] = { op_dom_resume, NEED(dom), KIND(CALL), true },
	[SIM_DOM_CONFIG] = { op_dom_config, NEED(dom), KIND(CALL), true },
	[SIM_DOM_LIST] = { op_dom_list, offsetof(struct sim_domain_list, entry), KIND(CALL), true },
	[SIM_PARAM_GET] = { op_param_get, NEED(param), KIND(CALL), false },
	[SIM_PARAM_SET] = { op_param_set, NEED(param), KIND(CALL), true },
	[SIM_RESTRICT] = { op_restrict, NEED(memory), KIND(FOREIGN), false },
};

static int op_hello(struct hv *hv, struct conn *conn, struct sim_msg *msg)
{
	struct sim_hello *hello = &msg->u.hello;
	struct domain *dom = domain_find(hv, hello->domid);
	int rc = 0;

	if (conn->dom)
		return -EISCONN;
	if (hello->version != SIM_PROTO_VERSION || hello->kind >= SIM_NR_KINDS)
		return -EPROTO;
	if (!dom || dom->dying)
		return -ESRCH;
	conn->dom = dom;
	conn->kind = hello->kind;
	hello->generation = dom->generation;
	if (conn->kind == SIM_KIND_EVTCHN)
		rc = evtchn_open(hv, conn, &hello->handle);
	else if (conn->kind == SIM_KIND_EVTCHN_ADOPT)
		rc = evtchn_attach(hv, conn, hello->cookie, &hello->handle);
	else if (conn->kind == SIM_KIND_MACHINE && dom->machine)
		rc = -EBUSY;
	else if (conn->kind == SIM_KIND_MACHINE)
		dom->machine = conn;
	if (rc)
		conn->dom = NULL;
	return rc;
}

static int run_op(struct hv *hv, struct conn *conn, struct sim_msg *msg, size_t got)
{
	const struct op *op;

	if (got < SIM_MSG_HEAD || msg->size != got - SIM_MSG_HEAD || msg->op >= SIM_NR_OPS)
		return -EPROTO;
	op = &ops[msg->op];
	if (msg->size < op->need || !(op->kinds & 1u << conn->kind))
		return -EPROTO;
	if (!conn->dom)
		return msg->op == SIM_HELLO ? op_hello(hv, conn, msg) : -EPROTO;
	if (op->control && conn->dom->domid)
		return -EPERM;
	return op->run(hv, conn, msg);
}

static int send_reply(struct conn *conn, struct sim_msg *msg)
{
	struct iovec iov = { msg, SIM_MSG_HEAD + msg->size };
	union {
		struct cmsghdr head;
		char buf[CMSG_SPACE(sizeof(conn->fds))];
	} control = { 0 };
	struct msghdr head = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (conn->nr_fds) {
		struct cmsghdr *cmsg = &control.head;

		head.msg_control = control.buf;
		head.msg_controllen = CMSG_SPACE(conn->nr_fds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(conn->nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), conn->fds, conn->nr_fds * sizeof(int));
	}
	/* A client waits for one reply at a time: a full socket is a broken client. */
	return sendmsg(conn->watch.fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void conn_ready(struct hv *hv, struct watch *watch, uint32_t events)
{
	struct conn *conn = (struct conn *)watch;	/* its first member */
	static struct sim_msg msg;
	ssize_t got;
	int rc;
	(void)events;

	got = recv(watch->fd, &msg, sizeof(msg), MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		conn_close(hv, conn);
		return;
	}
	conn->nr_fds = 0;
	conn->close_fd = -1;
	msg.rc = run_op(hv, conn, &msg, (size_t)got);
	if (msg.rc == -EPROTO)
		msg.size = 0;
	rc = watch->fd < 0 ? 0 : send_reply(conn, &msg);
	if (conn->close_fd >= 0)
		close(conn->close_fd);
	if (rc)
		conn_close(hv, conn);
	else if (msg.op == SIM_HELLO && conn->dom && conn->dom->machine == conn &&
		 !conn->dom->paused)
		conn_note(conn, SIM_NOTE_RUN);
}

void conn_accept(struct hv *hv, struct watch *watch, uint32_t events)
{
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct conn *conn;
	(void)events;

	if (fd < 0)
		return;
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	conn->pid = cred.pid;
	conn->restricted = ~0u;
	conn->free_map = ~0u;
	conn->watch = (struct watch){ .fd = fd, .ready = conn_ready };
	if (hv_watch_add(hv, &conn->watch, EPOLLIN)) {
		close(fd);
		free(conn);
		return;
	}
	LIST_INSERT_HEAD(&hv->conns, conn, link);
}

void conn_close(struct hv *hv, struct conn *conn)
{
	struct domain *dom = conn->dom;

	if (conn->watch.fd < 0)
		return;
	hv_watch_close(hv, &conn->watch);
	LIST_REMOVE(conn, link);
	LIST_INSERT_HEAD(&hv->dead_conns, conn, link);
	if (!dom)
		return;
	dom->maps++;		/* hold it: it may have mapped its own pages */
	grant_unmap_all(hv, conn);
	share_revoke_all(hv, conn);
	conn->dom = NULL;
	if (dom->machine == conn) {
		dom->machine = NULL;
		/* It was killed: nothing runs the domain any more. */
		if (!dom->dying)
			domain_crash(hv, dom);
	}
	dom->maps--;
	domain_settle(hv, dom);
}

void conn_note(struct conn *conn, enum sim_event event)
{
	struct sim_note note = { event };

	/*
	 * If it cannot be told, it is stuck: its domain's state is what it will find at the next
	 * note.
	 */
	if (conn)
		send(conn->watch.fd, &note, sizeof(note), MSG_NOSIGNAL | MSG_DONTWAIT);
}
