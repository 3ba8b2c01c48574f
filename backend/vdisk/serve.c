/* SPDX-License-Identifier: MIT */
/*
 * serve.c - when to work, when to look, when to sleep
 *
 * Run all disks until none has anything to do; then look again for a while, because waking a
 * processor costs more than a few microseconds of looking; then ask each ring for a notification,
 * look once more, and sleep. Looking is given up on a guest that rarely has anything soon: how
 * long it lasts adapts between a sixteenth and the whole of its limit.
 */
#include "vdisk.h"

#define SPIN_CHECK	64		/* looks between two readings of the clock */
#define BUSY_ROUNDS	64		/* batches between two glances at the supervisor */

static bool run_queues(struct disk *disk)
{
	bool busy = false;

	for (unsigned int i = 0; i < disk->nr_queues; i++)
		busy |= queue_run(&disk->queue[i]);
	return busy;
}

static bool any_pending(const struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		if (queue_pending(&disk->queue[i]))
			return true;
	}
	return false;
}

static bool run_disks(struct worker *w)
{
	bool busy = false;

	if (w->lane.uring && uring_reap(w->lane.uring) > 0)
		busy = true;
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		struct disk *disk = w->disks[i];
		bool failed = disk->failed[0];

		busy |= run_queues(disk);
		if (disk->failed[0] && !failed)
			link_tell_failed(w, disk);
	}
	if (w->lane.uring)
		uring_flush(w->lane.uring);
	link_finish_disks(w);
	return busy;
}

/* Looks for work without sleeping. True: there is some. */
static bool spin(struct worker *w)
{
	uint64_t end = 0;

	if (w->spin_ns == 0)
		return false;
	for (unsigned int n = 0; ; n++) {
		for (unsigned int i = 0; i < w->nr_disks; i++) {
			if (any_pending(w->disks[i]))
				return true;
		}
		if (w->lane.uring && uring_reap(w->lane.uring) > 0)
			return true;
		if (n % SPIN_CHECK == SPIN_CHECK - 1) {
			uint64_t now = loop_now();

			if (end == 0)
				end = now + w->spin_ns;
			else if (now >= end)
				return false;
		}
		cpu_relax();
	}
}

/* Success makes looking worth more, failure less; a little is always tried again. */
static void adapt(struct worker *w, bool found)
{
	if (found)
		w->spin_ns = w->spin_max_ns;
	else
		w->spin_ns = w->spin_ns / 2 > w->spin_max_ns / 16 ? w->spin_ns / 2 :
			     w->spin_max_ns / 16;
}

static bool arm_disks(struct worker *w)
{
	bool pending = false;

	for (unsigned int i = 0; i < w->nr_disks; i++) {
		struct disk *disk = w->disks[i];

		for (unsigned int k = 0; k < disk->nr_queues; k++)
			pending |= queue_arm(&disk->queue[k]);
	}
	return pending;
}

int serve(struct worker *w)
{
	unsigned int rounds = 0;
	uint64_t slept;
	int rc = 0;

	while (!w->loop.stop && rc >= 0) {
		bool busy = run_disks(w);

		if (w->quitting && w->nr_disks == 0)
			break;
		if (busy) {
			if (++rounds % BUSY_ROUNDS == 0)
				rc = loop_once(&w->loop, 0);
			continue;
		}
		if (spin(w)) {
			adapt(w, true);
			continue;
		}
		if (arm_disks(w))
			continue;
		slept = loop_now();
		rc = loop_once(&w->loop, w->lane.uring && uring_queued(w->lane.uring) ? 1 : -1);
		adapt(w, loop_now() - slept < w->spin_max_ns);
	}
	return rc < 0 ? rc : 0;
}
