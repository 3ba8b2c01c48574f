/* SPDX-License-Identifier: MIT */
/*
 * test_histogram.c - the buckets' boundaries, their precision, and a reader beside the writer
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "barrier.h"
#include "histogram.h"

static void test_histogram_buckets_cover_every_value_once(void **state)
{
	(void)state;
	assert_int_equal(histogram_low(0), 0);
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t low = histogram_low(i), end = histogram_low(i + 1);

		assert_true(low < end);
		assert_int_equal(histogram_index(low), i);
		assert_int_equal(histogram_index(low + (end - low) / 2), i);
		assert_int_equal(histogram_index(end - 1), i);
	}
}

/* Numbers that were worked out by hand. */
static void test_histogram_low_known_buckets_have_known_ends(void **state)
{
	(void)state;
	assert_int_equal(histogram_low(1), 16);
	assert_int_equal(histogram_low(15), 240);
	assert_int_equal(histogram_low(16), 256);
	assert_int_equal(histogram_low(17), 272);
	assert_int_equal(histogram_low(32), 512);
	assert_int_equal(histogram_low(33), 544);
	assert_int_equal(histogram_low(48), 1024);
	assert_int_equal(histogram_low(HISTOGRAM_BUCKETS - 1), (uint64_t)1 << 36);
	assert_true(histogram_low(HISTOGRAM_BUCKETS) == UINT64_MAX);
	assert_true(histogram_low(UINT32_MAX) == UINT64_MAX);
}

static void test_histogram_powers_of_two_begin_buckets(void **state)
{
	(void)state;
	for (unsigned int bit = 4; bit <= HISTOGRAM_TOP_BITS; bit++)
		assert_true(histogram_low(histogram_index((uint64_t)1 << bit)) ==
			    (uint64_t)1 << bit);
}

static void test_histogram_middle_is_within_a_thirtysecond(void **state)
{
	(void)state;
	for (unsigned int i = 16; i < HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t low = histogram_low(i), end = histogram_low(i + 1);
		uint64_t middle = low + (end - low) / 2;

		assert_true((middle - low) * 32 <= low);
		assert_true((end - 1 - middle) * 32 <= end - 1);
	}
}

static void test_histogram_longest_times_share_the_last_bucket(void **state)
{
	static struct histogram h;

	(void)state;
	histogram_add(&h, (uint64_t)1 << 36, 1);
	histogram_add(&h, (uint64_t)1 << 50, 1);
	histogram_add(&h, UINT64_MAX, 1);
	assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 1], 3);
	assert_true(h.max_ns == UINT64_MAX);
	histogram_add(&h, ((uint64_t)1 << 36) - 1, 1);
	assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 2], 1);
}

static void test_histogram_add_counts_by_weight(void **state)
{
	static struct histogram h;

	(void)state;
	histogram_add(&h, 1000, 16);
	histogram_add(&h, 10, 1);
	assert_int_equal(h.bucket[histogram_index(1000)], 16);
	assert_int_equal(h.bucket[0], 1);
	assert_int_equal(h.sum_ns, 16010);
	assert_int_equal(h.max_ns, 1000);
}

/* --- a reader beside the writer --- */

#define ADDED 2000000u

static struct histogram shared;

static void *write_all(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < ADDED; i++)
		histogram_add(&shared, i, 1);
	return NULL;
}

static uint64_t read_count(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum += read_once(&shared.bucket[i]);
	return sum;
}

static void test_histogram_reader_sees_counts_that_only_grow(void **state)
{
	uint64_t count = 0, max = 0;
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
	while (count < ADDED) {
		uint64_t next = read_count(), next_max = read_once(&shared.max_ns);

		assert_true(next >= count && next <= ADDED);
		assert_true(next_max >= max && next_max < ADDED);
		count = next;
		max = next_max;
	}
	pthread_join(writer, NULL);
	assert_int_equal(shared.sum_ns, (uint64_t)ADDED * (ADDED - 1) / 2);
	assert_int_equal(shared.max_ns, ADDED - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram_buckets_cover_every_value_once),
		cmocka_unit_test(test_histogram_low_known_buckets_have_known_ends),
		cmocka_unit_test(test_histogram_powers_of_two_begin_buckets),
		cmocka_unit_test(test_histogram_middle_is_within_a_thirtysecond),
		cmocka_unit_test(test_histogram_longest_times_share_the_last_bucket),
		cmocka_unit_test(test_histogram_add_counts_by_weight),
		cmocka_unit_test(test_histogram_reader_sees_counts_that_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
