/* SPDX-License-Identifier: MIT */
/*
 * Requests that are larger than a message holds, with backends that take indirect ones of various
 * sizes and with those that do not; and discards.
 */
#include "test_frontend.h"

static uint8_t data[PV_BLK_MAX_SECTORS * 512], copy[PV_BLK_MAX_SECTORS * 512];

static void fill(uint8_t salt)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i / 512 * 7 + i + salt);
}

/* Until the frontend has heard of it, a backend's key means nothing. */
static void open_with(struct fixture *f, uint32_t max_segs)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", max_segs);
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, XS_B_FEATURE_MAX_INDIRECT_SEGMENTS, max_segs ? text : NULL);
	be_key(&f->be, XS_B_FEATURE_DISCARD, "1");
	f->be.max_segs = max_segs;
	pv_blk_step(f->blk);
	be_step_until_open(&f->be, f->blk);
}

static enum pv_err submit_large(struct fixture *f, int i, enum pv_blk_op op, uint64_t sector,
				uint32_t sectors, void *buf)
{
	f->req[i] = (struct pv_blk_req){ .op = op, .sector = sector, .sectors = sectors,
					 .data = buf };
	return pv_blk_submit(f->blk, &f->req[i]);
}

/* Messages that the backend was sent. */
static unsigned int serve(struct fixture *f)
{
	pv_blk_kick(f->blk);
	return be_serve(&f->be, 64);
}

static void test_large_requests_of_every_size_for_every_backend(void **state)
{
	static const uint32_t offers[] = { 0, 1, 11, 12, 21, 22, 32, 33, 64, 128, 255, 256, 512,
					   4096 };
	static const uint32_t sizes[] = { 1, 87, 88, 89, 96, 168, 176, 177, 256, 257, 264, 1024,
					  2047, 2048 };

	tear_down(state);
	for (size_t o = 0; o < sizeof(offers) / sizeof(offers[0]); o++) {
		struct fixture *f;

		set_up(state);
		f = *state;
		open_with(f, offers[o]);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint32_t n = sizes[i];

			fill((uint8_t)(o * 16 + i));
			assert_int_equal(submit_large(f, 0, PV_BLK_WRITE, 100, n, data), PV_OK);
			serve(f);
			expect_back(f, 0, PV_OK);
			assert_memory_equal(f->be.disk + 100 * 512, data, n * 512);
			memset(copy, 0, sizeof(copy));
			assert_int_equal(submit_large(f, 1, PV_BLK_READ, 100, n, copy), PV_OK);
			serve(f);
			expect_back(f, 1, PV_OK);
			assert_memory_equal(copy, data, n * 512);
			if (n < PV_BLK_MAX_SECTORS)
				assert_int_equal(copy[n * 512], 0);
		}
		tear_down(state);
	}
	set_up(state);
}

static void test_large_requests_take_few_messages(void **state)
{
	static const struct { uint32_t offer, sectors, messages; } cases[] = {
		{ 0, 2048, 24 }, { 0, 256, 3 }, { 32, 256, 1 }, { 32, 264, 2 }, { 32, 2048, 8 },
		{ 64, 2048, 5 }, { 256, 2048, 1 }, { 256, 88, 1 }, { 12, 96, 2 },
	};

	tear_down(state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f;
		struct pv_blk_info info;

		set_up(state);
		f = *state;
		open_with(f, cases[i].offer);
		pv_blk_info(f->blk, &info);
		assert_int_equal(info.max_sectors, PV_BLK_MAX_SECTORS);
		assert_int_equal(info.indirect, cases[i].offer > PV_BLK_PAGES);
		assert_int_equal(submit_large(f, 0, PV_BLK_READ, 0, cases[i].sectors, copy), PV_OK);
		assert_int_equal(serve(f), cases[i].messages);
		expect_back(f, 0, PV_OK);
		tear_down(state);
	}
	set_up(state);
}

