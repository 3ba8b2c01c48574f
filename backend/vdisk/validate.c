/* SPDX-License-Identifier: MIT */
/*
 * validate.c - the rules of blkif, each once
 *
 * What an operation may do is a table; what a segment and a range may be are two functions. A
 * FLUSH may carry data (Linux's backend takes it as "flush, then write"), and so may a BARRIER
 * carry none; neither then touches the disk's address space. An indirect request is a read or a
 * write whose segments stand in a page of the guest's; BLK_MAX_PIECES of them fit one page, so no
 * more than the first page is ever looked at.
 *
 * On a disk with larger sectors the range as a whole must consist of them, in numbers that count
 * 512 bytes all the same. A segment need not: where data stands in memory is nothing to the disk,
 * and a frontend cuts what crosses a page.
 *
 * Sources: xen/io/blkif.h; XSA-142 (read-only), XSA-155 (why the request, and the page of its
 * segments, must be a copy).
 */
#include <stddef.h>

#include "validate.h"

static const struct op_rule {
	bool known;
	bool writes;		/* its data goes to the disk */
	bool may_be_empty;
	bool may_be_indirect;
	bool flush_before, drain, flush_after;
} rules[] = {
	[BLK_READ] = { .known = true, .may_be_indirect = true },
	[BLK_WRITE] = { .known = true, .writes = true, .may_be_indirect = true },
	[BLK_BARRIER] = { .known = true, .writes = true, .may_be_empty = true,
			  .flush_before = true, .drain = true, .flush_after = true },
	[BLK_FLUSH] = { .known = true, .writes = true, .may_be_empty = true,
			.flush_before = true },
};

static const struct {
	int status;
	const char *text;
} verdicts[BLK_VERDICT_COUNT] = {
	[BLK_VALID] = { BLK_OKAY, "valid" },
	[BLK_BAD_OP] = { BLK_EOPNOTSUPP, "an operation that was not offered" },
	[BLK_BAD_READONLY] = { BLK_ERROR, "a write to a read-only disk" },
	[BLK_BAD_SEGMENTS] = { BLK_ERROR, "a number of segments that is not allowed" },
	[BLK_BAD_INDIRECT] = { BLK_ERROR, "an indirect request that neither reads nor writes" },
	[BLK_BAD_PAGE] = { BLK_ERROR, "segments in a page that cannot be read" },
	[BLK_BAD_SEGMENT] = { BLK_ERROR, "a segment that does not fit its page" },
	[BLK_BAD_RANGE] = { BLK_ERROR, "sectors beyond the end of the disk" },
	[BLK_BAD_ALIGNMENT] = { BLK_ERROR, "a range that is not aligned to the sector size" },
};

int blk_verdict_status(enum blk_verdict verdict)
{
	return verdicts[verdict].status;
}

const char *blk_verdict_text(enum blk_verdict verdict)
{
	return verdicts[verdict].text;
}

static enum blk_verdict plan_piece(struct blk_plan *plan, const struct blk_seg *seg)
{
	struct blk_piece *piece = &plan->piece[plan->nr_pieces];

	if (seg->first_sect > seg->last_sect || seg->last_sect >= BLK_PAGE_SECTORS)
		return BLK_BAD_SEGMENT;
	piece->gref = seg->gref;
	piece->off = (uint16_t)(seg->first_sect * BLK_SECTOR);
	piece->len = (uint16_t)((seg->last_sect - seg->first_sect + 1) * BLK_SECTOR);
	plan->len += piece->len;
	plan->nr_pieces++;
	return BLK_VALID;
}

static enum blk_verdict plan_range(struct blk_plan *plan, const struct blk_geometry *geo,
				   uint64_t sector, uint64_t nr)
{
	uint64_t unit = geo->sector_size / BLK_SECTOR;

	if (sector > geo->sectors || nr > geo->sectors - sector)
		return BLK_BAD_RANGE;
	if (sector % unit || nr % unit)
		return BLK_BAD_ALIGNMENT;
	plan->off = sector * BLK_SECTOR;
	plan->len = nr * BLK_SECTOR;
	return BLK_VALID;
}

/* Everything but the pieces, which are many. */
static void plan_begin(struct blk_plan *plan, enum blk_plan_op op, const struct op_rule *rule)
{
	plan->op = op;
	plan->flush_before = rule->flush_before;
	plan->drain = rule->drain;
	plan->flush_after = rule->flush_after && op != PLAN_FLUSH;
	plan->secure = false;
	plan->nr_pieces = 0;
	plan->len = plan->off = 0;
}

uint8_t blk_request_op(const struct blk_req *req)
{
	return req->op == BLK_INDIRECT ? req->indirect_op : req->op;
}

unsigned int blk_segments_apart(const struct blk_req *req)
{
	return req->op == BLK_INDIRECT && req->nr_segs <= BLK_MAX_PIECES ? req->nr_segs : 0;
}

_Static_assert(BLK_MAX_PIECES <= BLK_SEGS_PER_PAGE, "one page holds all segments");

/* It names no memory, only a part of the disk. */
static enum blk_verdict validate_discard(const struct blk_geometry *geo, const struct blk_req *req,
					 struct blk_plan *plan)
{
	static const struct op_rule rule = { .known = true };

	plan_begin(plan, PLAN_DISCARD, &rule);
	plan->secure = req->flag & BLK_DISCARD_SECURE;
	if (!geo->discard || (plan->secure && !geo->discard_secure))
		return BLK_BAD_OP;
	if (geo->readonly)
		return BLK_BAD_READONLY;
	if (req->nr_sectors == 0)
		return BLK_BAD_RANGE;
	return plan_range(plan, geo, req->sector, req->nr_sectors);
}

enum blk_verdict blk_validate(const struct blk_geometry *geo, const struct blk_req *req,
			      const struct blk_seg *segs, struct blk_plan *plan)
{
	const bool indirect = req->op == BLK_INDIRECT;
	const unsigned int max = indirect ? BLK_MAX_PIECES : BLK_MAX_SEGS;
	const uint8_t op = blk_request_op(req);
	const struct op_rule *rule = op < sizeof(rules) / sizeof(rules[0]) ? &rules[op] : NULL;
	enum blk_verdict verdict;

	if (req->op == BLK_DISCARD)
		return validate_discard(geo, req, plan);
	if (indirect && (!rule || !rule->may_be_indirect))
		return BLK_BAD_INDIRECT;
	if (!rule || !rule->known)
		return BLK_BAD_OP;
	if (req->nr_segs > max || (req->nr_segs == 0 && !rule->may_be_empty))
		return BLK_BAD_SEGMENTS;
	if (geo->readonly && rule->writes && req->nr_segs > 0)
		return BLK_BAD_READONLY;
	if (!indirect)
		segs = req->seg;
	else if (!segs)
		return BLK_BAD_PAGE;

	plan_begin(plan, req->nr_segs == 0 ? PLAN_FLUSH : rule->writes ? PLAN_WRITE : PLAN_READ,
		   rule);
	if (req->nr_segs == 0)
		return BLK_VALID;
	for (unsigned int i = 0; i < req->nr_segs; i++) {
		verdict = plan_piece(plan, &segs[i]);
		if (verdict != BLK_VALID)
			return verdict;
	}
	return plan_range(plan, geo, req->sector, plan->len / BLK_SECTOR);
}
