/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_handshake.c - frontend/device.c, device_store.c, blk_device.c and blk_pool.c: how
 * connections come and go, whoever moves first and whatever the other end says
 */
#include "test_frontend.h"

/*
 * In order
 */

static void test_open_walks_the_common_path(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;

	be_open(&f->be, f->os, f->blk, SECTORS);
	assert_string_equal(f->os->states, "34");
	assert_int_equal(fake_granted(f->os), 1 + PV_BLK_DEPTH * PV_BLK_PAGES);
	assert_int_equal(fake_ports_open(f->os), 1);
	assert_string_equal(fe_key(&f->be, XS_F_EVENT_CHANNEL), "1");
	assert_string_equal(fe_key(&f->be, XS_F_FEATURE_PERSISTENT), "1");
	assert_string_equal(fe_key(&f->be, XS_F_PROTOCOL), "x86_64-abi");
	pv_blk_info(f->blk, &info);
	assert_int_equal(info.sectors, SECTORS);
	assert_int_equal(info.sector_size, 512);
	assert_int_equal(info.physical_sector_size, 512);
	assert_int_equal(info.depth, PV_BLK_DEPTH);
	assert_true(info.flush && info.barrier && info.persistent);
	assert_false(info.readonly || info.cdrom || info.removable);
}

static void test_open_options_reach_the_store(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;

	assert_string_equal(fe_key(&f->be, XS_F_PROTOCOL), "x86_32-abi");
	assert_string_equal(fe_key(&f->be, XS_F_FEATURE_PERSISTENT), "0");
	pv_blk_info(f->blk, &info);
	assert_false(info.persistent);
}

static void test_open_before_the_device_exists_waits(void **state)
{
	struct fixture *f = *state;

	step(f);
	assert_int_equal(pv_blk_state(f->blk), PV_OPENING);
	assert_int_equal(fake_granted(f->os), 0);
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	fake_run(f->os, f->blk);
	be_set_state(&f->be, XB_INIT_WAIT);
	fake_run(f->os, f->blk);
	be_connect(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
}

static void test_open_device_removed_and_made_again_connects(void **state)
{
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	step(f);
	be_remove(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_OPENING);
	be_open(&f->be, f->os, f->blk, SECTORS);
}

static void test_open_removes_what_an_earlier_owner_left(void **state)
{
	static const enum xs_key_id stale[] = { XS_F_RING_PAGE_ORDER, XS_F_NUM_RING_PAGES,
						XS_F_MULTI_QUEUE_NUM_QUEUES, XS_F_RING_REF_N };
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	for (size_t i = 0; i < 4; i++)
		be_key(&f->be, stale[i], "2");
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	assert_int_equal(fe_state(&f->be), XB_INITIALISED);
	for (size_t i = 0; i < 4; i++)
		assert_null(fe_key(&f->be, stale[i]));
}

/* An earlier owner left both ends in these states; a good backend then follows. */
static void open_after(struct fixture *f, unsigned int backend, const char *frontend)
{
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, backend);
	be_key(&f->be, XS_F_STATE, frontend);
	step(f);
	be_step_until_open(&f->be, f->blk);
	assert_int_equal(pv_blk_error(f->blk), PV_OK);
}

static void test_open_after_a_crashed_owner_starts_over(void **state)
{
	open_after(*state, XB_CONNECTED, "4");
	assert_string_equal(((struct fixture *)*state)->os->states, "56134");
}

static void test_open_while_the_last_owner_is_closed_waits(void **state)
{
	open_after(*state, XB_CLOSING, "5");
}

static void test_open_after_a_closed_owner_starts_over(void **state)
{
	open_after(*state, XB_CLOSED, "6");
}

static void test_close_gives_everything_back(void **state)
{
	struct fixture *f = *state;

	pv_blk_close(f->blk);
	fake_run(f->os, f->blk);
	assert_int_equal(fe_state(&f->be), XB_CLOSING);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSING);
	assert_int_equal(pv_blk_fini(f->blk), PV_EBUSY);
	assert_true(fake_granted(f->os) > 0);
	be_set_state(&f->be, XB_CLOSING);
	fake_run(f->os, f->blk);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
	assert_true(fake_granted(f->os) > 0);	/* the backend has not let go */
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fake_granted(f->os), 0);
	assert_int_equal(fake_ports_open(f->os), 0);
	assert_int_equal(pv_blk_fini(f->blk), PV_OK);
}

