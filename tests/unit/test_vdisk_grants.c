/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_grants.c - requests whose pages cannot be reached, through the real queue
 *
 * A failed grant is an error of the request that it belongs to, and of no other: wherever it is in
 * a batch, by whichever way data moves.
 */
#include "test_vdisk_harness.h"

/* One request of a full batch has a bad page, at each place, in each of its segments: it alone
 * fails, with one answer, and its good neighbours' data arrives. */
static void bad_page_fails_alone(uint8_t op, enum fake_access how)
{
	for (unsigned int at = 0; at < RIG_SLOTS; at += 5) {
		for (unsigned int seg = 0; seg < 3; seg++) {
			unsigned int bad = at * 3 + seg;
			struct blk_rsp rsp;

			fake.access[RIG_DATA - FAKE_FIRST + bad] = (uint8_t)how;
			for (unsigned int i = 0; i < RIG_SLOTS; i++) {
				struct blk_req req = rig_req(op, i, 0, i * 3, 3);

				rig_push(&rig, &req);
			}
			rig_run(&rig);
			for (unsigned int i = 0; i < RIG_SLOTS; i++) {
				assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
				assert_int_equal(rsp.status, rsp.id == at ? BLK_ERROR : BLK_OKAY);
			}
			assert_int_equal(blk_front_pop(&rig.front, &rsp), 0);
			fake.access[RIG_DATA - FAKE_FIRST + bad] = FAKE_READWRITE;
			reconnect();	/* what is mapped stays good when it is revoked */
		}
	}
}

static void test_xsa361_queue_revoked_page_fails_its_request_alone(void **state)
{
	(void)state;
	bad_page_fails_alone(BLK_READ, FAKE_REVOKED);
}

static void test_xsa361_queue_revoked_page_fails_its_write_alone(void **state)
{
	(void)state;
	bad_page_fails_alone(BLK_WRITE, FAKE_REVOKED);
}

static void test_queue_readonly_page_fails_its_read_alone(void **state)
{
	(void)state;
	bad_page_fails_alone(BLK_READ, FAKE_READONLY);
}

static void test_queue_readonly_page_is_good_for_a_write(void **state)
{
	(void)state;
	fake.access[RIG_DATA - FAKE_FIRST] = FAKE_READONLY;
	memset(rig_data(0), 0x42, BLK_PAGE);
	assert_int_equal(rig_do(&rig, rig_req(BLK_WRITE, 1, 0, 0, 1)), BLK_OKAY);
	assert_true(is_full_of(rig.image, BLK_PAGE, 0x42));
}

static void test_queue_unknown_grefs_are_an_error(void **state)
{
	static const uint32_t grefs[] = { 0, 7, FAKE_FIRST + FAKE_PAGES, INT32_MAX, UINT32_MAX };

	(void)state;
	memset(rig.image, 0x77, RIG_IMAGE);
	for (size_t i = 0; i < sizeof(grefs) / sizeof(grefs[0]); i++) {
		struct blk_req req = rig_req(BLK_WRITE, i, 0, 0, 2);

		req.seg[1].gref = grefs[i];
		assert_int_equal(rig_do(&rig, req), BLK_ERROR);
		assert_true(is_full_of(rig.image, RIG_IMAGE, 0x77));
		req.op = BLK_READ;
		assert_int_equal(rig_do(&rig, req), BLK_ERROR);
	}
}

/* XSA-361, 365: a copy fails at each index of a batch, with each kind of status. */
static void test_xsa365_queue_failed_copy_is_its_requests_error(void **state)
{
	static const int16_t statuses[] = { GNTST_general_error, GNTST_eagain, 1 };

	(void)state;
	for (unsigned int n = 0; n < 12; n++) {
		for (size_t s = 0; s < 3; s++) {
			struct blk_rsp rsp;

			for (unsigned int i = 0; i < 4; i++) {
				struct blk_req req = rig_req(BLK_WRITE, i, i * 8, i * 3, 3);

				rig_push(&rig, &req);
			}
			fake.fail_copy = n + 1;
			fake.fail_copy_status = statuses[s];
			rig_run(&rig);
			for (unsigned int i = 0; i < 4; i++) {
				assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
				assert_int_equal(rsp.status,
						 rsp.id == n / 3 ? BLK_ERROR : BLK_OKAY);
			}
		}
	}
}

static void test_xsa318_queue_data_that_was_not_copied_is_not_written(void **state)
{
	(void)state;
	memset(rig.image, 0x77, RIG_IMAGE);
	fake.skip_copies = true;
	assert_int_equal(rig_do(&rig, rig_req(BLK_WRITE, 1, 0, 0, 1)), BLK_ERROR);
	fake.skip_copies = false;
	fake.fail_copy_errno = ENOMEM;
	assert_int_equal(rig_do(&rig, rig_req(BLK_WRITE, 2, 0, 0, 1)), BLK_ERROR);
	assert_true(is_full_of(rig.image, RIG_IMAGE, 0x77));
}

/* More pages than may stay mapped: the bound holds, and all requests succeed. */
static void test_xsa371_queue_persistent_pages_are_bounded(void **state)
{
	(void)state;
	for (unsigned int page = 0; page + 11 < 3000; page += 11)
		assert_int_equal(rig_do(&rig, rig_req(BLK_READ, page, 0, page, 8)), BLK_OKAY);
	assert_true(fake.max_pages > 64);
	assert_true(fake.max_pages <= DISK_MAX_PERSISTENT + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_xsa361_queue_revoked_page_fails_its_request_alone),
		BOTH(test_xsa361_queue_revoked_page_fails_its_write_alone),
		BOTH(test_queue_readonly_page_fails_its_read_alone),
		BOTH(test_queue_readonly_page_is_good_for_a_write),
		BOTH(test_queue_unknown_grefs_are_an_error),
		COPY(test_xsa365_queue_failed_copy_is_its_requests_error),
		COPY(test_xsa318_queue_data_that_was_not_copied_is_not_written),
		PERS(test_xsa371_queue_persistent_pages_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
