/* SPDX-License-Identifier: MIT */
/*
 * test_tools_stats.c - percentiles out of buckets, and what is printed of them
 *
 * The buckets are those of the backend's own histogram, sent as xpvd sends them, and the judge is
 * the sorted list of what went in.
 */
#include <json-c/json.h>
#include <stdlib.h>

#include "histogram.h"
#include "stats.h"
#include "test_tools.h"

#define VALUES 20000

static void add_number(struct json_object *obj, const char *name, uint64_t value)
{
	json_object_object_add(obj, name, json_object_new_uint64(value));
}

static void add_bucket(struct json_object *list, uint64_t low, uint64_t end, uint64_t count)
{
	json_object_array_add(list, json_object_new_uint64(low));
	json_object_array_add(list, json_object_new_uint64(end));
	json_object_array_add(list, json_object_new_uint64(count));
}

static struct json_object *timed_of(const struct histogram *h)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();

	add_number(out, "sum_ns", h->sum_ns);
	add_number(out, "max_ns", h->max_ns);
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i])
			add_bucket(list, histogram_low(i), histogram_low(i + 1), h->bucket[i]);
	}
	json_object_object_add(out, "buckets", list);
	return out;
}

/* A device with a queue for each histogram, whose reads are in it; takes nothing over. */
static struct json_object *device_of(const struct histogram *h, size_t nr)
{
	struct json_object *dev = json_object_new_object(), *queues = json_object_new_array();

	for (size_t i = 0; i < nr; i++) {
		struct json_object *queue = json_object_new_object();
		struct json_object *latency = json_object_new_object();

		json_object_object_add(latency, "read", timed_of(&h[i]));
		add_number(queue, "queue", i);
		json_object_object_add(queue, "latency", latency);
		json_object_array_add(queues, queue);
	}
	json_object_object_add(dev, "queues", queues);
	return dev;
}

static struct spread spread_of(const struct histogram *h, size_t nr)
{
	struct json_object *dev = device_of(h, nr);
	struct spread s = { .nr = 0 };

	spread_add(&s, dev, NULL, "read");
	json_object_put(dev);
	return s;
}

/* From nanoseconds to minutes, each order of magnitude as likely. */
static uint64_t duration(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 8) >> (20 + state % 30);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void test_percentile_is_within_a_thirtysecond_of_the_sorted_sample(void **state)
{
	static const unsigned int parts[] = { 1, 10000, 500000, 900000, 990000, 999000, 999999,
					      1000000 };
	static uint64_t values[VALUES];
	static struct histogram h[2];
	struct spread s;

	(void)state;
	for (size_t i = 0; i < VALUES; i++) {
		do {
			values[i] = duration();
		} while (values[i] >= (uint64_t)1 << HISTOGRAM_TOP_BITS);
		histogram_add(&h[i % 2], values[i], 1);
	}
	qsort(values, VALUES, sizeof(values[0]), ascending);
	s = spread_of(h, 2);
	assert_int_equal(s.count, VALUES);
	assert_true(s.max_ns == values[VALUES - 1]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t rank = ((size_t)VALUES * parts[i] + 999999) / 1000000;
		double exact = (double)values[rank - 1];
		double got = (double)spread_percentile(&s, parts[i]);
		double bound = exact / 32 > 8 ? exact / 32 : 8;

		assert_true(got <= exact + bound && got >= exact - bound);
	}
	spread_fini(&s);
}

static void test_percentile_of_few_is_the_nearest_rank(void **state)
{
	static struct histogram h;
	struct spread s;

	(void)state;
	histogram_add(&h, 256, 1);
	histogram_add(&h, 65536, 1);
	histogram_add(&h, 1u << 30, 1);
	s = spread_of(&h, 1);
	assert_in_range(spread_percentile(&s, 333333), 256, 272);
	assert_in_range(spread_percentile(&s, 500000), 65536, 69632);
	assert_in_range(spread_percentile(&s, 666666), 65536, 69632);
	assert_int_equal(spread_percentile(&s, 666667), 1u << 30);
	spread_fini(&s);
}

static void test_percentile_of_nothing_is_zero(void **state)
{
	struct spread s = { .nr = 0 };

	(void)state;
	assert_int_equal(spread_percentile(&s, 500000), 0);
	assert_int_equal(spread_mean(&s), 0);
	spread_fini(&s);
}

static void test_percentile_is_never_above_the_maximum(void **state)
{
	static struct histogram h;
	struct spread s;

	(void)state;
	histogram_add(&h, 1024, 1);		/* a bucket's first value */
	s = spread_of(&h, 1);
	assert_int_equal(spread_percentile(&s, 1), 1024);
	assert_int_equal(spread_percentile(&s, 1000000), 1024);
	spread_fini(&s);
	histogram_add(&h, (uint64_t)100 << 30, 1);	/* beyond all buckets */
	s = spread_of(&h, 1);
	assert_true(spread_percentile(&s, 1000000) == (uint64_t)100 << 30);
	spread_fini(&s);
}

static void test_since_leaves_what_came_between(void **state)
{
	static struct histogram h;
	struct spread then, now;

	(void)state;
	histogram_add(&h, 1000000, 100);
	then = spread_of(&h, 1);
	histogram_add(&h, 3000, 10);
	now = spread_of(&h, 1);
	spread_since(&now, &then);
	assert_int_equal(now.count, 10);
	assert_int_equal(spread_mean(&now), 3000);
	assert_in_range(spread_percentile(&now, 999000), 3000 - 3000 / 32, 3000 + 3000 / 32);
	assert_in_range(now.max_ns, 3000, 3000 + 3000 / 16);
	spread_fini(&now);
	now = spread_of(&h, 1);
	histogram_add(&h, 1, 1);
	spread_fini(&then);
	then = spread_of(&h, 1);		/* counters that have begun anew are less */
	spread_since(&now, &then);
	assert_int_equal(now.count, 0);
	assert_int_equal(now.sum_ns, 0);
	spread_fini(&now);
	spread_fini(&then);
}

