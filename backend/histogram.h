/* SPDX-License-Identifier: MIT */
/*
 * histogram.h - how long things took, in memory of a fixed size
 *
 * Log-linear, as HdrHistogram: below 256 ns a bucket is 16 ns wide; from there to 2^36 ns (68.7 s)
 * each power of two has 16 buckets of equal width, so that the middle of a bucket is at most 1/32
 * (3.2%) from any value in it. What took longer is in the last bucket, which has no upper end.
 *
 * One writer, which neither locks nor waits; whoever has the memory mapped reads at any time, and
 * sees each number whole. Bucket by bucket a reader may be a few values behind the writer; what it
 * adds up is consistent with itself if it takes the count from the buckets alone. All zeros is an
 * empty histogram.
 */
#ifndef XPV_HISTOGRAM_H
#define XPV_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS	4	/* 16 buckets a power of two */
#define HISTOGRAM_LOW_BITS	8	/* below 2^8 ns they are equally wide */
#define HISTOGRAM_TOP_BITS	36	/* from 2^36 ns on there is only one */
#define HISTOGRAM_BUCKETS \
	(((HISTOGRAM_TOP_BITS - HISTOGRAM_LOW_BITS + 1) << HISTOGRAM_SUB_BITS) + 1)

struct histogram {
	uint64_t sum_ns;		/* of all values; it wraps around, as counters do */
	uint64_t max_ns;		/* the largest value, exact */
	uint64_t bucket[HISTOGRAM_BUCKETS];	/* how many values were in it */
};

/* The bucket that a value is in; below HISTOGRAM_BUCKETS. */
unsigned int histogram_index(uint64_t ns);
/* The smallest value of a bucket; that of the next one is its upper end, which is not in it.
 * UINT64_MAX for HISTOGRAM_BUCKETS. */
uint64_t histogram_low(unsigned int index);
/* Counts a value `weight` times; by the one writer. */
void histogram_add(struct histogram *h, uint64_t ns, uint64_t weight);

#endif
