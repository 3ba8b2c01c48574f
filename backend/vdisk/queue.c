/* SPDX-License-Identifier: MIT */
/*
 * queue.c - requests off the ring, responses onto it
 *
 * Owns the order of things at the ring: a request is in the journal before anything is done for
 * it, its answer is in the journal before it is on the ring, and a slot is free only after the
 * answer was published. A barrier is held until all that was taken before it is answered, and
 * nothing more is taken before it is answered itself: so the journal never holds a barrier together
 * with a later request, and a replay cannot put one before the other. It is a barrier on its own
 * queue, as xen-blkback's are: what a guest asks for on another has no order with it.
 */
#include <stdio.h>
#include <string.h>

#include "lane.h"

static struct journal_stats *stats(struct queue *q)
{
	return &q->journal.head->stats;
}

static void count(uint64_t *counter, uint64_t n)
{
	write_once(counter, *counter + n);
}

void queue_fail(struct queue *q, const char *why)
{
	if (q->broken)
		return;
	snprintf(q->failed, sizeof(q->failed), "%s", why);
	store_release(&q->broken, true);	/* pairs with the acquire in disk_failed() */
	write_once(&q->disk->closing, true);
	if (q->lane->leader)
		lane_kick(q->lane->leader);
	if (log_allowed(queue_log_limit(q), q->disk->name))
		log_error("%s: %s: the disk is stopped", q->disk->name, why);
}

static unsigned int under_way(const struct queue *q)
{
	return q->ring.ring.size - q->nr_free;
}

/* Requests by operation; the codes are dense enough for a table of offsets. */
static void count_request(struct queue *q, const struct request *r)
{
	struct journal_stats *s = stats(q);
	uint64_t *const by_op[] = {
		[BLK_READ] = &s->read_reqs, [BLK_WRITE] = &s->write_reqs,
		[BLK_BARRIER] = &s->barrier_reqs, [BLK_FLUSH] = &s->flush_reqs,
		[BLK_DISCARD] = &s->discard_reqs,
	};
	uint64_t *counter = r->op < sizeof(by_op) / sizeof(by_op[0]) ? by_op[r->op] : NULL;

	count(counter ? counter : &s->other_reqs, 1);
}

/* Nothing can be taken now. Without a free slot there can be nothing to take either; what the guest
 * says then is a lie, which is found when something was answered, and not waited for meanwhile. */
static bool full(const struct queue *q)
{
	return read_once(&q->disk->closing) || q->throttled || read_once(&q->disk->paused) ||
	       q->barrier || q->nr_free == 0 || q->under_way >= DISK_UNDER_WAY;
}

/* A barrier ends its batch: nothing is taken after it, before it is answered. */
static void take(struct queue *q)
{
	struct limit_room room = throttle_room(q);
	struct taken taken[DISK_BATCH];
	unsigned int nr = 0;
	int rc = 0;

	while (nr < DISK_BATCH && nr < room.requests && q->nr_free > 0) {
		struct taken *t = &taken[nr];

		rc = blk_back_pop(&q->ring, &t->req);
		if (rc <= 0)
			break;
		t->slot = q->free_slot[--q->nr_free];
		journal_take(&q->journal, t->slot, q->ring.ring.req_cons - 1, &t->req);
		nr++;
		if (t->req.op == BLK_BARRIER || !throttle_fits(&room, &t->req))
			break;
	}
	if (nr > 0)
		stopwatch_batch(&q->watch, read_once(&q->ring.ring.shared->req_prod));
	queue_begin(q, taken, nr);
	throttle_charge(q, taken, nr);
	if (rc < 0)
		queue_fail(q, "the guest's request producer index is out of range");
}

static void count_bytes(struct queue *q, const struct request *r)
{
	struct journal_stats *s = stats(q);
	uint64_t *const by_plan[] = {
		[PLAN_READ] = &s->read_bytes, [PLAN_WRITE] = &s->write_bytes,
		[PLAN_DISCARD] = &s->discard_bytes, [PLAN_FLUSH] = NULL,
	};

	if (by_plan[r->plan.op])
		count(by_plan[r->plan.op], r->plan.len);
}

/* Puts all that has ended on the ring, publishes it at once, and frees the slots. */
static bool answer(struct queue *q)
{
	struct request *head = request_take_all(&q->ended);
	bool notify;

	if (!head)
		return false;
	for (struct request *r = head; r; r = r->next) {
		const struct blk_rsp rsp = { .id = r->id, .op = r->op, .status = r->status };

		journal_answer(&q->journal, r->slot, q->ring.ring.rsp_prod, r->status);
		blk_back_push(&q->ring, &rsp);
		count_request(q, r);
		if (r->status != BLK_OKAY)
			count(&stats(q)->errors, 1);
		else
			count_bytes(q, r);
	}
	notify = ring_back_publish(&q->ring.ring);
	journal_published(&q->journal, q->ring.ring.rsp_published);
	stopwatch_published(&q->watch, head, q->cache.pages);
	for (struct request *r = head; r; r = r->next) {
		journal_free(&q->journal, r->slot);
		if (q->barrier == r)
			q->barrier = NULL;
		request_free(r);
		q->free_slot[q->nr_free++] = r->slot;
	}
	count(&stats(q)->batches, 1);
	if (notify && q->port) {
		count(&stats(q)->notify_out, 1);
		xenevtchn_notify(q->lane->xce, q->port);
	}
	return true;
}

bool queue_pending(const struct queue *q)
{
	return !full(q) && ring_back_pending(&q->ring.ring) != 0;
}

bool queue_arm(struct queue *q)
{
	if (full(q))
		return false;
	if (ring_back_arm(&q->ring.ring))
		return true;
	stopwatch_rest(&q->watch);
	return false;
}

bool queue_run(struct queue *q)
{
	uint32_t before = q->ring.ring.req_cons;
	struct request *barrier = q->barrier;

	throttle_look(q);
	if (barrier && barrier->phase == PHASE_NEW && under_way(q) == 1)
		request_advance(barrier);
	if (!full(q))
		take(q);
	queue_move_data(q);
	return answer(q) || q->discards.head || q->ring.ring.req_cons != before;
}
