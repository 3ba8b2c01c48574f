/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_offers.c - a backend that offers what cannot be, or breaks the protocol on one of
 * several queues; and a port that has not enough for what was agreed
 *
 * In each case the device dies alone, or makes do with less; every request comes back exactly once,
 * and the device can be closed without a trace (rig_free() checks that).
 */
#include "test_frontend_rig.h"

#define QUEUES	3

static const struct pv_blk_options several = { .ring_order = 1, .queues = QUEUES, .buffers = 4 };
static const struct offer all = { "4", "4" };

/* The device is given up, with this reason, and its backend is told. */
static void expect_failed(struct rig *r, enum pv_err err, const char *part_of_reason)
{
	assert_int_equal(pv_blk_error(r->blk), err);
	assert_non_null(pv_blk_reason(r->blk));
	if (!strstr(pv_blk_reason(r->blk), part_of_reason))
		fail_msg("reason: %s", pv_blk_reason(r->blk));
	assert_int_equal(pv_blk_state(r->blk) == PV_CLOSING ||
			 pv_blk_state(r->blk) == PV_CLOSED, 1);
	fake_run(r->os, r->blk);
	assert_true(fe_state(&r->be) == XB_CLOSING || fe_state(&r->be) == XB_CLOSED);
	for (uint32_t q = 0; q < 3; q++)
		if (pv_blk_queue(r->blk, q))
			assert_int_equal(rig_submit(r, q, (struct pv_blk_req){
				.op = PV_BLK_FLUSH }), PV_EGONE);
}

static void test_impossible_offers_are_refused_before_anything_is_granted(void **state)
{
	static const struct { struct offer offer; const char *key; } cases[] = {
		{ { "-1", NULL }, "max-ring-page-order" },
		{ { "4294967296", NULL }, "max-ring-page-order" },
		{ { "18446744073709551616", NULL }, "max-ring-page-order" },
		{ { "four", NULL }, "max-ring-page-order" },
		{ { "", NULL }, "max-ring-page-order" },
		{ { "4 ", NULL }, "max-ring-page-order" },
		{ { NULL, "0" }, "multi-queue-max-queues" },
		{ { NULL, "4294967296" }, "multi-queue-max-queues" },
		{ { NULL, "-4" }, "multi-queue-max-queues" },
		{ { NULL, "0x4" }, "multi-queue-max-queues" },
		{ { NULL, "many" }, "multi-queue-max-queues" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *r = rig_new(several, cases[i].offer);

		be_set_state(&r->be, XB_INIT_WAIT);
		fake_run(r->os, r->blk);
		assert_int_equal(fake_granted(r->os), 0);
		assert_int_equal(fake_ports_open(r->os), 0);
		expect_failed(r, PV_EBACKEND, cases[i].key);
		rig_free(r);
	}
}

/* What it says once both are connected, or between the two, means nothing any more. */
static void test_offer_that_changes_within_a_connection_is_not_looked_at(void **state)
{
	struct rig *r = rig_new(several, all);

	(void)state;
	be_set_state(&r->be, XB_INIT_WAIT);
	fake_run(r->os, r->blk);
	assert_int_equal(fe_state(&r->be), XB_INITIALISED);
	rig_offer(r, (struct offer){ "0", "1" });
	be_connect(&r->be);
	fake_run(r->os, r->blk);
	assert_int_equal(rig_info(r).queues, QUEUES);
	assert_int_equal(rig_info(r).slots, 64);
	rig_offer(r, (struct offer){ "junk", "junk" });
	be_set_state(&r->be, XB_CONNECTED);
	fake_run(r->os, r->blk);
	assert_int_equal(pv_blk_state(r->blk), PV_OPEN);
	for (uint32_t q = 0; q < QUEUES; q++)
		rig_fill(r, q);
	pv_blk_kick(r->blk);
	assert_int_equal(be_serve(&r->be, RIG_REQS), QUEUES * 64);
	rig_expect_all(r, PV_OK);
	rig_free(r);
}

static void test_impossible_offer_at_a_restart_gives_everything_back(void **state)
{
	struct rig *r = rig_open(several, all);

	(void)state;
	for (uint32_t q = 0; q < QUEUES; q++)
		rig_fill(r, q);
	pv_blk_kick(r->blk);
	be_drop(&r->be);
	be_set_state(&r->be, XB_INITIALISING);
	rig_offer(r, (struct offer){ "4", "4294967296" });
	fake_run(r->os, r->blk);
	for (int i = 0; i < 4 && !pv_blk_error(r->blk); i++) {
		be_step(&r->be, true);
		fake_run(r->os, r->blk);
	}
	rig_expect_all(r, PV_EBACKEND);
	expect_failed(r, PV_EBACKEND, "multi-queue-max-queues");
	rig_free(r);
}

/*
 * Violations
 */

/* One request on each queue, which the backend has taken. */
static void one_each(struct rig *r, struct blk_req reqs[QUEUES])
{
	for (uint32_t q = 0; q < QUEUES; q++)
		assert_int_equal(rig_submit(r, q, (struct pv_blk_req){ .op = PV_BLK_FLUSH }),
				 PV_OK);
	pv_blk_kick(r->blk);
	for (uint32_t q = 0; q < QUEUES; q++)
		assert_true(be_pop_of(&r->be, q, &reqs[q]));
}

/* The queue's own request is back at once, the others' with the next step. */
static void expect_violation(struct rig *r, uint32_t q, const char *reason)
{
	struct pv_blk_req *req = pv_blkq_poll(pv_blk_queue(r->blk, q));

	assert_ptr_equal(req, &r->req[q]);
	assert_int_equal(req->status, PV_EBACKEND);
	req->status = (enum pv_err)98;
	assert_true(pv_blk_wants_step(r->blk));
	assert_true(pv_blkq_arm(pv_blk_queue(r->blk, q)));
	assert_int_equal(pv_blk_state(r->blk), PV_CLOSING);
	assert_int_equal(pv_blk_error(r->blk), PV_EBACKEND);
	assert_null(pv_blkq_poll(pv_blk_queue(r->blk, (q + 1) % QUEUES)));
	pv_blk_step(r->blk);
	for (uint32_t i = 1; i < QUEUES; i++) {
		req = pv_blkq_poll(pv_blk_queue(r->blk, (q + i) % QUEUES));
		assert_ptr_equal(req, &r->req[(q + i) % QUEUES]);
		assert_int_equal(req->status, PV_EBACKEND);
	}
	assert_null(pv_blk_poll(r->blk));
	expect_failed(r, PV_EBACKEND, reason);
}

static void test_answer_on_another_queue_gives_the_device_up(void **state)
{
	(void)state;
	for (uint32_t q = 0; q < QUEUES; q++) {
		for (uint32_t other = 0; other < QUEUES; other++) {
			struct rig *r = rig_open(several, all);
			struct blk_req reqs[QUEUES];

			one_each(r, reqs);
			be_respond_on(&r->be, q, reqs[other].id, BLK_FLUSH, BLK_OKAY);
			if (q == other)
				assert_ptr_equal(pv_blk_poll(r->blk), &r->req[q]);
			else
				expect_violation(r, q, "answered what was not asked");
			rig_free(r);
		}
	}
}

static void test_index_jump_on_any_queue_gives_the_device_up(void **state)
{
	static const uint32_t jumps[] = { 2, 64, 65, 512, 0x80000000, 0xffffffff };

	(void)state;
	for (uint32_t q = 0; q < QUEUES; q++) {
		for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
			struct rig *r = rig_open(several, all);
			struct blk_req reqs[QUEUES];

			one_each(r, reqs);
			be_queue(&r->be, q)->ring.shared->rsp_prod = jumps[i];
			expect_violation(r, q, "more responses than there were requests");
			rig_free(r);
		}
	}
}

