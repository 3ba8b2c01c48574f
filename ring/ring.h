/* SPDX-License-Identifier: MIT */
/*
 * ring.h - typed request rings in memory shared with a peer that is not trusted
 *
 * A ring carries requests from a frontend to a backend and responses back, in the same slots: the
 * response with index i overwrites the slot of request i (not the slot of the request that it
 * answers). Four free-running 32-bit counters in the shared page steer it (xen/io/ring.h):
 *
 *   req_prod   written by the frontend: requests up to here are there
 *   rsp_prod   written by the backend: responses up to here are there
 *   req_event  written by the backend: "notify me when req_prod passes this"
 *   rsp_event  written by the frontend: "notify me when rsp_prod passes this"
 *
 * The discipline that everything here enforces:
 *
 *   - No pointer into shared memory leaves this file. A message is handed out as a private copy,
 *     taken once (XSA-155), and put in as a whole, padding included (XSA-216).
 *   - Each end keeps its own counters privately and only ever writes their shared copies. The
 *     peer's counters are read once for each decision and checked: a producer that claims more
 *     than the ring can hold is a violation (XSA-86), reported as RING_EBROKEN, after which the
 *     ring must be given up.
 *   - A notification is owed only if the peer asked for it, which it does with an event index
 *     just before it sleeps. "Publish, fence, read the event index" on one side pairs with "write
 *     the event index, fence, look again" on the other; without either fence a wake-up is lost.
 *
 * RING_DEFINE(name, req_t, rsp_t) makes the typed inline functions:
 *
 *   name_size(bytes)		slots in a ring of that many bytes (a power of two)
 *   name_front_push(f, &req)	puts a request in; the peer sees it with ring_front_publish()
 *   name_front_pop(f, &rsp)	1: a response; 0: none; RING_EBROKEN
 *   name_back_pop(b, &req)	1: a request; 0: none; RING_EBROKEN
 *   name_back_push(b, &rsp)	puts a response in; seen with ring_back_publish()
 *
 * One end belongs to one thread. Freestanding; nothing blocks; callable from an interrupt.
 */
#ifndef XPV_RING_H
#define XPV_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "barrier.h"

#define RING_EBROKEN	(-1)	/* the peer's producer index is impossible */
#define RING_HEADER	64	/* bytes before the first slot */
#define RING_MAX_SLOTS	65536u	/* far above any protocol's; keeps differences of indexes small */

/* The shared page's head; slots follow at RING_HEADER. */
struct ring_shared {
	uint32_t req_prod;	/* frontend writes */
	uint32_t req_event;	/* backend writes */
	uint32_t rsp_prod;	/* backend writes */
	uint32_t rsp_event;	/* frontend writes */
	uint8_t pad[48];	/* frontend zeroes */
};

_Static_assert(sizeof(struct ring_shared) == RING_HEADER, "xen/io/ring.h");
_Static_assert(offsetof(struct ring_shared, rsp_prod) == 8, "xen/io/ring.h");

struct ring_front {
	struct ring_shared *shared;
	uint32_t size;		/* slots, a power of two */
	uint32_t req_prod;	/* requests put in */
	uint32_t req_published;	/* of these, the peer knows so many */
	uint32_t rsp_cons;	/* responses taken out */
};

struct ring_back {
	struct ring_shared *shared;
	uint32_t size;
	uint32_t req_cons;	/* requests taken out */
	uint32_t rsp_prod;	/* responses put in */
	uint32_t rsp_published;	/* of these, the peer knows so many */
};

/* The largest power of two of slots that fits, up to RING_MAX_SLOTS; 0 if none does. */
static inline uint32_t ring_slots(size_t bytes, size_t slot)
{
	uint32_t n = 1;

	if (bytes < RING_HEADER + slot)
		return 0;
	while (n < RING_MAX_SLOTS && (size_t)n * 2 * slot <= bytes - RING_HEADER)
		n *= 2;
	return n;
}

/* True if the counter passed `event` when it moved from `from` to `to` (xen/io/ring.h: push and
 * check notify). */
static inline bool ring_passed(uint32_t event, uint32_t from, uint32_t to)
{
	return (uint32_t)(to - event) < (uint32_t)(to - from);
}

/* The frontend makes the shared page: no event is owed before the first message. */
static inline void ring_front_init(struct ring_front *f, void *shared, uint32_t size)
{
	*f = (struct ring_front){ .shared = shared, .size = size };
	*f->shared = (struct ring_shared){ .req_event = 1, .rsp_event = 1 };
}

/* The backend takes the ring up at given counters: zeros for a new one, the journal's after the
 * process that served it has died. */
static inline void ring_back_init(struct ring_back *b, void *shared, uint32_t size,
				  uint32_t req_cons, uint32_t rsp_prod)
{
	*b = (struct ring_back){ .shared = shared, .size = size, .req_cons = req_cons,
				 .rsp_prod = rsp_prod, .rsp_published = rsp_prod };
}

/* Requests that may still be put in: slots not waiting for their response to be taken. */
static inline uint32_t ring_front_room(const struct ring_front *f)
{
	return f->size - (f->req_prod - f->rsp_cons);
}