static void test_large_requests_share_the_room(void **state)
{
	struct fixture *f = *state;

	open_with(f, 256);
	fill(1);
	assert_int_equal(submit_large(f, 0, PV_BLK_WRITE, 0, 2048, data), PV_OK);
	assert_int_equal(submit_large(f, 1, PV_BLK_READ, 0, 2048, copy), PV_EAGAIN);
	/* there is room for small ones: 32 buffers, of which 24 are in use */
	for (int i = 2; i < 10; i++)
		assert_int_equal(submit(f, i, PV_BLK_READ, 0, 1), PV_OK);
	assert_int_equal(submit(f, 10, PV_BLK_READ, 0, 1), PV_EAGAIN);
	assert_int_equal(submit(f, 10, PV_BLK_FLUSH, 0, 0), PV_EAGAIN);
	serve(f);
	expect_back(f, 0, PV_OK);
	for (int i = 2; i < 10; i++)
		expect_back(f, i, PV_OK);
	assert_int_equal(submit_large(f, 1, PV_BLK_READ, 0, 2048, copy), PV_OK);
	serve(f);
	expect_back(f, 1, PV_OK);
	assert_memory_equal(copy, data, sizeof(data));
}

/* Some parts were answered, some not, and the next backend takes no indirect requests, or larger
 * ones: everything is sent again, in the parts that it takes, and nothing overflows the ring. */
static void test_restart_sends_large_requests_in_other_parts(void **state)
{
	static const uint32_t offers[] = { 0, 32, 256 };

	tear_down(state);
	for (int from = 0; from < 3; from++) {
		for (int to = 0; to < 3; to++) {
			char text[16];
			struct fixture *f;
			struct blk_req req;

			set_up(state);
			f = *state;
			open_with(f, offers[from]);
			fill((uint8_t)(from * 3 + to));
			assert_int_equal(submit_large(f, 0, PV_BLK_WRITE, 8, 2048, data), PV_OK);
			for (int i = 1; i < 9; i++)
				assert_int_equal(submit(f, i, PV_BLK_FLUSH, 0, 0), PV_OK);
			pv_blk_kick(f->blk);
			assert_true(be_pop(&f->be, &req));
			if (offers[from] != 256)
				be_respond(&f->be, req.id, BLK_WRITE, BLK_OKAY);
			assert_null(pv_blk_poll(f->blk));
			be_set_state(&f->be, XB_INITIALISING);	/* it starts over */
			f->be.back.ring.shared = NULL;
			snprintf(text, sizeof(text), "%u", offers[to]);
			be_key(&f->be, XS_B_FEATURE_MAX_INDIRECT_SEGMENTS,
			       offers[to] ? text : NULL);
			f->be.max_segs = offers[to];
			fake_run(f->os, f->blk);
			be_step_until_open(&f->be, f->blk);
			serve(f);
			for (int i = 0; i < 9; i++)
				expect_back(f, i, PV_OK);
			assert_memory_equal(f->be.disk + 8 * 512, data, sizeof(data));
			tear_down(state);
		}
	}
	set_up(state);
}

/* A chain of borrowed buffers for so many sectors; the caller's chain[] keeps them. */
static struct pv_blk_req chain_of(struct fixture *f, enum pv_blk_op op, uint64_t sector,
				  uint32_t sectors, struct pv_blk_buffer **chain)
{
	const unsigned int nr = PV_BLK_CHAIN(sectors);

	for (unsigned int i = 0; i < nr; i++) {
		chain[i] = pv_blk_buffer_get(f->blk);
		assert_non_null(chain[i]);
		if (i > 0)
			chain[i - 1]->next = chain[i];
	}
	return (struct pv_blk_req){ .op = op, .sector = sector, .sectors = sectors,
				    .buffer = chain[0] };
}

