/* SPDX-License-Identifier: MIT */
/*
 * stream.h - byte streams in memory shared with a peer that is not trusted
 *
 * A stream carries bytes one way. Its two free-running 32-bit counters are in the shared page, and
 * each end owns one of them: the end that puts writes `prod`, the end that takes writes `cons`
 * (xen/io/console.h). The discipline is ring.h's:
 *
 *   - An end keeps its own counter privately and only ever writes the shared copy. The peer's is
 *     read once for each decision and checked: bytes that wait are prod - cons, and more of them
 *     than the stream is long are a violation, reported as STREAM_EBROKEN. A counter that jumps,
 *     or goes backwards, is one such difference.
 *   - Bytes are copied in and out as a whole, once; no pointer into shared memory leaves this file.
 *   - Taking and putting publish nothing. What is done with the bytes in between (written down
 *     before the peer hears that they were taken) is the caller's.
 *
 * Nobody asks to be notified: whoever publishes also notifies, and both publishing functions end
 * in a full fence, so that an end that sleeps after it has looked at the peer's counter is woken by
 * a peer that moves the counter afterwards.
 *
 * Xen's consoles have two streams in a page, in both directions (struct stream_console).
 *
 * One end belongs to one thread. Freestanding; nothing blocks; callable from an interrupt.
 */
#ifndef XPV_STREAM_H
#define XPV_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "barrier.h"

#define STREAM_EBROKEN	(-1)	/* the peer's counter is impossible */

/* Where a stream is in shared memory. */
struct stream {
	uint8_t *data;
	uint32_t *cons, *prod;
	uint32_t size;		/* bytes: a power of two, at most 2^30 */
};

/* The end that takes. */
struct stream_in {
	struct stream s;
	uint32_t cons;		/* taken; the peer knows from stream_in_publish() on */
};

/* The end that puts. */
struct stream_out {
	struct stream s;
	uint32_t prod;		/* put; likewise */
};

/* Takes a stream up where its counter stands: zero for a new one, otherwise what the end that was
 * here before has left. What the shared page says of it may be the peer's lie. */
static inline void stream_in_init(struct stream_in *in, struct stream s, uint32_t cons)
{
	*in = (struct stream_in){ .s = s, .cons = cons };
}

static inline void stream_out_init(struct stream_out *out, struct stream s, uint32_t prod)
{
	*out = (struct stream_out){ .s = s, .prod = prod };
}

/* Bytes that wait to be taken, or STREAM_EBROKEN. */
static inline int stream_in_pending(const struct stream_in *in)
{
	/* pairs with the release in stream_out_publish */
	uint32_t n = load_acquire(in->s.prod) - in->cons;

	return n > in->s.size ? STREAM_EBROKEN : (int)n;
}

/* Bytes that may be put, or STREAM_EBROKEN. */
static inline int stream_out_room(const struct stream_out *out)
{
	/* pairs with the release in stream_in_publish: what was taken has been read */
	uint32_t n = out->prod - load_acquire(out->s.cons);

	return n > out->s.size ? STREAM_EBROKEN : (int)(out->s.size - n);
}

/* How many of len bytes at a counter come before the stream's end; the rest begins at its start. */
static inline uint32_t stream_until_end(const struct stream *s, uint32_t at, uint32_t len)
{
	uint32_t n = s->size - (at & (s->size - 1));

	return n < len ? n : len;
}

/* Copies at most max bytes out, and counts them as taken. How many, or STREAM_EBROKEN. */
static inline int stream_take(struct stream_in *in, void *to, uint32_t max)
{
	int pending = stream_in_pending(in);
	uint32_t len, first;

	if (pending <= 0)
		return pending;
	len = (uint32_t)pending < max ? (uint32_t)pending : max;
	first = stream_until_end(&in->s, in->cons, len);
	compiler_barrier();	/* copied once: see ring_copy_out() */
	__builtin_memcpy(to, in->s.data + (in->cons & (in->s.size - 1)), first);
	__builtin_memcpy((uint8_t *)to + first, in->s.data, len - first);
	compiler_barrier();
	in->cons += len;
	return (int)len;
}

/* Copies as many of len bytes in as fit. How many, or STREAM_EBROKEN. */
static inline int stream_put(struct stream_out *out, const void *from, uint32_t len)
{
	int room = stream_out_room(out);
	uint32_t first;

	if (room <= 0)
		return room;
	if (len > (uint32_t)room)
		len = (uint32_t)room;
	first = stream_until_end(&out->s, out->prod, len);
	__builtin_memcpy(out->s.data + (out->prod & (out->s.size - 1)), from, first);
	__builtin_memcpy(out->s.data, (const uint8_t *)from + first, len - first);
	out->prod += len;
	return (int)len;
}

/* What was taken may be overwritten; notify the peer, which may wait for room. */
static inline void stream_in_publish(struct stream_in *in)
{
	/* pairs with the acquire in stream_out_room */
	store_release(in->s.cons, in->cons);
	full_fence();		/* pairs with the peer's: publish, then look at our counter */
}

/* What was put may be taken; notify the peer. */
static inline void stream_out_publish(struct stream_out *out)
{
	/* pairs with the acquire in stream_in_pending */
	store_release(out->s.prod, out->prod);
	full_fence();		/* pairs with the peer's: publish, then look at our counter */
}

/* --- a console's page (xen/io/console.h) --------------------------------------------------- */

#define STREAM_CONSOLE_IN	1024u
#define STREAM_CONSOLE_OUT	2048u

/* xen/io/console.h of Xen 4.18 and later. Older backends leave the field alone, at zero. */
enum stream_connection {
	STREAM_CONNECTED = 0,	/* somebody serves the console */
	STREAM_DISCONNECTED = 1,	/* what is put may stay */
};

struct stream_console {
	uint8_t in[STREAM_CONSOLE_IN];		/* backend writes: what is typed */
	uint8_t out[STREAM_CONSOLE_OUT];	/* guest writes */
	uint32_t in_cons;	/* guest writes */
	uint32_t in_prod;	/* backend writes */
	uint32_t out_cons;	/* backend writes */
	uint32_t out_prod;	/* guest writes */
	uint8_t connection;	/* enum stream_connection; whoever sets the page up, then backend */
};

_Static_assert(offsetof(struct stream_console, out) == 1024, "xen/io/console.h");
_Static_assert(offsetof(struct stream_console, in_cons) == 3072, "xen/io/console.h");
_Static_assert(offsetof(struct stream_console, out_prod) == 3084, "xen/io/console.h");
_Static_assert(offsetof(struct stream_console, connection) == 3088, "xen/io/console.h");

/* The stream of what is typed, and that of what the guest puts out. */
static inline struct stream stream_console_in(struct stream_console *page)
{
	return (struct stream){ page->in, &page->in_cons, &page->in_prod, STREAM_CONSOLE_IN };
}

static inline struct stream stream_console_out(struct stream_console *page)
{
	return (struct stream){ page->out, &page->out_cons, &page->out_prod, STREAM_CONSOLE_OUT };
}

#endif