/* Slots beyond those of this connection's smaller ring are nobody's. */
static void test_answer_to_a_slot_of_the_former_ring_gives_the_device_up(void **state)
{
	struct pv_blk_options options = { .ring_order = 4 };
	struct rig *r = rig_open(options, all);
	struct blk_req old = { 0 }, req;

	(void)state;
	rig_fill(r, 0);
	pv_blk_kick(r->blk);
	while (be_pop(&r->be, &req))
		old = req;
	rig_restart(r, (struct offer){ NULL, NULL });
	be_respond(&r->be, old.id, old.op, BLK_OKAY);
	rig_expect_all(r, PV_EBACKEND);
	expect_failed(r, PV_EBACKEND, "answered what was not asked");
	rig_free(r);
}

static void test_two_queues_that_break_have_one_reason(void **state)
{
	struct rig *r = rig_open(several, all);
	struct blk_req reqs[QUEUES];

	(void)state;
	one_each(r, reqs);
	be_respond_on(&r->be, 2, 5, BLK_FLUSH, BLK_OKAY);
	be_queue(&r->be, 1)->ring.shared->rsp_prod = 77;
	rig_expect_all(r, PV_EBACKEND);
	expect_failed(r, PV_EBACKEND, "more responses");
	rig_free(r);
}

static void test_operation_refused_on_one_queue_is_not_offered_any_more(void **state)
{
	struct rig *r = rig_open(several, all);
	struct blk_req reqs[QUEUES];

	(void)state;
	one_each(r, reqs);
	be_respond_on(&r->be, 1, reqs[1].id, BLK_FLUSH, BLK_EOPNOTSUPP);
	assert_ptr_equal(pv_blk_poll(r->blk), &r->req[1]);
	assert_false(rig_info(r).flush);
	assert_int_equal(rig_submit(r, 1, (struct pv_blk_req){ .op = PV_BLK_FLUSH }), PV_ENOTSUP);
	assert_int_equal(pv_blk_state(r->blk), PV_OPEN);
	rig_restart(r, all);		/* another backend may have it */
	assert_true(rig_info(r).flush);
	rig_free(r);
}

