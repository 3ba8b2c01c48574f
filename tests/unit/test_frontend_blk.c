/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_blk.c - frontend/blk.c with a backend that behaves: data, queueing, notification,
 * and what happens to requests when the backend starts over; everything in both layouts
 */
#include "test_frontend.h"

static void fill_disk(struct fixture *f)
{
	for (size_t i = 0; i < SECTORS * 512; i++)
		f->be.disk[i] = (uint8_t)(i * 7 + (i >> 9));
}

static void kick_and_serve(struct fixture *f)
{
	pv_blk_kick(f->blk);
	be_serve(&f->be, 64);
}

/*
 * Data
 */

static void test_read_copies_what_the_disk_has(void **state)
{
	struct fixture *f = *state;

	fill_disk(f);
	submit_ok(f, 0, PV_BLK_READ, 3, 1);
	submit_ok(f, 1, PV_BLK_READ, SECTORS - 88, 88);
	submit_ok(f, 2, PV_BLK_READ, 17, 9);
	assert_null(pv_blk_poll(f->blk));
	kick_and_serve(f);
	for (int i = 0; i < 3; i++) {
		expect_back(f, i, PV_OK);
		assert_memory_equal(f->data[i], f->be.disk + f->req[i].sector * 512,
				    f->req[i].sectors * 512);
	}
	assert_null(pv_blk_poll(f->blk));
}

static void test_write_reaches_the_disk(void **state)
{
	struct fixture *f = *state;

	memset(f->data[0], 0xa5, sizeof(f->data[0]));
	submit_ok(f, 0, PV_BLK_WRITE, 100, 88);
	memset(f->data[0], 0, sizeof(f->data[0]));	/* it was copied already */
	kick_and_serve(f);
	expect_back(f, 0, PV_OK);
	for (int i = 0; i < 88 * 512; i++)
		assert_int_equal(f->be.disk[100 * 512 + i], 0xa5);
	assert_int_equal(f->be.disk[99 * 512 + 511], 0);
	assert_int_equal(f->be.disk[188 * 512], 0);
}

static void test_failed_read_leaves_the_callers_data(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	memset(f->data[0], 0x11, 512);
	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	memset(fake_page(f->os, req.seg[0].gref), 0x22, 4096);
	be_respond(&f->be, req.id, req.op, BLK_ERROR);
	expect_back(f, 0, PV_EIO);
	assert_int_equal(f->data[0][0], 0x11);
}

static void test_flush_and_barrier_are_sent(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	submit_ok(f, 0, PV_BLK_FLUSH, 0, 0);
	submit_ok(f, 1, PV_BLK_BARRIER, 8, 16);
	submit_ok(f, 2, PV_BLK_BARRIER, 0, 0);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	assert_int_equal(req.op, BLK_FLUSH);
	assert_int_equal(req.nr_segs, 0);
	be_respond(&f->be, req.id, req.op, BLK_OKAY);
	assert_true(be_pop(&f->be, &req));
	assert_int_equal(req.op, BLK_BARRIER);
	assert_int_equal(req.nr_segs, 2);
	assert_int_equal(req.handle, (uint16_t)FAKE_DEVID);
	be_respond(&f->be, req.id, req.op, be_execute(&f->be, &req));
	assert_true(be_pop(&f->be, &req));
	assert_int_equal(req.nr_segs, 0);
	be_respond(&f->be, req.id, req.op, BLK_OKAY);
	for (int i = 0; i < 3; i++)
		expect_back(f, i, PV_OK);
}

static void test_borrowed_buffer_is_used_in_place(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_buffer *buffer = pv_blk_buffer_get(f->blk), *one, *two;
	struct blk_req req;

	assert_non_null(buffer);
	fill_disk(f);
	f->req[0] = (struct pv_blk_req){ .op = PV_BLK_READ, .sector = 40, .sectors = 10,
					 .buffer = buffer, .offset = 4096 + 6 * 512 };
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	assert_int_equal(req.nr_segs, 2);
	assert_int_equal(req.seg[0].gref, buffer->grefs[1]);
	assert_int_equal(req.seg[0].first_sect, 6);
	assert_int_equal(req.seg[0].last_sect, 7);
	assert_int_equal(req.seg[1].gref, buffer->grefs[2]);
	assert_int_equal(req.seg[1].first_sect, 0);
	assert_int_equal(req.seg[1].last_sect, 7);
	be_respond(&f->be, req.id, req.op, be_execute(&f->be, &req));
	expect_back(f, 0, PV_OK);
	assert_memory_equal(buffer->data + 4096 + 6 * 512, f->be.disk + 40 * 512, 10 * 512);
	pv_blk_buffer_put(f->blk, buffer);
	pv_blk_buffer_put(f->blk, buffer);	/* twice does no harm: */
	one = pv_blk_buffer_get(f->blk);
	two = pv_blk_buffer_get(f->blk);
	assert_ptr_not_equal(one, two);
	pv_blk_buffer_put(f->blk, one);
	pv_blk_buffer_put(f->blk, two);
}

