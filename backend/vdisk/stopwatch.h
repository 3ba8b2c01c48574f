/* SPDX-License-Identifier: MIT */
/*
 * stopwatch.h - takes the time of a sample of a ring's requests (../meter.h says of which)
 *
 * The worker's side of struct meter; it belongs to the thread that owns the ring. A request that is
 * not timed costs a few stores and no clock.
 */
#ifndef XPV_VDISK_STOPWATCH_H
#define XPV_VDISK_STOPWATCH_H

#include <stdbool.h>

#include "meter.h"

struct request;

struct stopwatch {
	struct meter *meter;
	uint64_t taken_ns;	/* of the batch that was taken last; 0: it is not timed */
	uint32_t weight;	/* how often its requests count */
	unsigned int untimed;	/* batches in a row */
	unsigned int running;	/* requests that are timed */
	bool rested;		/* the worker has slept, or is about to */
	uint64_t stood_ns;	/* since when the ring has stood still; 0: it does not */
};

/* A ring is connected anew; the meter, which is the journal's, goes on counting. */
void stopwatch_init(struct stopwatch *watch, struct meter *meter);
/* ... or is taken over from a worker that left so many requests unanswered; waiting: there is
 * something to be answered. */
void stopwatch_take_over(struct stopwatch *watch, struct meter *meter, unsigned int unanswered,
			 bool waiting);
/* No more is taken, because this worker is to end. */
void stopwatch_stop(struct stopwatch *watch);

/* A batch was taken; what the producer index was then. */
void stopwatch_batch(struct stopwatch *watch, uint32_t req_prod);
/* A request of that batch begins. */
void stopwatch_start(struct stopwatch *watch, struct request *r);
/* A list of requests was answered, and the answers published; so many pages are mapped. */
void stopwatch_published(struct stopwatch *watch, const struct request *answered,
			 unsigned int mapped_pages);
/* Nothing was on the ring, and the guest is to notify. */
static inline void stopwatch_rest(struct stopwatch *watch)
{
	watch->rested = true;
}

#endif
