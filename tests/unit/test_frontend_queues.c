/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_queues.c - rings of several pages and several queues: what is asked for of which
 * offer, where it is told to the backend, that all of it is used, and what a backend that starts
 * over with another offer makes of what is outstanding
 */
#include "test_frontend_rig.h"

static const char *const numbers[] = { "0", "1", "2", "3", "4" };

/*
 * Negotiation
 */

static void expect_ring_keys(struct rig *r, uint32_t pages, uint32_t queues)
{
	char text[16];
	bool several = queues > 1;

	assert_int_equal(fe_key(&r->be, XS_F_RING_PAGE_ORDER) != NULL, pages > 1);
	assert_int_equal(1u << fe_number(&r->be, XS_F_RING_PAGE_ORDER), pages);
	assert_null(fe_key(&r->be, XS_F_NUM_RING_PAGES));
	assert_int_equal(fe_key(&r->be, XS_F_RING_REF) != NULL, !several && pages == 1);
	assert_int_equal(fe_key(&r->be, XS_F_EVENT_CHANNEL) != NULL, !several);
	if (!several) {
		assert_int_equal(fe_key(&r->be, XS_F_RING_REF_N) != NULL, pages > 1);
		assert_null(fe_key(&r->be, XS_F_MULTI_QUEUE_NUM_QUEUES));
		return;
	}
	snprintf(text, sizeof(text), "%u", queues);
	assert_string_equal(fe_key(&r->be, XS_F_MULTI_QUEUE_NUM_QUEUES), text);
	for (uint32_t i = 0; i < queues; i++) {
		assert_int_equal(fe_key_at(&r->be, XS_F_QUEUE_RING_REF, i, 0) != NULL, pages == 1);
		assert_int_equal(fe_key_at(&r->be, XS_F_QUEUE_RING_REF_N, i, 0) != NULL,
				 pages > 1);
		assert_non_null(fe_key_at(&r->be, XS_F_QUEUE_EVENT_CHANNEL, i, 0));
	}
}

/* As said by info, by the store, by the pages that are granted; and every slot takes a request. */
static void expect_rings(struct rig *r, uint32_t order, uint32_t queues, uint32_t buffers)
{
	struct pv_blk_info info = rig_info(r);

	assert_int_equal(info.queues, queues);
	assert_int_equal(info.slots, 32u << order);
	assert_int_equal(info.depth, buffers);
	expect_ring_keys(r, 1u << order, queues);
	assert_int_equal(fake_ports_open(r->os), queues);
	assert_int_equal(fake_granted(r->os),
			 queues * ((1u << order) + buffers * PV_BLK_PAGES));
	for (uint32_t i = 0; i < queues; i++)
		assert_int_equal(rig_fill(r, i), info.slots);
	pv_blk_kick(r->blk);
	assert_int_equal(be_serve(&r->be, RIG_REQS), queues * info.slots);
	rig_expect_all(r, PV_OK);
}

static void test_ring_is_as_large_as_both_want(void **state)
{
	static const char *const offers[] = { NULL, "0", "1", "2", "3", "4", "5", "31",
					      "4294967295" };

	for (uint8_t wanted = 0; wanted <= 5; wanted++) {
		for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
			struct pv_blk_options options = { .ring_order = wanted, .buffers = 8 };
			struct rig *r = rig_open(options, (struct offer){ offers[i], NULL });
			uint32_t order = offers[i] ? (uint32_t)strtoul(offers[i], NULL, 10) : 0;

			order = order < wanted ? order : wanted;
			expect_rings(r, order < 4 ? order : 4, 1, 8);
			rig_free(r);
		}
	}
	(void)state;
}

static void test_queues_are_as_many_as_both_want(void **state)
{
	static const char *const offers[] = { NULL, "1", "2", "3", "4", "16", "17",
					      "4294967295" };
	static const uint8_t wants[] = { 0, 1, 2, 3, 4, 16, 17, 255 };

	for (size_t w = 0; w < sizeof(wants); w++) {
		for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
			struct pv_blk_options options = { .queues = wants[w], .buffers = 2 };
			struct rig *r = rig_open(options, (struct offer){ NULL, offers[i] });
			uint32_t n = offers[i] ? (uint32_t)strtoul(offers[i], NULL, 10) : 1;

			n = n < wants[w] ? n : wants[w];
			n = n < PV_BLK_QUEUES_MAX ? n : PV_BLK_QUEUES_MAX;
			expect_rings(r, 0, n ? n : 1, 2);
			rig_free(r);
		}
	}
	(void)state;
}