/*
 * What is refused before it reaches the ring
 */

static void test_submit_refuses_what_cannot_be(void **state)
{
	static const struct {
		enum pv_blk_op op;
		uint64_t sector;
		uint32_t sectors;
		enum pv_err err;
	} cases[] = {
		{ PV_BLK_READ, 0, 0, PV_EINVAL },
		{ PV_BLK_WRITE, 0, 0, PV_EINVAL },
		{ PV_BLK_FLUSH, 0, 1, PV_EINVAL },
		{ PV_BLK_READ, 0, PV_BLK_MAX_SECTORS + 1, PV_EINVAL },
		{ PV_BLK_BARRIER, 0, PV_BLK_BUFFER_SECTORS + 1, PV_EINVAL },
		{ PV_BLK_READ, 0, UINT32_MAX, PV_EINVAL },
		{ (enum pv_blk_op)4, 0, 1, PV_EINVAL },
		{ PV_BLK_DISCARD, 0, 1, PV_ENOTSUP },
		{ PV_BLK_READ, SECTORS, 1, PV_ERANGE },
		{ PV_BLK_READ, SECTORS - 1, 2, PV_ERANGE },
		{ PV_BLK_READ, UINT64_MAX, 1, PV_ERANGE },
		{ PV_BLK_READ, UINT64_MAX - 7, 8, PV_ERANGE },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(submit(f, 0, cases[i].op, cases[i].sector, cases[i].sectors),
				 cases[i].err);
	pv_blk_kick(f->blk);
	assert_int_equal(f->os->notified, 0);
	submit_ok(f, 0, PV_BLK_READ, SECTORS - 1, 1);
}

static void test_submit_refuses_wrong_buffers(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_buffer *buffer = pv_blk_buffer_get(f->blk);
	struct pv_blk_req *req = &f->req[0];

	*req = (struct pv_blk_req){ .op = PV_BLK_READ, .sectors = 1 };
	assert_int_equal(pv_blk_submit(f->blk, req), PV_EINVAL);	/* no data at all */
	req->buffer = buffer;
	req->data = f->data[0];
	assert_int_equal(pv_blk_submit(f->blk, req), PV_EINVAL);	/* two */
	req->data = NULL;
	req->offset = 511;
	assert_int_equal(pv_blk_submit(f->blk, req), PV_EINVAL);
	req->offset = 88 * 512;
	assert_int_equal(pv_blk_submit(f->blk, req), PV_EINVAL);
	req->offset = 0u - 512;
	assert_int_equal(pv_blk_submit(f->blk, req), PV_EINVAL);
	req->offset = 87 * 512;
	assert_int_equal(pv_blk_submit(f->blk, req), PV_OK);
	kick_and_serve(f);
	expect_back(f, 0, PV_OK);
	pv_blk_buffer_put(f->blk, buffer);
	assert_int_equal(pv_blk_submit(f->blk, req), PV_EINVAL);	/* not borrowed any more */
}

static struct fixture *open_with(void **state, enum xs_key_id id, const char *value)
{
	struct fixture *f;

	set_up(state);
	f = *state;
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, id, value);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	be_connect(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
	return f;
}

static void test_features_of_the_disk_are_honoured(void **state)
{
	struct fixture *f = open_with(state, XS_B_MODE, "r");

	assert_int_equal(submit(f, 0, PV_BLK_WRITE, 0, 1), PV_EREADONLY);
	assert_int_equal(submit(f, 0, PV_BLK_BARRIER, 0, 1), PV_EREADONLY);
	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	tear_down(state);
	f = open_with(state, XS_B_INFO, "4");
	assert_int_equal(submit(f, 0, PV_BLK_WRITE, 0, 1), PV_EREADONLY);
	tear_down(state);
	f = open_with(state, XS_B_FEATURE_FLUSH_CACHE, NULL);
	assert_int_equal(submit(f, 0, PV_BLK_FLUSH, 0, 0), PV_ENOTSUP);
	submit_ok(f, 0, PV_BLK_BARRIER, 0, 0);
	tear_down(state);
	f = open_with(state, XS_B_FEATURE_BARRIER, "0");
	assert_int_equal(submit(f, 0, PV_BLK_BARRIER, 0, 1), PV_ENOTSUP);
	tear_down(state);
	f = open_with(state, XS_B_SECTOR_SIZE, "4096");
	assert_int_equal(submit(f, 0, PV_BLK_READ, 4, 8), PV_EALIGN);
	assert_int_equal(submit(f, 0, PV_BLK_READ, 8, 4), PV_EALIGN);
	submit_ok(f, 0, PV_BLK_READ, 8, 8);
	tear_down(state);
}

/*
 * Queueing and notification
 */

static void test_full_ring_says_again_and_goes_on(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < PV_BLK_DEPTH; i++)
			submit_ok(f, i, PV_BLK_READ, (uint64_t)i, 1);
		assert_int_equal(submit(f, PV_BLK_DEPTH, PV_BLK_READ, 0, 1), PV_EAGAIN);
		assert_int_equal(submit(f, PV_BLK_DEPTH, PV_BLK_FLUSH, 0, 0), PV_EAGAIN);
		kick_and_serve(f);
		for (int i = 0; i < PV_BLK_DEPTH; i++)
			expect_back(f, i, PV_OK);
	}
}

