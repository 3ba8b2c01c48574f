/* SPDX-License-Identifier: MIT */
/*
 * blk_abi.c - the two layouts of a blkif message become one, and back
 *
 * Both layouts share bytes 0-3 and the 88 bytes that follow the sector number; only the offsets of
 * id and sector differ. So a 32-bit message is widened to the 64-bit layout first (or narrowed
 * last), and what an operation means by its bytes is decoded once for both. (An indirect request's
 * nr_segments is 16 bits wide at byte 2, where others have their handle.)
 */
#include "blk_abi.h"

#define copy __builtin_memcpy

uint32_t blk_ring_size(enum blk_abi abi, size_t bytes)
{
	return abi == BLK_ABI_32 ? blk32_size(bytes) : blk64_size(bytes);
}

static const struct {
	const char *name;
	uint8_t len;
	enum blk_abi abi;
} abi_names[] = {
	{ "x86_64-abi", 10, BLK_ABI_64 },
	{ "x86_32-abi", 10, BLK_ABI_32 },
	{ "arm-abi", 7, BLK_ABI_64 },
};

bool blk_abi_parse(const char *text, size_t len, enum blk_abi *abi)
{
	for (size_t i = 0; i < sizeof(abi_names) / sizeof(abi_names[0]); i++) {
		if (len != abi_names[i].len ||
		    __builtin_memcmp(text, abi_names[i].name, len) != 0)
			continue;
		*abi = abi_names[i].abi;
		return true;
	}
	return false;
}

const char *blk_abi_native(enum blk_abi *abi)
{
#if defined(__i386__)
	int i = 1;
#elif defined(__arm__) || defined(__aarch64__)
	int i = 2;
#else
	int i = 0;
#endif
	*abi = abi_names[i].abi;
	return abi_names[i].name;
}

/* What follows the sector number, by operation. */
static void decode_rest(struct blk_req *req, const uint8_t rest[88])
{
	switch (req->op) {
	case BLK_DISCARD:
		req->flag = (uint8_t)req->nr_segs;
		req->nr_segs = 0;
		copy(&req->nr_sectors, rest, sizeof(req->nr_sectors));
		break;
	case BLK_INDIRECT:
		req->indirect_op = (uint8_t)req->nr_segs;
		req->nr_segs = req->handle;
		copy(&req->handle, rest, sizeof(req->handle));
		copy(req->indirect_gref, rest + 4, sizeof(req->indirect_gref));
		break;
	default:
		copy(req->seg, rest, sizeof(req->seg));
	}
}

static void encode_rest(uint8_t rest[88], const struct blk_req *req)
{
	__builtin_memset(rest, 0, 88);
	switch (req->op) {
	case BLK_DISCARD:
		copy(rest, &req->nr_sectors, sizeof(req->nr_sectors));
		break;
	case BLK_INDIRECT:
		copy(rest, &req->handle, sizeof(req->handle));
		copy(rest + 4, req->indirect_gref, sizeof(req->indirect_gref));
		break;
	default:
		copy(rest, req->seg, sizeof(req->seg));
	}
}

/* Bytes 1 to 3 of a request, by operation. */
static uint8_t head_byte(const struct blk_req *req)
{
	if (req->op == BLK_DISCARD)
		return req->flag;
	return req->op == BLK_INDIRECT ? req->indirect_op : (uint8_t)req->nr_segs;
}

static uint16_t head_half(const struct blk_req *req)
{
	return req->op == BLK_INDIRECT ? req->nr_segs : req->handle;
}

static void decode(struct blk_req *req, const struct blk64_req *raw)
{
	*req = (struct blk_req){ .id = raw->id, .sector = raw->sector, .op = raw->op,
				 .nr_segs = raw->nr_segs, .handle = raw->handle };
	decode_rest(req, raw->rest);
}

static void encode(struct blk64_req *raw, const struct blk_req *req)
{
	*raw = (struct blk64_req){ .id = req->id, .sector = req->sector, .op = req->op,
				   .nr_segs = head_byte(req), .handle = head_half(req) };
	encode_rest(raw->rest, req);
}

static void widen(struct blk64_req *to, const struct blk32_req *from)
{
	*to = (struct blk64_req){ .id = from->id, .sector = from->sector, .op = from->op,
				  .nr_segs = from->nr_segs, .handle = from->handle };
	copy(to->rest, from->rest, sizeof(to->rest));
}

static void narrow(struct blk32_req *to, const struct blk64_req *from)
{
	*to = (struct blk32_req){ .id = from->id, .sector = from->sector, .op = from->op,
				  .nr_segs = from->nr_segs, .handle = from->handle };
	copy(to->rest, from->rest, sizeof(to->rest));
}

int blk_back_pop(struct blk_back *b, struct blk_req *req)
{
	struct blk64_req raw;
	struct blk32_req raw32;
	int rc;

	if (b->abi == BLK_ABI_32) {
		rc = blk32_back_pop(&b->ring, &raw32);
		if (rc > 0)
			widen(&raw, &raw32);
	} else {
		rc = blk64_back_pop(&b->ring, &raw);
	}
	if (rc > 0)
		decode(req, &raw);
	return rc;
}

void blk_back_push(struct blk_back *b, const struct blk_rsp *rsp)
{
	if (b->abi == BLK_ABI_32) {
		struct blk32_rsp raw = { .id = rsp->id, .op = rsp->op, .status = rsp->status };

		blk32_back_push(&b->ring, &raw);
	} else {
		struct blk64_rsp raw = { .id = rsp->id, .op = rsp->op, .status = rsp->status };

		blk64_back_push(&b->ring, &raw);
	}
}

void blk_front_push(struct blk_front *f, const struct blk_req *req)
{
	struct blk64_req raw;
	struct blk32_req raw32;

	encode(&raw, req);
	if (f->abi == BLK_ABI_32) {
		narrow(&raw32, &raw);
		blk32_front_push(&f->ring, &raw32);
	} else {
		blk64_front_push(&f->ring, &raw);
	}
}

int blk_front_pop(struct blk_front *f, struct blk_rsp *rsp)
{
	struct blk64_rsp raw;
	struct blk32_rsp raw32;
	int rc;

	if (f->abi == BLK_ABI_32) {
		rc = blk32_front_pop(&f->ring, &raw32);
		if (rc > 0)
			raw = (struct blk64_rsp){ raw32.id, raw32.op, 0, raw32.status, 0 };
	} else {
		rc = blk64_front_pop(&f->ring, &raw);
	}
	if (rc > 0)
		*rsp = (struct blk_rsp){ .id = raw.id, .op = raw.op, .status = raw.status };
	return rc;
}
