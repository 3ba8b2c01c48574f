/* SPDX-License-Identifier: MIT */
/*
 * blk.h - the inside of a vdisk frontend, private to the core
 *
 * blk.c is the data path of a queue, blk_parts.c what a request is on its ring, blk_requeue.c takes
 * requests from one connection to the next, blk_device.c makes and ends connections, blk_ring.c
 * their rings, blk_pool.c has the pages.
 *
 * A queue's fields are its owner's, who need not have the device. What it finds out about the
 * device (a violation, something to step) it leaves in itself; a step, which has all queues, takes
 * it from there.
 */
#ifndef XPV_FRONTEND_BLK_H
#define XPV_FRONTEND_BLK_H

#include "blk_abi.h"
#include "device.h"

#define BLK_STUCK_MAX	8	/* rings of former connections that the backend keeps, a queue */

/* A message's place in the private table. The id on the ring is index + n * BLK_ID_STEP, where n
 * grows with every use, and begins elsewhere in each queue: no response can be mistaken for one to
 * an earlier or later request, or one of another queue. */
#define BLK_ID_STEP	65536u
#define BLK_ID_QUEUE	(1ull << 56)

struct blk_slot {
	struct pv_blk_req *req;		/* NULL: free */
	uint64_t id;
	/* The part of the request that it carries; in sectors, from the request's first one on. */
	uint32_t offset, sectors;
	struct pv_blk_buffer *buffer;	/* its first; NULL: none, or the caller's */
};

struct req_list {
	struct pv_blk_req *head, *tail;
};

enum buffer_state { BUFFER_NONE, BUFFER_FREE, BUFFER_BOUNCE, BUFFER_BORROWED };

struct blk_pages {
	void *pages;			/* NULL: none */
	uint32_t nr;
	uint32_t grefs[1 << PV_BLK_ORDER_MAX];
};

struct pv_blk_queue {
	_Alignas(struct blk_slot) struct pv_blk *blk;
	uint32_t index;
	bool flowing;			/* requests may be put on the ring */

	struct blk_front front;
	struct blk_pages ring;
	uint32_t port;
	bool port_open;

	struct req_list outstanding;	/* in the order in which they were submitted */
	struct pv_blk_req *waiting;	/* the first of them that is not on the ring yet, or NULL */
	struct req_list done;
	uint32_t nr_slots;		/* of this connection's ring */
	uint32_t nr_free_slots;
	uint32_t weight;		/* slots that what is outstanding may need, at most */
	struct blk_slot *slots;
	uint16_t *free_slots;
	struct pv_blk_buffer *free_buffers;

	uint32_t refused;		/* operations, as bits, that the backend has not, ... */
#define BLK_REFUSED_SECURE 31		/* ... and secure discards */
	const char *violation;		/* how the backend broke the protocol, or NULL */
	bool attention;			/* a step is due */
	struct blk_pages stuck[BLK_STUCK_MAX];
};

struct pv_blk {
	struct pv_device dev;
	struct pv_blk_options options;	/* none beyond its maximum, none left to a default */
	struct pv_blk_info info;
	uint32_t nr_queues;		/* of this connection; 0: it has no rings yet */
	uint32_t max_segs;		/* in a message: what the backend takes */
	uint32_t nr_buffers;		/* places in buffers[] */
	struct pv_blk_buffer *buffers;
	struct pv_blk_queue queues[];	/* options.queues of them; then what they point to */
};

#define BLK_BYTES(queues, slots, buffers)							\
	(sizeof(struct pv_blk) + (queues) * (sizeof(struct pv_blk_queue) +			\
	 (buffers) * sizeof(struct pv_blk_buffer) +						\
	 (slots) * (sizeof(struct blk_slot) + sizeof(uint16_t))))

_Static_assert(BLK_BYTES(1, PV_BLK_DEPTH, PV_BLK_DEPTH) <= PV_BLK_BYTES, "PV_BLK_BYTES");
/* The arrays follow each other in this order; queues[] is aligned with its device. */
_Static_assert(sizeof(struct pv_blk_queue) % _Alignof(struct blk_slot) == 0 &&
	       sizeof(struct pv_blk) % _Alignof(struct blk_slot) == 0 &&
	       sizeof(struct blk_slot) % _Alignof(struct pv_blk_buffer) == 0 &&
	       sizeof(struct pv_blk_buffer) % _Alignof(uint16_t) == 0, "each is aligned");
