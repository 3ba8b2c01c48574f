/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_validate.c - the rules for a block request: each branch, then against an oracle
 *
 * The oracle says the same rules again, slowly: one sector at a time, in 128-bit numbers that
 * cannot wrap, and without looking at how validate.c is built. Both judge the same millions of
 * requests, whose fields are drawn from edges more often than from anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "vdisk/validate.h"

#define SECTORS 1000u

static const struct blk_geometry rw = { .sectors = SECTORS, .sector_size = 512, .discard = true };
static const struct blk_geometry ro = { .sectors = SECTORS, .sector_size = 512, .readonly = true,
					 .discard = true };
static const struct blk_geometry big = { .sectors = SECTORS, .sector_size = 4096, .discard = true };

static struct blk_req one_page(uint8_t op, uint64_t sector)
{
	return (struct blk_req){ .op = op, .sector = sector, .nr_segs = 1,
				 .seg = { { .gref = 9, .first_sect = 0, .last_sect = 7 } } };
}

static enum blk_verdict verdict(const struct blk_geometry *geo, const struct blk_req *req)
{
	struct blk_plan plan;

	return blk_validate(geo, req, NULL, &plan);
}

static void test_validate_each_operation_plans_what_it_means(void **state)
{
	static const struct {
		uint8_t op;
		enum blk_plan_op plan;
		bool before, drain, after;
	} want[] = {
		{ BLK_READ, PLAN_READ, false, false, false },
		{ BLK_WRITE, PLAN_WRITE, false, false, false },
		{ BLK_BARRIER, PLAN_WRITE, true, true, true },
		{ BLK_FLUSH, PLAN_WRITE, true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct blk_req req = one_page(want[i].op, 8);
		struct blk_plan plan;

		memset(&plan, 0xee, sizeof(plan));
		assert_int_equal(blk_validate(&rw, &req, NULL, &plan), BLK_VALID);
		assert_int_equal(plan.op, want[i].plan);
		assert_int_equal(plan.flush_before, want[i].before);
		assert_int_equal(plan.drain, want[i].drain);
		assert_int_equal(plan.flush_after, want[i].after);
		assert_int_equal(plan.off, 8 * 512);
		assert_int_equal(plan.len, 4096);
		assert_int_equal(plan.nr_pieces, 1);
		assert_int_equal(plan.piece[0].gref, 9);
	}
}

static void test_validate_unknown_or_unoffered_operation_is_not_supported(void **state)
{
	static const struct blk_geometry plain = { .sectors = SECTORS, .sector_size = 512 };

	(void)state;
	for (unsigned int op = BLK_FLUSH + 1; op < 256; op++) {
		struct blk_req req = one_page((uint8_t)op, 0);

		req.nr_sectors = 8;
		if (op == BLK_INDIRECT)
			continue;
		assert_int_equal(verdict(&plain, &req), BLK_BAD_OP);
		if (op == BLK_DISCARD)
			continue;
		assert_int_equal(verdict(&rw, &req), BLK_BAD_OP);
		assert_int_equal(verdict(&ro, &req), BLK_BAD_OP);
	}
	assert_int_equal(blk_verdict_status(BLK_BAD_OP), BLK_EOPNOTSUPP);
}

static void test_validate_discard_names_a_part_of_the_disk(void **state)
{
	static const struct {
		const struct blk_geometry *geo;
		uint64_t sector, nr;
		uint8_t flag;
		enum blk_verdict want;
	} cases[] = {
		{ &rw, 0, SECTORS, 0, BLK_VALID },
		{ &rw, SECTORS - 1, 1, 0, BLK_VALID },
		{ &rw, 0, 0, 0, BLK_BAD_RANGE },
		{ &rw, SECTORS, 0, 0, BLK_BAD_RANGE },
		{ &rw, 0, SECTORS + 1, 0, BLK_BAD_RANGE },
		{ &rw, SECTORS, 1, 0, BLK_BAD_RANGE },
		{ &rw, 1, UINT64_MAX, 0, BLK_BAD_RANGE },
		{ &rw, UINT64_MAX, 2, 0, BLK_BAD_RANGE },
		{ &rw, 0, 8, BLK_DISCARD_SECURE, BLK_BAD_OP },
		{ &rw, 0, 8, 0xfe, BLK_VALID },		/* flags that nobody knows */
		{ &ro, 0, 8, 0, BLK_BAD_READONLY },
		{ &big, 8, 16, 0, BLK_VALID },
		{ &big, 4, 8, 0, BLK_BAD_ALIGNMENT },
		{ &big, 8, 4, 0, BLK_BAD_ALIGNMENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct blk_req req = { .op = BLK_DISCARD, .sector = cases[i].sector,
				       .nr_sectors = cases[i].nr, .flag = cases[i].flag };
		struct blk_plan plan;

		assert_int_equal(blk_validate(cases[i].geo, &req, NULL, &plan), cases[i].want);
		if (cases[i].want != BLK_VALID)
			continue;
		assert_int_equal(plan.op, PLAN_DISCARD);
		assert_int_equal(plan.nr_pieces, 0);
		assert_int_equal(plan.off, cases[i].sector * 512);
		assert_int_equal(plan.len, cases[i].nr * 512);
		assert_false(plan.secure || plan.flush_before || plan.drain || plan.flush_after);
	}
}

static struct blk_seg apart[BLK_SEGS_PER_PAGE];

static void test_validate_indirect_request_plans_its_segments(void **state)
{
	struct blk_geometry geo = { .sectors = 1u << 20, .sector_size = 512 };
	struct blk_plan plan;

	(void)state;
	for (unsigned int i = 0; i < BLK_SEGS_PER_PAGE; i++)
		apart[i] = (struct blk_seg){ .gref = 500 + i, .first_sect = i % 3, .last_sect = 7 };
	for (uint8_t op = BLK_READ; op <= BLK_WRITE; op++) {
		for (uint16_t nr = 1; nr <= BLK_MAX_PIECES; nr++) {
			struct blk_req req = { .op = BLK_INDIRECT, .indirect_op = op,
					       .nr_segs = nr, .sector = 77 };

			assert_int_equal(blk_segments_apart(&req), nr);
			assert_int_equal(blk_request_op(&req), op);
			assert_int_equal(blk_validate(&geo, &req, apart, &plan), BLK_VALID);
			assert_int_equal(plan.op, op == BLK_READ ? PLAN_READ : PLAN_WRITE);
			assert_int_equal(plan.nr_pieces, nr);
			assert_int_equal(plan.off, 77 * 512);
			assert_int_equal(plan.piece[nr - 1].gref, 500 + nr - 1);
			assert_false(plan.flush_before || plan.drain || plan.flush_after);
		}
	}
}

static void test_validate_indirect_request_that_is_none_of_the_kind(void **state)
{
	struct blk_req req = { .op = BLK_INDIRECT, .nr_segs = 1 };
	struct blk_plan plan;

	(void)state;
	apart[0] = (struct blk_seg){ .gref = 9, .last_sect = 7 };
	for (unsigned int op = BLK_WRITE + 1; op < 256; op++) {
		req.indirect_op = (uint8_t)op;
		assert_int_equal(blk_validate(&rw, &req, apart, &plan), BLK_BAD_INDIRECT);
	}
	assert_int_equal(blk_verdict_status(BLK_BAD_INDIRECT), BLK_ERROR);
	req.indirect_op = BLK_READ;
	assert_int_equal(blk_validate(&rw, &req, NULL, &plan), BLK_BAD_PAGE);
	for (unsigned int nr = BLK_MAX_PIECES + 1; nr <= UINT16_MAX; nr++) {
		req.nr_segs = (uint16_t)nr;
		assert_int_equal(blk_segments_apart(&req), 0);
		assert_int_equal(blk_validate(&rw, &req, apart, &plan), BLK_BAD_SEGMENTS);
	}
	req.nr_segs = 0;
	assert_int_equal(blk_validate(&rw, &req, apart, &plan), BLK_BAD_SEGMENTS);
	req.nr_segs = 1;
	req.indirect_op = BLK_WRITE;
	assert_int_equal(blk_validate(&ro, &req, apart, &plan), BLK_BAD_READONLY);
}

static void test_validate_segment_count_zero_is_bad_for_data_only(void **state)
{
	(void)state;
	for (uint8_t op = BLK_READ; op <= BLK_FLUSH; op++) {
		struct blk_req req = { .op = op, .sector = UINT64_MAX };
		bool data = op == BLK_READ || op == BLK_WRITE;
		struct blk_plan plan;

		assert_int_equal(blk_validate(&rw, &req, NULL, &plan),
				 data ? BLK_BAD_SEGMENTS : BLK_VALID);
		if (data)
			continue;
		assert_int_equal(plan.op, PLAN_FLUSH);
		assert_true(plan.flush_before && !plan.flush_after);
		assert_int_equal(plan.drain, op == BLK_BARRIER);
		assert_int_equal(plan.nr_pieces, 0);
		assert_int_equal(plan.len, 0);
	}
}

static void test_validate_segment_count_over_the_limit_is_bad(void **state)
{
	static const uint16_t counts[] = { 12, 13, 32, 128, 255, 256, 267, 4096, UINT16_MAX };

	(void)state;
	for (uint8_t op = BLK_READ; op <= BLK_FLUSH; op++) {
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			struct blk_req req = one_page(op, 0);

			req.nr_segs = counts[i];
			assert_int_equal(verdict(&rw, &req), BLK_BAD_SEGMENTS);
		}
	}
}

static void test_validate_full_request_plans_every_piece(void **state)
{
	struct blk_req req = { .op = BLK_WRITE, .nr_segs = BLK_MAX_SEGS };
	struct blk_plan plan;
	uint32_t len = 0;

	(void)state;
	for (uint8_t i = 0; i < BLK_MAX_SEGS; i++)
		req.seg[i] = (struct blk_seg){ 100u + i, i % 4, (uint8_t)(i % 4 + i % 5), 0xffff };
	assert_int_equal(blk_validate(&rw, &req, NULL, &plan), BLK_VALID);
	assert_int_equal(plan.nr_pieces, BLK_MAX_SEGS);
	for (unsigned int i = 0; i < BLK_MAX_SEGS; i++) {
		assert_int_equal(plan.piece[i].gref, 100 + i);
		assert_int_equal(plan.piece[i].off, i % 4 * 512);
		assert_int_equal(plan.piece[i].len, (i % 5 + 1) * 512);
		len += plan.piece[i].len;
	}
	assert_int_equal(plan.len, len);
}

/* All 65,536 pairs of first and last sector, in the first and in the last segment. */
static void test_validate_segment_sectors_each_pair_is_judged(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= BLK_MAX_SEGS; n += BLK_MAX_SEGS - 1) {
		for (unsigned int first = 0; first < 256; first++) {
			for (unsigned int last = 0; last < 256; last++) {
				struct blk_req req = { .op = BLK_READ, .nr_segs = (uint16_t)n };

				req.seg[n - 1].first_sect = (uint8_t)first;
				req.seg[n - 1].last_sect = (uint8_t)last;
				assert_int_equal(verdict(&rw, &req), first <= last && last <= 7 ?
						 BLK_VALID : BLK_BAD_SEGMENT);
			}
		}
	}
}

