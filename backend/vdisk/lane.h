/* SPDX-License-Identifier: MIT */
/*
 * lane.h - what one thread serves queues with
 *
 * Queue k of a disk is served by lane k. Lane 0 is the main thread, which also talks with the
 * supervisor, and makes and unmakes what the lanes serve; the others have a thread from the first
 * disk on that has so many queues. Each lane has handles of its own, opened before the worker
 * locks itself in, so that two lanes share nothing on the path of a request but the disk's target
 * and what cannot change.
 *
 * What passes between the main thread and a lane:
 *
 *	queue->served	set by the main thread, which hands the queue over; cleared by the lane,
 *			which gives it back, and touches it no more
 *	disk->stopping	set by the main thread: give its queues back when nothing is under way
 *	disk->closing	set by any of them: take nothing more
 *	queue->broken	set by the lane: the guest broke the protocol, queue->failed says how
 *	disk->sectors	written by the main thread
 *	disk->limit	written by the main thread, charged by the lanes, under a lock
 *	queue->limit_in_force	set by the lane: so far it keeps to what was said of limits
 *	lane->stop	set by the main thread: end, whatever there is
 *
 * and a kick, after which each looks at what there is for it.
 */
#ifndef XPV_VDISK_LANE_H
#define XPV_VDISK_LANE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>

#include "disk.h"
#include "loop.h"

#define LANE_LOG_BITS	6
#define LANE_MAX_QUEUES	(256 * WIRE_MAX_QUEUES)

struct lane {
	struct loop loop;
	struct loop_fd events, completions, kicked;
	xenevtchn_handle *xce;
	struct uring *uring;		/* NULL: not permitted here; I/O is done in place */
	uint64_t spin_max_ns, spin_ns;	/* how long to look before sleeping: at most, now */
	/* Lane 0: called after each round; false: the worker ends. NULL: there is nothing to do. */
	bool (*turn)(struct lane *lane);

	struct lane *leader;		/* lane 0, of the others */
	pthread_mutex_t lock;		/* over `handed` */
	struct queue *handed;		/* to be served from the next round on */
	bool stop;			/* asked to end */
	bool broken;			/* it cannot go on, and has ended */
	bool running;			/* the main thread's: it has a thread */
	pthread_t thread;

	/* Of lines that the guest can provoke, by the disk's number: not a connection's, which it
	 * can end and begin anew. Disks may share one. */
	struct log_limit log_limit[1 << LANE_LOG_BITS];
	unsigned int nr_queues;
	struct queue *queues[LANE_MAX_QUEUES];
	struct copy_list copies;
	struct blk_seg segs[DISK_BATCH][BLK_MAX_PIECES];	/* of a batch's indirect requests */
};

static inline struct log_limit *queue_log_limit(const struct queue *q)
{
	return &q->lane->log_limit[(q->disk->devid * 2654435761u) >> (32 - LANE_LOG_BITS)];
}

/* lane.c: its handles, its thread, and what passes between it and the main thread */

/* Opens the handles. leader: lane 0, or NULL for lane 0 itself. 0 or -errno, with a line in the
 * log; lane_close() is due in any case. */
int lane_open(struct lane *lane, struct lane *leader, uint64_t spin_max_ns);
/* Ends the thread if there is one, and closes the handles. Its queues stay what they are. */
void lane_close(struct lane *lane);
/* Ends the thread, and waits for it; idempotent. */
void lane_stop(struct lane *lane);
/* The lane, with a thread; or the leader, where none can be had. */
struct lane *lane_started(struct lane *lane);
/* Hands an open queue over to its lane, which has it until it gives it back. */
void lane_hand_over(struct queue *q);
/* Makes it look at what has changed. Any thread may call it. */
void lane_kick(struct lane *lane);

/* serve.c: when to work, when to look, when to sleep */

/* Serves until the lane's loop is stopped, lane->stop is set, or turn() says so. 0 or -errno. */
int lane_serve(struct lane *lane);

#endif
