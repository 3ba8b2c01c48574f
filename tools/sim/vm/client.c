/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes between the programs' sockets and the domain's xenstore ring. See proxy.h.
 */
#include "proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int queue_add(struct queue *queue, const void *data, size_t len)
{
	if (queue->len + len > queue->size) {
		size_t size = 2 * (queue->len + len);
		char *grown = realloc(queue->data, size);

		if (!grown)
			return -ENOMEM;
		queue->data = grown;
		queue->size = size;
	}
	memcpy(queue->data + queue->len, data, len);
	queue->len += len;
	return 0;
}

static void queue_drop(struct queue *queue, size_t len)
{
	queue->len -= len;
	memmove(queue->data, queue->data + len, queue->len);
	if (!queue->len) {
		free(queue->data);
		*queue = (struct queue){ 0 };
	}
}

int proxy_init(struct proxy *proxy, int epoll, const char *path)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &proxy->listener };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	proxy->epoll = epoll;
	LIST_INIT(&proxy->clients);
	LIST_INIT(&proxy->transactions);
	LIST_INIT(&proxy->watches);
	TAILQ_INIT(&proxy->requests);
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	unlink(path);
	proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	umask(0077);
	if (proxy->listener < 0 || bind(proxy->listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(proxy->listener, 64) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, proxy->listener, &event))
		return -errno;
	return 0;
}

static bool may_ask(const struct proxy *proxy, const struct client *client)
{
	return client->requests < CLIENT_MAX_REQUESTS && client->out.len < CLIENT_SLOW_OUT &&
	       proxy->out.len < RING_MAX_OUT;
}

/* Watch for what the client may do now. */
static void update_events(struct proxy *proxy, struct client *client)
{
	struct epoll_event event = { .data.ptr = client };

	if (client->fd < 0)
		return;
	event.events = (may_ask(proxy, client) ? EPOLLIN : 0u) | (client->out.len ? EPOLLOUT : 0u);
	if (event.events == client->events)
		return;
	client->events = event.events;
	epoll_ctl(proxy->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

void proxy_accept(struct proxy *proxy)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	if (fd < 0)
		return;
	client = proxy->nr_clients < PROXY_MAX_CLIENTS ? calloc(1, sizeof(*client)) : NULL;
	event.data.ptr = client;
	if (!client || epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(client);
		close(fd);
		return;
	}
	client->fd = fd;
	client->events = EPOLLIN;
	proxy->nr_clients++;
	LIST_INSERT_HEAD(&proxy->clients, client, link);
}

/* Freed by proxy_pump(), when no event can still name it. */
void client_close(struct proxy *proxy, struct client *client)
{
	if (client->fd < 0)
		return;
	close(client->fd);
	client->fd = -1;
	proxy_forget(proxy, client);
}

static void flush_client(struct proxy *proxy, struct client *client)
{
	ssize_t sent;

	while (client->fd >= 0 && client->out.len) {
		sent = send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL);
		if (sent > 0)
			queue_drop(&client->out, (size_t)sent);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			client_close(proxy, client);
	}
}

void client_send(struct proxy *proxy, struct client *client, const struct message *msg)
{
	if (client->fd < 0)
		return;
	if (client->out.len > CLIENT_MAX_OUT ||
	    queue_add(&client->out, msg, sizeof(msg->head) + msg->head.len))
		client_close(proxy, client);
	flush_client(proxy, client);
	update_events(proxy, client);
}

/* One read and at most one message. Returns false if there is nothing more to do now. */
static bool read_client(struct proxy *proxy, struct client *client)
{
	struct message *in = &client->in;
	size_t want = sizeof(in->head);
	ssize_t got;

	if (client->in_len >= want)
		want += in->head.len;
	if (client->in_len < want) {
		got = recv(client->fd, (char *)in + client->in_len, want - client->in_len, 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (got <= 0) {
			client_close(proxy, client);
			return false;
		}
		client->in_len += (size_t)got;
	}
	if (client->in_len < sizeof(in->head))
		return true;
	if (in->head.len > XENSTORE_PAYLOAD_MAX) {
		client_close(proxy, client);
		return false;
	}
	if (client->in_len == sizeof(in->head) + in->head.len) {
		client->in_len = 0;
		proxy_request(proxy, client, in);
	}
	return true;
}

void client_ready(struct proxy *proxy, struct client *client, uint32_t events)
{
	if (events & EPOLLOUT)
		flush_client(proxy, client);
	for (int i = 0; i < CLIENT_MAX_READS && client->fd >= 0 && may_ask(proxy, client); i++)
		if (!read_client(proxy, client))
			break;
	/* A client that hung up while it may not ask would keep waking us. */
	if ((events & (EPOLLHUP | EPOLLERR)) && client->fd >= 0 && !may_ask(proxy, client))
		client_close(proxy, client);
	update_events(proxy, client);
}

static int pump_in(struct proxy *proxy)
{
	struct message *in = &proxy->in;
	ssize_t got;

	for (;;) {
		size_t want = sizeof(in->head);

		if (proxy->in_len >= want)
			want += in->head.len;
		got = store_ring_read(&proxy->ring, (char *)in + proxy->in_len,
				      want - proxy->in_len);
		if (got < 0)
			return (int)got;
		proxy->in_len += (size_t)got;
		if (proxy->in_len < want)
			return 0;
		if (in->head.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		if (proxy->in_len == sizeof(in->head) + in->head.len) {
			proxy->in_len = 0;
			proxy_answer(proxy, in);
		}
	}
}

int proxy_pump(struct proxy *proxy)
{
	struct client *client, *next;
	ssize_t sent;
	int rc = pump_in(proxy);

	while (!rc && proxy->out.len) {
		sent = store_ring_write(&proxy->ring, proxy->out.data, proxy->out.len);
		if (sent <= 0) {
			rc = (int)sent;
			break;
		}
		queue_drop(&proxy->out, (size_t)sent);
	}
	for (client = LIST_FIRST(&proxy->clients); client; client = next) {
		next = LIST_NEXT(client, link);
		if (client->fd >= 0) {
			update_events(proxy, client);
			continue;
		}
		LIST_REMOVE(client, link);
		proxy->nr_clients--;
		free(client->out.data);
		free(client);
	}
	return rc;
}