static void test_answers_in_any_order_find_their_requests(void **state)
{
	struct fixture *f = *state;
	struct blk_req reqs[PV_BLK_DEPTH];

	fill_disk(f);
	for (int i = 0; i < PV_BLK_DEPTH; i++)
		submit_ok(f, i, PV_BLK_READ, (uint64_t)i * 5, 3);
	pv_blk_kick(f->blk);
	for (int i = 0; i < PV_BLK_DEPTH; i++)
		assert_true(be_pop(&f->be, &reqs[i]));
	for (int i = PV_BLK_DEPTH - 1; i >= 0; i--)
		be_respond(&f->be, reqs[i].id, reqs[i].op, be_execute(&f->be, &reqs[i]));
	for (int i = PV_BLK_DEPTH - 1; i >= 0; i--) {
		expect_back(f, i, PV_OK);
		assert_memory_equal(f->data[i], f->be.disk + i * 5 * 512, 3 * 512);
	}
}

static void test_kick_notifies_only_who_asked(void **state)
{
	struct fixture *f = *state;

	pv_blk_kick(f->blk);
	assert_int_equal(f->os->notified, 0);	/* nothing to show */
	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	assert_int_equal(f->os->notified, 0);
	pv_blk_kick(f->blk);
	assert_int_equal(f->os->notified, 1);	/* a new ring asks for the first */
	submit_ok(f, 1, PV_BLK_READ, 0, 1);
	submit_ok(f, 2, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	assert_int_equal(f->os->notified, 1);	/* it polls */
	be_serve(&f->be, 3);
	assert_false(ring_back_arm(&f->be.back.ring));
	submit_ok(f, 3, PV_BLK_READ, 0, 1);
	submit_ok(f, 4, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	pv_blk_kick(f->blk);
	assert_int_equal(f->os->notified, 2);	/* once for the batch */
}

static void test_arm_asks_for_the_next_response(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;
	struct blk_rsp rsp = { .op = BLK_READ };

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	submit_ok(f, 1, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	be_respond(&f->be, req.id, req.op, BLK_OKAY);
	assert_true(pv_blk_pending(f->blk));
	assert_true(pv_blk_arm(f->blk));		/* do not sleep */
	expect_back(f, 0, PV_OK);
	assert_false(pv_blk_pending(f->blk));
	assert_false(pv_blk_arm(f->blk));
	assert_true(be_pop(&f->be, &req));
	rsp.id = req.id;
	blk_back_push(&f->be.back, &rsp);
	assert_true(ring_back_publish(&f->be.back.ring));	/* an event is owed */
	expect_back(f, 1, PV_OK);
}

static void test_unsupported_operation_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	submit_ok(f, 0, PV_BLK_FLUSH, 0, 0);
	submit_ok(f, 1, PV_BLK_BARRIER, 0, 0);
	pv_blk_kick(f->blk);
	for (int i = 0; i < 2; i++) {
		assert_true(be_pop(&f->be, &req));
		be_respond(&f->be, req.id, req.op, BLK_EOPNOTSUPP);
		expect_back(f, i, PV_ENOTSUP);
	}
	assert_int_equal(submit(f, 0, PV_BLK_FLUSH, 0, 0), PV_ENOTSUP);
	assert_int_equal(submit(f, 0, PV_BLK_BARRIER, 0, 0), PV_ENOTSUP);
	submit_ok(f, 0, PV_BLK_READ, 0, 1);
}

/*
 * The backend starts over
 */

static void pause_device(struct fixture *f)
{
	f->be.back.ring.shared = NULL;
	be_set_state(&f->be, XB_INITIALISING);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_PAUSED);
}

static void resume_device(struct fixture *f)
{
	be_step_until_open(&f->be, f->blk);
}

static void test_restart_sends_what_is_outstanding_again_in_order(void **state)
{
	struct fixture *f = *state;
	struct blk_req req, first;

	for (int i = 0; i < 6; i++) {
		memset(f->data[i], 'a' + i, 512);
		submit_ok(f, i, i == 3 ? PV_BLK_FLUSH : PV_BLK_WRITE, i == 3 ? 0 : (uint64_t)i,
			  i == 3 ? 0 : 1);
	}
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &first));
	assert_true(be_pop(&f->be, &req));
	be_respond(&f->be, req.id, req.op, BLK_OKAY);
	expect_back(f, 1, PV_OK);
	pause_device(f);
	assert_int_equal(submit(f, 6, PV_BLK_READ, 0, 1), PV_EAGAIN);
	assert_null(pv_blk_buffer_get(f->blk));
	assert_null(pv_blk_poll(f->blk));
	resume_device(f);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
	for (int i = 0; i < 6; i++) {
		if (i == 1)
			continue;
		assert_true(be_pop(&f->be, &req));
		assert_int_equal(req.op, i == 3 ? BLK_FLUSH : BLK_WRITE);
		assert_int_equal(req.sector, i == 3 ? 0 : i);
		assert_int_not_equal(req.id, first.id);	/* ids are not used again */
		be_respond(&f->be, req.id, req.op, be_execute(&f->be, &req));
		expect_back(f, i, PV_OK);
		if (i != 3)
			assert_int_equal(f->be.disk[i * 512], 'a' + i);
	}
	assert_false(be_pop(&f->be, &req));
}