static void test_memory_of_the_default_is_what_the_header_says(void **state)
{
	struct pv_blk_options largest = { .ring_order = 4, .queues = 16 }, beyond = { 0 };

	(void)state;
	assert_true(pv_blk_bytes(NULL) <= PV_BLK_BYTES);
	beyond.ring_order = beyond.queues = 255;
	beyond.buffers = 65535;
	assert_int_equal(pv_blk_bytes(&beyond), pv_blk_bytes(&largest));
}

static void test_queue_handles_end_where_the_options_do(void **state)
{
	struct pv_blk_options options = { .queues = 3, .buffers = 2 };
	struct rig *r = rig_open(options, (struct offer){ NULL, "2" });
	struct pv_blk_req req = { .op = PV_BLK_FLUSH };

	(void)state;
	assert_null(pv_blk_queue(r->blk, 3));
	assert_null(pv_blk_queue(r->blk, UINT32_MAX));
	/* there is such a queue, but the backend does not take it */
	assert_int_equal(rig_submit(r, 2, req), PV_EINVAL);
	assert_null(pv_blkq_buffer_get(pv_blk_queue(r->blk, 2)));
	assert_false(pv_blkq_pending(pv_blk_queue(r->blk, 2)));
	assert_false(pv_blkq_arm(pv_blk_queue(r->blk, 2)));
	rig_free(r);
}

/*
 * Data: every combination
 */

static uint8_t data[PV_BLK_MAX_SECTORS * 512], copy[PV_BLK_MAX_SECTORS * 512];

/* Writes of several sizes to all queues, then reads of other sizes from the queue after. */
static void move_data(struct rig *r, uint32_t queues, uint32_t unit, uint32_t salt)
{
	static const uint32_t sizes[] = { 8, 88, 96, 256, 600, 1000 };	/* 2048 in all */
	uint32_t at = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i / 512 * 3 + i + salt);
	for (uint32_t i = 0; i < 6; i++, at += sizes[i - 1])
		assert_int_equal(rig_submit(r, i % queues, (struct pv_blk_req){
			.op = PV_BLK_WRITE, .sector = 8 + at, .sectors = sizes[i],
			.data = data + at * 512 }), PV_OK);
	pv_blk_kick(r->blk);
	be_serve(&r->be, RIG_REQS);
	rig_expect_all(r, PV_OK);
	assert_memory_equal(r->be.disk + 8 * 512, data, sizeof(data));
	memset(copy, 0, sizeof(copy));
	at = 0;
	for (uint32_t i = 5; i < 6; i--, at += sizes[i + 1])
		assert_int_equal(rig_submit(r, (i + 1) % queues, (struct pv_blk_req){
			.op = PV_BLK_READ, .sector = 8 + at, .sectors = sizes[i],
			.data = copy + at * 512 }), PV_OK);
	pv_blk_kick(r->blk);
	be_serve(&r->be, RIG_REQS);
	rig_expect_all(r, PV_OK);
	assert_memory_equal(copy, data, sizeof(data));
	assert_int_equal(rig_submit(r, 0, (struct pv_blk_req){ .op = PV_BLK_READ, .sectors = 8,
				.sector = 1, .data = copy }), unit == 512 ? PV_OK : PV_EALIGN);
	assert_int_equal(rig_submit(r, 0, (struct pv_blk_req){ .op = PV_BLK_READ, .sectors = 1,
				.sector = 8, .data = copy }), unit == 512 ? PV_OK : PV_EALIGN);
	pv_blk_kick(r->blk);
	be_serve(&r->be, RIG_REQS);
	rig_expect_all(r, PV_OK);
}

