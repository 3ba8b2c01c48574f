/* SPDX-License-Identifier: MIT */
/*
 * limit.h - how many requests and bytes a disk may take: two token buckets
 *
 * Pure: no clock (time is passed in), no lock, no I/O. A bucket fills at its rate up to its burst;
 * what is taken goes out of it. Something may be taken while there is anything in both of them, and
 * may cost more than there is: then that is owed first. So a request of any size passes sooner or
 * later, and over any time T no more than rate * T + burst + one token + one request does. All
 * arithmetic is exact to a billionth of a token, for any rate and any time, and saturates.
 */
#ifndef XPV_VDISK_LIMIT_H
#define XPV_VDISK_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LIMIT_BURST_PARTS	10	/* the usual burst is a tenth of a second's worth */
#define LIMIT_BURST_BYTES	(1u << 20)	/* and at least the largest request */

struct limit_bucket {
	uint64_t rate;		/* tokens a second; 0: no limit */
	uint64_t burst;		/* tokens that it holds, > 0 */
	int64_t level;		/* what is in it; negative: owed */
	uint32_t part;		/* and so many billionths of a token, < 10^9 */
};

struct limit {
	struct limit_bucket requests, bytes;
	uint64_t seen_ns;	/* up to when they were filled */
};

/* What may be taken now. */
struct limit_room {
	uint64_t requests, bytes;	/* both 0, or neither */
	uint64_t wait_ns;		/* 0: there is room; otherwise in so long, rounded up */
};

/* Rates and bursts, at now_ns on any clock that does not go back; a burst of 0 is the usual one.
 * What is in a bucket stays, up to its new burst; one that had no limit begins empty, so that
 * nobody gains by starting over. limit is zeroed before it is set for the first time. */
void limit_set(struct limit *limit, uint64_t now_ns, uint64_t iops, uint64_t iops_burst,
	       uint64_t bps, uint64_t bps_burst);
/* False: neither requests nor bytes have a limit, and nothing needs to be asked. */
bool limit_is_set(const struct limit *limit);
struct limit_room limit_room(struct limit *limit, uint64_t now_ns);
/* So much was taken, whether there was room for all of it or not. */
void limit_charge(struct limit *limit, uint64_t requests, uint64_t bytes);

#endif
