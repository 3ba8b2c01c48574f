/* SPDX-License-Identifier: MIT */
/*
 * blk.h - the inside of a vdisk frontend, private to the core
 *
 * blk.c is the data path, blk_parts.c what a request is on the ring, blk_device.c makes and ends
 * connections, blk_pool.c has the pages.
 */
#ifndef XPV_FRONTEND_BLK_H
#define XPV_FRONTEND_BLK_H

#include "blk_abi.h"
#include "device.h"

#define BLK_STUCK_MAX	8	/* ring pages of former connections that the backend keeps */

/* A message's place in the private table. The id on the ring is index + n * BLK_ID_STEP, where n
 * grows with every use: no response can be mistaken for one to an earlier or later request. */
#define BLK_ID_STEP	65536u

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

struct stuck_page {
	void *page;			/* NULL: none */
	uint32_t gref;
};

struct pv_blk {
	struct pv_device dev;
	struct pv_blk_options options;
	struct pv_blk_info info;
	bool flowing;			/* requests may be put on the ring */

	struct blk_front front;
	void *ring_page;
	uint32_t ring_gref;
	uint32_t port;
	bool port_open;

	uint32_t max_segs;		/* in a message: what the backend takes */
	struct req_list outstanding;	/* in the order in which they were submitted */
	struct req_list done;
	struct blk_slot slots[PV_BLK_DEPTH];
	uint16_t free_slots[PV_BLK_DEPTH];
	uint32_t nr_free_slots;
	uint32_t weight;		/* slots that what is outstanding may need, at most */

	struct pv_blk_buffer buffers[PV_BLK_DEPTH];
	struct pv_blk_buffer *free_buffers;
	struct stuck_page stuck[BLK_STUCK_MAX];
};

_Static_assert(sizeof(struct pv_blk) <= PV_BLK_BYTES, "PV_BLK_BYTES");
_Static_assert(PV_BLK_PAGES == BLK_MAX_SEGS, "a buffer is a request's data");
_Static_assert((int)PV_BLK_READ == BLK_READ && (int)PV_BLK_WRITE == BLK_WRITE &&
	       (int)PV_BLK_BARRIER == BLK_BARRIER && (int)PV_BLK_FLUSH == BLK_FLUSH &&
	       (int)PV_BLK_DISCARD == BLK_DISCARD, "blkif.h");

/* blk.c */

/* Empties the slot table; what is outstanding keeps its order and waits for blk_requeue(). */
void blk_slots_init(struct pv_blk *blk);
/* Puts everything outstanding on a new ring again. */
void blk_requeue(struct pv_blk *blk);
/* Hands everything outstanding back with this status. */
void blk_finish_all(struct pv_blk *blk, enum pv_err status);

/* blk_parts.c */

/* Buffers that the data of a request is copied through, for a backend that takes max_segs. */
uint32_t blk_buffers_for(uint32_t sectors, uint32_t max_segs);
/* The largest request that so many buffers hold. */
uint32_t blk_max_sectors(uint32_t buffers, uint32_t max_segs);
/* Puts a request on the ring, part by part. It has its buffers, and slots for its weight. */
void blk_put_on_ring(struct pv_blk *blk, struct pv_blk_req *req);
/* A message was answered: its data is copied out, its slot is free. True: it was the last of the
 * request, whose status is then in it. */
bool blk_part_done(struct pv_blk *blk, struct blk_slot *slot, enum pv_err status);

/* blk_device.c */
extern const struct pv_class blk_class;

/* blk_pool.c */

/* Grants as many buffers as there are slots, or as the port can; fails the device if none. Does
 * nothing if that was done before. */
int blk_pool_fill(struct pv_blk *blk);
/* Gives all pages back. PV_EBUSY: the backend, or the caller, still has some. */
int blk_pool_drain(struct pv_blk *blk);
struct pv_blk_buffer *blk_pool_get(struct pv_blk *blk, enum buffer_state state);
void blk_pool_put(struct pv_blk *blk, struct pv_blk_buffer *buffer);
/* Gives a ring page back now, or keeps it aside until the backend lets go; fails the device when
 * too many are kept. */
int blk_pool_retire(struct pv_blk *blk, void *page, uint32_t gref);
/* Asks again for what is kept aside. */
int blk_pool_reclaim(struct pv_blk *blk);

#endif
