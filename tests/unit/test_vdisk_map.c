/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_map.c - grants: every failure, at every place in a batch, and nothing left mapped
 *
 * The advisories behind it: XSA-361 and XSA-365 (the status of one entry of a batch is lost or
 * ignored), XSA-362 (an error that a guest can cause is taken for a bug), XSA-318 (a copy that was
 * not done counts as done), XSA-371 (persistent grants that stay mapped).
 */
#include "test_vdisk_fakes.h"

#include "worker/map.h"

#define MAX_PAGES 96

static struct grant_cache cache;

static int set_up(void **state)
{
	(void)state;
	fake_init();
	assert_int_equal(grant_cache_init(&cache, fake_xgt(), FAKE_DOMID, MAX_PAGES), 0);
	return 0;
}

/* Every success was unmapped exactly once: the fake counts, and refuses a second time. */
static int tear_down(void **state)
{
	(void)state;
	grant_cache_fini(&cache);
	grant_cache_fini(&cache);
	assert_int_equal(fake.nr_mappings, 0);
	assert_int_equal(fake.pages, 0);
	for (unsigned int i = 0; i < FAKE_PAGES; i++)
		assert_int_equal(fake.mapped[i], 0);
	fake_fini();
	return 0;
}

static int map(uint32_t first, unsigned int nr)
{
	uint32_t grefs[GRANT_GROUP];

	for (unsigned int i = 0; i < nr; i++)
		grefs[i] = first + i;
	return grant_cache_map(&cache, grefs, nr);
}

static void test_cache_mapped_pages_are_found_as_the_guests(void **state)
{
	(void)state;
	assert_null(grant_cache_find(&cache, FAKE_FIRST));
	assert_int_equal(map(FAKE_FIRST, 32), 0);
	assert_int_equal(map(FAKE_FIRST + 1024, 1), 0);
	for (uint32_t g = FAKE_FIRST; g < FAKE_FIRST + 32; g++) {
		uint32_t *page = grant_cache_find(&cache, g);

		assert_non_null(page);
		*page = g;
		assert_int_equal(*(uint32_t *)fake_page(g), g);
	}
	assert_non_null(grant_cache_find(&cache, FAKE_FIRST + 1024));
	assert_null(grant_cache_find(&cache, FAKE_FIRST + 32));
	assert_int_equal(cache.pages, 33);
}

static void test_xsa361_cache_one_bad_page_in_a_group_maps_nothing(void **state)
{
	(void)state;
	for (unsigned int bad = 0; bad < GRANT_GROUP; bad++) {
		for (unsigned int how = FAKE_READONLY; how <= FAKE_REVOKED; how++) {
			fake.access[bad] = (uint8_t)how;
			assert_int_equal(map(FAKE_FIRST, GRANT_GROUP), -EINVAL);
			for (uint32_t g = FAKE_FIRST; g < FAKE_FIRST + GRANT_GROUP; g++)
				assert_null(grant_cache_find(&cache, g));
			assert_int_equal(cache.pages, 0);
			assert_int_equal(fake.pages, 0);
		}
		fake.access[bad] = FAKE_READWRITE;
	}
	assert_int_equal(map(FAKE_FIRST, GRANT_GROUP), 0);
}

static void test_cache_eviction_is_bounded_and_oldest_first(void **state)
{
	(void)state;
	for (uint32_t group = 0; group < 40; group++) {
		grant_cache_next_batch(&cache);
		if (group >= 2)		/* the first group is in use all the time */
			assert_non_null(grant_cache_find(&cache, FAKE_FIRST));
		assert_int_equal(map(FAKE_FIRST + group * 32, 32), 0);
		assert_true(cache.pages <= MAX_PAGES && fake.max_pages <= MAX_PAGES);
		assert_int_equal(cache.pages, fake.pages);
		if (group >= 3) {
			assert_non_null(grant_cache_find(&cache, FAKE_FIRST));
			assert_null(grant_cache_find(&cache, FAKE_FIRST + (group - 2) * 32));
		}
	}
}

static void test_cache_what_the_batch_uses_is_never_evicted(void **state)
{
	(void)state;
	grant_cache_next_batch(&cache);
	for (uint32_t group = 0; group < MAX_PAGES / 32; group++)
		assert_int_equal(map(FAKE_FIRST + group * 32, 32), 0);
	assert_int_equal(map(FAKE_FIRST + 1000, 1), -ENOSPC);
	for (uint32_t g = FAKE_FIRST; g < FAKE_FIRST + MAX_PAGES; g++)
		assert_non_null(grant_cache_find(&cache, g));
	grant_cache_next_batch(&cache);
	assert_int_equal(map(FAKE_FIRST + 1000, 1), 0);
	assert_int_equal(cache.pages, MAX_PAGES - 32 + 1);
}

/* Three pages of one hash chain, of which the middle one goes. */
static void test_cache_colliding_grefs_are_kept_apart(void **state)
{
	uint32_t grefs[3], n = 0;

	(void)state;
	for (uint32_t g = FAKE_FIRST; n < 3; g++) {
		if ((g * 2654435761u) >> 22 == (FAKE_FIRST * 2654435761u) >> 22)
			grefs[n++] = g;
	}
	assert_true(grefs[2] < 3000);
	for (n = 0; n < 3; n++) {
		assert_int_equal(grant_cache_map(&cache, &grefs[n], 1), 0);
		memset(fake_page(grefs[n]), (int)n + 1, 8);
	}
	for (n = 0; n < 3; n++)
		assert_int_equal(*(char *)grant_cache_find(&cache, grefs[n]), n + 1);
	for (uint32_t g = 3000; fake.mapped[grefs[1] - FAKE_FIRST]; g += 31) {
		grant_cache_next_batch(&cache);
		grant_cache_find(&cache, grefs[0]);
		grant_cache_find(&cache, grefs[2]);
		assert_int_equal(map(g, 31), 0);
	}
	assert_null(grant_cache_find(&cache, grefs[1]));
	assert_int_equal(*(char *)grant_cache_find(&cache, grefs[0]), 1);
	assert_int_equal(*(char *)grant_cache_find(&cache, grefs[2]), 3);
}

