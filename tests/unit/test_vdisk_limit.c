/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_limit.c - the token buckets, over simulated time
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vdisk/limit.h"

#define SECOND		UINT64_C(1000000000)
#define START		(77 * SECOND + 13)
#define MIB		(UINT64_C(1) << 20)

static struct limit limit;
static uint64_t now;

static int set_up(void **state)
{
	(void)state;
	memset(&limit, 0, sizeof(limit));
	now = START;
	return 0;
}

/* A guest that always wants more: requests of so many bytes, asked for every step nanoseconds until
 * `end`. How many passed. */
static uint64_t greedy(uint64_t bytes, uint64_t step, uint64_t end)
{
	uint64_t passed = 0;

	for (;; now += step) {
		while (limit_room(&limit, now).requests > 0) {
			limit_charge(&limit, 1, bytes);
			passed++;
		}
		if (now + step > end)
			return passed;
	}
}

/* Any rate, asked at intervals that divide nothing: after so long, exactly what is due. */
static void test_limit_rates_are_exact_over_time(void **state)
{
	static const struct { uint64_t iops, step; } rows[] = {
		{ 1, 333333333 }, { 3, 1000003 }, { 500, 1000000 }, { 499, 999983 },
		{ 7919, 4999 }, { 100000, 1000003 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t passed;

		set_up(NULL);
		limit_set(&limit, now, rows[i].iops, rows[i].iops, 0, 0);
		assert_true(limit_is_set(&limit));
		passed = greedy(4096, rows[i].step, START + 20 * SECOND - 1);
		now = START + 20 * SECOND;
		passed += greedy(4096, 1, now);
		assert_int_equal(passed, 20 * rows[i].iops);
	}
}

static void test_limit_bytes_are_exact_in_requests_of_any_size(void **state)
{
	static const uint64_t sizes[] = { 512, 4096, 45056, MIB };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t passed;

		set_up(NULL);
		limit_set(&limit, now, 0, 0, 8 * MIB, 0);
		passed = greedy(sizes[i], 1000003, START + 10 * SECOND) * sizes[i];
		assert_in_range(passed, 80 * MIB - 16384, 80 * MIB + sizes[i]);
	}
}

/* A bucket that had no limit begins empty; it fills up to the burst, and not further. */
static void test_limit_burst_is_what_passes_at_once_after_a_pause(void **state)
{
	(void)state;
	limit_set(&limit, now, 500, 2000, 0, 0);
	assert_int_equal(limit_room(&limit, now).requests, 0);
	assert_int_equal(greedy(1, 1, now += 2 * SECOND), 1000);
	assert_int_equal(greedy(1, 1, now += 4 * SECOND), 2000);
	assert_int_equal(greedy(1, 1, now += 400 * SECOND), 2000);
	assert_int_equal(greedy(1, 1, now += SECOND), 500);
}

static void test_limit_usual_bursts(void **state)
{
	(void)state;
	limit_set(&limit, now, 500, 0, 64 * MIB, 0);
	assert_int_equal(limit.requests.burst, 50);
	assert_int_equal(limit.bytes.burst, 64 * MIB / LIMIT_BURST_PARTS);
	limit_set(&limit, now, 5, 0, 8 * MIB, 0);
	assert_int_equal(limit.requests.burst, 1);
	assert_int_equal(limit.bytes.burst, MIB);
}

/* Larger than the bucket: it passes, and is owed. */
static void test_limit_large_request_passes_and_is_owed(void **state)
{
	struct limit_room room;

	(void)state;
	limit_set(&limit, now, 0, 0, 4096, 512);
	now += SECOND / 8;
	assert_int_equal(limit_room(&limit, now).bytes, 512);
	limit_charge(&limit, 1, MIB);
	room = limit_room(&limit, now);
	assert_int_equal(room.requests, 0);
	assert_int_equal(room.bytes, 0);
	/* MIB - 512 bytes are owed, and one more has to be there */
	assert_int_equal(room.wait_ns, (MIB - 512 + 1) * SECOND / 4096 + 1);
	assert_int_equal(limit_room(&limit, now + room.wait_ns - 2).bytes, 0);
	assert_int_equal(limit_room(&limit, now + room.wait_ns).bytes, 1);
}