static void test_close_of_what_never_was_is_immediate(void **state)
{
	struct fixture *f = *state;

	step(f);
	pv_blk_close(f->blk);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
}

static void test_reopen_after_close_connects(void **state)
{
	struct fixture *f = *state;

	pv_blk_close(f->blk);
	fake_run(f->os, f->blk);
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_fini(f->blk), PV_OK);
	f->blk = pv_blk_init(f->memory, f->os, FAKE_DEVID, NULL);
	open_after(f, XB_CLOSED, "6");
}

/*
 * The other end ends it
 */

static void test_detach_closes_and_stays_closed(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	be_set_state(&f->be, XB_CLOSING);
	fake_run(f->os, f->blk);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
	expect_back(f, 0, PV_EGONE);
	assert_null(pv_blk_poll(f->blk));
	assert_int_equal(pv_blk_error(f->blk), PV_EGONE);
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fake_granted(f->os), 0);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
}

static void test_refused_connection_is_not_tried_for_ever(void **state)
{
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	be_set_state(&f->be, XB_CLOSING);
	fake_run(f->os, f->blk);
	expect_dead(f, PV_EGONE, "refused");
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
	assert_int_equal(fake_granted(f->os), 0);
}

static void test_forced_removal_ends_io_and_writes_nothing(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_WRITE, 0, 1);
	be_remove(&f->be);
	fake_run(f->os, f->blk);
	expect_back(f, 0, PV_EGONE);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_string_equal(pv_blk_reason(f->blk), "the device was removed");
	assert_int_equal(fake_granted(f->os), 0);
	assert_null(fe_key(&f->be, XS_F_STATE));
}

static void test_removed_device_does_not_touch_its_successor(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_buffer *buffer = pv_blk_buffer_get(f->blk);

	be_remove(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSING);	/* for the borrowed buffer */
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	assert_int_equal(fe_state(&f->be), XB_INITIALISING);
	pv_blk_buffer_put(f->blk, buffer);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fe_state(&f->be), XB_INITIALISING);
}

/* Detached, removed and attached again before any watch was delivered: the same path, but not the
 * same device. What was granted to the old one must go, and the new one's state is not ours. */
static void test_device_replaced_unseen_is_not_mistaken(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	be_set_state(&f->be, XB_CLOSING);
	be_remove(&f->be);
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, XB_INIT_WAIT);
	fake_run(f->os, f->blk);
	expect_back(f, 0, PV_EGONE);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fake_granted(f->os), 0);
	assert_int_equal(fe_state(&f->be), XB_INITIALISING);
	f->blk = pv_blk_init(f->memory, f->os, FAKE_DEVID, NULL);
	step(f);
	be_step_until_open(&f->be, f->blk);
}

/* Detaching it has begun, or ended: until it is removed nothing of it is touched. */
static void test_open_of_a_device_that_goes_away_waits_for_the_next(void **state)
{
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, XS_B_ONLINE, "0");
	be_set_state(&f->be, XB_CLOSED);
	be_key(&f->be, XS_F_STATE, "6");
	step(f);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
	assert_int_equal(f->os->state_writes, 0);
	be_remove(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_OPENING);
	be_open(&f->be, f->os, f->blk, SECTORS);
}

static void test_resize_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;

	assert_int_equal(submit(f, 0, PV_BLK_READ, SECTORS, 1), PV_ERANGE);
	be_key(&f->be, XS_B_SECTORS, "8192");
	be_set_state(&f->be, XB_CONNECTED);
	fake_run(f->os, f->blk);
	pv_blk_info(f->blk, &info);
	assert_int_equal(info.sectors, 8192);
	submit_ok(f, 0, PV_BLK_READ, SECTORS, 1);
}