/* --- copies --- */

static int owners[COPY_MAX];
static unsigned int nr_failed;
static int last_status;

static void failed(void *owner, int status)
{
	++*(int *)owner;
	nr_failed++;
	last_status = status;
}

static struct copy_list list;
static char ours[COPY_MAX][512];

/* nr copies of 512 bytes, both ways, each of another page. */
static void fill_list(unsigned int nr)
{
	memset(owners, 0, sizeof(owners));
	nr_failed = 0;
	for (unsigned int i = 0; i < nr; i++) {
		uint32_t gref = FAKE_FIRST + i;

		memset(ours[i], (int)i, 512);
		memset(fake_page(gref), ~(int)i, 1024);
		assert_true((i % 2 ? copy_from_guest : copy_to_guest)
			    (&list, FAKE_DOMID, gref, 512, 512, ours[i], &owners[i]));
	}
}

static void test_copy_moves_both_ways_and_nothing_else(void **state)
{
	(void)state;
	fill_list(64);
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 0);
	assert_int_equal(list.nr, 0);
	for (unsigned int i = 0; i < 64; i++) {
		const uint8_t *page = fake_page(FAKE_FIRST + i);

		assert_int_equal((uint8_t)ours[i][511], i % 2 ? (uint8_t)~i : i);
		assert_int_equal(page[511], (uint8_t)~i);
		assert_int_equal(page[512], i % 2 ? (uint8_t)~i : i);
	}
}

static void test_xsa361_xsa365_copy_failure_at_each_index_is_told_to_its_owner(void **state)
{
	static const int16_t statuses[] = { GNTST_general_error, GNTST_bad_gntref, GNTST_eagain,
					    GNTST_permission_denied, 1, INT16_MAX, INT16_MIN };

	(void)state;
	for (unsigned int at = 0; at < 33; at++) {
		for (size_t s = 0; s < sizeof(statuses) / sizeof(statuses[0]); s++) {
			fill_list(33);
			fake.fail_copy = at + 1;
			fake.fail_copy_status = statuses[s];
			copy_run(fake_xgt(), &list, failed);
			assert_int_equal(nr_failed, 1);
			assert_int_equal(owners[at], 1);
			assert_int_equal(last_status, statuses[s]);
		}
	}
}

static void test_xsa362_copy_call_failure_is_every_owners_error(void **state)
{
	(void)state;
	fill_list(10);
	fake.fail_copy_errno = EFAULT;
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 10);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(owners[i], 1);
	assert_int_equal(last_status, -EFAULT);
	fill_list(3);				/* and the next batch is not infected */
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 0);
}

/* A hypervisor that returns success without having looked at an entry leaves our poison there. */
static void test_xsa318_copy_that_was_not_done_is_a_failure(void **state)
{
	(void)state;
	fill_list(5);
	fake.skip_copies = true;
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 5);
	fill_list(5);			/* nor do stale statuses of an earlier batch count */
	fake.skip_copies = false;
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 0);
	fill_list(5);
	fake.skip_copies = true;
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 5);
}

static void test_copy_list_full_refuses_and_empty_does_nothing(void **state)
{
	(void)state;
	fill_list(COPY_MAX);
	assert_false(copy_to_guest(&list, FAKE_DOMID, 8, 0, 512, ours[0], &owners[0]));
	assert_false(copy_from_guest(&list, FAKE_DOMID, 8, 0, 512, ours[0], &owners[0]));
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 0);
	assert_int_equal(fake.copies, COPY_MAX);
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(fake.copy_calls, 1);
}

static void test_copy_bad_grants_fail_alone(void **state)
{
	(void)state;
	fill_list(6);
	fake.access[0] = FAKE_READONLY;		/* to the guest: denied */
	fake.access[1] = FAKE_READONLY;		/* from the guest: fine */
	fake.access[2] = fake.access[3] = FAKE_REVOKED;
	copy_run(fake_xgt(), &list, failed);
	assert_int_equal(nr_failed, 3);
	assert_true(owners[0] == 1 && owners[1] == 0 && owners[2] == 1 && owners[3] == 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_cache_mapped_pages_are_found_as_the_guests),
		TEST(test_xsa361_cache_one_bad_page_in_a_group_maps_nothing),
		TEST(test_cache_eviction_is_bounded_and_oldest_first),
		TEST(test_cache_what_the_batch_uses_is_never_evicted),
		TEST(test_cache_colliding_grefs_are_kept_apart),
		TEST(test_copy_moves_both_ways_and_nothing_else),
		TEST(test_xsa361_xsa365_copy_failure_at_each_index_is_told_to_its_owner),
		TEST(test_xsa362_copy_call_failure_is_every_owners_error),
		TEST(test_xsa318_copy_that_was_not_done_is_a_failure),
		TEST(test_copy_list_full_refuses_and_empty_does_nothing),
		TEST(test_copy_bad_grants_fail_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
