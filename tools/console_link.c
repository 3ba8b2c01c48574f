/* SPDX-License-Identifier: MIT */
/*
 * console_link.c - one connection to a console, and the next
 *
 * A worker counts bytes both ways (console_socket.h). What the guest has put out is followed by its
 * position; what is typed is kept until the worker says that the guest's page has it. So when a
 * worker dies, and xpvd starts another, the same link is opened again and goes on where it was:
 * nothing is shown twice, nothing that was typed is lost. A terminal counts nothing, and its end is
 * the end.
 *
 * The worker speaks for the guest, and is trusted with no more than to be shown: what it says is
 * bounded, and whatever is text is escaped.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console_client.h"

/* Who we are, for the next who wants to write. */
static void who(char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *tty = isatty(STDIN_FILENO) ? ttyname(STDIN_FILENO) : NULL;

	snprintf(buf, size, "%.64s on %.64s (pid %d)", pw ? pw->pw_name : "somebody",
		 tty ? tty : "a pipe", (int)getpid());
}

static bool say(struct console_link *link, char type, const void *payload, size_t len)
{
	char message[1 + CONSOLE_PAYLOAD];

	message[0] = type;
	if (len)
		memcpy(message + 1, payload, len);
	return send(link->fd, message, 1 + len, MSG_NOSIGNAL) == (ssize_t)(1 + len);
}

static bool ask_to_read(struct console_link *link)
{
	link->reading = true;
	return say(link, CONSOLE_READ, NULL, 0);
}

/* Where to read from, then for the writing, which decides whether there is anything to read. */
static bool introduce(struct console_link *link)
{
	char text[256];
	bool ok = true;

	if (link->placed) {
		snprintf(text, sizeof(text), "@%llu", (unsigned long long)link->position);
		ok = say(link, CONSOLE_FROM, text, strlen(text));
	} else if (!link->scrollback) {
		ok = say(link, CONSOLE_FROM, "0", 1);
	}
	if (!ok || !link->wants_write)
		return ok && ask_to_read(link);
	text[0] = link->take ? 1 : 0;
	who(text + 1, sizeof(text) - 1);
	return say(link, CONSOLE_WRITE, text, 1 + strlen(text + 1));
}

int link_open(struct console_link *link)
{
	int rc = console_dial(link->at);

	link->is_tty = false;
	link->writer = link->reading = false;
	link->sent = 0;
	link->fd = rc;
	if (rc >= 0) {
		if (introduce(link))
			return 0;
		link_close(link);
		return -ECONNRESET;
	}
	if (!link->at->tty[0])
		return rc;
	rc = console_open_tty(link->at);
	link->fd = rc;
	if (rc < 0)
		return rc;
	link->is_tty = link->reading = true;
	link->writer = link->wants_write;
	return 0;
}

void link_close(struct console_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->writer = false;
}

/*
 * What is typed
 */

size_t link_room(const struct console_link *link)
{
	return sizeof(link->typed) - link->typed_len;
}

size_t link_type(struct console_link *link, const char *bytes, size_t len)
{
	if (len > link_room(link))
		len = link_room(link);
	memcpy(link->typed + link->typed_len, bytes, len);
	link->typed_len += len;
	return len;
}

bool link_wants_out(const struct console_link *link)
{
	return link->fd >= 0 && link->writer && link->sent < link->typed_len &&
	       (link->is_tty || link->counted);
}

bool link_all_taken(const struct console_link *link)
{
	return !link->typed_len;
}

/* So many bytes need not be kept any more. */
static void forget(struct console_link *link, size_t n)
{
	memmove(link->typed, link->typed + n, link->typed_len - n);
	link->typed_len -= n;
	link->sent = link->sent > n ? link->sent - n : 0;
}

bool link_send(struct console_link *link)
{
	while (link_wants_out(link)) {
		const char *from = link->typed + link->sent;
		size_t len = link->typed_len - link->sent;
		ssize_t n;

		if (link->is_tty) {
			n = write(link->fd, from, len);
		} else {
			len = len < CONSOLE_PAYLOAD ? len : CONSOLE_PAYLOAD;
			n = say(link, CONSOLE_INPUT, from, len) ? (ssize_t)len : -1;
		}
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		link->sent += (size_t)n;
		if (link->is_tty)
			forget(link, (size_t)n);
	}
	return true;
}