/* A drive may have nothing in it, from the beginning or for a while. */
static void test_medium_comes_and_goes(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, XS_B_INFO, "7");
	be_key(&f->be, XS_B_SECTORS, "0");
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	be_connect(&f->be);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
	pv_blk_info(f->blk, &info);
	assert_true(info.cdrom && info.removable && info.readonly && !info.sectors);
	assert_int_equal(submit(f, 0, PV_BLK_READ, 0, 1), PV_ERANGE);
	be_key(&f->be, XS_B_SECTORS, "64");
	be_set_state(&f->be, XB_CONNECTED);
	fake_run(f->os, f->blk);
	submit_ok(f, 0, PV_BLK_READ, 63, 1);
	be_key(&f->be, XS_B_SECTORS, "0");
	be_set_state(&f->be, XB_CONNECTED);
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
	assert_int_equal(submit(f, 1, PV_BLK_READ, 0, 1), PV_ERANGE);
}

/*
 * The other end lies
 */

static void test_backend_path_of_another_is_refused(void **state)
{
	static const char *const paths[] = {
		"/local/domain/0/backend/vbd/7/51728", "/local/domain/0/backend/vbd/8/51712",
		"/local/domain/3/backend/vbd/7/51712", "/local/domain/0/backend/vif/7/51712",
		"/local/domain/0/backend/vbd/7/51712/", "/local/domain/0/backend/vbd/7/5171",
		"/local/domain/0/backend/vbd/7/51712/../51728", "backend/vbd/7/51712", "",
		"/local/domain/00/backend/vbd/7/51712",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct fixture *f;
		void *own;

		set_up(&own);
		f = own;
		be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
		be_key(&f->be, XS_F_BACKEND, paths[i]);
		be_set_state(&f->be, XB_INIT_WAIT);
		step(f);
		assert_int_equal(pv_blk_error(f->blk), PV_EBACKEND);
		assert_string_equal(pv_blk_reason(f->blk),
				    "the backend's path is not this device's");
		assert_int_equal(fake_granted(f->os), 0);
		tear_down(&own);
	}
	(void)state;
}

static void test_backend_id_that_is_no_domain_is_refused(void **state)
{
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, XS_F_BACKEND_ID, "32752");	/* DOMID_SELF */
	step(f);
	assert_int_equal(pv_blk_error(f->blk), PV_EBACKEND);
	assert_int_equal(fake_granted(f->os), 0);
}

static void test_backend_path_that_changes_fails_the_device(void **state)
{
	struct fixture *f = *state;

	submit_ok(f, 0, PV_BLK_READ, 0, 1);
	be_key(&f->be, XS_F_BACKEND, "/local/domain/5/backend/vbd/7/51712");
	fake_run(f->os, f->blk);
	expect_back(f, 0, PV_EBACKEND);
	assert_int_equal(pv_blk_error(f->blk), PV_EBACKEND);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
}

static void test_state_that_is_none_fails_the_device(void **state)
{
	static const char *const states[] = { "9", "-1", "x", "", "4 ", "18446744073709551620" };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct fixture *f;
		void *own;

		set_up_open(&own);
		f = own;
		submit_ok(f, 0, PV_BLK_READ, 0, 1);
		be_key(&f->be, XS_B_STATE, states[i]);
		fake_run(f->os, f->blk);
		expect_back(f, 0, PV_EBACKEND);
		expect_dead(f, PV_EBACKEND, "state");
		assert_true(fake_granted(f->os) > 0);	/* it never said that it let go */
		tear_down(&own);
	}
	(void)state;
}

