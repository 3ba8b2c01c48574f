/* SPDX-License-Identifier: MIT */
/*
 * client.c - the socket's clients: many read, one writes
 *
 * A client is a position in the scrollback and a few things that it has yet to be told (notes);
 * what those say is made when they are sent, so that a client that does not read holds no memory,
 * and hears the latest when it does.
 *
 * A writer that hangs up while the guest takes nothing has perhaps left input in its socket. It is
 * taken when the guest takes it, unless somebody else begins to write.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"

enum note { NOTE_POSITION, NOTE_SKIPPED, NOTE_GRANTED, NOTE_BUSY, NOTE_LOST, NOTE_TAKEN, NOTES };

static int note_number(char *text, size_t size, uint64_t n)
{
	return snprintf(text, size, "%llu", (unsigned long long)n);
}

static int say_position(struct client *cl, char *text, size_t size)
{
	return note_number(text, size, cl->pos);
}

static int say_skipped(struct client *cl, char *text, size_t size)
{
	return note_number(text, size, cl->skipped);
}

static int say_nothing(struct client *cl, char *text, size_t size)
{
	(void)cl, (void)text, (void)size;
	return 0;
}

static int say_writer(struct client *cl, char *text, size_t size)
{
	const struct client *writer = cl->console->writer;

	return snprintf(text, size, "%s", writer ? writer->who : "");
}

static int say_taker(struct client *cl, char *text, size_t size)
{
	return snprintf(text, size, "%s", cl->taker);
}

static int say_taken(struct client *cl, char *text, size_t size)
{
	return note_number(text, size, cl->console->head->in_pos);
}

/* In the order in which they are sent. */
static const struct {
	char type;
	int (*say)(struct client *cl, char *text, size_t size);
} notes[NOTES] = {
	[NOTE_POSITION] = { CONSOLE_POSITION, say_position },
	[NOTE_SKIPPED] = { CONSOLE_SKIPPED, say_skipped },
	[NOTE_GRANTED] = { CONSOLE_GRANTED, say_nothing },
	[NOTE_BUSY] = { CONSOLE_BUSY, say_writer },
	[NOTE_LOST] = { CONSOLE_LOST, say_taker },
	[NOTE_TAKEN] = { CONSOLE_TAKEN, say_taken },
};

static void drop(struct client *cl)
{
	int fd = loop_del(&cl->console->env->loop, &cl->source);

	if (fd >= 0)
		close(fd);
	if (cl->undrained >= 0)
		close(cl->undrained);
	if (cl->console->writer == cl)
		cl->console->writer = NULL;
	cl->undrained = -1;
	cl->due = 0;
}

static void watch(struct client *cl)
{
	if (cl->source.fd >= 0)
		loop_watch(&cl->console->env->loop, &cl->source, !cl->throttled, cl->blocked);
}