/* Buckets that no backend of ours has made. */
static void test_spread_nonsense_is_survived(void **state)
{
	struct json_object *dev = json_tokener_parse("{\"queues\":[7,{\"latency\":{\"read\":{"
		"\"sum_ns\":18446744073709551615,\"max_ns\":-1,\"buckets\":[5,1,"
		"18446744073709551615,0,9,18446744073709551615,1,2]}}},{\"latency\":[]},"
		"{\"latency\":{\"read\":{\"buckets\":{}}}},{\"latency\":{\"read\":{\"buckets\":"
		"[5,7,\"x\"]}}}]}");
	struct spread s = { .nr = 0 };

	(void)state;
	assert_non_null(dev);
	spread_add(&s, dev, NULL, "read");
	assert_int_equal(s.nr, 2);
	assert_true(s.count == UINT64_MAX);
	for (unsigned int part = 0; part <= 1000000; part += 250000)
		assert_true(spread_percentile(&s, part) <= s.max_ns);
	assert_true(spread_below(&s, 9) == UINT64_MAX);
	spread_fini(&s);
	json_object_put(dev);
}

static void test_duration_has_three_digits_and_a_unit(void **state)
{
	static const struct { uint64_t ns; const char *text; } cases[] = {
		{ 0, "0ns" }, { 999, "999ns" }, { 1000, "1.00us" }, { 12340, "12.3us" },
		{ 99949, "99.9us" }, { 99950, "100us" }, { 999499, "999us" },
		{ 999500, "1.00ms" }, { 1500000000, "1.50s" }, { 3600000000000, "3600s" },
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(stats_duration(buf, cases[i].ns), cases[i].text);
}

/* --- OpenMetrics; tests/scenario/stats.sh has a whole parser for it --- */

static struct json_object *named(const char *name)
{
	static struct histogram h;
	struct json_object *dev, *list = json_object_new_array();

	memset(&h, 0, sizeof(h));
	histogram_add(&h, 1023, 1);
	histogram_add(&h, 1024, 2);
	histogram_add(&h, (uint64_t)40 << 30, 4);
	dev = device_of(&h, 1);
	add_number(dev, "domid", 3);
	json_object_object_add(dev, "name", name ? json_object_new_string(name) : NULL);
	json_object_object_add(dev, "vdev", json_object_new_string("xvda"));
	json_object_object_add(dev, "state", json_object_new_string("Connected"));
	json_object_array_add(list, dev);
	return list;
}

/* The line of the exposition that starts so. */
static void assert_has_line(struct json_object *list, const char *line)
{
	static char text[65536];
	FILE *file = tmpfile();
	int saved = dup(1);
	size_t n;

	fflush(stdout);
	assert_true(file && dup2(fileno(file), 1) >= 0);
	assert_int_equal(stats_print_metrics(list), TOOL_OK);
	assert_true(dup2(saved, 1) >= 0);
	close(saved);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	if (!strstr(text, line))
		fail_msg("no '%s' in '%s'", line, text);
}

static void test_metrics_escape_names_as_the_format_wants(void **state)
{
	(void)state;
	assert_has_line(named("a\"b\\c\nd"), "\nxpv_disk_requests_total{domid=\"3\","
			"name=\"a\\\"b\\\\c\\nd\",vdev=\"xvda\",queue=\"0\",op=\"read\"} 0\n");
	assert_has_line(named(NULL), "\nxpv_disk_errors_total{domid=\"3\",vdev=\"xvda\","
			"queue=\"0\"} 0\n");
}

#define TIME "\nxpv_disk_service_time_seconds"
#define RING "{domid=\"3\",name=\"g\",vdev=\"xvda\",queue=\"0\",op=\"read\""

static void test_metrics_histogram_counts_what_is_below(void **state)
{
	(void)state;
	assert_has_line(named("g"), TIME "_bucket" RING ",le=\"0.000001024\"} 1\n");
	assert_has_line(named("g"), TIME "_bucket" RING ",le=\"0.000002048\"} 3\n");
	assert_has_line(named("g"), TIME "_bucket" RING ",le=\"17.179869184\"} 3\n");
	assert_has_line(named("g"), TIME "_bucket" RING ",le=\"+Inf\"} 7\n");
	assert_has_line(named("g"), TIME "_count" RING "} 7\n");
	assert_has_line(named("g"), TIME "_sum" RING "} 171.798694911\n");
	assert_has_line(named("g"), "\n# EOF\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentile_is_within_a_thirtysecond_of_the_sorted_sample),
		cmocka_unit_test(test_percentile_of_few_is_the_nearest_rank),
		cmocka_unit_test(test_percentile_of_nothing_is_zero),
		cmocka_unit_test(test_percentile_is_never_above_the_maximum),
		cmocka_unit_test(test_since_leaves_what_came_between),
		cmocka_unit_test(test_spread_nonsense_is_survived),
		cmocka_unit_test(test_duration_has_three_digits_and_a_unit),
		cmocka_unit_test(test_metrics_escape_names_as_the_format_wants),
		cmocka_unit_test(test_metrics_histogram_counts_what_is_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
