/* SPDX-License-Identifier: MIT */
/*
 * scroll.c - output into the scrollback, and where a successor goes on
 *
 * The order of stores is scrollback.h's. The page's own counters are the guest's to overwrite, so
 * what a predecessor has written down counts, and not they. With one exception: where they are
 * ahead of it, or too far behind for a death between two stores, another program has served the
 * console in between, and its word is all there is.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "console.h"

int scroll_open(struct console *c, uint32_t size)
{
	struct stat st;
	void *map;

	if (size < SCROLL_MIN || size > SCROLL_MAX || (size & (size - 1)))
		return -EINVAL;
	if (fstat(c->scroll_fd, &st))
		return -errno;
	if ((uint64_t)st.st_size < SCROLL_DATA + (uint64_t)size)
		return -EINVAL;
	map = mmap(NULL, SCROLL_DATA + size, PROT_READ | PROT_WRITE, MAP_SHARED, c->scroll_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	c->head = map;
	c->bytes = (uint8_t *)map + SCROLL_DATA;
	c->size = size;
	return 0;
}

void scroll_close(struct console *c)
{
	if (c->head)
		munmap(c->head, SCROLL_DATA + c->size);
	c->head = NULL;
}

static uint64_t go_on(uint64_t known, uint32_t shared, uint32_t length)
{
	if ((uint32_t)((uint32_t)known - shared) <= length)
		return known;
	return known + (uint32_t)(shared - (uint32_t)known);
}

/* Nobody has seen what came before. */
static void begin_at(struct console *c, uint64_t pos)
{
	struct scroll_log *log = &c->head->log[c->head->log_turn & 1];

	c->head->base = c->head->pty_pos = log->pos = pos;
	store_release(&c->head->out_pos, pos);
}

void scroll_resume(struct console *c, uint32_t port)
{
	const uint32_t out_cons = read_once(&c->page->out_cons);
	const uint32_t in_prod = read_once(&c->page->in_prod);
	struct scroll_head *h = c->head;
	uint64_t pos = go_on(h->out_pos, out_cons, STREAM_CONSOLE_OUT);

	if (h->port != port) {
		begin_at(c, out_cons);
		h->in_pos = in_prod;
		store_release(&h->port, port);
	} else if (pos != h->out_pos) {
		begin_at(c, pos);
	}
	h->in_pos = go_on(h->in_pos, in_prod, STREAM_CONSOLE_IN);
	stream_in_init(&c->out, stream_console_out(c->page), (uint32_t)h->out_pos);
	stream_out_init(&c->in, stream_console_in(c->page), (uint32_t)h->in_pos);
	stream_in_publish(&c->out);
	stream_out_publish(&c->in);
	write_once(&c->page->connection, (uint8_t)STREAM_CONNECTED);
}

int scroll_take(struct console *c)
{
	const uint64_t pos = c->head->out_pos;
	const uint32_t at = (uint32_t)pos & (c->size - 1), left = c->size - at;
	int n = stream_take(&c->out, c->bytes + at,
			    left < STREAM_CONSOLE_OUT ? left : STREAM_CONSOLE_OUT);

	if (n <= 0)
		return n;
	store_release(&c->head->out_pos, pos + (uint32_t)n);
	stream_in_publish(&c->out);
	return n;
}

int scroll_put(struct console *c, const uint8_t *from, uint32_t len)
{
	int n = stream_put(&c->in, from, len);

	if (n <= 0)
		return n;
	store_release(&c->head->in_pos, c->head->in_pos + (uint32_t)n);
	stream_out_publish(&c->in);
	return n;
}

uint64_t scroll_tail(const struct console *c)
{
	const uint64_t pos = c->head->out_pos, kept = c->size - STREAM_CONSOLE_OUT;
	const uint64_t tail = pos > kept ? pos - kept : 0;

	return tail > c->head->base ? tail : c->head->base;
}

uint32_t scroll_at(const struct console *c, uint64_t pos, uint32_t max, const uint8_t **bytes)
{
	const uint32_t at = (uint32_t)pos & (c->size - 1), left = c->size - at;
	const uint64_t there = c->head->out_pos - pos;
	uint32_t n = left < max ? left : max;

	*bytes = c->bytes + at;
	return there < n ? (uint32_t)there : n;
}

uint64_t scroll_catch_up(const struct console *c, uint64_t pos, uint64_t *lost)
{
	const uint64_t tail = scroll_tail(c);

	if (pos > c->head->out_pos)	/* only a damaged head says so */
		return c->head->out_pos;
	if (pos >= tail)
		return pos;
	*lost += tail - pos;
	return tail;
}