/* False: it cannot be sent now, or the client is gone. */
static bool send_message(struct client *cl, char type, const void *payload, size_t len)
{
	struct iovec iov[2] = {
		{ .iov_base = &type, .iov_len = 1 },
		{ .iov_base = (void *)(uintptr_t)payload, .iov_len = len },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	if (sendmsg(cl->source.fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
		cl->blocked = true;
		return false;
	}
	/* what it has sent before it hung up may still be wanted */
	cl->reading = false;
	cl->gone = true;
	cl->due = 0;
	return false;
}

static bool send_notes(struct client *cl)
{
	char text[WHO_MAX];

	for (unsigned int i = 0; i < NOTES; i++) {
		if (!(cl->due & 1u << i))
			continue;
		if (!send_message(cl, notes[i].type, text,
				  (size_t)notes[i].say(cl, text, sizeof(text))))
			return false;
		cl->due &= ~(1u << i);
		if (i == NOTE_SKIPPED)
			cl->skipped = 0;
	}
	return true;
}

static bool send_output(struct client *cl)
{
	const struct console *c = cl->console;
	const uint8_t *bytes;
	uint32_t len;

	cl->pos = scroll_catch_up(c, cl->pos, &cl->skipped);
	if (cl->skipped) {
		cl->due |= 1u << NOTE_SKIPPED;
		return true;
	}
	len = scroll_at(c, cl->pos, CONSOLE_PAYLOAD, &bytes);
	if (!len || !send_message(cl, CONSOLE_OUTPUT, bytes, len))
		return false;
	cl->pos += len;
	return true;
}

static void feed(struct client *cl)
{
	const bool was_blocked = cl->blocked;

	cl->blocked = false;
	while (cl->source.fd >= 0 && send_notes(cl) && cl->reading && send_output(cl))
		continue;
	if (cl->blocked != was_blocked)
		watch(cl);
}

/* Text of a client's, for others' terminals. */
static void take_name(struct client *cl, const uint8_t *text, size_t len)
{
	char raw[WHO_MAX];

	snprintf(raw, sizeof(raw), "%.*s", (int)len, (const char *)text);
	log_safe(cl->who, sizeof(cl->who), raw);
}

/* "BYTES" or "@POSITION". */
static void ask_from(struct client *cl, const uint8_t *text, size_t len)
{
	char number[24];
	char *end;

	cl->from_absolute = len > 0 && text[0] == '@';
	snprintf(number, sizeof(number), "%.*s", (int)(len - cl->from_absolute),
		 (const char *)text + cl->from_absolute);
	cl->from = strtoull(number, &end, 10);
	cl->from_set = end != number && !*end;
}

static void ask_read(struct client *cl, const uint8_t *text, size_t len)
{
	const struct console *c = cl->console;
	const uint64_t tail = scroll_tail(c), head = c->head->out_pos;

	(void)text, (void)len;
	cl->pos = tail;
	if (cl->from_set && cl->from_absolute && cl->from <= head)
		cl->pos = cl->from;
	else if (cl->from_set && !cl->from_absolute && cl->from < head - tail)
		cl->pos = head - cl->from;
	cl->reading = true;
	cl->due |= 1u << NOTE_POSITION;
}

static void ask_write(struct client *cl, const uint8_t *text, size_t len)
{
	struct console *c = cl->console;
	struct client *old = c->writer;

	if (len < 1)
		return;
	take_name(cl, text + 1, len - 1);
	if (old && old != cl && !old->draining && !text[0]) {
		cl->due |= 1u << NOTE_BUSY;
		return;
	}
	if (old && old != cl && old->draining) {
		drop(old);
	} else if (old && old != cl) {
		snprintf(old->taker, sizeof(old->taker), "%s", cl->who);
		old->due |= 1u << NOTE_LOST;
		old->throttled = false;
		c->writer = NULL;
		watch(old);
		feed(old);
	}
	c->writer = cl;
	cl->due |= 1u << NOTE_GRANTED | 1u << NOTE_TAKEN;
	clients_listen(c);
}

static void ask_yield(struct client *cl, const uint8_t *text, size_t len)
{
	(void)text, (void)len;
	if (cl->console->writer == cl)
		cl->console->writer = NULL;
}

static void ask_input(struct client *cl, const uint8_t *text, size_t len)
{
	struct console *c = cl->console;

	if (c->writer != cl || !len)
		return;
	memcpy(c->typed.bytes, text, len);
	typed_give(c, (uint32_t)len);
}

static const struct {
	char type;
	void (*ask)(struct client *cl, const uint8_t *text, size_t len);
} asks[] = {
	{ CONSOLE_INPUT, ask_input },
	{ CONSOLE_FROM, ask_from },
	{ CONSOLE_READ, ask_read },
	{ CONSOLE_WRITE, ask_write },
	{ CONSOLE_YIELD, ask_yield },
};

/* False: nothing more is to be had of it at the moment. */
static bool hear(struct client *cl, int fd)
{
	static uint8_t message[CONSOLE_PAYLOAD + 1];
	struct iovec iov = { .iov_base = message, .iov_len = sizeof(message) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !cl->draining)
		return false;
	if (n <= 0) {
		drop(cl);
		return false;
	}
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		if (asks[i].type == (char)message[0])
			asks[i].ask(cl, message + 1, (size_t)n - 1);
	}
	return true;
}

/* Whether a writer that is not listened to has woken us because it is gone: only sending tells. */
static bool has_hung_up(struct client *cl)
{
	cl->due |= 1u << NOTE_TAKEN;
	feed(cl);
	return cl->gone;
}

static void client_ready(struct loop_fd *source)
{
	struct client *cl = container_of(source, struct client, source);

	if (cl->blocked)
		feed(cl);
	if (cl->throttled && has_hung_up(cl)) {
		cl->draining = true;
		cl->undrained = loop_del(&cl->console->env->loop, source);
	} else if (!cl->throttled && hear(cl, source->fd)) {
		feed(cl);
	}
}

void clients_listen(struct console *c)
{
	struct client *cl = c->writer;

	if (!cl)
		return;
	while (cl->draining && !c->typed.stopped && hear(cl, cl->undrained))
		continue;
	cl->throttled = c->typed.stopped;
	watch(cl);
}

void clients_taken(struct console *c)
{
	if (c->writer && !c->writer->draining)
		c->writer->due |= 1u << NOTE_TAKEN;
}

void clients_feed(struct console *c)
{
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct client *cl = &c->clients[i];

		if (cl->source.fd >= 0 && !cl->blocked && (cl->due || cl->reading))
			feed(cl);
	}
}

static void turn_away(struct client *cl, int fd)
{
	static const char words[] = "too many clients: close one of them";

	cl->source.fd = fd;
	send_message(cl, CONSOLE_END, words, sizeof(words) - 1);
	close(fd);
}

static void listener_ready(struct loop_fd *source)
{
	struct console *c = container_of(source, struct console, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *cl = c->clients, *end = cl + CONSOLE_CLIENTS;

	if (fd < 0)
		return;
	while (cl < end && (cl->source.fd >= 0 || cl->undrained >= 0))
		cl++;
	if (cl == end) {
		struct client none = { .console = c };

		turn_away(&none, fd);
		return;
	}
	*cl = (struct client){ .console = c, .source = { fd, client_ready }, .undrained = -1 };
	if (loop_add(&c->env->loop, &cl->source)) {
		cl->source.fd = -1;
		close(fd);
	}
}

int clients_open(struct console *c)
{
	c->listener.ready = listener_ready;
	return loop_add(&c->env->loop, &c->listener);
}

void clients_close(struct console *c, const char *end)
{
	int fd = loop_del(&c->env->loop, &c->listener);

	if (fd >= 0)
		close(fd);
	for (int i = 0; i < CONSOLE_CLIENTS; i++) {
		struct client *cl = &c->clients[i];

		if (cl->source.fd >= 0 && end)
			send_message(cl, CONSOLE_END, end, strlen(end));
		drop(cl);
	}
}
