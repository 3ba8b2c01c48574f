/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_hostile.c - frontend/blk.c against a backend that breaks the protocol
 *
 * Whatever it does: only this device dies, with its reason; every request comes back exactly once;
 * its pages stay granted (never reused) until the backend says that it has closed; and the device
 * can be closed without a trace (test_frontend.h's tear_down checks that after each test).
 */
#include "test_frontend.h"

/* Four requests on the ring, taken by the backend. */
static void four(struct fixture *f, struct blk_req reqs[4])
{
	for (int i = 0; i < 4; i++) {
		memset(f->data[i], 0x11, 512);
		submit_ok(f, i, PV_BLK_READ, (uint64_t)i, 1);
	}
	pv_blk_kick(f->blk);
	for (int i = 0; i < 4; i++)
		assert_true(be_pop(&f->be, &reqs[i]));
}

/* The device is dead; of the four requests those from `first` on come back with EBACKEND. */
static void expect_all_back(struct fixture *f, int first, const char *reason)
{
	unsigned int granted = fake_granted(f->os);

	for (int i = first; i < 4; i++)
		expect_back(f, i, PV_EBACKEND);
	for (int i = first; i < 4; i++)
		assert_int_equal(f->data[i][0], 0x11);	/* nothing was copied */
	assert_int_equal(fake_granted(f->os), granted);
	expect_dead(f, PV_EBACKEND, reason);
	assert_int_equal(fake_granted(f->os), granted);
}

static void test_duplicate_answer_kills_the_device(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[4];

	four(f, reqs);
	be_respond(&f->be, reqs[0].id, reqs[0].op, BLK_OKAY);
	be_respond(&f->be, reqs[0].id, reqs[0].op, BLK_OKAY);
	memset(f->data[0], 0x11, 512);
	expect_back(f, 0, PV_OK);
	expect_all_back(f, 1, "answered what was not asked");
}

/* The slot is in use again, by another request: only the generation tells. */
static void test_late_duplicate_answer_kills_the_device(void **state)
{
	struct fixture *f = *state;
	struct blk_req old, req;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &old));
	be_respond(&f->be, old.id, old.op, BLK_OKAY);
	expect_back(f, 0, PV_OK);
	submit_ok(f, 1, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	assert_int_equal(req.id % 65536, old.id % 65536);
	be_respond(&f->be, old.id, old.op, BLK_OKAY);
	expect_back(f, 1, PV_EBACKEND);
	expect_dead(f, PV_EBACKEND, "answered what was not asked");
}

static void test_foreign_ids_kill_the_device(void **state)
{
	static const uint64_t flips[] = { 1ull << 63, 1ull << 32, 65536, 32768, 32, 5, UINT64_MAX };

	for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
		struct blk_req reqs[4];
		struct fixture *f;
		void *own;

		set_up_open(&own);
		f = own;
		four(f, reqs);
		be_respond(&f->be, reqs[0].id ^ flips[i], reqs[0].op, BLK_OKAY);
		expect_all_back(f, 0, "answered what was not asked");
		tear_down(&own);
	}
	(void)state;
}

static void test_answer_for_another_operation_kills_the_device(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[4];

	four(f, reqs);
	be_respond(&f->be, reqs[0].id, BLK_WRITE, BLK_OKAY);
	expect_all_back(f, 0, "answered what was not asked");
}

static void test_index_jumps_kill_the_device(void **state)
{
	static const uint32_t jumps[] = { 5, 33, 0x7fffffff, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct blk_req reqs[4];
		struct fixture *f;
		void *own;

		set_up_open(&own);
		f = own;
		four(f, reqs);
		f->be.back.ring.shared->rsp_prod = jumps[i];
		assert_true(pv_blk_pending(f->blk));
		assert_true(pv_blk_arm(f->blk));
		expect_all_back(f, 0, "more responses than there were requests");
		tear_down(&own);
	}
	(void)state;
}

static void test_index_that_goes_back_kills_the_device(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[4];

	four(f, reqs);
	be_respond(&f->be, reqs[0].id, reqs[0].op, BLK_OKAY);
	expect_back(f, 0, PV_OK);
	f->be.back.ring.shared->rsp_prod = 0;
	expect_all_back(f, 1, "more responses than there were requests");
}

