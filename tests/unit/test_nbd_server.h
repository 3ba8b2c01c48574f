/* SPDX-License-Identifier: MIT */
/*
 * test_nbd_server.h - a server of network block devices that does what a test wants of it
 *
 * It speaks the fixed newstyle handshake and simple replies, from a thread of its own, on one end
 * of a socket pair; the other end is the client's. Its data is in memory that all servers of a
 * test share, as a server that is started again has the same file.
 */
#ifndef XPV_TEST_NBD_SERVER_H
#define XPV_TEST_NBD_SERVER_H

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_BYTES	65536u
#define SERVER_REQUESTS	64

enum server_mode {
	SERVES,
	GARBAGE,	/* in place of a greeting */
	SILENT,		/* likewise */
	REFUSES,	/* the export */
	HANGS,		/* after `limit` answers */
	CUTS,		/* the connection, after `limit` answers */
	FAILS,		/* every request, with `error` */
	LIES,		/* answers what was not asked */
};

struct server {
	enum server_mode mode;
	unsigned int limit;
	uint32_t error;
	uint64_t bytes;			/* what it says that it has */
	bool readonly;
	bool plain;			/* it can neither flush nor trim */
	uint32_t preferred, most;	/* size of a request; both 0: it says none */
	int fd;
	pthread_t thread;
	/* What it was asked, in order. */
	unsigned int nr;
	struct { uint16_t type; uint64_t off; } asked[SERVER_REQUESTS];
};

static uint8_t server_data[SERVER_BYTES];

static inline bool take(int fd, void *buf, size_t len)
{
	return len == 0 || recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

static inline bool give(int fd, const void *buf, size_t len)
{
	return send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool give_option(int fd, uint32_t option, uint32_t type, const void *data,
			       uint32_t len)
{
	struct { uint64_t magic; uint32_t option, type, len; } __attribute__((packed)) head = {
		htobe64(UINT64_C(0x3e889045565a9)), htobe32(option), htobe32(type), htobe32(len) };

	return give(fd, &head, sizeof(head)) && (len == 0 || give(fd, data, len));
}

static inline bool server_greet(struct server *s)
{
	struct { uint64_t magic; uint32_t option, len; } __attribute__((packed)) opt;
	struct { uint16_t type; uint64_t bytes; uint16_t flags; } __attribute__((packed)) info = {
		0, htobe64(s->bytes), htobe16((uint16_t)(1 | (s->plain ? 0 : 4 | 32) |
							 (s->readonly ? 2 : 0))) };
	const struct { uint16_t type; uint32_t size[3]; } __attribute__((packed)) sizes = {
		htobe16(3), { htobe32(1), htobe32(s->preferred ? s->preferred : 4096),
			      htobe32(s->most ? s->most : 1u << 25) } };
	uint8_t skip[4096];

	if (!give(s->fd, "NBDMAGICIHAVEOPT\0\3", 18) || !take(s->fd, skip, 4))
		return false;
	while (take(s->fd, &opt, sizeof(opt))) {
		if (be32toh(opt.len) > sizeof(skip) || !take(s->fd, skip, be32toh(opt.len)))
			return false;
		if (be32toh(opt.option) != 7) {		/* GO */
			if (!give_option(s->fd, be32toh(opt.option), 0x80000001u, NULL, 0))
				return false;
		} else if (s->mode == REFUSES) {
			if (!give_option(s->fd, 7, 0x80000006u, NULL, 0))
				return false;
		} else {
			return give_option(s->fd, 7, 3, &info, sizeof(info)) &&
			       (!(s->preferred || s->most) ||
				give_option(s->fd, 7, 3, &sizes, sizeof(sizes))) &&
			       give_option(s->fd, 7, 1, NULL, 0);
		}
	}
	return false;
}

static inline bool server_answer(struct server *s)
{
	struct {
		uint32_t magic;
		uint16_t flags, type;
		uint64_t cookie, off;
		uint32_t len;
	} __attribute__((packed)) req;
	struct { uint32_t magic, error; uint64_t cookie; } __attribute__((packed)) reply;
	static uint8_t data[SERVER_BYTES];
	uint32_t len, error = s->mode == FAILS ? s->error : 0;
	uint16_t type;
	uint64_t off;

	if (!take(s->fd, &req, sizeof(req)))
		return false;
	type = be16toh(req.type);
	off = be64toh(req.off);
	len = be32toh(req.len);
	if (type == 2 || s->nr == SERVER_REQUESTS || off + len > SERVER_BYTES)
		return false;
	if (type == 1 && !take(s->fd, data, len))
		return false;
	s->asked[s->nr].type = type;
	s->asked[s->nr++].off = off;
	if (s->mode == CUTS && s->nr > s->limit)
		return false;
	if (s->mode == HANGS && s->nr > s->limit)
		return true;
	if (type == 1 && !error)
		memcpy(server_data + off, data, len);
	reply.magic = htobe32(0x67446698u);
	reply.error = htobe32(error);
	reply.cookie = s->mode == LIES ? ~req.cookie : req.cookie;
	return give(s->fd, &reply, sizeof(reply)) &&
	       (type != 0 || error || give(s->fd, server_data + off, len));
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	char byte;

	if (s->mode == GARBAGE)
		give(s->fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	else if (s->mode != SILENT && server_greet(s))
		while (server_answer(s))
			;
	if (s->mode == SILENT)
		take(s->fd, &byte, 1);
	shutdown(s->fd, SHUT_RDWR);
	return NULL;
}

/* The client's end. */
static inline int server_start(struct server *s)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		abort();
	s->fd = ends[0];
	s->nr = 0;
	if (pthread_create(&s->thread, NULL, server_run, s))
		abort();
	return ends[1];
}

/* After it, what was asked may be read. */
static inline void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

#endif
