/* SPDX-License-Identifier: MIT */
/*
 * guest_request.c - a guest whose requests are malformed: each gets one error, and the disk lives
 */
#include "rogue.h"

#include <stdio.h>
#include <string.h>

/* The disk ends here; the scenario makes it of this size. */
static uint64_t sectors(struct rogue *r)
{
	int n = rogue_backend_number(r, "sectors");

	if (n < 0)
		rogue_fail("the backend does not say how large the disk is");
	return (uint64_t)n;
}

static void one(struct rogue *r, struct blk_req req, int status)
{
	rogue_expect(r, &req, status);
}

static void segments_none(struct rogue *r)
{
	rogue_connect(r);
	one(r, rogue_request(BLK_READ, 0, 0, 0), BLK_ERROR);
	one(r, rogue_request(BLK_WRITE, 0, 0, 0), BLK_ERROR);
}

static void segments_too_many(struct rogue *r)
{
	static const uint16_t counts[] = { 12, 13, 32, 127, 128, 255 };

	rogue_connect(r);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (uint8_t op = BLK_READ; op <= BLK_FLUSH; op++)
			one(r, rogue_request(op, 0, 0, counts[i]), BLK_ERROR);
	}
}

static void segment_of(struct rogue *r, uint8_t first, uint8_t last)
{
	for (unsigned int at = 0; at < 3; at++) {
		struct blk_req req = rogue_request(BLK_READ, 0, 0, 3);

		req.seg[at].first_sect = first;
		req.seg[at].last_sect = last;
		one(r, req, BLK_ERROR);
		req.op = BLK_WRITE;
		one(r, req, BLK_ERROR);
	}
}

static void segment_backwards(struct rogue *r)
{
	rogue_connect(r);
	segment_of(r, 1, 0);
	segment_of(r, 7, 0);
	segment_of(r, 255, 7);
}

static void segment_beyond_page(struct rogue *r)
{
	rogue_connect(r);
	segment_of(r, 0, 8);
	segment_of(r, 8, 8);
	segment_of(r, 0, 255);
	segment_of(r, 255, 255);
}

static void sectors_past_the_end(struct rogue *r)
{
	uint64_t end;

	rogue_connect(r);
	end = sectors(r);
	one(r, rogue_request(BLK_READ, end - 8, 0, 1), BLK_OKAY);
	for (uint64_t at = end - 7; at <= end + 1; at++) {
		one(r, rogue_request(BLK_READ, at, 0, 1), BLK_ERROR);
		one(r, rogue_request(BLK_WRITE, at, 0, 1), BLK_ERROR);
	}
	one(r, rogue_request(BLK_WRITE, end - 80, 0, 11), BLK_ERROR);
}

static void sectors_that_wrap(struct rogue *r)
{
	static const uint64_t at[] = { UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 8, 1ull << 63,
				       1ull << 55, (1ull << 55) + 8, 1ull << 54, 1ull << 32 };

	rogue_connect(r);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		one(r, rogue_request(BLK_READ, at[i], 0, 1), BLK_ERROR);
		one(r, rogue_request(BLK_WRITE, at[i], 0, 2), BLK_ERROR);
	}
}

static void with_gref(struct rogue *r, uint32_t gref, int read_status, int write_status)
{
	for (unsigned int at = 0; at < 3; at++) {
		struct blk_req req = rogue_request(BLK_READ, 8, 0, 3);

		req.seg[at].gref = gref;
		one(r, req, read_status);
		req.op = BLK_WRITE;
		one(r, req, write_status);
	}
}

static void gref_unknown(struct rogue *r)
{
	rogue_connect(r);
	with_gref(r, 0x00ffffff, BLK_ERROR, BLK_ERROR);
	with_gref(r, 0x7fffffff, BLK_ERROR, BLK_ERROR);
	with_gref(r, 0xffffffff, BLK_ERROR, BLK_ERROR);
}

static void gref_revoked(struct rogue *r)
{
	uint32_t gref;
	uint8_t *page = rogue_share(r, 0, true, &gref);

	rogue_connect(r);
	with_gref(r, gref, BLK_OKAY, BLK_OKAY);
	rogue_unshare(r, page);
	with_gref(r, gref, BLK_ERROR, BLK_ERROR);
}