static void put_chain(struct fixture *f, struct pv_blk_buffer **chain, uint32_t sectors)
{
	for (unsigned int i = 0; i < PV_BLK_CHAIN(sectors); i++)
		pv_blk_buffer_put(f->blk, chain[i]);
}

static uint32_t in_buffer(uint32_t i, uint32_t sectors)
{
	uint32_t left = sectors - i * PV_BLK_BUFFER_SECTORS;

	return 512 * (left < PV_BLK_BUFFER_SECTORS ? left : PV_BLK_BUFFER_SECTORS);
}

static void move_chain(struct pv_blk_buffer **chain, uint32_t sectors, uint8_t *bytes, bool in)
{
	for (uint32_t i = 0; i * PV_BLK_BUFFER_SECTORS < sectors; i++) {
		uint8_t *at = bytes + (size_t)i * PV_BLK_BUFFER_SECTORS * 512;

		memcpy(in ? chain[i]->data : at, in ? at : chain[i]->data, in_buffer(i, sectors));
	}
}

static void test_chain_of_every_size_for_every_backend(void **state)
{
	static const uint32_t offers[] = { 0, 12, 22, 32, 40, 64, 255, 256 };
	static const uint32_t sizes[] = { 8, 88, 89, 96, 168, 176, 177, 256, 264, 1024, 2048 };

	tear_down(state);
	for (size_t o = 0; o < sizeof(offers) / sizeof(offers[0]); o++) {
		struct pv_blk_buffer *chain[PV_BLK_CHAIN(PV_BLK_MAX_SECTORS)];
		struct fixture *f;

		set_up(state);
		f = *state;
		open_with(f, offers[o]);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint32_t n = sizes[i], pages = (n + 7) / 8;
			bool whole = pages <= PV_BLK_PAGES || pages <= offers[o];

			fill((uint8_t)(o * 16 + i));
			f->req[0] = chain_of(f, PV_BLK_WRITE, 100, n, chain);
			move_chain(chain, n, data, true);
			assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
			assert_int_equal(serve(f), whole ? 1 : (pages + 10) / 11);
			expect_back(f, 0, PV_OK);
			assert_memory_equal(f->be.disk + 100 * 512, data, n * 512);

			f->req[0].op = PV_BLK_READ;
			fill((uint8_t)(o * 16 + i + 1));
			memcpy(f->be.disk + 100 * 512, data, n * 512);
			assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
			serve(f);
			expect_back(f, 0, PV_OK);
			memset(copy, 0, sizeof(copy));
			move_chain(chain, n, copy, false);
			assert_memory_equal(copy, data, n * 512);
			put_chain(f, chain, n);
		}
		tear_down(state);
	}
	set_up(state);
}

/* The data stays where it is, in whatever messages the next backend takes. */
static void test_chain_is_sent_again_in_other_parts(void **state)
{
	static const uint32_t offers[] = { 0, 32, 40, 256 };

	tear_down(state);
	for (int from = 0; from < 4; from++) {
		for (int to = 0; to < 4; to++) {
			struct pv_blk_buffer *chain[PV_BLK_CHAIN(PV_BLK_MAX_SECTORS)];
			struct fixture *f;
			char text[16];

			set_up(state);
			f = *state;
			open_with(f, offers[from]);
			fill((uint8_t)(from * 4 + to));
			f->req[0] = chain_of(f, PV_BLK_WRITE, 8, 400, chain);
			move_chain(chain, 400, data, true);
			assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
			pv_blk_kick(f->blk);
			be_set_state(&f->be, XB_INITIALISING);	/* it starts over */
			f->be.back.ring.shared = NULL;
			snprintf(text, sizeof(text), "%u", offers[to]);
			be_key(&f->be, XS_B_FEATURE_MAX_INDIRECT_SEGMENTS,
			       offers[to] ? text : NULL);
			f->be.max_segs = offers[to];
			fake_run(f->os, f->blk);
			be_step_until_open(&f->be, f->blk);
			assert_int_equal(serve(f), offers[to] >= 50 ? 1 : 5);
			expect_back(f, 0, PV_OK);
			assert_memory_equal(f->be.disk + 8 * 512, data, 400 * 512);
			put_chain(f, chain, 400);
			tear_down(state);
		}
	}
	set_up(state);
}