_Static_assert(PV_BLK_PAGES == BLK_MAX_SEGS, "a buffer is a request's data");
_Static_assert((int)PV_BLK_READ == BLK_READ && (int)PV_BLK_WRITE == BLK_WRITE &&
	       (int)PV_BLK_BARRIER == BLK_BARRIER && (int)PV_BLK_FLUSH == BLK_FLUSH &&
	       (int)PV_BLK_DISCARD == BLK_DISCARD, "blkif.h");

#define blk_for_each_queue(blk, q)								\
	for (struct pv_blk_queue *q = (blk)->queues;						\
	     q < (blk)->queues + (blk)->options.queues; q++)
#define blk_for_each_const_queue(blk, q)							\
	for (const struct pv_blk_queue *q = (blk)->queues;					\
	     q < (blk)->queues + (blk)->options.queues; q++)

/* blk.c */

/* Whether the disk, as it is by now, takes a request that it once took. */
enum pv_err blk_check(const struct pv_blk_queue *q, const struct pv_blk_req *req);
/* Hands a request back that is outstanding. */
void blk_finish(struct pv_blk_queue *q, struct pv_blk_req *req, enum pv_err status);

/* blk_requeue.c */

void blk_list_append(struct req_list *list, struct pv_blk_req *req);
void blk_list_remove(struct req_list *list, struct pv_blk_req *req);
/* Empties the slot table; what is outstanding keeps its order and waits for blk_requeue(). */
void blk_slots_init(struct pv_blk_queue *q);
/* Puts as much of what waits on the ring as fits. */
void blk_put_waiting(struct pv_blk_queue *q);
/* Puts everything outstanding on new rings again. */
void blk_requeue(struct pv_blk *blk);
/* Hands everything outstanding on a queue back with this status. */
void blk_finish_all(struct pv_blk_queue *q, enum pv_err status);

/* blk_parts.c */

/* Its data is in several buffers that the caller has borrowed. */
static inline bool blk_is_chained(const struct pv_blk_req *req)
{
	return req->buffer && req->sectors > PV_BLK_BUFFER_SECTORS;
}


/* Buffers that the data of a request is copied through, for a backend that takes max_segs. */
uint32_t blk_buffers_for(uint32_t sectors, uint32_t max_segs);
/* The largest request that so many buffers hold. */
uint32_t blk_max_sectors(uint32_t buffers, uint32_t max_segs);
/* Puts a request on the ring, part by part. It has its buffers, and slots for its weight. */
void blk_put_on_ring(struct pv_blk_queue *q, struct pv_blk_req *req);
/* A message was answered: its data is copied out, its slot is free. True: it was the last of the
 * request, whose status is then in it. */
bool blk_part_done(struct pv_blk_queue *q, struct blk_slot *slot, enum pv_err status);

/* blk_device.c */
extern const struct pv_class blk_class;

/* blk_ring.c */

/* Makes rings and channels as both ends can; more than once until blk_rings_end(). Fails the device
 * if it cannot. */
int blk_rings_begin(struct pv_blk *blk);
/* Tells the backend of them. */
int blk_rings_write(struct pv_blk *blk);
/* Gives up those of all queues from this one on. Fails the device if too many are kept. */
int blk_rings_end(struct pv_blk *blk, uint32_t from);
/* Asks again for what is kept aside. */
int blk_rings_reclaim(struct pv_blk *blk);

/* blk_pool.c */

/* Grants as many buffers as the queues should have, or as the port can; fails the device if there
 * are none. Those that there are stay. */
int blk_pool_fill(struct pv_blk *blk);
/* Each of so many queues would have one, now or when one of its requests is back. */
bool blk_pool_suffices(struct pv_blk *blk, uint32_t nr);
/* Deals these out to the queues; the number that each has then, at least, those in use included. */
uint32_t blk_pool_deal(struct pv_blk *blk);
/* Gives all pages back. PV_EBUSY: the backend, or the caller, still has some. */
int blk_pool_drain(struct pv_blk *blk);
struct pv_blk_buffer *blk_pool_get(struct pv_blk_queue *q, enum buffer_state state);
void blk_pool_put(struct pv_blk_queue *q, struct pv_blk_buffer *buffer);

#endif