static void test_validate_range_ends_of_the_disk_and_of_64_bits(void **state)
{
	static const struct {
		uint64_t sectors, sector;
		enum blk_verdict want;
	} cases[] = {
		{ SECTORS, 0, BLK_VALID },
		{ SECTORS, SECTORS - 8, BLK_VALID },
		{ SECTORS, SECTORS - 7, BLK_BAD_RANGE },
		{ SECTORS, SECTORS - 1, BLK_BAD_RANGE },
		{ SECTORS, SECTORS, BLK_BAD_RANGE },
		{ SECTORS, SECTORS + 1, BLK_BAD_RANGE },
		{ SECTORS, 1ull << 32, BLK_BAD_RANGE },
		{ SECTORS, 1ull << 55, BLK_BAD_RANGE },		/* its byte is 2^64 */
		{ SECTORS, (1ull << 55) + 8, BLK_BAD_RANGE },
		{ SECTORS, INT64_MAX, BLK_BAD_RANGE },
		{ SECTORS, 1ull << 63, BLK_BAD_RANGE },
		{ SECTORS, UINT64_MAX - 8, BLK_BAD_RANGE },
		{ SECTORS, UINT64_MAX - 7, BLK_BAD_RANGE },	/* sector + 8 is 0 */
		{ SECTORS, UINT64_MAX, BLK_BAD_RANGE },
		{ 7, 0, BLK_BAD_RANGE },			/* a disk smaller than a page */
		{ 8, 0, BLK_VALID },
		{ 0, 0, BLK_BAD_RANGE },
		{ (1ull << 54), (1ull << 54) - 8, BLK_VALID },	/* a file has 2^63 - 1 at most */
	};

	(void)state;
	for (uint8_t op = BLK_READ; op <= BLK_FLUSH; op++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct blk_geometry geo = { .sectors = cases[i].sectors,
						    .sector_size = 512 };
			struct blk_req req = one_page(op, cases[i].sector);

			assert_int_equal(verdict(&geo, &req), cases[i].want);
		}
	}
}