static void gref_readonly(struct rogue *r)
{
	uint32_t gref;
	uint8_t *page = rogue_share(r, 0, false, &gref);

	rogue_connect(r);
	memset(page, ROGUE_SECRET, BLK_PAGE);
	with_gref(r, gref, BLK_ERROR, BLK_OKAY);
	for (unsigned int i = 0; i < BLK_PAGE; i++) {
		if (page[i] != ROGUE_SECRET)
			rogue_fail("a page that was granted for reading was written");
	}
}

/* A page that another domain was granted: ours, but not for this backend. */
static void gref_of_another(struct rogue *r)
{
	uint32_t gref;

	rogue_share(r, 4711, true, &gref);
	rogue_connect(r);
	with_gref(r, gref, BLK_ERROR, BLK_ERROR);
}

static void grefs_bad_in_a_full_batch(struct rogue *r)
{
	unsigned int good = 0, bad = 0;

	rogue_connect(r);
	for (unsigned int round = 0; round < 32; round++) {
		for (unsigned int i = 0; i < 32; i++) {
			struct blk_req req = rogue_request(BLK_READ, 8, i, 1);

			req.id = i;
			if (i % 7 == round % 7)
				req.seg[0].gref = 0x00ffffff;
			rogue_push(r, &req);
		}
		rogue_notify(r);
		for (unsigned int i = 0; i < 32; i++) {
			struct blk_rsp rsp = rogue_answer(r);

			if ((rsp.status != BLK_OKAY) != (rsp.id % 7 == round % 7))
				rogue_fail("request %u of the batch: status %d",
					   (unsigned int)rsp.id, rsp.status);
			*(rsp.status ? &bad : &good) += 1;
		}
	}
	if (!good || !bad)
		rogue_fail("the batches were not mixed");
}

static void operations_unknown(struct rogue *r)
{
	rogue_connect(r);
	for (unsigned int op = 0; op < 256; op++) {
		if (op > BLK_FLUSH && op != BLK_DISCARD && op != BLK_INDIRECT)
			one(r, rogue_request((uint8_t)op, 0, 0, 1), BLK_EOPNOTSUPP);
	}
}

static void discard_beyond_the_end(struct rogue *r)
{
	struct blk_req req = { .op = BLK_DISCARD, .id = 1 };
	uint64_t end;

	rogue_connect(r);
	end = sectors(r);
	const struct { uint64_t sector, nr; } ranges[] = {
		{ 0, 0 }, { 0, end + 1 }, { end, 0 }, { end, 1 }, { 1, end }, { 0, UINT64_MAX },
		{ 1, UINT64_MAX }, { 8, UINT64_MAX - 7 }, { UINT64_MAX, 2 }, { 1ull << 55, 8 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		req.sector = ranges[i].sector;
		req.nr_sectors = ranges[i].nr;
		one(r, req, BLK_ERROR);
	}
}

static void discard_secure_not_offered(struct rogue *r)
{
	struct blk_req req = { .op = BLK_DISCARD, .id = 1, .flag = BLK_DISCARD_SECURE };

	rogue_connect(r);
	req.nr_sectors = sectors(r);
	one(r, req, BLK_EOPNOTSUPP);
}

/* A request whose segments, whole pages all of them, stand in the last data page. */
static struct blk_req indirect(struct rogue *r, uint8_t op, unsigned int nr)
{
	struct blk_seg *segs = (struct blk_seg *)(void *)r->data[ROGUE_PAGES - 1];
	struct blk_req req = { .op = BLK_INDIRECT, .id = 2, .indirect_op = op,
			       .nr_segs = (uint16_t)nr };

	for (unsigned int i = 0; i < BLK_SEGS_PER_PAGE; i++)
		segs[i] = (struct blk_seg){ r->gref[i % (ROGUE_PAGES - 1)], 0, 7, 0xffff };
	for (unsigned int i = 0; i < BLK_MAX_INDIRECT_PAGES; i++)
		req.indirect_gref[i] = r->gref[ROGUE_PAGES - 1];
	return req;
}

static void indirect_counts(struct rogue *r)
{
	rogue_connect(r);
	one(r, indirect(r, BLK_READ, 256), BLK_OKAY);
	one(r, indirect(r, BLK_READ, 257), BLK_ERROR);
	for (uint32_t nr = 0; nr <= UINT16_MAX; nr += 4369)
		one(r, indirect(r, BLK_WRITE, nr), BLK_ERROR);
}

static void indirect_operations(struct rogue *r)
{
	rogue_connect(r);
	for (unsigned int op = BLK_WRITE + 1; op < 256; op++)
		one(r, indirect(r, (uint8_t)op, 1), BLK_ERROR);
}

static void indirect_list_out_of_reach(struct rogue *r)
{
	static const uint32_t grefs[] = { 8191, 1u << 20, UINT32_MAX };
	struct blk_req req;

	rogue_connect(r);
	for (size_t i = 0; i < sizeof(grefs) / sizeof(grefs[0]); i++) {
		req = indirect(r, BLK_WRITE, 3);
		req.indirect_gref[0] = grefs[i];
		one(r, req, BLK_ERROR);
	}
}

static void indirect_segments_bad(struct rogue *r)
{
	static const unsigned int places[] = { 0, 1, 100, 254, 255 };
	static const struct { uint8_t first, last; } bad[] = { { 1, 0 }, { 0, 8 }, { 0, 255 },
							       { 255, 255 } };

	rogue_connect(r);
	for (size_t at = 0; at < sizeof(places) / sizeof(places[0]); at++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct blk_req req = indirect(r, BLK_WRITE, 256);
			struct blk_seg *segs = (struct blk_seg *)(void *)r->data[ROGUE_PAGES - 1];

			segs[places[at]].first_sect = bad[i].first;
			segs[places[at]].last_sect = bad[i].last;
			one(r, req, BLK_ERROR);
		}
	}
}