void link_yield(struct console_link *link)
{
	if (!link->is_tty && link->fd >= 0 && link->writer)
		say(link, CONSOLE_YIELD, NULL, 0);
	link->writer = link->wants_write = false;
}

/* The first count is where our bytes begin. Later ones may have others' bytes in them. */
static void count_taken(struct console_link *link, uint64_t position)
{
	uint64_t n = position - link->taken;

	if (link->counted && position > link->taken)
		forget(link, n < link->typed_len ? (size_t)n : link->typed_len);
	link->taken = position;
	link->counted = true;
}

/*
 * What comes
 */

static void keep_text(struct console_link *link, const char *payload, size_t len)
{
	tool_escape(link->text, sizeof(link->text), payload, len);
}

static enum link_event on_position(struct console_link *link, const char *payload, size_t len)
{
	uint64_t position;

	if (xs_parse_u64(payload, len, &position))
		return LINK_BROKEN;
	link->position = position;
	link->placed = true;
	return LINK_NOTHING;
}

static enum link_event on_output(struct console_link *link, const char *payload, size_t len)
{
	memcpy(link->out, payload, len);
	link->out_len = len;
	link->position += len;
	return len ? LINK_OUTPUT : LINK_NOTHING;
}

static enum link_event on_skipped(struct console_link *link, const char *payload, size_t len)
{
	uint64_t lost;

	if (xs_parse_u64(payload, len, &lost))
		return LINK_BROKEN;
	link->position += lost;
	snprintf(link->text, sizeof(link->text), "%llu bytes of output were too old to be shown",
		 (unsigned long long)lost);
	return LINK_NOTICE;
}

static enum link_event on_granted(struct console_link *link, const char *payload, size_t len)
{
	(void)payload, (void)len;
	link->writer = true;
	link->take = false;	/* were it taken from us, it would not be taken back unasked */
	if (!link->reading && !ask_to_read(link))
		return LINK_BROKEN;
	return LINK_NOTHING;
}

static enum link_event on_busy(struct console_link *link, const char *payload, size_t len)
{
	keep_text(link, payload, len);
	return LINK_BUSY;
}

static enum link_event on_lost(struct console_link *link, const char *payload, size_t len)
{
	keep_text(link, payload, len);
	link->writer = link->wants_write = false;
	link->typed_len = link->sent = 0;
	return LINK_LOST;
}

static enum link_event on_taken(struct console_link *link, const char *payload, size_t len)
{
	uint64_t position;

	if (xs_parse_u64(payload, len, &position))
		return LINK_BROKEN;
	count_taken(link, position);
	return LINK_NOTHING;
}

static enum link_event on_end(struct console_link *link, const char *payload, size_t len)
{
	keep_text(link, payload, len);
	return LINK_END;
}

static const struct {
	char type;
	enum link_event (*take)(struct console_link *link, const char *payload, size_t len);
} messages[] = {
	{ CONSOLE_POSITION, on_position }, { CONSOLE_OUTPUT, on_output },
	{ CONSOLE_SKIPPED, on_skipped }, { CONSOLE_GRANTED, on_granted },
	{ CONSOLE_BUSY, on_busy }, { CONSOLE_LOST, on_lost },
	{ CONSOLE_TAKEN, on_taken }, { CONSOLE_END, on_end },
};

static enum link_event receive_message(struct console_link *link)
{
	char message[1 + CONSOLE_PAYLOAD];
	ssize_t n = recv(link->fd, message, sizeof(message), MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return LINK_NOTHING;
	if (n <= 0 || (size_t)n > sizeof(message))
		return LINK_BROKEN;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].type == message[0])
			return messages[i].take(link, message + 1, (size_t)n - 1);
	return LINK_NOTHING;	/* a newer worker has more to say */
}

static enum link_event receive_tty(struct console_link *link)
{
	ssize_t n = read(link->fd, link->out, sizeof(link->out));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return LINK_NOTHING;
	if (n <= 0)
		return LINK_BROKEN;
	link->out_len = (size_t)n;
	return LINK_OUTPUT;
}

enum link_event link_receive(struct console_link *link)
{
	link->out_len = link->out_at = 0;
	return link->is_tty ? receive_tty(link) : receive_message(link);
}