static void try_cell(uint32_t cell)
{
	uint32_t order = cell % 5, queues = cell / 5 % 4 + 1, rest = cell / 20;
	uint32_t unit = rest & 8 ? 4096 : 512;
	struct pv_blk_options options = {
		.layout = rest & 4 ? PV_BLK_LAYOUT_32 : PV_BLK_LAYOUT_64,
		.no_indirect = rest & 2, .no_persistent = rest & 1,
		.ring_order = (uint8_t)order, .queues = (uint8_t)queues, .buffers = 32,
	};
	struct rig *r = rig_new(options, (struct offer){ "4", numbers[4] });
	struct pv_blk_info info;

	be_key(&r->be, XS_B_SECTOR_SIZE, unit == 512 ? "512" : "4096");
	be_key(&r->be, XS_B_FEATURE_MAX_INDIRECT_SEGMENTS, "256");
	r->be.max_segs = 256;
	be_step_until_open(&r->be, r->blk);
	info = rig_info(r);
	assert_int_equal(info.sector_size, unit);
	assert_int_equal(info.indirect, !options.no_indirect);
	assert_int_equal(info.persistent, !options.no_persistent);
	assert_string_equal(fe_key(&r->be, XS_F_FEATURE_PERSISTENT), rest & 1 ? "0" : "1");
	assert_string_equal(fe_key(&r->be, XS_F_PROTOCOL), rest & 4 ? "x86_32-abi" : "x86_64-abi");
	expect_rings(r, order, queues, 32);
	move_data(r, queues, unit, cell);
	rig_free(r);
}

static void test_every_combination_moves_data(void **state)
{
	(void)state;
	for (uint32_t cell = 0; cell < 5 * 4 * 2 * 2 * 2 * 2; cell++)
		try_cell(cell);
}

/* A deep ring is of use to who borrows few buffers for many small requests. */
static void test_borrowed_buffers_fill_every_queue(void **state)
{
	struct pv_blk_options options = { .ring_order = 4, .queues = 2, .buffers = 47 };
	struct rig *r = rig_open(options, (struct offer){ "4", "4" });
	struct pv_blk_buffer *borrowed[2][47];

	(void)state;
	for (uint32_t i = 0; i < 2 * 512; i++) {
		uint32_t q = i % 2, n = i / 2;
		struct pv_blk_buffer **b = &borrowed[q][n / 11];

		if (n % 11 == 0)
			*b = pv_blkq_buffer_get(pv_blk_queue(r->blk, q));
		assert_non_null(*b);
		memset((*b)->data + n % 11 * 4096, (int)(i * 7), 512);
		assert_int_equal(rig_submit(r, q, (struct pv_blk_req){
			.op = PV_BLK_WRITE, .sector = i, .sectors = 1, .buffer = *b,
			.offset = n % 11 * 4096 }), PV_OK);
	}
	assert_int_equal(rig_fill(r, 0) + rig_fill(r, 1), 0);
	pv_blk_kick(r->blk);
	assert_int_equal(be_serve(&r->be, RIG_REQS), 1024);
	rig_expect_all(r, PV_OK);
	for (uint32_t i = 0; i < 1024; i++)
		assert_int_equal(r->be.disk[i * 512], (uint8_t)(i * 7));
	assert_null(pv_blkq_buffer_get(pv_blk_queue(r->blk, 0)));
	for (uint32_t i = 0; i < 94; i++)
		pv_blkq_buffer_put(pv_blk_queue(r->blk, i % 2), borrowed[i % 2][i / 2]);
	rig_free(r);
}

static void test_queues_notify_by_their_own_channel(void **state)
{
	struct pv_blk_options options = { .queues = 4, .buffers = 2 };
	struct rig *r = rig_open(options, (struct offer){ "4", "4" });

	(void)state;
	for (uint32_t q = 0; q < 4; q++) {
		unsigned int before = r->os->notified;

		assert_int_equal(rig_submit(r, q, (struct pv_blk_req){ .op = PV_BLK_FLUSH }),
				 PV_OK);
		pv_blkq_kick(pv_blk_queue(r->blk, (q + 1) % 4));
		assert_int_equal(r->os->notified, before);
		pv_blkq_kick(pv_blk_queue(r->blk, q));
		assert_int_equal(r->os->notified, before + 1);
		assert_int_equal(be_serve_of(&r->be, q, 9), 1);
		assert_true(pv_blkq_pending(pv_blk_queue(r->blk, q)));
		assert_false(pv_blkq_pending(pv_blk_queue(r->blk, (q + 1) % 4)));
		assert_true(pv_blk_pending(r->blk));
		assert_true(pv_blk_arm(r->blk));
		assert_null(pv_blkq_poll(pv_blk_queue(r->blk, (q + 1) % 4)));
		assert_ptr_equal(pv_blkq_poll(pv_blk_queue(r->blk, q)), &r->req[q]);
		assert_false(pv_blk_arm(r->blk));
	}
	rig_free(r);
}