/* Makes what was put in visible. True: the peer asked to be notified. */
static inline bool ring_front_publish(struct ring_front *f)
{
	uint32_t old = f->req_published;

	if (old == f->req_prod)
		return false;
	/* pairs with the acquire in ring_back_pending */
	store_release(&f->shared->req_prod, f->req_prod);
	f->req_published = f->req_prod;
	full_fence();				/* pairs with the one in ring_back_arm */
	return ring_passed(read_once(&f->shared->req_event), old, f->req_prod);
}

static inline bool ring_back_publish(struct ring_back *b)
{
	uint32_t old = b->rsp_published;

	if (old == b->rsp_prod)
		return false;
	/* pairs with the acquire in ring_front_pending */
	store_release(&b->shared->rsp_prod, b->rsp_prod);
	b->rsp_published = b->rsp_prod;
	full_fence();				/* pairs with the one in ring_front_arm */
	return ring_passed(read_once(&b->shared->rsp_event), old, b->rsp_prod);
}

/* Responses that wait to be taken, or RING_EBROKEN: there cannot be more responses than requests
 * that were published. */
static inline int ring_front_pending(const struct ring_front *f)
{
	/* pairs with the release in ring_back_publish */
	uint32_t prod = load_acquire(&f->shared->rsp_prod);

	if ((uint32_t)(prod - f->rsp_cons) > (uint32_t)(f->req_published - f->rsp_cons))
		return RING_EBROKEN;
	return (int)(prod - f->rsp_cons);
}

/* Requests that wait to be taken, or RING_EBROKEN: a frontend cannot have more requests without a
 * published response than there are slots, nor take back what it published. */
static inline int ring_back_pending(const struct ring_back *b)
{
	/* pairs with the release in ring_front_publish */
	uint32_t prod = load_acquire(&b->shared->req_prod);

	if ((uint32_t)(prod - b->rsp_published) > b->size ||
	    (uint32_t)(prod - b->rsp_published) < (uint32_t)(b->req_cons - b->rsp_published))
		return RING_EBROKEN;
	return (int)(prod - b->req_cons);
}

/* Asks to be notified of the next message, then looks again; call it just before sleeping. True:
 * something is there already (or the ring is broken: the next pop says so), do not sleep. */
static inline bool ring_front_arm(struct ring_front *f)
{
	write_once(&f->shared->rsp_event, f->rsp_cons + 1);
	full_fence();				/* pairs with the one in ring_back_publish */
	return ring_front_pending(f) != 0;
}

static inline bool ring_back_arm(struct ring_back *b)
{
	write_once(&b->shared->req_event, b->req_cons + 1);
	full_fence();				/* pairs with the one in ring_front_publish */
	return ring_back_pending(b) != 0;
}

static inline void *ring_slot(struct ring_shared *shared, uint32_t size, uint32_t index,
			      size_t slot)
{
	return (uint8_t *)shared + RING_HEADER + (size_t)(index & (size - 1)) * slot;
}

/* Copies a message out of a slot, once; the compiler cannot go back to the slot afterwards. */
static inline void ring_copy_out(void *to, const void *slot, size_t len)
{
	compiler_barrier();
	__builtin_memcpy(to, slot, len);
	compiler_barrier();
}

#define RING_DEFINE(name, req_t, rsp_t)								\
union name##_slot {										\
	req_t req;										\
	rsp_t rsp;										\
};												\
												\
static inline uint32_t name##_size(size_t bytes)						\
{												\
	return ring_slots(bytes, sizeof(union name##_slot));					\
}												\
												\
static inline void name##_front_push(struct ring_front *f, const req_t *req)			\
{												\
	__builtin_memcpy(ring_slot(f->shared, f->size, f->req_prod++,				\
				   sizeof(union name##_slot)), req, sizeof(*req));		\
}												\
												\
static inline int name##_front_pop(struct ring_front *f, rsp_t *rsp)				\
{												\
	int n = ring_front_pending(f);								\
												\
	if (n <= 0)										\
		return n;									\
	ring_copy_out(rsp, ring_slot(f->shared, f->size, f->rsp_cons++,				\
				     sizeof(union name##_slot)), sizeof(*rsp));			\
	return 1;										\
}												\
												\
static inline int name##_back_pop(struct ring_back *b, req_t *req)				\
{												\
	int n = ring_back_pending(b);								\
												\
	if (n <= 0)										\
		return n;									\
	ring_copy_out(req, ring_slot(b->shared, b->size, b->req_cons++,				\
				     sizeof(union name##_slot)), sizeof(*req));			\
	return 1;										\
}												\
												\
static inline void name##_back_push(struct ring_back *b, const rsp_t *rsp)			\
{												\
	__builtin_memcpy(ring_slot(b->shared, b->size, b->rsp_prod++,				\
				   sizeof(union name##_slot)), rsp, sizeof(*rsp));		\
}												\
_Static_assert(sizeof(req_t) % 4 == 0 && sizeof(rsp_t) % 4 == 0, "slots are whole words")

#endif
