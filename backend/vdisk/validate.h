/* SPDX-License-Identifier: MIT */
/*
 * validate.h - a guest's block request becomes a plan, or a verdict
 *
 * Pure: no I/O, no Xen library, no state. In: a private copy of a request and the disk's geometry.
 * Out: what to do, in bytes and all of it in range, or why not. Nothing behind this point looks at
 * the request again, except to echo its id and operation.
 */
#ifndef XPV_VDISK_VALIDATE_H
#define XPV_VDISK_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "blk_abi.h"

#define BLK_MAX_PIECES	256	/* of a plan: what a request may have in segments */

struct blk_geometry {
	uint64_t sectors;	/* 512-byte units */
	uint32_t sector_size;	/* logical: 512 or 4096 */
	bool readonly;
	bool discard;		/* offered; so are the secure ones only if this is true as well: */
	bool discard_secure;
};

enum blk_plan_op { PLAN_READ, PLAN_WRITE, PLAN_FLUSH, PLAN_DISCARD };

/* One piece of the guest's memory: len bytes at off in the page granted as gref. */
struct blk_piece {
	uint32_t gref;
	uint16_t off, len;	/* len > 0, off + len <= BLK_PAGE */
};

struct blk_plan {
	enum blk_plan_op op;
	bool flush_before;	/* what was answered before must be durable first */
	bool drain;		/* a barrier: everything before it is done first, it alone next */
	bool flush_after;	/* its own data must be durable before it is answered */
	bool secure;		/* DISCARD: nothing of what was there can be read again */
	uint16_t nr_pieces;	/* FLUSH, DISCARD: 0 */
	uint64_t len;		/* sum of the pieces; DISCARD: what is discarded; FLUSH: 0 */
	uint64_t off;		/* byte on the disk; off + len <= its size */
	struct blk_piece piece[BLK_MAX_PIECES];	/* only the first nr_pieces are defined */
};

enum blk_verdict {
	BLK_VALID,
	BLK_BAD_OP,		/* an operation that was not offered */
	BLK_BAD_READONLY,	/* a write to a read-only disk (XSA-142) */
	BLK_BAD_SEGMENTS,	/* their number: 0, or more than a request can hold */
	BLK_BAD_INDIRECT,	/* indirect, and neither a read nor a write */
	BLK_BAD_PAGE,		/* indirect, and the page of its segments cannot be read */
	BLK_BAD_SEGMENT,	/* first sector after the last, or beyond the page */
	BLK_BAD_RANGE,		/* beyond the end of the disk, or wrapping around */
	BLK_BAD_ALIGNMENT,	/* not on the boundaries of a disk with 4096-byte sectors */
	BLK_VERDICT_COUNT
};

/* What the frontend wants done, and sees in the response: an indirect request's is inside. */
uint8_t blk_request_op(const struct blk_req *req);

/* How many segments of an indirect request stand in its first page, from its beginning on: they
 * are to be copied before it is judged. 0: it is none, or their number is not allowed. */
unsigned int blk_segments_apart(const struct blk_req *req);

/* segs: of a request with segments apart, the private copy of them; NULL: there is no reading them.
 * Not looked at for others. *plan is only meaningful for BLK_VALID. */
enum blk_verdict blk_validate(const struct blk_geometry *geo, const struct blk_req *req,
			      const struct blk_seg *segs, struct blk_plan *plan);

/* The status that the frontend gets (enum blk_status), and a phrase for the log. */
int blk_verdict_status(enum blk_verdict verdict);
const char *blk_verdict_text(enum blk_verdict verdict);

#endif
