/* SPDX-License-Identifier: MIT */
/*
 * serve.c - when to work, when to look, when to sleep
 *
 * Each lane, by itself: run all its queues until none has anything to do; then look again for a
 * while, because waking a processor costs more than a few microseconds of looking; then ask each
 * ring for a notification, look once more, and sleep. Looking is given up on a guest that rarely
 * has anything soon: how long it lasts adapts between a sixteenth and the whole of its limit.
 */
#include "barrier.h"
#include "lane.h"

#define SPIN_CHECK	64		/* looks between two readings of the clock */
#define BUSY_ROUNDS	64		/* rounds between two glances at everything else */

static void take_handed(struct lane *lane)
{
	struct queue *q, *next;

	if (!read_once(&lane->handed))
		return;
	pthread_mutex_lock(&lane->lock);
	q = lane->handed;
	write_once(&lane->handed, NULL);
	pthread_mutex_unlock(&lane->lock);
	for (; q; q = next) {
		next = q->next_handed;
		lane->queues[lane->nr_queues++] = q;
		queue_start(q);
	}
}

/* What was given back is the main thread's to close, and may be gone at once. */
static void give_back(struct lane *lane)
{
	for (unsigned int i = lane->nr_queues; i-- > 0; ) {
		struct queue *q = lane->queues[i];

		if (!read_once(&q->disk->stopping) || !queue_idle(q))
			continue;
		throttle_end(q);
		lane->queues[i] = lane->queues[--lane->nr_queues];
		store_release(&q->served, false);	/* pairs with disk_given_back() */
		if (lane->leader)
			lane_kick(lane->leader);
	}
}

static bool run_queues(struct lane *lane)
{
	bool busy = false;

	take_handed(lane);
	if (lane->uring && uring_reap(lane->uring) > 0)
		busy = true;
	for (unsigned int i = 0; i < lane->nr_queues; i++)
		busy |= queue_run(lane->queues[i]);
	if (lane->uring)
		uring_flush(lane->uring);
	give_back(lane);
	return busy;
}

/* Looks for work without sleeping. True: there is some. */
static bool spin(struct lane *lane)
{
	uint64_t end = 0;

	if (lane->spin_ns == 0 || lane->nr_queues == 0)
		return false;
	for (unsigned int n = 0; ; n++) {
		for (unsigned int i = 0; i < lane->nr_queues; i++) {
			if (queue_pending(lane->queues[i]))
				return true;
		}
		if (lane->uring && uring_reap(lane->uring) > 0)
			return true;
		if (n % SPIN_CHECK == SPIN_CHECK - 1) {
			uint64_t now = loop_now();

			if (end == 0)
				end = now + lane->spin_ns;
			else if (now >= end)
				return false;
		}
		cpu_relax();
	}
}

/* Success makes looking worth more, failure less; a little is always tried again. */
static void adapt(struct lane *lane, bool found)
{
	if (found)
		lane->spin_ns = lane->spin_max_ns;
	else
		lane->spin_ns = lane->spin_ns / 2 > lane->spin_max_ns / 16 ? lane->spin_ns / 2 :
				lane->spin_max_ns / 16;
}

static bool arm_queues(struct lane *lane)
{
	bool pending = false;

	for (unsigned int i = 0; i < lane->nr_queues; i++)
		pending |= queue_arm(lane->queues[i]);
	return pending;
}

static bool must_end(struct lane *lane)
{
	return lane->loop.stop || read_once(&lane->stop);
}

int lane_serve(struct lane *lane)
{
	unsigned int rounds = 0;
	uint64_t slept;
	int rc = 0;

	while (!must_end(lane) && rc >= 0) {
		bool busy = run_queues(lane);

		if (lane->turn && !lane->turn(lane))
			break;
		if (!busy && spin(lane)) {
			adapt(lane, true);
			busy = true;
		}
		if (busy || arm_queues(lane)) {
			if (++rounds % BUSY_ROUNDS == 0)
				rc = loop_once(&lane->loop, 0);
			continue;
		}
		slept = loop_now();
		rc = loop_once(&lane->loop, lane->uring && uring_queued(lane->uring) ? 1 : -1);
		adapt(lane, loop_now() - slept < lane->spin_max_ns);
	}
	return rc < 0 ? rc : 0;
}
