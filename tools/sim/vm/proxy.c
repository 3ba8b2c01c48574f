/* SPDX-License-Identifier: MIT */
/*
 * Whose answer, whose transaction, whose watch. See proxy.h.
 *
 * The store sees one connection: requests get ids of ours, watches get tokens of ours, and each is
 * translated back on its way to the client. When a client goes, its watches are removed and its
 * transactions aborted, those too whose beginning is still unanswered.
 */
#include "proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABORT	"F"

static void reply(struct proxy *proxy, struct client *client, const struct xsd_sockmsg *to,
		  uint32_t type, const char *text)
{
	struct message msg = { .head = *to };

	msg.head.type = type;
	msg.head.len = (uint32_t)strlen(text) + 1;
	memcpy(msg.body, text, msg.head.len);
	client_send(proxy, client, &msg);
}

/*
 * Queue a message for the ring. Its answer goes to `client`, if there is one. Without memory for
 * that the machine stops, and the hypervisor reports that the domain crashed.
 */
static struct request *forward(struct proxy *proxy, struct client *client, struct message *msg)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		abort();
	request->client = client;
	request->client_id = msg->head.req_id;
	request->type = msg->head.type;
	request->id = proxy->next_request++;
	msg->head.req_id = request->id;
	if (queue_add(&proxy->out, msg, sizeof(msg->head) + msg->head.len))
		abort();
	TAILQ_INSERT_TAIL(&proxy->requests, request, link);
	if (client)
		client->requests++;
	return request;
}

static void send_own(struct proxy *proxy, uint32_t type, uint32_t tx_id, const char *body,
		     size_t len)
{
	struct message msg = { .head = { .type = type, .tx_id = tx_id, .len = (uint32_t)len } };

	memcpy(msg.body, body, len);
	forward(proxy, NULL, &msg);
}

static void abort_transaction(struct proxy *proxy, uint32_t id)
{
	send_own(proxy, XS_TRANSACTION_END, id, ABORT, sizeof(ABORT));
}

/* The body of WATCH and UNWATCH as the store shall see it: the path, and our token. */
static size_t watch_body(char body[XENSTORE_PAYLOAD_MAX], const struct watch *watch)
{
	size_t path = strlen(watch->path) + 1;

	memmove(body, watch->path, path);
	return path + (size_t)sprintf(body + path, "%x", watch->id) + 1;
}

/* Also without a client: the store is told, and the watch is gone. */
static void remove_watch(struct proxy *proxy, struct watch *watch)
{
	char body[XENSTORE_PAYLOAD_MAX];

	send_own(proxy, XS_UNWATCH, 0, body, watch_body(body, watch));
	LIST_REMOVE(watch, link);
	free(watch);
}

static struct watch *find_watch(struct proxy *proxy, struct client *client, const char *path,
				const char *token)
{
	struct watch *watch;

	LIST_FOREACH(watch, &proxy->watches, link)
		if (watch->client == client && !strcmp(watch->path, path) &&
		    !strcmp(watch->token, token))
			return watch;
	return NULL;
}

/* Two strings, each terminated, nothing after them, and room for a token of ours. */
static const char *second_string(const struct message *msg)
{
	const char *end = msg->body + msg->head.len, *token;

	token = memchr(msg->body, '\0', msg->head.len);
	if (!token++ || token == end || memchr(token, '\0', (size_t)(end - token)) != end - 1)
		return NULL;
	return token - msg->body + sizeof("ffffffff") <= XENSTORE_PAYLOAD_MAX ? token : NULL;
}

static void ask_watch(struct proxy *proxy, struct client *client, struct message *msg)
{
	const char *token = second_string(msg);
	struct watch *watch;

	if (!token || find_watch(proxy, client, msg->body, token)) {
		reply(proxy, client, &msg->head, XS_ERROR, token ? "EEXIST" : "EINVAL");
		return;
	}
	watch = calloc(1, sizeof(*watch) + msg->head.len);
	if (!watch) {
		reply(proxy, client, &msg->head, XS_ERROR, "ENOMEM");
		return;
	}
	memcpy(watch->path, msg->body, msg->head.len);
	watch->token = watch->path + (token - msg->body);
	watch->client = client;
	watch->id = proxy->next_watch++;
	LIST_INSERT_HEAD(&proxy->watches, watch, link);
	msg->head.len = (uint32_t)watch_body(msg->body, watch);
	forward(proxy, client, msg)->watch = watch;
}

static void ask_unwatch(struct proxy *proxy, struct client *client, struct message *msg)
{
	const char *token = second_string(msg);
	struct watch *watch = token ? find_watch(proxy, client, msg->body, token) : NULL;

	if (!watch || !watch->confirmed) {
		reply(proxy, client, &msg->head, XS_ERROR, token ? "ENOENT" : "EINVAL");
		return;
	}
	msg->head.len = (uint32_t)watch_body(msg->body, watch);
	forward(proxy, client, msg);
	LIST_REMOVE(watch, link);
	free(watch);
}

