/* SPDX-License-Identifier: MIT */
/*
 * pty.c - the terminal, for those who know of nothing else
 *
 * Its slave has a name that clients find in xenstore. It is held open here, or the master would
 * hang up whenever the last of them leaves. What nobody reads stays in the terminal's own buffer,
 * which is small, and then in the scrollback.
 *
 * No more is read from it than the page has room for, so that nothing of it waits in this process.
 */
#include <errno.h>
#include <unistd.h>

#include "console.h"

static void watch(struct console *c)
{
	loop_watch(&c->env->loop, &c->pty, !c->typed.stopped, c->pty_blocked);
}

void pty_feed(struct console *c)
{
	uint64_t pos = scroll_catch_up(c, c->head->pty_pos, &c->head->lost);
	const bool was_blocked = c->pty_blocked;
	const uint8_t *bytes;
	uint32_t len;

	c->pty_blocked = false;
	while (c->pty.fd >= 0 && (len = scroll_at(c, pos, CONSOLE_PAYLOAD, &bytes)) > 0) {
		ssize_t n = write(c->pty.fd, bytes, len);

		if (n <= 0) {
			c->pty_blocked = n < 0 && errno == EAGAIN;
			break;
		}
		pos += (uint64_t)n;
		write_once(&c->head->pty_pos, pos);
	}
	write_once(&c->head->pty_pos, pos);
	if (was_blocked != c->pty_blocked && c->pty.fd >= 0)
		watch(c);
}

static void pty_ready(struct loop_fd *source)
{
	struct console *c = container_of(source, struct console, pty);
	uint32_t room = typed_room(c);
	ssize_t n = room > 0 ? read(source->fd, c->typed.bytes, room) : 0;

	if (n > 0)
		typed_give(c, (uint32_t)n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		pty_close(c);
	if (c->pty_blocked)
		pty_feed(c);
}

void pty_listen(struct console *c)
{
	if (c->pty.fd >= 0)
		watch(c);
}

int pty_open(struct console *c)
{
	c->pty.ready = pty_ready;
	return loop_add(&c->env->loop, &c->pty);
}

void pty_close(struct console *c)
{
	int fd = loop_del(&c->env->loop, &c->pty);

	if (fd >= 0)
		close(fd);
	if (c->pty_slave >= 0)
		close(c->pty_slave);
	c->pty_slave = -1;
}
