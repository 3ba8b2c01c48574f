/* SPDX-License-Identifier: MIT */
/*
 * vhost_user.c - negotiation and set-up by messages (vhost_user.h)
 *
 * A message is a header of 12 bytes and a payload; descriptors travel beside it. Questions are
 * answered by a message of the same number. What is not a question is sent with NEED_REPLY, so
 * that the other side says at once whether it accepted it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"
#include "vhost_user.h"

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
};

#define VERSION			1u
#define FLAG_NEED_REPLY		(1u << 3)

#define FEATURE_PROTOCOL	(1ull << 30)	/* there are protocol features */
#define PROTOCOL_REPLY_ACK	(1ull << 3)
#define PROTOCOL_CONFIG		(1ull << 9)

#define CONFIG_MAX		256

struct vring_state {
	uint32_t index, value;
};

struct vring_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;	/* in our address space */
};

struct memory_table {
	uint32_t nr, padding;
	struct {
		uint64_t guest_addr, bytes, user_addr, offset;
	} region[1];
};

struct config {
	uint32_t offset, bytes, flags;
	uint8_t data[CONFIG_MAX];
};

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t number;
		struct vring_state state;
		struct vring_addr addr;
		struct memory_table table;
		struct config config;
	} __attribute__((packed));
} __attribute__((packed));

#define HEADER			offsetof(struct message, number)

_Static_assert(HEADER == 12, "the payload follows the header without a gap");

static int send_message(int fd, const struct message *msg, int attached)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)msg, HEADER + msg->size };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (attached >= 0) {
		struct cmsghdr *cmsg;

		hdr.msg_control = control.bytes;
		hdr.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&hdr);
		*cmsg = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(cmsg), &attached, sizeof(int));
	}
	if (sendmsg(fd, &hdr, MSG_NOSIGNAL) == (ssize_t)iov.iov_len)
		return 0;
	return bench_error("the device does not take message %u: %s", msg->request,
			   strerror(errno));
}

static bool read_fully(int fd, void *to, size_t bytes)
{
	return recv(fd, to, bytes, MSG_WAITALL) == (ssize_t)bytes;
}

static int receive_answer(int fd, uint32_t request, struct message *msg)
{
	if (read_fully(fd, msg, HEADER) && msg->request == request &&
	    msg->size <= sizeof(*msg) - HEADER && read_fully(fd, &msg->number, msg->size))
		return 0;
	return bench_error("the device does not answer message %u; is another client connected?",
			   request);
}

/* Sends what is not a question, and hears whether it was accepted. */
static int tell(int fd, struct message *msg, int attached)
{
	uint32_t request = msg->request;

	msg->flags = VERSION | FLAG_NEED_REPLY;
	if (send_message(fd, msg, attached) || receive_answer(fd, request, msg))
		return -1;
	if (msg->number)
		return bench_error("the device refuses message %u", request);
	return 0;
}

static int tell_number(int fd, enum request request, uint64_t number, int attached)
{
	struct message msg = { .request = request, .size = sizeof(number), .number = number };

	return tell(fd, &msg, attached);
}

static int tell_state(int fd, enum request request, uint32_t value)
{
	struct message msg = { .request = request, .size = sizeof(msg.state),
			       .state = { .index = 0, .value = value } };

	return tell(fd, &msg, -1);
}

static int ask_number(int fd, enum request request, uint64_t *number)
{
	struct message msg = { .request = request, .flags = VERSION };

	if (send_message(fd, &msg, -1) || receive_answer(fd, request, &msg))
		return -1;
	*number = msg.number;
	return 0;
}

int vhost_user_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	bench_error("cannot connect to %s: %s; does a vhost-user device listen there?", path,
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int vhost_user_features(int fd, uint64_t required, uint64_t *features)
{
	const uint64_t protocol = PROTOCOL_REPLY_ACK | PROTOCOL_CONFIG;
	struct message msg = { .request = SET_PROTOCOL_FEATURES, .flags = VERSION,
			       .size = sizeof(uint64_t), .number = protocol };
	uint64_t offered, offered_protocol;

	required |= FEATURE_PROTOCOL;
	if (ask_number(fd, GET_FEATURES, &offered))
		return -1;
	if ((offered & required) != required)
		return bench_error("the device lacks features %#llx",
				   (unsigned long long)(required & ~offered));
	if (ask_number(fd, GET_PROTOCOL_FEATURES, &offered_protocol))
		return -1;
	if ((offered_protocol & protocol) != protocol)
		return bench_error("the device lacks protocol features %#llx",
				   (unsigned long long)(protocol & ~offered_protocol));
	*features = offered & (*features | required);
	/* The message that makes replies possible has none itself. */
	if (send_message(fd, &msg, -1) || tell_number(fd, SET_OWNER, 0, -1))
		return -1;
	return tell_number(fd, SET_FEATURES, *features, -1);
}

int vhost_user_config(int fd, void *config, uint32_t bytes)
{
	struct message msg = { .request = GET_CONFIG, .flags = VERSION,
			       .size = (uint32_t)offsetof(struct config, data) + bytes,
			       .config = { .bytes = bytes } };

	if (send_message(fd, &msg, -1) || receive_answer(fd, GET_CONFIG, &msg))
		return -1;
	if (msg.config.bytes != bytes)
		return bench_error("the device does not show its configuration");
	memcpy(config, msg.config.data, bytes);
	return 0;
}

static int share_memory(int fd, const struct vhost_user_queue *queue)
{
	struct message msg = { .request = SET_MEM_TABLE, .size = sizeof(msg.table),
			       .table = { .nr = 1 } };

	msg.table.region[0].guest_addr = queue->guest_base;
	msg.table.region[0].bytes = queue->bytes;
	msg.table.region[0].user_addr = (uintptr_t)queue->memory;
	return tell(fd, &msg, queue->memory_fd);
}

static int tell_addresses(int fd, const struct vhost_user_queue *queue)
{
	struct message msg = { .request = SET_VRING_ADDR, .size = sizeof(msg.addr),
			       .addr = { .desc = (uintptr_t)queue->desc,
					 .used = (uintptr_t)queue->used,
					 .avail = (uintptr_t)queue->avail } };

	return tell(fd, &msg, -1);
}

int vhost_user_start(int fd, const struct vhost_user_queue *queue)
{
	if (share_memory(fd, queue) || tell_state(fd, SET_VRING_NUM, queue->size) ||
	    tell_state(fd, SET_VRING_BASE, 0) || tell_addresses(fd, queue) ||
	    tell_number(fd, SET_VRING_CALL, 0, queue->call_fd) ||
	    tell_number(fd, SET_VRING_KICK, 0, queue->kick_fd))
		return -1;
	return tell_state(fd, SET_VRING_ENABLE, 1);
}
