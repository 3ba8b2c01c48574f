/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - which bucket a duration is in
 *
 * A value's bucket is its highest bit and the four bits below it. The highest bit picks a group of
 * 16 buckets, of which the first group is everything below 256 ns.
 */
#include "histogram.h"

#include "barrier.h"

#define SUB	(1u << HISTOGRAM_SUB_BITS)
#define LAST	(HISTOGRAM_BUCKETS - 1)

unsigned int histogram_index(uint64_t ns)
{
	unsigned int high;

	if (ns < 1u << HISTOGRAM_LOW_BITS)
		return (unsigned int)(ns >> (HISTOGRAM_LOW_BITS - HISTOGRAM_SUB_BITS));
	high = 63 - (unsigned int)__builtin_clzll(ns);
	if (high >= HISTOGRAM_TOP_BITS)
		return LAST;
	return (high - HISTOGRAM_LOW_BITS + 1) * SUB +
	       (unsigned int)(ns >> (high - HISTOGRAM_SUB_BITS)) % SUB;
}

uint64_t histogram_low(unsigned int index)
{
	unsigned int group = index / SUB;
	uint64_t sub = index % SUB;

	if (index > LAST)
		return UINT64_MAX;
	if (group == 0)
		return sub << (HISTOGRAM_LOW_BITS - HISTOGRAM_SUB_BITS);
	return (SUB + sub) << (group - 1 + HISTOGRAM_LOW_BITS - HISTOGRAM_SUB_BITS);
}

static void add(uint64_t *counter, uint64_t n)
{
	write_once(counter, *counter + n);
}

void histogram_add(struct histogram *h, uint64_t ns, uint64_t weight)
{
	add(&h->bucket[histogram_index(ns)], weight);
	add(&h->sum_ns, ns * weight);
	if (ns > h->max_ns)
		write_once(&h->max_ns, ns);
}