static const struct bad_key {
	enum xs_key_id id;
	const char *value;
	const char *reason;
} bad_keys[] = {
	{ XS_B_SECTORS, NULL, "did not write sectors" },
	{ XS_B_SECTORS, "", "impossible sectors" },
	{ XS_B_SECTORS, "0", "impossible sectors" },
	{ XS_B_SECTORS, "-1", "impossible sectors" },
	{ XS_B_SECTORS, "4096 ", "impossible sectors" },
	{ XS_B_SECTORS, "0x1000", "impossible sectors" },
	{ XS_B_SECTORS, "18446744073709551616", "impossible sectors" },
	{ XS_B_SECTORS, "18446744073709551615", "impossible sectors" },
	{ XS_B_SECTORS, "a megabyte or so", "impossible sectors" },
	{ XS_B_SECTOR_SIZE, NULL, "did not write sector-size" },
	{ XS_B_SECTOR_SIZE, "0", "impossible sector-size" },
	{ XS_B_SECTOR_SIZE, "513", "no disk has such a sector-size" },
	{ XS_B_SECTOR_SIZE, "520", "no disk has such a sector-size" },
	{ XS_B_SECTOR_SIZE, "8192", "no disk has such a sector-size" },
	{ XS_B_INFO, "what", "impossible info" },
	{ XS_B_MODE, "rw", "impossible mode" },
	{ XS_B_FEATURE_BARRIER, "2", "impossible feature-barrier" },
};

static void test_impossible_disk_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
		struct fixture *f;
		void *own;

		set_up(&own);
		f = own;
		be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
		be_set_state(&f->be, XB_INIT_WAIT);
		step(f);
		be_key(&f->be, bad_keys[i].id, bad_keys[i].value);
		be_connect(&f->be);
		fake_run(f->os, f->blk);
		expect_dead(f, PV_EBACKEND, bad_keys[i].reason);
		tear_down(&own);
	}
	(void)state;
}

static void test_disk_that_ends_within_a_sector_is_refused(void **state)
{
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, 4097);
	be_key(&f->be, XS_B_SECTOR_SIZE, "4096");
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	be_connect(&f->be);
	fake_run(f->os, f->blk);
	expect_dead(f, PV_EBACKEND, "ends within a sector");
}

static void test_long_value_is_refused(void **state)
{
	struct fixture *f = *state;
	char value[200];

	memset(value, '1', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_key(&f->be, XS_F_BACKEND, value);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	assert_int_equal(pv_blk_error(f->blk), PV_EBACKEND);
	assert_int_equal(fake_granted(f->os), 0);
}

static void test_log_of_a_flapping_backend_is_bounded(void **state)
{
	struct fixture *f = *state;
	unsigned int before = f->os->logged;

	for (int i = 0; i < 200; i++) {
		be_set_state(&f->be, XB_INIT_WAIT);
		fake_run(f->os, f->blk);
		be_step_until_open(&f->be, f->blk);
	}
	assert_in_range(f->os->logged - before, 1, 20);
	f->os->clock += 2000000000ull;
	before = f->os->logged;
	be_set_state(&f->be, XB_INIT_WAIT);
	fake_run(f->os, f->blk);
	be_step_until_open(&f->be, f->blk);
	assert_true(f->os->logged > before);
}

/*
 * Pages that the backend keeps (XSA-376, XSA-396)
 */

static void test_busy_pages_are_kept_and_freed_later(void **state)
{
	struct fixture *f = *state;
	unsigned int granted = fake_granted(f->os);

	fake_hold_all(f->os, true);
	pv_blk_close(f->blk);
	fake_run(f->os, f->blk);
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	assert_int_equal(fe_state(&f->be), XB_CLOSED);
	assert_int_equal(fake_granted(f->os), granted);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSING);
	assert_int_equal(pv_blk_fini(f->blk), PV_EBUSY);
	assert_false(pv_blk_wants_step(f->blk));
	f->os->clock += 100000000ull;
	assert_true(pv_blk_wants_step(f->blk));
	pv_blk_step(f->blk);
	assert_int_equal(fake_granted(f->os), granted);
	fake_hold_all(f->os, false);
	f->os->clock += 100000000ull;
	fake_run(f->os, f->blk);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	assert_int_equal(fake_granted(f->os), 0);
}

static void test_one_busy_page_keeps_its_buffer_only(void **state)
{
	struct fixture *f = *state;

	f->os->grants[20].held = true;
	pv_blk_close(f->blk);
	fake_run(f->os, f->blk);
	be_set_state(&f->be, XB_CLOSED);
	fake_run(f->os, f->blk);
	assert_int_equal(fake_granted(f->os), PV_BLK_PAGES);
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSING);
}