/*
 * Starting over
 */

/* From one offer to another with all queues full; and data in some of it. */
static void restart_from_to(uint32_t from, uint32_t to)
{
	static const struct offer offers[] = {
		{ NULL, NULL }, { "4", "1" }, { "2", "2" },
		{ "0", "4" }, { "4", "4" }, { "1", "3" },
	};
	struct pv_blk_options options = { .ring_order = 4, .queues = 4, .buffers = 40 };
	struct rig *r = rig_open(options, offers[from]);
	uint32_t queues = rig_info(r).queues, taken = 0;
	struct blk_req req;

	for (uint32_t q = 0; q < queues; q++) {
		memset(data + q * 256 * 512, (int)(0x10 + q), 256 * 512);
		assert_int_equal(rig_submit(r, q, (struct pv_blk_req){
			.op = PV_BLK_WRITE, .sector = q * 256, .sectors = 256,
			.data = data + q * 256 * 512 }), PV_OK);
		rig_fill(r, q);
		pv_blk_kick(r->blk);
		for (uint32_t i = 0; i < q + 2; i++)
			taken += be_pop_of(&r->be, q, &req);
	}
	assert_true(taken > 0);
	rig_restart(r, offers[to]);
	for (int i = 0; i < 64 && be_serve(&r->be, 37); i++)
		while (pv_blkq_pending(pv_blk_queue(r->blk, (uint32_t)i % 4))) {
			struct pv_blk_req *back = pv_blkq_poll(pv_blk_queue(r->blk,
									   (uint32_t)i % 4));

			if (!back)
				break;
			assert_int_equal(back->status, PV_OK);
			back->status = (enum pv_err)98;
		}
	for (struct pv_blk_req *back; be_serve(&r->be, RIG_REQS) || pv_blk_pending(r->blk);)
		while ((back = pv_blk_poll(r->blk))) {
			assert_int_equal(back->status, PV_OK);
			back->status = (enum pv_err)98;
		}
	for (uint32_t i = 0; i < r->nr; i++)
		assert_int_equal(r->req[i].status, 98);
	assert_memory_equal(r->be.disk, data, queues * 256 * 512);
	r->nr = 0;
	expect_ring_keys(r, rig_info(r).slots / 32, rig_info(r).queues);
	for (uint32_t q = 0; q < rig_info(r).queues; q++)
		assert_int_equal(rig_fill(r, q), rig_info(r).slots);
	pv_blk_kick(r->blk);
	be_serve(&r->be, RIG_REQS);
	rig_expect_all(r, PV_OK);
	rig_free(r);
}

static void test_restart_with_another_offer_loses_nothing(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < 6; from++)
		for (uint32_t to = 0; to < 6; to++)
			restart_from_to(from, to);
}

/* What was folded keeps its order; and goes home when there are as many queues again. */
static void test_folded_queues_keep_their_order_and_unfold(void **state)
{
	struct pv_blk_options options = { .queues = 4, .buffers = 8 };
	struct rig *r = rig_open(options, (struct offer){ NULL, "4" });
	struct blk_req req;

	(void)state;
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(rig_submit(r, i % 4, (struct pv_blk_req){
			.op = i % 3 ? PV_BLK_READ : PV_BLK_BARRIER, .sector = i, .sectors = 1,
			.data = copy }), PV_OK);
	pv_blk_kick(r->blk);
	rig_restart(r, (struct offer){ NULL, "2" });
	for (uint32_t q = 0; q < 2; q++) {
		for (uint32_t i = 0; i < 12; i++) {
			assert_true(be_pop_of(&r->be, q, &req));
			assert_int_equal(req.sector, q + i / 6 * 2 + i % 6 * 4);
		}
		assert_false(be_pop_of(&r->be, q, &req));
	}
	/* Answered on queue 1, a request of queue 3 comes back from queue 1. */
	be_respond_on(&r->be, 1, req.id, req.op, BLK_OKAY);
	assert_ptr_equal(pv_blkq_poll(pv_blk_queue(r->blk, 1)), &r->req[23]);
	assert_null(pv_blkq_poll(pv_blk_queue(r->blk, 3)));
	rig_restart(r, (struct offer){ NULL, "4" });
	for (uint32_t q = 0; q < 4; q++)
		for (uint32_t i = 0; i < (q == 3 ? 5 : 6); i++) {
			assert_true(be_pop_of(&r->be, q, &req));
			assert_int_equal(req.sector, q + i * 4);
			be_respond_on(&r->be, q, req.id, req.op, BLK_OKAY);
			assert_ptr_equal(pv_blkq_poll(pv_blk_queue(r->blk, q)),
					 &r->req[q + i * 4]);
		}
	assert_null(pv_blk_poll(r->blk));
	rig_free(r);
}

