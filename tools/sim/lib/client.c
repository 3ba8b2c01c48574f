/* SPDX-License-Identifier: MIT */
/*
 * The connection of one library handle to the hypervisor: requests and replies, with descriptors.
 * The environment says where: XPV_RUNDIR is the simulator, XPV_SIM_DOMID the domain we run in
 * (unset: domain 0).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"

#define DEFAULT_RUNDIR	"/run/xpv"

static int connect_hypervisor(void)
{
	const char *rundir = getenv("XPV_RUNDIR");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	rc = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" SIM_SOCKET,
		      rundir ? rundir : DEFAULT_RUNDIR);
	if (rc >= (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno == EINTR)
			continue;
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int send_request(int fd, const struct sim_msg *msg)
{
	while (send(fd, msg, SIM_MSG_HEAD + msg->size, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int receive_reply(int fd, struct sim_msg *msg, int *fds)
{
	struct iovec iov = { msg, sizeof(*msg) };
	union {
		struct cmsghdr head;
		char buf[CMSG_SPACE(SIM_MAX_FDS * sizeof(int))];
	} control;
	struct msghdr head;
	struct cmsghdr *cmsg;
	ssize_t got;

	do {
		head = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1,
					.msg_control = control.buf,
					.msg_controllen = sizeof(control.buf) };
		got = recvmsg(fd, &head, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if ((size_t)got < SIM_MSG_HEAD)
		return -ENODEV;		/* the hypervisor, or our domain, is gone */
	cmsg = CMSG_FIRSTHDR(&head);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS) {
		size_t nr = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int got_fds[SIM_MAX_FDS];

		memcpy(got_fds, CMSG_DATA(cmsg), nr * sizeof(int));
		for (size_t i = 0; i < nr; i++) {
			if (fds)
				fds[i] = got_fds[i];
			else
				close(got_fds[i]);
		}
	}
	return msg->rc;
}

int sim_call(struct sim_client *client, struct sim_msg *msg, size_t size, int *fds)
{
	int rc;

	for (int i = 0; fds && i < SIM_MAX_FDS; i++)
		fds[i] = -1;
	msg->size = (uint32_t)size;
	pthread_mutex_lock(&client->call_lock);
	rc = send_request(client->fd, msg);
	if (!rc)
		rc = receive_reply(client->fd, msg, fds);
	pthread_mutex_unlock(&client->call_lock);
	return rc == -EPIPE || rc == -ECONNRESET ? -ENODEV : rc;
}

int sim_client_open(struct sim_client *client, enum sim_kind kind, uint64_t cookie, int *fds)
{
	const char *domid = getenv("XPV_SIM_DOMID");
	struct sim_msg msg = { .op = SIM_HELLO };
	int rc;

	memset(client, 0, sizeof(*client));
	pthread_mutex_init(&client->call_lock, NULL);
	pthread_mutex_init(&client->lock, NULL);
	client->domid = domid ? (uint32_t)strtoul(domid, NULL, 10) : 0;
	client->fd = connect_hypervisor();
	if (client->fd < 0)
		return client->fd;
	msg.u.hello = (struct sim_hello){ .version = SIM_PROTO_VERSION, .kind = kind,
					  .domid = client->domid, .cookie = cookie };
	rc = sim_call(client, &msg, sizeof(msg.u.hello), fds);
	if (rc < 0) {
		close(client->fd);
		return rc;
	}
	client->generation = msg.u.hello.generation;
	client->handle = msg.u.hello.handle;
	return 0;
}

void sim_client_close(struct sim_client *client)
{
	sim_domains_free(client);
	close(client->fd);
	pthread_mutex_destroy(&client->lock);
	pthread_mutex_destroy(&client->call_lock);
}

int sim_result(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}
