/* SPDX-License-Identifier: MIT */
/*
 * blk_abi.h - blkif requests and responses, in the layouts of both word sizes
 *
 * The block protocol's structures were written without explicit padding, so a 32-bit x86 guest and
 * a 64-bit (or ARM) guest disagree on every offset after the fourth byte. The frontend's `protocol`
 * key says which layout it uses. Here, and nowhere else, the two become one: struct blk_req is the
 * private, decoded form that all other code works with.
 *
 * Who writes what: the frontend writes requests, the backend responses. Everything in a decoded
 * request is still the guest's claim; backend/vdisk/validate.c judges it.
 *
 * Source: xen/io/blkif.h; xen/io/protocols.h for the ABI names.
 */
#ifndef XPV_BLK_ABI_H
#define XPV_BLK_ABI_H

#include "ring.h"

#define BLK_SECTOR		512	/* the unit of sector numbers, whatever the disk's is */
#define BLK_PAGE		4096	/* a granted page */
#define BLK_PAGE_SECTORS	(BLK_PAGE / BLK_SECTOR)
#define BLK_MAX_SEGS		11	/* segments in a direct request */
#define BLK_MAX_INDIRECT_PAGES	8	/* pages of segments in an indirect one */
#define BLK_SEGS_PER_PAGE	(BLK_PAGE / 8)
#define BLK_DISCARD_SECURE	1	/* flag of a DISCARD */
#define BLK_MAX_RING_ORDER	4

enum blk_op {
	BLK_READ = 0,
	BLK_WRITE = 1,
	BLK_BARRIER = 2,	/* a write, ordered and durable against all before and after it */
	BLK_FLUSH = 3,		/* what was answered before is durable */
	BLK_DISCARD = 5,
	BLK_INDIRECT = 6,
};

enum blk_status {
	BLK_OKAY = 0,
	BLK_ERROR = -1,
	BLK_EOPNOTSUPP = -2,
};

enum blk_abi { BLK_ABI_64, BLK_ABI_32 };	/* ARM uses the 64-bit layout */

struct blk_seg {
	uint32_t gref;
	uint8_t first_sect;	/* first and last sector of the page, both included */
	uint8_t last_sect;
	uint16_t pad;
};

struct blk_req {
	uint64_t id;		/* the frontend's; echoed */
	uint64_t sector;	/* first sector on the disk */
	uint64_t nr_sectors;	/* DISCARD only */
	uint16_t handle;
	uint16_t nr_segs;	/* READ, WRITE, BARRIER, FLUSH: 8 bits; INDIRECT: 16 */
	uint8_t op;		/* enum blk_op, if it is one */
	uint8_t indirect_op;	/* INDIRECT only */
	uint8_t flag;		/* DISCARD only */
	uint8_t pad;
	union {
		struct blk_seg seg[BLK_MAX_SEGS];
		uint32_t indirect_gref[BLK_MAX_INDIRECT_PAGES];
	};
};

struct blk_rsp {
	uint64_t id;
	uint8_t op;
	int16_t status;		/* enum blk_status */
};

/* The shared layouts. In each, bytes 0 and 1 mean the same for every operation. */
struct blk64_req {
	uint8_t op, nr_segs;
	uint16_t handle;
	uint32_t pad;
	uint64_t id;
	uint64_t sector;
	uint8_t rest[88];	/* seg[11] | nr_sectors | handle, pad, indirect_gref[8] */
};

struct blk64_rsp {
	uint64_t id;
	uint8_t op, pad0;
	int16_t status;
	uint32_t pad1;
};

struct __attribute__((packed, aligned(4))) blk32_req {
	uint8_t op, nr_segs;
	uint16_t handle;
	uint64_t id;
	uint64_t sector;
	uint8_t rest[88];
};

struct __attribute__((packed, aligned(4))) blk32_rsp {
	uint64_t id;
	uint8_t op, pad0;
	int16_t status;
};

_Static_assert(sizeof(struct blk64_req) == 112, "blkif_request, 64-bit");
_Static_assert(sizeof(struct blk64_rsp) == 16, "blkif_response, 64-bit");
_Static_assert(sizeof(struct blk32_req) == 108, "blkif_request, 32-bit");
_Static_assert(sizeof(struct blk32_rsp) == 12, "blkif_response, 32-bit");
_Static_assert(offsetof(struct blk64_req, rest) == 24, "blkif_request, 64-bit");
_Static_assert(offsetof(struct blk32_req, rest) == 20, "blkif_request, 32-bit");
_Static_assert(sizeof(struct blk_seg) == BLK_PAGE / BLK_SEGS_PER_PAGE, "blkif_request_segment");

RING_DEFINE(blk64, struct blk64_req, struct blk64_rsp);
RING_DEFINE(blk32, struct blk32_req, struct blk32_rsp);

struct blk_front {
	struct ring_front ring;
	enum blk_abi abi;
};

struct blk_back {
	struct ring_back ring;
	enum blk_abi abi;
};

/* blk_abi.c */

/* Slots in a ring of so many bytes: 32 a page, in both layouts. */
uint32_t blk_ring_size(enum blk_abi abi, size_t bytes);

/* The value of the frontend's `protocol` key; false: unknown. len: without terminator. */
bool blk_abi_parse(const char *text, size_t len, enum blk_abi *abi);
/* The name of the layout that this program was compiled for. */
const char *blk_abi_native(enum blk_abi *abi);

/* Backend: 1 and a private, decoded copy; 0: none; RING_EBROKEN. */
int blk_back_pop(struct blk_back *b, struct blk_req *req);
/* Backend: puts a response in, every byte of it defined. Seen with ring_back_publish(). */
void blk_back_push(struct blk_back *b, const struct blk_rsp *rsp);

/* Frontend: the mirror image. Room must have been asked for with ring_front_room(). */
void blk_front_push(struct blk_front *f, const struct blk_req *req);
int blk_front_pop(struct blk_front *f, struct blk_rsp *rsp);

#endif
