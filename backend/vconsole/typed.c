/* SPDX-License-Identifier: MIT */
/*
 * typed.c - what people type, on its way into the page
 *
 * One message at most waits here. While it does, neither the writer's socket nor the terminal is
 * read: what the guest does not take stays with who sent it, and they wait.
 */
#include "console.h"

static void listen_to_all(struct console *c, bool listen)
{
	if (c->typed.stopped != listen)
		return;
	c->typed.stopped = !listen;
	pty_listen(c);
	clients_listen(c);
}

void typed_flush(struct console *c)
{
	bool put = false;
	int n = 0;

	if (c->failed) {
		listen_to_all(c, false);
		return;
	}
	while (c->typed.at < c->typed.len) {
		n = scroll_put(c, c->typed.bytes + c->typed.at, c->typed.len - c->typed.at);
		if (n <= 0)
			break;
		c->typed.at += (uint32_t)n;
		put = c->notify = true;
	}
	if (n == STREAM_EBROKEN || stream_out_room(&c->in) == STREAM_EBROKEN)
		console_fail(c, "its guest has taken more than was typed: the counter in_cons is "
				"impossible");
	if (put)
		clients_taken(c);
	if (c->typed.at == c->typed.len)
		c->typed.at = c->typed.len = 0;
	listen_to_all(c, c->typed.len == 0 && stream_out_room(&c->in) > 0);
}

uint32_t typed_room(struct console *c)
{
	int room = c->failed ? 0 : stream_out_room(&c->in);

	if (room < 0)
		typed_flush(c);		/* which says so */
	if (room <= 0)
		listen_to_all(c, false);
	return room > 0 && !c->typed.stopped ? (uint32_t)room : 0;
}

void typed_give(struct console *c, uint32_t len)
{
	c->typed.at = 0;
	c->typed.len = len;
	typed_flush(c);
	console_poke(c);
}