static void restart_backend(struct fixture *f)
{
	be_set_state(&f->be, XB_INIT_WAIT);
	fake_run(f->os, f->blk);
	for (int i = 0; i < 6; i++) {
		be_step(&f->be, true);
		fake_run(f->os, f->blk);
	}
}

static void test_old_ring_page_is_kept_aside_until_free(void **state)
{
	struct fixture *f = *state;
	unsigned int granted = fake_granted(f->os);

	fake_hold_all(f->os, true);
	restart_backend(f);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
	assert_int_equal(fake_granted(f->os), granted + 1);
	fake_hold_all(f->os, false);
	f->os->clock += 100000000ull;
	fake_run(f->os, f->blk);
	assert_int_equal(fake_granted(f->os), granted);
	assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
}

static void test_backend_that_hoards_rings_is_given_up(void **state)
{
	struct fixture *f = *state;
	unsigned int granted = fake_granted(f->os);
	int i;

	for (i = 0; i < 100 && pv_blk_state(f->blk) == PV_OPEN; i++) {
		fake_hold_all(f->os, true);
		restart_backend(f);
	}
	assert_in_range(i, 4, 20);
	assert_true(fake_granted(f->os) < granted + 20);
	expect_dead(f, PV_EBACKEND, "too many old rings");
}

/*
 * What a port cannot do
 */

static void test_store_failure_at_each_operation_is_retried(void **state)
{
	int n;

	for (n = 0; n < 200; n++) {
		struct fixture *f;
		bool failed;
		void *own;

		set_up(&own);
		f = own;
		be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
		f->os->store_fails_in = n;
		pv_blk_step(f->blk);
		be_set_state(&f->be, XB_INIT_WAIT);
		step(f);
		step(f);
		assert_int_equal(fe_state(&f->be), XB_INITIALISED);
		be_connect(&f->be);
		step(f);
		step(f);
		failed = f->os->store_fails_in == -1;
		assert_int_equal(pv_blk_state(f->blk), PV_OPEN);
		assert_int_equal(fake_ports_open(f->os), 1);
		assert_int_equal(fake_granted(f->os), 1 + PV_BLK_DEPTH * PV_BLK_PAGES);
		tear_down(&own);
		if (!failed)
			break;
	}
	assert_in_range(n, 20, 199);
	(void)state;
}

static void test_store_failure_is_retried_without_a_watch(void **state)
{
	struct fixture *f = *state;

	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, XB_INIT_WAIT);
	f->os->store_fails_in = 12;
	assert_int_equal(pv_blk_step(f->blk), PV_EPORT);
	assert_false(pv_blk_wants_step(f->blk));
	f->os->clock += 100000000ull;
	assert_true(pv_blk_wants_step(f->blk));
	assert_int_equal(pv_blk_step(f->blk), PV_OK);
	assert_int_equal(fe_state(&f->be), XB_INITIALISED);
}

static void test_scarce_grants_make_a_shallow_queue(void **state)
{
	struct fixture *f = *state;
	struct pv_blk_info info;

	f->os->grants_left = 4;		/* the ring and three buffers */
	be_open(&f->be, f->os, f->blk, SECTORS);
	pv_blk_info(f->blk, &info);
	assert_int_equal(info.depth, 3);
	for (int i = 0; i < 3; i++)
		submit_ok(f, i, PV_BLK_READ, 0, 1);
	assert_int_equal(submit(f, 3, PV_BLK_READ, 0, 1), PV_EAGAIN);
	submit_ok(f, 4, PV_BLK_FLUSH, 0, 0);	/* needs no buffer */
}

static void test_no_grants_at_all_fails_the_device(void **state)
{
	struct fixture *f = *state;

	f->os->grants_left = 0;
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	expect_dead(f, PV_ENOMEM, "grant");
}

static void test_no_channel_fails_the_device(void **state)
{
	struct fixture *f = *state;

	f->os->ports_left = 0;
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_set_state(&f->be, XB_INIT_WAIT);
	step(f);
	expect_dead(f, PV_ENOMEM, "event channel");
}