static void test_chain_that_is_too_short_or_not_borrowed_is_refused(void **state)
{
	struct pv_blk_buffer *chain[PV_BLK_CHAIN(PV_BLK_MAX_SECTORS)];
	struct fixture *f = *state;

	open_with(f, 256);
	f->req[0] = chain_of(f, PV_BLK_WRITE, 0, 256, chain);
	f->req[0].offset = 512;
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_EINVAL);
	f->req[0].offset = 0;
	chain[1]->next = NULL;
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_EINVAL);
	chain[1]->next = chain[2];
	pv_blk_buffer_put(f->blk, chain[2]);
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_EINVAL);
	chain[2] = pv_blk_buffer_get(f->blk);
	chain[1]->next = chain[2];
	f->req[0].op = PV_BLK_BARRIER;		/* one message, or none */
	assert_int_not_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
	f->req[0].op = PV_BLK_WRITE;
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
	serve(f);
	expect_back(f, 0, PV_OK);
	put_chain(f, chain, 256);
}

static void test_large_request_fails_if_one_part_does_and_comes_back_once(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;
	int nr = 0;

	open_with(f, 32);
	assert_int_equal(submit_large(f, 0, PV_BLK_READ, 0, 2048, copy), PV_OK);
	pv_blk_kick(f->blk);
	while (be_pop(&f->be, &req)) {
		assert_null(pv_blk_poll(f->blk));
		be_execute(&f->be, &req);
		be_respond(&f->be, req.id, BLK_READ, nr++ == 3 ? BLK_ERROR : BLK_OKAY);
	}
	expect_back(f, 0, PV_EIO);
	assert_null(pv_blk_poll(f->blk));
	assert_int_equal(submit_large(f, 0, PV_BLK_READ, 0, 2048, copy), PV_OK);
	serve(f);
	expect_back(f, 0, PV_OK);
}

/* A backend that answers a part twice, or one that is no more, is given up. */
static void test_large_request_answered_twice_in_part_is_a_violation(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	open_with(f, 32);
	assert_int_equal(submit_large(f, 0, PV_BLK_READ, 0, 2048, copy), PV_OK);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	be_respond(&f->be, req.id, BLK_READ, BLK_OKAY);
	be_respond(&f->be, req.id, BLK_READ, BLK_OKAY);
	pv_blk_poll(f->blk);
	step(f);
	assert_int_equal(pv_blk_error(f->blk), PV_EBACKEND);
}

static void test_scarce_grants_make_the_largest_request_smaller(void **state)
{
	static const struct { int buffers; uint32_t offer, sectors; } cases[] = {
		{ 1, 256, 88 }, { 2, 256, 21 * 8 }, { 2, 0, 22 * 8 }, { 3, 256, 32 * 8 },
		{ 3, 32, 32 * 8 }, { 4, 32, 43 * 8 }, { 24, 0, 2048 }, { 23, 256, 252 * 8 },
	};

	tear_down(state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pv_blk_info info;
		struct fixture *f;

		set_up(state);
		f = *state;
		f->os->grants_left = 1 + cases[i].buffers;
		open_with(f, cases[i].offer);
		f->os->grants_left = -1;
		pv_blk_info(f->blk, &info);
		assert_int_equal(info.max_sectors, cases[i].sectors);
		fill((uint8_t)i);
		assert_int_equal(submit_large(f, 0, PV_BLK_WRITE, 0, info.max_sectors + 1, data),
				 PV_EINVAL);
		assert_int_equal(submit_large(f, 0, PV_BLK_WRITE, 0, info.max_sectors, data),
				 PV_OK);
		serve(f);
		expect_back(f, 0, PV_OK);
		assert_memory_equal(f->be.disk, data, info.max_sectors * 512);
		tear_down(state);
	}
	set_up(state);
}