/* On a smaller ring nothing overtakes what waits for room. */
static void test_smaller_ring_is_fed_in_order(void **state)
{
	struct pv_blk_options options = { .ring_order = 2, .buffers = 128 };
	struct rig *r = rig_open(options, (struct offer){ "4", NULL });
	struct blk_req req;

	(void)state;
	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(rig_submit(r, 0, (struct pv_blk_req){
			.op = PV_BLK_READ, .sector = i, .sectors = 1, .data = copy }), PV_OK);
	rig_restart(r, (struct offer){ NULL, NULL });
	for (uint32_t i = 0; i < 128; i++) {
		assert_true(be_pop(&r->be, &req));
		assert_int_equal(req.sector, i);
		be_respond(&r->be, req.id, req.op, BLK_OKAY);
		assert_int_equal(rig_submit(r, 0, (struct pv_blk_req){ .op = PV_BLK_FLUSH }),
				 i <= 96 ? PV_EAGAIN : PV_OK);
		assert_ptr_equal(pv_blk_poll(r->blk), &r->req[i]);
	}
	rig_free(r);
}

static void test_buffers_are_shared_out_again(void **state)
{
	struct pv_blk_options options = { .queues = 4, .buffers = 8 };
	struct rig *r = rig_open(options, (struct offer){ NULL, "1" });
	struct pv_blk_buffer *borrowed[8];

	(void)state;
	assert_int_equal(fake_granted(r->os), 1 + 8 * PV_BLK_PAGES);
	for (int i = 0; i < 8; i++)
		borrowed[i] = pv_blkq_buffer_get(pv_blk_queue(r->blk, 0));
	rig_restart(r, (struct offer){ NULL, "4" });
	assert_int_equal(fake_granted(r->os), 4 + 32 * PV_BLK_PAGES);
	for (uint32_t q = 0; q < 4; q++)
		for (int i = 0; i < 6; i++)
			assert_int_equal(rig_submit(r, q, (struct pv_blk_req){
				.op = PV_BLK_READ, .sectors = 1, .data = copy }), PV_OK);
	for (int i = 0; i < 8; i++)
		pv_blkq_buffer_put(pv_blk_queue(r->blk, 0), borrowed[i]);
	rig_restart(r, (struct offer){ NULL, "3" });
	assert_int_equal(rig_info(r).depth, 10);
	be_serve(&r->be, RIG_REQS);
	rig_expect_all(r, PV_OK);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_is_as_large_as_both_want),
		cmocka_unit_test(test_queues_are_as_many_as_both_want),
		cmocka_unit_test(test_memory_of_the_default_is_what_the_header_says),
		cmocka_unit_test(test_queue_handles_end_where_the_options_do),
		cmocka_unit_test(test_every_combination_moves_data),
		cmocka_unit_test(test_borrowed_buffers_fill_every_queue),
		cmocka_unit_test(test_queues_notify_by_their_own_channel),
		cmocka_unit_test(test_restart_with_another_offer_loses_nothing),
		cmocka_unit_test(test_folded_queues_keep_their_order_and_unfold),
		cmocka_unit_test(test_smaller_ring_is_fed_in_order),
		cmocka_unit_test(test_buffers_are_shared_out_again),
	};

	return cmocka_run_group_tests_name("frontend queues", tests, NULL, NULL);
}