/*
 * Scarcity, and what the backend holds on to
 */

/* A ring is contiguous: one of 16 pages may not be there when there are buffers, of 11. */
static void test_large_ring_that_cannot_be_had_is_a_smaller_one(void **state)
{
	struct pv_blk_options options = { .ring_order = 4, .queues = 2, .buffers = 2 };
	struct rig *r = rig_new(options, all);

	(void)state;
	r->os->largest_grant = 11;
	be_step_until_open(&r->be, r->blk);
	assert_int_equal(rig_info(r).queues, 2);
	assert_int_equal(rig_info(r).slots, 256);
	assert_int_equal(fake_granted(r->os), 2 * 8 + 4 * PV_BLK_PAGES);
	rig_free(r);
}

/* Whatever little there is, the device works with it, or says that it is too little. */
static void test_scarce_pages_are_made_do_with(void **state)
{
	struct pv_blk_options options = { .ring_order = 3, .queues = 3, .buffers = 2 };
	static uint8_t data[512];
	uint32_t opened = 0;

	(void)state;
	for (uint32_t pages = 1; pages <= 3 * (8 + 2 * PV_BLK_PAGES); pages++) {
		struct rig *r = rig_new(options, all);

		r->os->most_granted = pages;
		be_set_state(&r->be, XB_INIT_WAIT);
		fake_run(r->os, r->blk);
		if (pv_blk_error(r->blk)) {
			expect_failed(r, PV_ENOMEM, "grant");
			rig_free(r);
			continue;
		}
		opened++;
		be_step_until_open(&r->be, r->blk);
		assert_true(rig_info(r).queues >= 1 && rig_info(r).depth >= 1);
		for (uint32_t q = 0; q < rig_info(r).queues; q++)
			assert_int_equal(rig_submit(r, q, (struct pv_blk_req){
				.op = PV_BLK_READ, .sectors = 1, .data = data }), PV_OK);
		pv_blk_kick(r->blk);
		be_serve(&r->be, 9);
		rig_expect_all(r, PV_OK);
		if (pages == 3 * (8 + 2 * PV_BLK_PAGES))
			assert_true(rig_info(r).queues == 3 && rig_info(r).depth == 2);
		rig_free(r);
	}
	assert_in_range(opened, 50, 89);
}

static void test_fewer_channels_are_fewer_queues(void **state)
{
	struct pv_blk_options options = { .ring_order = 2, .queues = 4, .buffers = 2 };
	struct rig *r = rig_new(options, all);

	(void)state;
	for (uint32_t port = 3; port < FAKE_PORTS; port++)
		r->os->ports[port] = true;
	be_step_until_open(&r->be, r->blk);
	assert_int_equal(rig_info(r).queues, 2);
	assert_int_equal(rig_info(r).slots, 128);
	assert_int_equal(fake_granted(r->os), 2 * 4 + 4 * PV_BLK_PAGES);
	memset(r->os->ports + 3, 0, FAKE_PORTS - 3);
	rig_free(r);
}

/* No queue is without a buffer for ever: with one for all of them, there is one queue. */
static void test_fewer_buffers_than_queues_are_fewer_queues(void **state)
{
	struct pv_blk_options options = { .queues = 4, .buffers = 1 };
	struct rig *r = rig_new(options, all);

	(void)state;
	r->os->grants_left = 4 + 2;	/* the rings, and two buffers */
	be_step_until_open(&r->be, r->blk);
	assert_int_equal(rig_info(r).queues, 2);
	assert_int_equal(rig_info(r).depth, 1);
	assert_int_equal(fake_granted(r->os), 2 + 2 * PV_BLK_PAGES);
	assert_int_equal(fake_ports_open(r->os), 2);
	rig_free(r);
}

static void test_held_rings_of_all_queues_are_freed_later(void **state)
{
	struct rig *r = rig_open(several, all);
	unsigned int open_pages = fake_granted(r->os);

	(void)state;
	fake_hold_all(r->os, true);
	rig_restart(r, all);
	assert_int_equal(fake_granted(r->os), open_pages + QUEUES * 2);
	fake_hold_all(r->os, false);
	r->os->clock += 100000000ull;
	assert_true(pv_blk_wants_step(r->blk));
	pv_blk_step(r->blk);
	assert_int_equal(fake_granted(r->os), open_pages);
	rig_free(r);
}