/* Answers to requests that were put in but not shown yet cannot be true. */
static void test_answer_before_the_question_kills_the_device(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	f->be.back.ring.shared->rsp_prod = 1;
	expect_back(f, 0, PV_EBACKEND);
	expect_dead(f, PV_EBACKEND, "more responses");
}

static void test_unknown_status_is_an_error_of_that_request(void **state)
{
	static const int16_t statuses[] = { 1, -3, 32767, -32768, 2, -1 };
	struct fixture *f = *state;
	struct blk_req req;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		submit_ok(f, (int)i, PV_BLK_READ, 0, 1);
		pv_blk_kick(f->blk);
		assert_true(be_pop(&f->be, &req));
		be_respond(&f->be, req.id, req.op, statuses[i]);
		expect_back(f, (int)i, PV_EIO);
	}
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
}

/* Our own indexes and requests are private: what the backend writes over them is not read. */
static void test_overwritten_ring_does_not_matter(void **state)
{
	struct fixture *f = *state;
	struct ring_shared *shared = f->be.back.ring.shared;
	struct blk_req reqs[4];

	four(f, reqs);
	memset((uint8_t *)shared + RING_HEADER, 0xff, 4096 - RING_HEADER);
	shared->req_prod = 0xdeadbeef;
	shared->rsp_event = 12345;
	memset(shared->pad, 0xff, sizeof(shared->pad));
	for (int i = 0; i < 4; i++) {
		be_respond(&f->be, reqs[i].id, reqs[i].op, be_execute(&f->be, &reqs[i]));
		expect_back(f, i, PV_OK);
	}
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
}

static void test_dead_device_ignores_late_answers(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[4];

	four(f, reqs);
	be_respond(&f->be, 77, BLK_READ, BLK_OKAY);
	expect_all_back(f, 0, "answered what was not asked");
	for (int i = 0; i < 4; i++)
		be_respond(&f->be, reqs[i].id, reqs[i].op, BLK_OKAY);
	assert_null(pv_blk_poll(f->blk));
	assert_false(pv_blk_pending(f->blk));
	assert_null(pv_blk_buffer_get(f->blk));
}

static void test_first_reason_is_kept(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[4];

	four(f, reqs);
	be_respond(&f->be, 77, BLK_READ, BLK_OKAY);
	expect_all_back(f, 0, "answered what was not asked");
	be_key(&f->be, XS_B_STATE, "12");
	fake_run(f->os, f->blk);
	pv_blk_abort(f->blk);
	expect_dead(f, PV_EBACKEND, "answered what was not asked");
}

static void test_closed_in_mid_io_returns_everything_once(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[4];

	four(f, reqs);
	be_respond(&f->be, reqs[2].id, reqs[2].op, BLK_OKAY);
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	for (int i = 0; i < 4; i++)
		expect_back(f, i, PV_EGONE);	/* nobody polled before it closed */
	assert_null(pv_blk_poll(f->blk));
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fake_granted(f->os), 0);
}

static void test_granted_pages_begin_as_zeros(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	submit_ok(f, 0, PV_BLK_WRITE, 0, 1);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	for (int i = 512; i < 4096; i++)
		assert_int_equal(fake_page(f->os, req.seg[0].gref)[i], 0);
}

#define OPEN(test)	cmocka_unit_test_setup_teardown(test, set_up_open, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN(test_duplicate_answer_kills_the_device),
		OPEN(test_late_duplicate_answer_kills_the_device),
		cmocka_unit_test(test_foreign_ids_kill_the_device),
		OPEN(test_answer_for_another_operation_kills_the_device),
		cmocka_unit_test(test_index_jumps_kill_the_device),
		OPEN(test_index_that_goes_back_kills_the_device),
		OPEN(test_answer_before_the_question_kills_the_device),
		OPEN(test_unknown_status_is_an_error_of_that_request),
		OPEN(test_overwritten_ring_does_not_matter),
		OPEN(test_dead_device_ignores_late_answers),
		OPEN(test_first_reason_is_kept),
		OPEN(test_closed_in_mid_io_returns_everything_once),
		OPEN(test_granted_pages_begin_as_zeros),
	};

	return cmocka_run_group_tests_name("frontend hostile", tests, NULL, NULL);
}
