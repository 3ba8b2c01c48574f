/* SPDX-License-Identifier: MIT */
/*
 * fuzz_validate.c - any bytes on the ring, through the layout and the rules of a block request
 *
 * The input is a geometry and then slots of a ring, in one of the two layouts, with what segments
 * apart are to be at its end. Whatever comes out
 * of validate.c as a plan must be wholly inside the disk and inside each page, and must not write
 * to a read-only disk.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vdisk/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

#define SLOTS	32u
#define SLOT	112u

static void check_plan(const struct blk_geometry *geo, const struct blk_req *req,
		       const struct blk_plan *plan)
{
	const bool indirect = req->op == BLK_INDIRECT;
	uint64_t len = 0;

	MUST(blk_request_op(req) <= BLK_FLUSH && (!indirect || req->indirect_op <= BLK_WRITE));
	MUST(plan->nr_pieces == req->nr_segs);
	MUST(plan->nr_pieces <= (indirect ? BLK_MAX_PIECES : BLK_MAX_SEGS));
	for (unsigned int i = 0; i < plan->nr_pieces; i++) {
		const struct blk_piece *piece = &plan->piece[i];

		MUST(piece->len > 0 && piece->len % BLK_SECTOR == 0);
		MUST(piece->off % BLK_SECTOR == 0 && piece->off + piece->len <= BLK_PAGE);
		len += piece->len;
	}
	MUST(plan->len == len);
	if (plan->op == PLAN_FLUSH) {
		MUST(len == 0);
		return;
	}
	MUST(len > 0 && plan->off % geo->sector_size == 0 && len % geo->sector_size == 0);
	MUST(plan->off / BLK_SECTOR == req->sector);
	MUST(plan->off / BLK_SECTOR <= geo->sectors &&
	     len / BLK_SECTOR <= geo->sectors - plan->off / BLK_SECTOR);
	MUST(plan->op == PLAN_READ || !geo->readonly);
	MUST((plan->op == PLAN_READ) == (blk_request_op(req) == BLK_READ));
}

static void check_discard(const struct blk_geometry *geo, const struct blk_req *req,
			  const struct blk_plan *plan)
{
	MUST(geo->discard && !geo->readonly && (geo->discard_secure || !plan->secure));
	MUST(plan->op == PLAN_DISCARD && plan->nr_pieces == 0 && plan->len > 0);
	MUST(plan->off / BLK_SECTOR == req->sector && plan->len / BLK_SECTOR == req->nr_sectors);
	MUST(plan->off % geo->sector_size == 0 && plan->len % geo->sector_size == 0);
	MUST(plan->off / BLK_SECTOR <= geo->sectors &&
	     plan->len / BLK_SECTOR <= geo->sectors - plan->off / BLK_SECTOR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(64) static uint8_t page[BLK_PAGE];
	static struct blk_seg segs[BLK_SEGS_PER_PAGE];
	struct blk_geometry geo = { 0 };
	struct blk_back back;
	struct blk_plan plan;
	struct blk_req req;
	uint32_t slots;

	if (size < 10)
		return 0;
	memcpy(&geo.sectors, data, 8);
	geo.sectors >>= 10;		/* no file has more */
	geo.sector_size = data[8] & 1 ? 4096 : 512;
	geo.readonly = data[8] & 2;
	geo.discard = data[8] & 8;
	geo.discard_secure = data[8] & 16;
	back.abi = data[8] & 4 ? BLK_ABI_32 : BLK_ABI_64;
	data += 9;
	size -= 9;

	memset(segs, 0, sizeof(segs));
	memcpy(segs, data + (size > sizeof(segs) ? size - sizeof(segs) : 0),
	       size > sizeof(segs) ? sizeof(segs) : size);
	if (size > SLOTS * SLOT)
		size = SLOTS * SLOT;
	memset(page, 0, sizeof(page));
	memcpy(page + RING_HEADER, data, size);
	slots = blk_ring_size(back.abi, sizeof(page));
	ring_back_init(&back.ring, page, slots, 0, 0);
	back.ring.shared->req_prod = (uint32_t)(size / SLOT + 1) % (SLOTS + 1);
	while (blk_back_pop(&back, &req) > 0) {
		const bool readable = !(req.id & 1);
		enum blk_verdict verdict = blk_validate(&geo, &req, readable ? segs : NULL, &plan);

		MUST(verdict < BLK_VERDICT_COUNT);
		MUST((blk_verdict_status(verdict) == BLK_OKAY) == (verdict == BLK_VALID));
		MUST(blk_segments_apart(&req) <= BLK_SEGS_PER_PAGE);
		if (verdict == BLK_VALID && req.op == BLK_DISCARD)
			check_discard(&geo, &req, &plan);
		else if (verdict == BLK_VALID)
			check_plan(&geo, &req, &plan);
	}
	return 0;
}