static void test_restart_copies_written_data_again(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	memset(f->data[0], 0x5a, 512);
	submit_ok(f, 0, PV_BLK_WRITE, 0, 1);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	memset(fake_page(f->os, req.seg[0].gref), 0, 4096);	/* the old backend scribbles */
	pause_device(f);
	resume_device(f);
	be_serve(&f->be, 1);
	expect_back(f, 0, PV_OK);
	assert_int_equal(f->be.disk[0], 0x5a);
}

static void test_restart_uses_another_ring(void **state)
{
	struct fixture *f = *state;
	uint32_t old = fe_number(&f->be, XS_F_RING_REF);

	f->os->grants[old - FAKE_GREF_BASE].held = true;	/* by the old backend */
	pause_device(f);
	resume_device(f);
	assert_int_not_equal(fe_number(&f->be, XS_F_RING_REF), old);
	memset(fake_page(f->os, old), 0xff, 4096);
	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	kick_and_serve(f);
	expect_back(f, 0, PV_OK);
}

static void test_restart_with_a_smaller_disk_fails_only_what_is_beyond(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 2000, 1);
	submit_ok(f, 1, PV_BLK_READ, 10, 1);
	submit_ok(f, 2, PV_BLK_WRITE, 4000, 8);
	pv_blk_kick(f->blk);
	pause_device(f);
	be_key(&f->be, XS_B_SECTORS, "1024");
	resume_device(f);
	expect_back(f, 0, PV_ERANGE);
	expect_back(f, 2, PV_ERANGE);
	be_serve(&f->be, 4);
	expect_back(f, 1, PV_OK);
	assert_null(pv_blk_poll(f->blk));
}

static void test_restart_read_only_fails_only_writes(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	submit_ok(f, 1, PV_BLK_WRITE, 0, 1);
	pv_blk_kick(f->blk);
	pause_device(f);
	be_key(&f->be, XS_B_MODE, "r");
	resume_device(f);
	expect_back(f, 1, PV_EREADONLY);
	be_serve(&f->be, 4);
	expect_back(f, 0, PV_OK);
}