static void test_xsa142_validate_readonly_disk_takes_no_data(void **state)
{
	struct blk_req req;

	(void)state;
	for (uint8_t op = BLK_WRITE; op <= BLK_FLUSH; op++) {
		req = one_page(op, 0);
		assert_int_equal(verdict(&ro, &req), BLK_BAD_READONLY);
	}
	assert_int_equal(blk_verdict_status(BLK_BAD_READONLY), BLK_ERROR);
	req = one_page(BLK_READ, 0);
	assert_int_equal(verdict(&ro, &req), BLK_VALID);
	for (uint8_t op = BLK_BARRIER; op <= BLK_FLUSH; op++) {
		struct blk_plan plan;

		req = (struct blk_req){ .op = op };
		assert_int_equal(blk_validate(&ro, &req, NULL, &plan), BLK_VALID);
		assert_int_equal(plan.op, PLAN_FLUSH);
	}
}

static void test_validate_4k_disk_wants_whole_sectors(void **state)
{
	struct blk_req req = one_page(BLK_WRITE, 8);

	(void)state;
	assert_int_equal(verdict(&big, &req), BLK_VALID);
	req.sector = 4;
	assert_int_equal(verdict(&big, &req), BLK_BAD_ALIGNMENT);
	req.sector = 8;
	req.seg[0].last_sect = 6;
	assert_int_equal(verdict(&big, &req), BLK_BAD_ALIGNMENT);
	req.nr_segs = 2;			/* two pieces that make one sector */
	req.seg[1] = (struct blk_seg){ 10, 3, 3, 0 };
	assert_int_equal(verdict(&big, &req), BLK_VALID);
}