static struct transaction *find_transaction(struct proxy *proxy, struct client *client,
					    uint32_t id)
{
	struct transaction *tx;

	LIST_FOREACH(tx, &proxy->transactions, link)
		if (tx->client == client && tx->id == id)
			return tx;
	return NULL;
}

static void forget_state(struct proxy *proxy, struct client *client)
{
	struct transaction *tx, *next_tx;
	struct watch *watch, *next_watch;

	for (watch = LIST_FIRST(&proxy->watches); watch; watch = next_watch) {
		next_watch = LIST_NEXT(watch, link);
		if (watch->client != client)
			continue;
		if (watch->confirmed)
			remove_watch(proxy, watch);
		else
			watch->client = NULL;
	}
	for (tx = LIST_FIRST(&proxy->transactions); tx; tx = next_tx) {
		next_tx = LIST_NEXT(tx, link);
		if (tx->client != client)
			continue;
		abort_transaction(proxy, tx->id);
		LIST_REMOVE(tx, link);
		free(tx);
	}
}

void proxy_request(struct proxy *proxy, struct client *client, struct message *msg)
{
	struct transaction *tx = NULL;

	if (msg->head.tx_id) {
		tx = find_transaction(proxy, client, msg->head.tx_id);
		if (!tx) {
			reply(proxy, client, &msg->head, XS_ERROR, "ENOENT");
			return;
		}
	}
	switch (msg->head.type) {
	case XS_WATCH:
		ask_watch(proxy, client, msg);
		break;
	case XS_UNWATCH:
		ask_unwatch(proxy, client, msg);
		break;
	case XS_RESET_WATCHES:
		/* The store would reset the whole domain. */
		forget_state(proxy, client);
		reply(proxy, client, &msg->head, XS_RESET_WATCHES, "OK");
		break;
	case XS_TRANSACTION_END:
		if (msg->head.len != 2 || msg->body[1] || !strchr("TF", msg->body[0])) {
			reply(proxy, client, &msg->head, XS_ERROR, "EINVAL");
			break;
		}
		forward(proxy, client, msg);
		if (tx) {
			LIST_REMOVE(tx, link);
			free(tx);
		}
		break;
	default:
		forward(proxy, client, msg);
	}
}

void proxy_forget(struct proxy *proxy, struct client *client)
{
	struct request *request;

	forget_state(proxy, client);
	TAILQ_FOREACH(request, &proxy->requests, link)
		if (request->client == client)
			request->client = NULL;
}

static void watch_answered(struct proxy *proxy, struct watch *watch, bool ok)
{
	watch->confirmed = ok;
	if (ok && !watch->client) {
		remove_watch(proxy, watch);
	} else if (!ok) {
		LIST_REMOVE(watch, link);
		free(watch);
	}
}

static void transaction_started(struct proxy *proxy, struct client *client,
				const struct message *msg)
{
	struct transaction *tx;
	char text[16] = { 0 };

	memcpy(text, msg->body, msg->head.len < sizeof(text) ? msg->head.len : sizeof(text) - 1);
	tx = client ? calloc(1, sizeof(*tx)) : NULL;
	if (!tx) {
		abort_transaction(proxy, (uint32_t)strtoul(text, NULL, 10));
		return;
	}
	tx->client = client;
	tx->id = (uint32_t)strtoul(text, NULL, 10);
	LIST_INSERT_HEAD(&proxy->transactions, tx, link);
}

/* An event names our token; the client's takes its place. */
static void deliver_event(struct proxy *proxy, struct message *msg)
{
	const char *token = second_string(msg);
	uint32_t id = token ? (uint32_t)strtoul(token, NULL, 16) : 0;
	size_t path, len;
	struct watch *watch;

	if (!token)
		return;
	LIST_FOREACH(watch, &proxy->watches, link)
		if (watch->id == id)
			break;
	if (!watch || !watch->client)
		return;
	path = (size_t)(token - msg->body);
	len = strlen(watch->token) + 1;
	if (path + len > XENSTORE_PAYLOAD_MAX)
		return;
	memcpy(msg->body + path, watch->token, len);
	msg->head.len = (uint32_t)(path + len);
	client_send(proxy, watch->client, msg);
}

void proxy_answer(struct proxy *proxy, struct message *msg)
{
	struct request *request;
	struct client *client;

	if (msg->head.type == XS_WATCH_EVENT) {
		deliver_event(proxy, msg);
		return;
	}
	TAILQ_FOREACH(request, &proxy->requests, link)
		if (request->id == msg->head.req_id)
			break;
	if (!request)
		return;
	TAILQ_REMOVE(&proxy->requests, request, link);
	client = request->client;
	if (request->watch)
		watch_answered(proxy, request->watch, msg->head.type == XS_WATCH);
	if (request->type == XS_TRANSACTION_START && msg->head.type == XS_TRANSACTION_START)
		transaction_started(proxy, client, msg);
	if (client) {
		client->requests--;
		msg->head.req_id = request->client_id;
		client_send(proxy, client, msg);
	}
	free(request);
}