static void test_restart_that_never_ends_can_be_closed(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	pause_device(f);
	pv_blk_close(f->blk);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	expect_back(f, 0, PV_EGONE);
	assert_null(pv_blk_poll(f->blk));
}

static void test_detach_during_a_restart_closes(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	pause_device(f);
	be_key(&f->be, XS_B_ONLINE, "0");
	be_set_state(&f->be, XB_CLOSING);
	fake_run(f->os, f->blk);
	assert_null(pv_blk_poll(f->blk));
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	expect_back(f, 0, PV_EGONE);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
}

/* A backend that comes back straight to Connected, on the keys of the old ring, is made to close
 * and to start over; what is outstanding survives that. */
static void test_restart_that_skips_the_handshake_is_done_properly(void **state)
{
	struct fixture *f = *state;

	memset(f->data[0], 0x77, 512);
	submit_ok(f, 0, PV_BLK_WRITE, 5, 1);
	pv_blk_kick(f->blk);
	pause_device(f);
	be_set_state(&f->be, XB_CONNECTED);
	fake_run(f->os, f->blk);
	be_step_until_open(&f->be, f->blk);
	assert_null(pv_blk_poll(f->blk));
	be_serve(&f->be, 1);
	expect_back(f, 0, PV_OK);
	assert_int_equal(f->be.disk[5 * 512], 0x77);
}

/*
 * The end
 */

static void test_close_lets_the_backend_finish(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	submit_ok(f, 1, PV_BLK_READ, 0, 1);
	pv_blk_kick(f->blk);
	pv_blk_close(f->blk);
	assert_int_equal(submit(f, 2, PV_BLK_READ, 0, 1), PV_EGONE);
	fake_run(f->os, f->blk);
	be_serve(&f->be, 1);
	expect_back(f, 0, PV_OK);
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	expect_back(f, 1, PV_EGONE);
	assert_null(pv_blk_poll(f->blk));
}

static void test_abort_hands_everything_back_at_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		submit_ok(f, i, PV_BLK_WRITE, 0, 1);
	pv_blk_kick(f->blk);
	pv_blk_abort(f->blk);
	for (int i = 0; i < 3; i++)
		expect_back(f, i, PV_EGONE);
	be_serve(&f->be, 3);		/* too late */
	assert_null(pv_blk_poll(f->blk));
	assert_true(fake_granted(f->os) > 0);
	expect_dead(f, PV_EGONE, "gave it up");
}

static void test_fini_waits_for_what_was_not_polled(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	be_remove(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(pv_blk_fini(f->blk), PV_EBUSY);
	expect_back(f, 0, PV_EGONE);
	assert_int_equal(pv_blk_fini(f->blk), PV_OK);
}

#define BOTH(test)										\
	{ #test, test, set_up_open, tear_down, NULL },						\
	{ #test " (32-bit layout)", test, set_up_open_32, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_read_copies_what_the_disk_has),
		BOTH(test_write_reaches_the_disk),
		BOTH(test_failed_read_leaves_the_callers_data),
		BOTH(test_flush_and_barrier_are_sent),
		BOTH(test_borrowed_buffer_is_used_in_place),
		BOTH(test_submit_refuses_what_cannot_be),
		BOTH(test_submit_refuses_wrong_buffers),
		cmocka_unit_test(test_features_of_the_disk_are_honoured),
		BOTH(test_full_ring_says_again_and_goes_on),
		BOTH(test_answers_in_any_order_find_their_requests),
		BOTH(test_kick_notifies_only_who_asked),
		BOTH(test_arm_asks_for_the_next_response),
		BOTH(test_unsupported_operation_is_remembered),
		BOTH(test_restart_sends_what_is_outstanding_again_in_order),
		BOTH(test_restart_copies_written_data_again),
		BOTH(test_restart_uses_another_ring),
		BOTH(test_restart_with_a_smaller_disk_fails_only_what_is_beyond),
		BOTH(test_restart_read_only_fails_only_writes),
		BOTH(test_restart_that_never_ends_can_be_closed),
		BOTH(test_detach_during_a_restart_closes),
		BOTH(test_restart_that_skips_the_handshake_is_done_properly),
		BOTH(test_close_lets_the_backend_finish),
		BOTH(test_abort_hands_everything_back_at_once),
		BOTH(test_fini_waits_for_what_was_not_polled),
	};

	return cmocka_run_group_tests_name("frontend blk", tests, NULL, NULL);
}
