/* SPDX-License-Identifier: MIT */
/*
 * throttle.c - a disk's limits, where requests are taken off its rings
 *
 * What may not be taken yet stays on the ring, which fills up, and then the guest itself waits:
 * nothing is copied, journalled or held for it. A ring that waits is neither looked at nor armed
 * for notifications, and a timer ends that. All rings of a disk share its two buckets, under a lock
 * that is held for some arithmetic, once a batch; disks without limits never take it, nor read the
 * clock.
 *
 * A read, a write, a discard, and whatever is refused, costs one request; reads and writes their
 * bytes as well. A flush without data costs nothing, for to hold it up would only hold up others;
 * it waits for its turn on the ring. What a predecessor has taken is not asked again.
 */
#include "barrier.h"
#include "lane.h"

static void expired(struct loop_timer *timer)
{
	container_of(timer, struct queue, throttle)->throttled = false;
}

void throttle_end(struct queue *q)
{
	if (q->throttle.due_ns)
		loop_timer_cancel(&q->lane->loop, &q->throttle);
	q->throttled = false;
}

/* Neither seen nor in force so far, whatever the serial is. */
void throttle_init(struct queue *q)
{
	q->limit_seen = q->limit_in_force = q->disk->limit_serial - 1;
}

void throttle_set(struct disk *disk, const struct wire_limit *limit)
{
	pthread_mutex_lock(&disk->limit_lock);
	limit_set(&disk->limit, loop_now(), limit->iops, limit->iops_burst, limit->bps,
		  limit->bps_burst);
	write_once(&disk->limited, limit_is_set(&disk->limit));
	pthread_mutex_unlock(&disk->limit_lock);
	write_once(&disk->paused, limit->paused != 0);
	disk->limit_due = true;
	disk->limit_answer = limit->serial;
	/* Pairs with throttle_look(). We count ourselves: a new supervisor begins with a number
	 * that its predecessor may have used for other limits. */
	store_release(&disk->limit_serial, disk->limit_serial + 1);
	for (unsigned int i = 0; i < disk->nr_queues; i++)
		lane_kick(disk->queue[i].lane);
}

/* Once it has seen a pause, a lane takes nothing, so that a queue which is idle stays so. */
void throttle_look(struct queue *q)
{
	uint32_t serial = load_acquire(&q->disk->limit_serial);	/* pairs with throttle_set() */

	if (q->limit_in_force == serial)
		return;
	if (q->limit_seen != serial)
		throttle_end(q);
	q->limit_seen = serial;
	if (read_once(&q->disk->paused) && !queue_idle(q))
		return;
	store_release(&q->limit_in_force, serial);	/* pairs with throttle_in_force() */
	if (q->lane->leader)
		lane_kick(q->lane->leader);
}

bool throttle_in_force(const struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		if (load_acquire(&disk->queue[i].limit_in_force) != disk->limit_serial)
			return false;
	}
	return true;
}

/* What is on the ring is only asked for when something is: the clock is not read for nothing. */
struct limit_room throttle_room(struct queue *q)
{
	struct limit_room room = { .requests = DISK_BATCH, .bytes = UINT64_MAX };
	struct disk *disk = q->disk;

	if (!read_once(&disk->limited))
		return room;
	if (!ring_back_pending(&q->ring.ring))
		return (struct limit_room){ 0 };
	pthread_mutex_lock(&disk->limit_lock);
	room = limit_room(&disk->limit, loop_now());
	pthread_mutex_unlock(&disk->limit_lock);
	if (room.wait_ns) {
		q->throttled = true;
		q->throttle.expired = expired;
		loop_timer_set(&q->lane->loop, &q->throttle, room.wait_ns);
	}
	return room;
}

/* Its segments may be apart, unread so far: as many bytes as they can have. */
bool throttle_fits(struct limit_room *room, const struct blk_req *req)
{
	uint64_t most = (uint64_t)req->nr_segs * BLK_PAGE;

	room->bytes = room->bytes > most ? room->bytes - most : 0;
	return room->bytes > 0;
}

static bool costs(const struct request *r, const struct blk_req *req)
{
	return r->plan.op != PLAN_FLUSH || req->nr_segs > 0 ||
	       (req->op != BLK_FLUSH && req->op != BLK_BARRIER);
}

void throttle_charge(struct queue *q, const struct taken *taken, unsigned int nr)
{
	struct disk *disk = q->disk;
	uint64_t requests = 0, bytes = 0;

	if (nr == 0 || !read_once(&disk->limited))
		return;
	for (unsigned int i = 0; i < nr; i++) {
		const struct request *r = &q->reqs[taken[i].slot];

		requests += costs(r, &taken[i].req);
		if (r->plan.op == PLAN_READ || r->plan.op == PLAN_WRITE)
			bytes += r->plan.len;
	}
	pthread_mutex_lock(&disk->limit_lock);
	limit_charge(&disk->limit, requests, bytes);
	pthread_mutex_unlock(&disk->limit_lock);
}