static void test_backend_that_hoards_rings_of_queues_is_given_up(void **state)
{
	struct rig *r = rig_open(several, all);

	(void)state;
	for (int i = 0; i < 9 && !pv_blk_error(r->blk); i++) {
		fake_hold_all(r->os, true);
		be_drop(&r->be);
		be_set_state(&r->be, XB_INITIALISING);
		fake_run(r->os, r->blk);
		for (int k = 0; k < 4 && !pv_blk_error(r->blk); k++) {
			be_step(&r->be, true);
			fake_run(r->os, r->blk);
		}
	}
	expect_failed(r, PV_EBACKEND, "too many old rings");
	rig_free(r);
}

static void test_store_failure_at_each_operation_of_many_is_retried(void **state)
{
	int n = 0;
	bool failed = true;

	(void)state;
	for (; failed; n++) {
		struct rig *r = rig_new(several, all);

		r->os->store_fails_in = n;
		be_set_state(&r->be, XB_INIT_WAIT);
		fake_run(r->os, r->blk);
		for (int i = 0; i < 3; i++) {
			r->os->clock += 100000000ull;
			pv_blk_step(r->blk);
		}
		assert_int_equal(fe_state(&r->be), XB_INITIALISED);
		failed = r->os->store_fails_in == -1;
		be_connect(&r->be);
		fake_run(r->os, r->blk);
		pv_blk_step(r->blk);
		assert_int_equal(pv_blk_state(r->blk), PV_OPEN);
		assert_int_equal(fake_ports_open(r->os), QUEUES);
		assert_int_equal(fake_granted(r->os), QUEUES * (2 + 4 * PV_BLK_PAGES));
		rig_free(r);
	}
	assert_in_range(n, 20, 199);
}

/*
 * Options as words
 */

static void test_words_set_options(void **state)
{
	struct pv_blk_options o = { 0 };

	(void)state;
	assert_int_equal(pv_blk_option(&o, "order=4"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "queues=16"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "buffers=512"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "persistent=off"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "indirect=off"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "abi=32"), PV_OK);
	assert_true(o.ring_order == 4 && o.queues == 16 && o.buffers == 512 && o.no_persistent &&
		    o.no_indirect && o.layout == PV_BLK_LAYOUT_32);
	assert_int_equal(pv_blk_option(&o, "persistent=on"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "indirect=on"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "abi=native"), PV_OK);
	assert_int_equal(pv_blk_option(&o, "order=0"), PV_OK);
	assert_true(o.ring_order == 0 && !o.no_persistent && !o.no_indirect &&
		    o.layout == PV_BLK_NATIVE);
}

static void test_wrong_words_change_nothing(void **state)
{
	static const char *const unknown[] = { "", "=", "order", "orders=1", "orde=1", "ORDER=1",
					       " order=1", "size=1" };
	static const char *const wrong[] = { "order=", "order=5", "order=-1", "order=1 ",
					     "queues=0", "queues=17", "queues=4294967297",
					     "buffers=0", "buffers=513", "persistent=",
					     "persistent=1", "persistent=onn", "indirect=On",
					     "abi=16", "abi=6", "abi=" };
	struct pv_blk_options o = { .ring_order = 3 }, before = o;

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(pv_blk_option(&o, unknown[i]), PV_ENOENT);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(pv_blk_option(&o, wrong[i]), PV_EINVAL);
	assert_memory_equal(&o, &before, sizeof(o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_offers_are_refused_before_anything_is_granted),
		cmocka_unit_test(test_offer_that_changes_within_a_connection_is_not_looked_at),
		cmocka_unit_test(test_impossible_offer_at_a_restart_gives_everything_back),
		cmocka_unit_test(test_answer_on_another_queue_gives_the_device_up),
		cmocka_unit_test(test_index_jump_on_any_queue_gives_the_device_up),
		cmocka_unit_test(test_answer_to_a_slot_of_the_former_ring_gives_the_device_up),
		cmocka_unit_test(test_two_queues_that_break_have_one_reason),
		cmocka_unit_test(test_operation_refused_on_one_queue_is_not_offered_any_more),
		cmocka_unit_test(test_large_ring_that_cannot_be_had_is_a_smaller_one),
		cmocka_unit_test(test_scarce_pages_are_made_do_with),
		cmocka_unit_test(test_fewer_channels_are_fewer_queues),
		cmocka_unit_test(test_fewer_buffers_than_queues_are_fewer_queues),
		cmocka_unit_test(test_held_rings_of_all_queues_are_freed_later),
		cmocka_unit_test(test_backend_that_hoards_rings_of_queues_is_given_up),
		cmocka_unit_test(test_store_failure_at_each_operation_of_many_is_retried),
		cmocka_unit_test(test_words_set_options),
		cmocka_unit_test(test_wrong_words_change_nothing),
	};

	return cmocka_run_group_tests_name("frontend offers", tests, NULL, NULL);
}