static void test_discard_is_one_message_of_any_size(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;

	open_with(f, 0);
	pv_blk_info(f->blk, &info);
	assert_true(info.discard);
	assert_int_equal(info.discard_granularity, 512);
	memset(f->be.disk, 0x77, SECTORS * 512);
	assert_int_equal(submit_large(f, 0, PV_BLK_DISCARD, 1, SECTORS - 2, NULL), PV_OK);
	assert_int_equal(serve(f), 1);
	expect_back(f, 0, PV_OK);
	assert_int_equal(f->be.disk[511], 0x77);
	assert_int_equal(f->be.disk[512], 0);
	assert_int_equal(f->be.disk[(SECTORS - 1) * 512 - 1], 0);
	assert_int_equal(f->be.disk[(SECTORS - 1) * 512], 0x77);
	assert_int_equal(submit_large(f, 0, PV_BLK_DISCARD, 0, 1, data), PV_EINVAL);
	assert_int_equal(submit_large(f, 0, PV_BLK_DISCARD, 0, 0, NULL), PV_EINVAL);
	assert_int_equal(submit_large(f, 0, PV_BLK_DISCARD, 1, SECTORS, NULL), PV_ERANGE);
}

static void test_discard_that_is_not_supported_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct blk_req req;

	open_with(f, 0);
	assert_int_equal(submit_large(f, 0, PV_BLK_DISCARD, 0, 8, NULL), PV_OK);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	be_respond(&f->be, req.id, BLK_DISCARD, BLK_EOPNOTSUPP);
	expect_back(f, 0, PV_ENOTSUP);
	assert_int_equal(submit_large(f, 0, PV_BLK_DISCARD, 0, 8, NULL), PV_ENOTSUP);
}

static void test_secure_discard_is_refused_or_flagged(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;
	struct blk_req req;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, XS_B_FEATURE_DISCARD, "1");
	be_key(&f->be, XS_B_DISCARD_SECURE, "1");
	pv_blk_step(f->blk);
	be_step_until_open(&f->be, f->blk);
	f->req[0] = (struct pv_blk_req){ .op = PV_BLK_DISCARD, .sectors = 8, .secure = true };
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_OK);
	pv_blk_kick(f->blk);
	assert_true(be_pop(&f->be, &req));
	assert_int_equal(req.flag, BLK_DISCARD_SECURE);
	be_respond(&f->be, req.id, BLK_DISCARD, BLK_EOPNOTSUPP);
	expect_back(f, 0, PV_ENOTSUP);
	pv_blk_info(f->blk, &info);
	assert_true(info.discard && !info.discard_secure);
	assert_int_equal(pv_blk_submit(f->blk, &f->req[0]), PV_ENOTSUP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_large_requests_of_every_size_for_every_backend),
		TEST(test_large_requests_take_few_messages),
		TEST(test_large_requests_share_the_room),
		TEST(test_restart_sends_large_requests_in_other_parts),
		TEST(test_chain_of_every_size_for_every_backend),
		TEST(test_chain_is_sent_again_in_other_parts),
		TEST(test_chain_that_is_too_short_or_not_borrowed_is_refused),
		TEST(test_large_request_fails_if_one_part_does_and_comes_back_once),
		TEST(test_large_request_answered_twice_in_part_is_a_violation),
		TEST(test_scarce_grants_make_the_largest_request_smaller),
		TEST(test_discard_is_one_message_of_any_size),
		TEST(test_discard_that_is_not_supported_is_remembered),
		TEST(test_secure_discard_is_refused_or_flagged),
	};

	return cmocka_run_group_tests_name("frontend, large requests", tests, NULL, NULL);
}
