/* SPDX-License-Identifier: MIT */
/*
 * stats_spread.c - percentiles, from the buckets that xpvd sends
 *
 * xpvd sends the buckets that are not empty, each with its own ends, as one flat array: low, end,
 * count, low, end, count. So nothing here knows how they are cut, only that those of all queues and
 * of two readings are cut alike.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

/* Counts are a worker's word: they must not wrap around, or what is cumulative would fall. */
static uint64_t plus(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

/* Makes room for n buckets more. */
static bool reserve(struct spread *s, size_t n)
{
	struct spread_bucket *more = reallocarray(s->bucket, s->nr + n, sizeof(*more));

	if (more)
		s->bucket = more;
	return more;
}

static int by_low(const void *a, const void *b)
{
	const struct spread_bucket *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

/* Ascending, and each bucket once. */
static void order(struct spread *s)
{
	size_t to = 0;

	qsort(s->bucket, s->nr, sizeof(s->bucket[0]), by_low);
	for (size_t i = 0; i < s->nr; i++) {
		if (to > 0 && s->bucket[to - 1].low == s->bucket[i].low)
			s->bucket[to - 1].count = plus(s->bucket[to - 1].count,
						       s->bucket[i].count);
		else
			s->bucket[to++] = s->bucket[i];
	}
	s->nr = to;
}

static uint64_t item(struct json_object *array, size_t i)
{
	return json_object_get_uint64(json_object_array_get_idx(array, i));
}

static void add_queue(struct spread *s, struct json_object *queue, const char *timed)
{
	struct json_object *all, *one, *flat;
	size_t n;

	if (!json_object_object_get_ex(queue, "latency", &all) ||
	    !json_object_object_get_ex(all, timed, &one) ||
	    !json_object_object_get_ex(one, "buckets", &flat) ||
	    !json_object_is_type(flat, json_type_array))
		return;
	n = json_object_array_length(flat) / 3;
	if (n == 0 || !reserve(s, n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct spread_bucket b = { item(flat, 3 * i), item(flat, 3 * i + 1),
					   item(flat, 3 * i + 2) };

		s->count = plus(s->count, b.count);
		s->bucket[s->nr++] = b;
	}
	s->sum_ns = plus(s->sum_ns, stats_number(one, "sum_ns"));
	if (stats_number(one, "max_ns") > s->max_ns)
		s->max_ns = stats_number(one, "max_ns");
	order(s);
}

void spread_add(struct spread *s, struct json_object *dev, struct json_object *queue,
		const char *timed)
{
	if (queue)
		add_queue(s, queue, timed);
	for (size_t i = 0; !queue && i < stats_queues(dev); i++)
		add_queue(s, stats_queue(dev, i), timed);
}

static uint64_t count_at(const struct spread *s, uint64_t low)
{
	const struct spread_bucket key = { .low = low }, *found = NULL;

	if (s->nr > 0)
		found = bsearch(&key, s->bucket, s->nr, sizeof(key), by_low);
	return found ? found->count : 0;
}

static uint64_t less(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

void spread_since(struct spread *s, const struct spread *before)
{
	uint64_t max = 0;

	s->count = 0;
	for (size_t i = 0; i < s->nr; i++) {
		struct spread_bucket *b = &s->bucket[i];

		b->count = less(b->count, count_at(before, b->low));
		s->count = plus(s->count, b->count);
		if (b->count > 0)
			max = b->end;
	}
	if (max < s->max_ns)
		s->max_ns = max;
	s->sum_ns = less(s->sum_ns, before->sum_ns);
}

uint64_t spread_percentile(const struct spread *s, unsigned int per_million)
{
	/* the rank, rounded up, in two parts so that nothing wraps around */
	uint64_t rank = s->count / 1000000 * per_million +
			(s->count % 1000000 * per_million + 999999) / 1000000;
	uint64_t seen = 0, middle;

	for (size_t i = 0; i < s->nr; i++) {
		const struct spread_bucket *b = &s->bucket[i];

		seen = plus(seen, b->count);
		if (seen == 0 || seen < rank)
			continue;
		middle = b->low + less(b->end, b->low) / 2;
		return middle < s->max_ns ? middle : s->max_ns;
	}
	return 0;
}

uint64_t spread_mean(const struct spread *s)
{
	return s->count ? s->sum_ns / s->count : 0;
}

uint64_t spread_below(const struct spread *s, uint64_t ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->nr && s->bucket[i].end <= ns; i++)
		sum = plus(sum, s->bucket[i].count);
	return sum;
}

void spread_fini(struct spread *s)
{
	free(s->bucket);
	*s = (struct spread){ .nr = 0 };
}