static void test_list_names_the_disks(void **state)
{
	struct fixture *f = *state;
	struct fake_backend other = { 0 };
	uint32_t devids[4];

	assert_int_equal(pv_blk_list(f->os, devids, 4), 0);
	be_attach(&f->be, f->os, FAKE_DEVID, SECTORS);
	be_attach(&other, f->os, 51728, SECTORS);
	assert_int_equal(pv_blk_list(f->os, devids, 4), 2);
	assert_int_equal(devids[0] + devids[1], 51712 + 51728);
	assert_int_equal(pv_blk_list(f->os, devids, 1), 1);
	fake_write(f->os, "/local/domain/7/device/vbd/notanumber/backend-id", "0");
	assert_int_equal(pv_blk_list(f->os, devids, 4), 2);
	be_remove(&other);
	be_free(&other);
}

static void test_names_are_total(void **state)
{
	(void)state;
	for (int err = -20; err <= 20; err++)
		assert_non_null(pv_strerror(err));
	assert_string_equal(pv_strerror(PV_EREADONLY), "the disk is read-only");
	assert_string_equal(pv_strerror(-1000), "unknown error");
	assert_string_equal(pv_state_name(PV_PAUSED), "paused");
	assert_string_equal(pv_state_name((enum pv_state)77), "unknown");
}

#define FRESH(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define OPEN(test)	cmocka_unit_test_setup_teardown(test, set_up_open, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(test_open_walks_the_common_path),
		cmocka_unit_test_setup_teardown(test_open_options_reach_the_store, set_up_open_32,
						tear_down),
		FRESH(test_open_before_the_device_exists_waits),
		FRESH(test_open_device_removed_and_made_again_connects),
		FRESH(test_open_removes_what_an_earlier_owner_left),
		FRESH(test_open_after_a_crashed_owner_starts_over),
		FRESH(test_open_while_the_last_owner_is_closed_waits),
		FRESH(test_open_after_a_closed_owner_starts_over),
		OPEN(test_close_gives_everything_back),
		FRESH(test_close_of_what_never_was_is_immediate),
		OPEN(test_reopen_after_close_connects),
		OPEN(test_detach_closes_and_stays_closed),
		FRESH(test_refused_connection_is_not_tried_for_ever),
		OPEN(test_forced_removal_ends_io_and_writes_nothing),
		OPEN(test_removed_device_does_not_touch_its_successor),
		OPEN(test_device_replaced_unseen_is_not_mistaken),
		FRESH(test_open_of_a_device_that_goes_away_waits_for_the_next),
		OPEN(test_resize_is_noticed),
		FRESH(test_medium_comes_and_goes),
		cmocka_unit_test(test_backend_path_of_another_is_refused),
		FRESH(test_backend_id_that_is_no_domain_is_refused),
		OPEN(test_backend_path_that_changes_fails_the_device),
		cmocka_unit_test(test_state_that_is_none_fails_the_device),
		cmocka_unit_test(test_impossible_disk_is_refused),
		FRESH(test_disk_that_ends_within_a_sector_is_refused),
		FRESH(test_long_value_is_refused),
		OPEN(test_log_of_a_flapping_backend_is_bounded),
		OPEN(test_busy_pages_are_kept_and_freed_later),
		OPEN(test_one_busy_page_keeps_its_buffer_only),
		OPEN(test_old_ring_page_is_kept_aside_until_free),
		OPEN(test_backend_that_hoards_rings_is_given_up),
		cmocka_unit_test(test_store_failure_at_each_operation_is_retried),
		FRESH(test_store_failure_is_retried_without_a_watch),
		FRESH(test_scarce_grants_make_a_shallow_queue),
		FRESH(test_no_grants_at_all_fails_the_device),
		FRESH(test_no_channel_fails_the_device),
		FRESH(test_list_names_the_disks),
		cmocka_unit_test(test_names_are_total),
	};

	return cmocka_run_group_tests_name("frontend handshake", tests, NULL, NULL);
}