static void good_pages_around(struct rogue *r, uint32_t bad)
{
	static const unsigned int places[] = { 1, 128, 255 };
	struct blk_seg *segs = (struct blk_seg *)(void *)r->data[ROGUE_PAGES - 1];

	for (unsigned int at = 0; at < BLK_MAX_SEGS; at++) {
		for (uint8_t op = BLK_READ; op <= BLK_WRITE; op++) {
			struct blk_req req = rogue_request(op, 8, 0, BLK_MAX_SEGS);

			req.seg[at].gref = bad;
			one(r, req, BLK_ERROR);
		}
	}
	for (size_t i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
		struct blk_req req = indirect(r, i % 2 ? BLK_WRITE : BLK_READ, 256);

		segs[places[i / 2]].gref = bad;
		one(r, req, BLK_ERROR);
	}
}

/* XSA-71, CVE-2013-4375: QEMU's backend could be made to use up grants. It maps a request's pages
 * one after the other, and kept those before one that could not be. The siege counts what is mapped
 * afterwards; here the pages are seen to be as usable as before. */
static void xsa71_good_pages_around_a_bad_one(struct rogue *r)
{
	for (unsigned int round = 0; round < 8; round++) {
		uint32_t revoked, anothers;

		if (round)
			rogue_restart(r);
		rogue_prepare(r);
		rogue_write_number(r, "feature-persistent", round % 2);
		rogue_write_number(r, "state", ST_INITIALISED);
		rogue_await(r, ST_CONNECTED);
		rogue_write_number(r, "state", ST_CONNECTED);
		rogue_unshare(r, rogue_share(r, 0, true, &revoked));
		rogue_share(r, 4711, true, &anothers);
		good_pages_around(r, 0x00ffffff);
		good_pages_around(r, revoked);
		good_pages_around(r, anothers);
		one(r, rogue_request(BLK_WRITE, 8, 0, BLK_MAX_SEGS), BLK_OKAY);
		one(r, indirect(r, BLK_READ, 256), BLK_OKAY);
	}
}

/* XSA-155: the segments change while they are being judged. Answered once, whatever they were. */
static void xsa155_indirect_list_changes(struct rogue *r)
{
	volatile struct blk_seg *segs;
	uint32_t seed = 1;

	rogue_connect(r);
	segs = (volatile struct blk_seg *)(void *)r->data[ROGUE_PAGES - 1];
	for (unsigned int round = 0; round < 500; round++) {
		struct blk_req req = indirect(r, BLK_READ, 256);

		rogue_push(r, &req);
		for (unsigned int n = 0; n < 4096 || ring_front_pending(&r->front.ring) == 0; n++) {
			seed = seed * 1664525 + 1013904223;
			segs[seed >> 24].last_sect = (uint8_t)(seed >> 8);
			segs[seed >> 24].gref = n % 2 ? r->gref[0] : seed;
			if (n % 65536 == 65535)
				rogue_notify(r);
		}
		rogue_answer(r);
	}
}

