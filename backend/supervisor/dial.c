/* SPDX-License-Identifier: MIT */
/*
 * dial.c - a connection to a server, made without waiting for it
 *
 * Looking up a name and connecting may take as long as others like. A child of ours does it, sends
 * the connected socket, and ends; what takes too long is killed. The child keeps nothing of ours
 * open but its end of a socket, and looks names up as the workers' user, for it reads what comes
 * from the network.
 */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dial.h"
#include "supervisor.h"

#define LIMIT_NS UINT64_C(5000000000)
#define CHILD_FD 3

static int connect_unix(const struct xs_target *to, const char **why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", to->socket);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	*why = strerror(errno);
	return -1;
}

static int connect_tcp(const struct xs_target *to, const char **why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct addrinfo *list = NULL;
	const int on = 1;
	char port[8];
	int fd, r;

	snprintf(port, sizeof(port), "%u", to->port);
	r = getaddrinfo(to->host, port, &hints, &list);
	if (r) {
		*why = gai_strerror(r);
		return -1;
	}
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
			return fd;
		}
		*why = strerror(errno);
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* The child. A Unix socket may be one that only root may use. */
static void dial(const struct supervisor *sup, int out, const struct xs_target *to)
{
	struct wire_msg msg = { .type = WIRE_LINK };
	const char *why = "no address of it can be connected to";
	sigset_t none;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "xpv-dial");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(dup(out), CHILD_FD) != CHILD_FD || close_range(CHILD_FD + 1, ~0u, 0))
		_exit(1);
	if (!to->socket[0] && geteuid() == 0 &&
	    (setgroups(0, NULL) || setgid(sup->worker_gid) || setuid(sup->worker_uid)))
		_exit(1);
	fd = to->socket[0] ? connect_unix(to, &why) : connect_tcp(to, &why);
	if (fd < 0)
		snprintf(msg.result.text, sizeof(msg.result.text), "%s", why);
	wire_send(CHILD_FD, &msg, &fd, fd >= 0);
	_exit(0);
}

void dial_cancel(struct dial *d)
{
	if (d->answer.fd < 0)
		return;
	loop_timer_cancel(&d->sup->loop, &d->limit);
	close(loop_del(&d->sup->loop, &d->answer));
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
}

static void answered(struct loop_fd *source)
{
	struct dial *d = container_of(source, struct dial, answer);
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];
	int rc = wire_receive(source->fd, &msg, fds);

	if (rc == -EAGAIN)
		return;
	dial_cancel(d);
	if (rc <= 0)
		snprintf(msg.result.text, sizeof(msg.result.text), "the connecting process died");
	msg.result.text[WIRE_TEXT - 1] = '\0';
	d->done(d, fds[0], msg.result.text);
}

static void limit_over(struct loop_timer *timer)
{
	struct dial *d = container_of(timer, struct dial, limit);

	dial_cancel(d);
	d->done(d, -1, "it cannot be connected to in time");
}

int dial_start(struct dial *d, struct supervisor *sup, const struct xs_target *to)
{
	int ends[2], rc;

	dial_cancel(d);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	d->sup = sup;
	d->limit.expired = limit_over;
	d->answer = (struct loop_fd){ ends[0], answered };
	d->pid = fork();
	if (d->pid == 0)
		dial(sup, ends[1], to);
	rc = d->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (rc == 0)
		rc = loop_add(&sup->loop, &d->answer);
	if (rc == 0) {
		loop_timer_set(&sup->loop, &d->limit, LIMIT_NS);
		return 0;
	}
	close(ends[0]);
	d->answer.fd = -1;
	if (d->pid > 0) {
		kill(d->pid, SIGKILL);
		waitpid(d->pid, NULL, 0);
	}
	return rc;
}
