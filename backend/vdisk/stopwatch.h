/* SPDX-License-Identifier: MIT */
/*
 * stopwatch.h - takes the time of a sample of a ring's requests (../meter.h says of which)
 *
 * The worker's side of struct meter; it belongs to the thread that owns the ring. What is done for
 * each request and each batch is here, to be inlined: a few stores, and no clock.
 */
#ifndef XPV_VDISK_STOPWATCH_H
#define XPV_VDISK_STOPWATCH_H

#include <stdbool.h>

#include "barrier.h"
#include "meter.h"

struct request;

/* A request's. */
struct stamp {
	uint64_t taken_ns;	/* 0: it is not timed */
	uint32_t weight;	/* how often it counts if it is */
};

struct stopwatch {
	struct meter *meter;
	struct stamp batch;	/* that was taken last */
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

/* The rest of the two below, where the clock is read. */
void stopwatch_stamp(struct stopwatch *watch);
void stopwatch_settle(struct stopwatch *watch, const struct request *answered);

/* A batch was taken; what the producer index was then. */
static inline void stopwatch_batch(struct stopwatch *watch, uint32_t req_prod)
{
	write_once(&watch->meter->req_prod, req_prod);
	watch->batch.taken_ns = 0;
	if (watch->rested || ++watch->untimed == METER_EVERY)
		stopwatch_stamp(watch);
}

/* A request of that batch begins. */
static inline void stopwatch_start(struct stopwatch *watch, struct stamp *stamp)
{
	*stamp = watch->batch;
	watch->running += stamp->taken_ns != 0;
}

/* A list of requests was answered, and the answers published; so many pages are mapped. */
static inline void stopwatch_published(struct stopwatch *watch, const struct request *answered,
				       unsigned int mapped_pages)
{
	write_once(&watch->meter->mapped_pages, mapped_pages);
	if (watch->running > 0 || watch->stood_ns)
		stopwatch_settle(watch, answered);
}

/* Nothing was on the ring, and the guest is to notify. */
static inline void stopwatch_rest(struct stopwatch *watch)
{
	watch->rested = true;
}

#endif