static void test_verdicts_only_valid_is_okay_and_each_has_words(void **state)
{
	(void)state;
	for (int v = BLK_VALID; v < BLK_VERDICT_COUNT; v++) {
		assert_int_equal(blk_verdict_status(v) == BLK_OKAY, v == BLK_VALID);
		assert_non_null(blk_verdict_text(v));
		assert_true(blk_verdict_text(v)[0]);
	}
}

typedef unsigned __int128 wide;

/* What blkif says, sentence by sentence: the status, and for good requests which byte of the disk
 * each byte of the guest's memory belongs to. */
static int oracle(const struct blk_geometry *geo, const struct blk_req *req,
		  const struct blk_plan *plan)
{
	bool indirect = req->op == 6;
	int op = indirect ? req->indirect_op : req->op;
	const struct blk_seg *seg = indirect ? apart : req->seg;
	wide sectors = 0, byte = (wide)req->sector * 512;

	if (indirect && op != 0 && op != 1)
		return BLK_ERROR;
	if (op > 3)
		return BLK_EOPNOTSUPP;
	if (req->nr_segs == 0)
		return op >= 2 ? BLK_OKAY : BLK_ERROR;
	if (req->nr_segs > (indirect ? 256 : 11) || (op != 0 && geo->readonly))
		return BLK_ERROR;
	for (int i = 0; i < req->nr_segs; i++) {
		if (seg[i].last_sect > 7)
			return BLK_ERROR;
		if (seg[i].first_sect > seg[i].last_sect)
			return BLK_ERROR;
		for (int s = seg[i].first_sect; s <= seg[i].last_sect; s++)
			sectors++;
	}
	if ((wide)req->sector + sectors > geo->sectors)
		return BLK_ERROR;
	if (byte % geo->sector_size || sectors * 512 % geo->sector_size)
		return BLK_ERROR;
	if (!plan)
		return BLK_OKAY;

	assert_true((wide)plan->off == byte && (wide)plan->len == sectors * 512);
	assert_true((wide)plan->off + plan->len <= (wide)geo->sectors * 512);
	assert_int_equal(plan->nr_pieces, req->nr_segs);
	for (int i = 0; i < req->nr_segs; i++) {
		assert_int_equal(plan->piece[i].gref, seg[i].gref);
		assert_int_equal(plan->piece[i].off, seg[i].first_sect * 512);
		assert_int_equal(plan->piece[i].off + plan->piece[i].len,
				 (seg[i].last_sect + 1) * 512);
	}
	return BLK_OKAY;
}