/* Both hold, and what waits is told how long the slower of them takes, to the nanosecond. */
static void test_limit_both_hold_and_the_wait_is_exact(void **state)
{
	struct limit_room room;

	(void)state;
	limit_set(&limit, now, 3, 1, 10 * MIB, 0);
	room = limit_room(&limit, now);
	assert_int_equal(room.wait_ns, SECOND / 3 + 1);
	room = limit_room(&limit, now + 1);
	assert_int_equal(room.wait_ns, SECOND / 3);
	assert_int_equal(limit_room(&limit, now + SECOND / 3).requests, 0);
	room = limit_room(&limit, now + SECOND / 3 + 1);
	assert_int_equal(room.requests, 1);
	assert_in_range(room.bytes, 1, MIB);
	limit_charge(&limit, 1, 5 * MIB);
	now += SECOND / 3 + 1;
	assert_in_range(limit_room(&limit, now).wait_ns, SECOND / 3, SECOND / 2);
}

static void test_limit_changes_at_once_and_keeps_what_is_due(void **state)
{
	(void)state;
	limit_set(&limit, now, 1000, 1000, 0, 0);
	now += SECOND / 2;
	limit_set(&limit, now, 1000, 1000, 0, 0);	/* the same again */
	assert_int_equal(limit_room(&limit, now).requests, 500);
	limit_set(&limit, now, 10, 2, 0, 0);
	assert_int_equal(greedy(1, 1, now), 2);
	now += SECOND / 10;
	limit_set(&limit, now, 1000000, 1000000, 0, 0);	/* a tenth at the old rate */
	assert_int_equal(limit_room(&limit, now).requests, 1);
	assert_int_equal(limit_room(&limit, now + SECOND / 1000).requests, 1001);
	limit_charge(&limit, 5000, 0);
	limit_set(&limit, now, 0, 0, 0, 0);
	assert_false(limit_is_set(&limit));
	assert_int_equal(limit_room(&limit, now).requests, UINT64_MAX);
	limit_set(&limit, now, 1000, 1000, 0, 0);	/* a debt ends with its limit */
	assert_int_equal(limit_room(&limit, now).wait_ns, SECOND / 1000);
}

static void test_limit_time_that_stands_or_goes_back_gives_nothing(void **state)
{
	(void)state;
	limit_set(&limit, now, 1000, 10, 0, 0);
	assert_int_equal(greedy(1, 1, now += SECOND), 10);
	assert_int_equal(limit_room(&limit, now).requests, 0);
	assert_int_equal(limit_room(&limit, 0).requests, 0);
	assert_int_equal(limit_room(&limit, now).requests, 0);
	assert_int_equal(limit_room(&limit, now + SECOND / 1000).requests, 1);
}

static void test_limit_extremes_saturate(void **state)
{
	static const uint64_t values[] = { 1, 999999999, 1000000000, 1000000001, UINT32_MAX,
					   INT64_MAX / 4, INT64_MAX, UINT64_MAX };
	const size_t n = sizeof(values) / sizeof(values[0]);

	(void)state;
	for (size_t i = 0; i < n * n * n; i++) {
		uint64_t rate = values[i % n], burst = values[i / n % n];
		struct limit_room room;

		set_up(NULL);
		limit_set(&limit, 0, rate, burst, rate, burst);
		for (unsigned int again = 0; again < 3; again++) {
			limit_charge(&limit, values[i / n / n], UINT64_MAX);
			room = limit_room(&limit, again);
			assert_int_equal(room.requests > 0, room.bytes > 0);
			assert_int_equal(room.wait_ns > 0, room.requests == 0);
			assert_in_range(room.wait_ns, 0, 3600 * SECOND);
		}
		room = limit_room(&limit, UINT64_MAX);
		assert_true(limit.bytes.level <= (int64_t)limit.bytes.burst);
		assert_true(limit.requests.part < SECOND && limit.bytes.part < SECOND);
		if (rate > SECOND)
			assert_true(room.requests > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_limit_rates_are_exact_over_time, set_up),
		cmocka_unit_test_setup(test_limit_bytes_are_exact_in_requests_of_any_size, set_up),
		cmocka_unit_test_setup(test_limit_burst_is_what_passes_at_once_after_a_pause,
				       set_up),
		cmocka_unit_test_setup(test_limit_usual_bursts, set_up),
		cmocka_unit_test_setup(test_limit_large_request_passes_and_is_owed, set_up),
		cmocka_unit_test_setup(test_limit_both_hold_and_the_wait_is_exact, set_up),
		cmocka_unit_test_setup(test_limit_changes_at_once_and_keeps_what_is_due, set_up),
		cmocka_unit_test_setup(test_limit_time_that_stands_or_goes_back_gives_nothing,
				       set_up),
		cmocka_unit_test_setup(test_limit_extremes_saturate, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