/* XSA-216: answers of all kinds, in slots that were full of ones. */
static void xsa216_padding(struct rogue *r)
{
	rogue_connect(r);
	for (unsigned int i = 0; i < 64; i++) {
		struct blk_req req = rogue_request((uint8_t)(i % 8), i % 3 ? 0 : UINT64_MAX, 0, 1);
		uint8_t *slot = r->ring + RING_HEADER + i % 32 * sizeof(struct blk64_req);

		req.id = UINT64_MAX;
		blk_front_push(&r->front, &req);
		memset(slot + 4, 0xff, 4);
		memset(slot + 16, 0xff, 8);
		if (slot[0] == BLK_READ)
			memset(slot + 16, 0, 8);
		ring_front_publish(&r->front.ring);
		rogue_notify(r);
		rogue_answer(r);
		if (slot[9] || slot[12] || slot[13] || slot[14] || slot[15])
			rogue_fail("an answer has padding that is not zero");
	}
}

/* XSA-142: the scenario gives this one a read-only disk, and compares it afterwards. */
static void xsa142_readonly(struct rogue *r)
{
	struct blk_req discard = { .op = BLK_DISCARD, .id = 1, .sector = 8, .nr_sectors = 8 };
	bool readonly;

	rogue_connect(r);
	readonly = rogue_backend_number(r, "info") & 4;
	memset(r->data[0], 0xbb, BLK_PAGE);
	for (uint8_t op = BLK_WRITE; op <= BLK_FLUSH && readonly; op++) {
		for (unsigned int nr = 1; nr <= BLK_MAX_SEGS; nr++)
			one(r, rogue_request(op, 8, 0, nr), BLK_ERROR);
	}
	one(r, indirect(r, BLK_WRITE, 1), readonly ? BLK_ERROR : BLK_OKAY);
	one(r, discard, readonly ? BLK_EOPNOTSUPP : BLK_OKAY);
	one(r, rogue_request(BLK_FLUSH, 0, 0, 0), BLK_OKAY);
}

static const struct attack attacks[] = {
	{ "segments-none", segments_none, LIVES },
	{ "segments-too-many", segments_too_many, LIVES },
	{ "segment-backwards", segment_backwards, LIVES },
	{ "segment-beyond-page", segment_beyond_page, LIVES },
	{ "sectors-past-the-end", sectors_past_the_end, LIVES },
	{ "sectors-that-wrap", sectors_that_wrap, LIVES },
	{ "gref-unknown", gref_unknown, LIVES },
	{ "gref-revoked", gref_revoked, LIVES },
	{ "gref-readonly", gref_readonly, LIVES },
	{ "gref-of-another", gref_of_another, LIVES },
	{ "xsa361-grefs-bad-in-a-full-batch", grefs_bad_in_a_full_batch, LIVES },
	{ "operations-unknown", operations_unknown, LIVES },
	{ "discard-beyond-the-end", discard_beyond_the_end, LIVES },
	{ "discard-secure-not-offered", discard_secure_not_offered, LIVES },
	{ "indirect-counts", indirect_counts, LIVES },
	{ "indirect-operations", indirect_operations, LIVES },
	{ "indirect-list-out-of-reach", indirect_list_out_of_reach, LIVES },
	{ "indirect-segments-bad", indirect_segments_bad, LIVES },
	{ "xsa71-good-pages-around-a-bad-one", xsa71_good_pages_around_a_bad_one, LIVES },
	{ "xsa155-indirect-list-changes", xsa155_indirect_list_changes, LIVES },
	{ "xsa216-padding", xsa216_padding, LIVES },
	{ "xsa142-readonly", xsa142_readonly, LIVES },
};

int main(int argc, char **argv)
{
	return rogue_main(argc, argv, attacks, sizeof(attacks) / sizeof(attacks[0]));
}
