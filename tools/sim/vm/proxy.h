/* SPDX-License-Identifier: MIT */
/*
 * The xenstore of a simulated guest's programs. Each connects to a socket, as if a xenstored of
 * its own listened there; what they ask goes through the one ring that the domain has, as a guest
 * kernel's xenbus driver would pass it on.
 *
 * proxy.c takes the messages apart: request ids, transactions and watch tokens belong to one
 * client, but the ring knows only the domain. client.c moves bytes. Neither trusts a client: a
 * bad message ends that client alone, one that does not read is cut off, and one that asks too
 * fast waits.
 */
#ifndef XPV_SIM_PROXY_H
#define XPV_SIM_PROXY_H

#include <stdbool.h>
#include <sys/queue.h>

#include "ring.h"

#define PROXY_MAX_CLIENTS	256
#define CLIENT_MAX_REQUESTS	16		/* unanswered, before we stop reading */
#define CLIENT_MAX_READS	64		/* before others get their turn */
#define CLIENT_SLOW_OUT		(64u << 10)	/* bytes unread, before we stop reading */
#define CLIENT_MAX_OUT		(1u << 20)	/* bytes of events unread, before we cut it off */
#define RING_MAX_OUT		(64u << 10)	/* bytes waiting for the ring, likewise */

struct message {
	struct xsd_sockmsg head;
	char body[XENSTORE_PAYLOAD_MAX];
};

/* Bytes on their way out. */
struct queue {
	char *data;
	size_t len, size;
};

struct client {
	LIST_ENTRY(client) link;
	int fd;			/* -1: closed, about to be freed */
	struct message in;
	size_t in_len;
	struct queue out;
	unsigned int requests;	/* unanswered */
	uint32_t events;	/* what epoll watches for */
};

struct transaction {
	LIST_ENTRY(transaction) link;
	struct client *client;
	uint32_t id;
};

struct watch {
	LIST_ENTRY(watch) link;
	struct client *client;	/* NULL: gone; unwatch when the store has acknowledged the watch */
	uint32_t id;		/* the token that the store knows */
	bool confirmed;
	const char *token;	/* in `path`, after its terminator */
	char path[];
};

struct request {
	TAILQ_ENTRY(request) link;
	struct client *client;	/* NULL: nobody waits for the answer */
	uint32_t id, client_id, type;
	struct watch *watch;	/* XS_WATCH */
};

struct proxy {
	struct store_ring ring;
	int epoll, listener;
	struct message in;	/* from the ring */
	size_t in_len;
	struct queue out;	/* to the ring */
	uint32_t next_request, next_watch;
	unsigned int nr_clients;
	LIST_HEAD(, client) clients;
	LIST_HEAD(, transaction) transactions;
	LIST_HEAD(, watch) watches;
	TAILQ_HEAD(, request) requests;
};

/* client.c. `epoll` gets the proxy's descriptors, with pointers to what they belong to as data:
 * &proxy->listener, or a client. */
int proxy_init(struct proxy *proxy, int epoll, const char *path);
void proxy_accept(struct proxy *proxy);
void client_ready(struct proxy *proxy, struct client *client, uint32_t events);
void client_send(struct proxy *proxy, struct client *client, const struct message *msg);
void client_close(struct proxy *proxy, struct client *client);
/* Moves what can be moved between the queues and the ring. 0, or -EPROTO: the ring is broken. */
int proxy_pump(struct proxy *proxy);
int queue_add(struct queue *queue, const void *data, size_t len);

/* proxy.c */
void proxy_request(struct proxy *proxy, struct client *client, struct message *msg);
void proxy_answer(struct proxy *proxy, struct message *msg);
void proxy_forget(struct proxy *proxy, struct client *client);

#endif
