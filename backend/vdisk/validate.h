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

struct blk_geometry {
	uint64_t sectors;	/* 512-byte units */
	uint32_t sector_size;	/* logical: 512 or 4096 */
	bool readonly;
};

enum blk_plan_op { PLAN_READ, PLAN_WRITE, PLAN_FLUSH };

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
	uint8_t nr_pieces;	/* FLUSH: 0 */
	uint32_t len;		/* sum of the pieces; FLUSH: 0 */
	uint64_t off;		/* byte on the disk; off + len <= its size */
	struct blk_piece piece[BLK_MAX_SEGS];
};

enum blk_verdict {
	BLK_VALID,
	BLK_BAD_OP,		/* an operation that was not offered */
	BLK_BAD_READONLY,	/* a write to a read-only disk (XSA-142) */
	BLK_BAD_SEGMENTS,	/* their number: 0, or more than a request can hold */
	BLK_BAD_SEGMENT,	/* first sector after the last, or beyond the page */
	BLK_BAD_RANGE,		/* beyond the end of the disk, or wrapping around */
	BLK_BAD_ALIGNMENT,	/* not on the boundaries of a disk with 4096-byte sectors */
	BLK_VERDICT_COUNT
};

/* *plan is only meaningful for BLK_VALID. */
enum blk_verdict blk_validate(const struct blk_geometry *geo, const struct blk_req *req,
			      struct blk_plan *plan);

/* The status that the frontend gets (enum blk_status), and a phrase for the log. */
int blk_verdict_status(enum blk_verdict verdict);
const char *blk_verdict_text(enum blk_verdict verdict);

#endif