static uint64_t seed = 88172645463325252;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* A number near an edge, mostly. */
static uint64_t draw_sector(uint64_t sectors)
{
	const uint64_t edges[] = { 0, sectors, sectors - 8, sectors - 88, 1ull << 32, 1ull << 55,
				   1ull << 63, UINT64_MAX, UINT64_MAX - 88 };
	uint64_t edge = edges[draw() % (sizeof(edges) / sizeof(edges[0]))];

	switch (draw() % 4) {
	case 0: return draw();
	case 1: return sectors ? draw() % sectors & ~7ull : 0;
	default: return edge + draw() % 20 - 10;
	}
}

static struct blk_seg draw_segment(void)
{
	uint64_t r = draw();
	struct blk_seg seg = { (uint32_t)r, (r >> 32) % 8, 7, 0 };

	if (draw() % 8 == 0)
		seg.last_sect = (r >> 40) % 10;
	if (draw() % 128 == 0)
		seg.last_sect = (uint8_t)(r >> 48);
	return seg;
}

static void draw_request(struct blk_geometry *geo, struct blk_req *req)
{
	static const uint64_t sizes[] = { 0, 1, 7, 8, 88, 89, 1000, 1ull << 31, 1ull << 32,
					  (1ull << 54) - 1 };

	static const uint8_t ops[] = { 0, 1, 2, 3, 6, 6 };
	uint16_t max;

	*geo = (struct blk_geometry){ .sectors = sizes[draw() % (sizeof(sizes) / sizeof(sizes[0]))],
				      .sector_size = draw() % 4 ? 512 : 4096,
				      .readonly = draw() % 4 == 0 };
	*req = (struct blk_req){ .op = draw() % 16 ? ops[draw() % sizeof(ops)] : (uint8_t)draw(),
				 .indirect_op = draw() % 8 ? draw() % 2 : (uint8_t)draw(),
				 .id = draw(), .sector = draw_sector(geo->sectors) };
	max = req->op == 6 && draw() % 4 == 0 ? 260 : 13;
	req->nr_segs = (uint16_t)(draw() % 32 ? draw() % max : draw());
	for (int i = 0; i < BLK_MAX_SEGS; i++)
		req->seg[i] = draw_segment();
	for (int i = 0; req->op == 6 && i < req->nr_segs && i < BLK_MAX_PIECES; i++)
		apart[i] = draw_segment();
}

static void test_validate_random_requests_agree_with_the_oracle(void **state)
{
	time_t end = time(NULL) + 5;
	unsigned int good = 0, indirect = 0, n;

	(void)state;
	for (n = 0; n < 3000000 && (n % 4096 || time(NULL) < end); n++) {
		struct blk_geometry geo;
		struct blk_plan plan;
		struct blk_req req;
		enum blk_verdict v;
		int want;

		draw_request(&geo, &req);
		v = blk_validate(&geo, &req, apart, &plan);
		want = oracle(&geo, &req, v == BLK_VALID && req.nr_segs ? &plan : NULL);
		if (blk_verdict_status(v) != want)
			fail_msg("op %u, %u segments, sector %llx of %llx: %d, not %d", req.op,
				 req.nr_segs, (unsigned long long)req.sector,
				 (unsigned long long)geo.sectors, blk_verdict_status(v), want);
		good += v == BLK_VALID && req.nr_segs;
		indirect += v == BLK_VALID && req.op == BLK_INDIRECT;
	}
	assert_true(good > n / 100);		/* it is not all rejected */
	assert_true(indirect > n / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_validate_each_operation_plans_what_it_means),
		cmocka_unit_test(test_validate_unknown_or_unoffered_operation_is_not_supported),
		cmocka_unit_test(test_validate_discard_names_a_part_of_the_disk),
		cmocka_unit_test(test_validate_indirect_request_plans_its_segments),
		cmocka_unit_test(test_validate_indirect_request_that_is_none_of_the_kind),
		cmocka_unit_test(test_validate_segment_count_zero_is_bad_for_data_only),
		cmocka_unit_test(test_validate_segment_count_over_the_limit_is_bad),
		cmocka_unit_test(test_validate_full_request_plans_every_piece),
		cmocka_unit_test(test_validate_segment_sectors_each_pair_is_judged),
		cmocka_unit_test(test_validate_range_ends_of_the_disk_and_of_64_bits),
		cmocka_unit_test(test_xsa142_validate_readonly_disk_takes_no_data),
		cmocka_unit_test(test_validate_4k_disk_wants_whole_sectors),
		cmocka_unit_test(test_verdicts_only_valid_is_okay_and_each_has_words),
		cmocka_unit_test(test_validate_random_requests_agree_with_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
