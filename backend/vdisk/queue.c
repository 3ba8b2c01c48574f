/* SPDX-License-Identifier: MIT */
/*
 * queue.c - requests off the ring, responses onto it
 *
 * Owns the order of things at the ring: a request is in the journal before anything is done for
 * it, its answer is in the journal before it is on the ring, and a slot is free only after the
 * answer was published. A barrier is held until all that was taken before it is answered, and
 * nothing more is taken before it is answered itself: so the journal never holds a barrier together
 * with a later request, and a replay cannot put one before the other.
 */
#include <stdio.h>
#include <string.h>

#include "disk.h"

static struct journal_stats *stats(struct disk *disk)
{
	return &disk->journal.head->stats;
}

static void count(uint64_t *counter, uint64_t n)
{
	write_once(counter, *counter + n);
}

void disk_fail(struct disk *disk, const char *why)
{
	if (disk->failed[0])
		return;
	snprintf(disk->failed, sizeof(disk->failed), "%s", why);
	disk->closing = true;
	log_error("%s: %s: the disk is stopped", disk->name, why);
}

static unsigned int under_way(const struct disk *disk)
{
	return disk->ring.ring.size - disk->nr_free;
}

/* Requests by operation; the codes are dense enough for a table of offsets. */
static void count_request(struct disk *disk, const struct request *r)
{
	struct journal_stats *s = stats(disk);
	uint64_t *const by_op[] = {
		[BLK_READ] = &s->read_reqs, [BLK_WRITE] = &s->write_reqs,
		[BLK_BARRIER] = &s->barrier_reqs, [BLK_FLUSH] = &s->flush_reqs,
		[BLK_DISCARD] = &s->discard_reqs,
	};
	uint64_t *counter = r->op < sizeof(by_op) / sizeof(by_op[0]) ? by_op[r->op] : NULL;

	count(counter ? counter : &s->other_reqs, 1);
}

static bool full(const struct disk *disk)
{
	return disk->closing || disk->barrier || disk->under_way >= DISK_UNDER_WAY;
}

/* A barrier ends its batch: nothing is taken after it, before it is answered. */
static void take(struct disk *disk)
{
	struct taken taken[DISK_BATCH];
	unsigned int nr = 0;
	int rc = 0;

	while (nr < DISK_BATCH && disk->nr_free > 0) {
		struct taken *t = &taken[nr];

		rc = blk_back_pop(&disk->ring, &t->req);
		if (rc <= 0)
			break;
		t->slot = disk->free_slot[--disk->nr_free];
		journal_take(&disk->journal, t->slot, disk->ring.ring.req_cons - 1, &t->req);
		nr++;
		if (t->req.op == BLK_BARRIER)
			break;
	}
	disk_begin(disk, taken, nr);
	if (rc < 0)
		disk_fail(disk, "the guest's request producer index is out of range");
}

static void count_bytes(struct disk *disk, const struct request *r)
{
	struct journal_stats *s = stats(disk);
	uint64_t *const by_plan[] = {
		[PLAN_READ] = &s->read_bytes, [PLAN_WRITE] = &s->write_bytes,
		[PLAN_DISCARD] = &s->discard_bytes, [PLAN_FLUSH] = NULL,
	};

	if (by_plan[r->plan.op])
		count(by_plan[r->plan.op], r->plan.len);
}

/* Puts all that has ended on the ring, publishes it at once, and frees the slots. */
static bool answer(struct disk *disk)
{
	struct request *head = request_take_all(&disk->ended);
	bool notify;

	if (!head)
		return false;
	for (struct request *r = head; r; r = r->next) {
		const struct blk_rsp rsp = { .id = r->id, .op = r->op, .status = r->status };

		journal_answer(&disk->journal, r->slot, disk->ring.ring.rsp_prod, r->status);
		blk_back_push(&disk->ring, &rsp);
		count_request(disk, r);
		if (r->status != BLK_OKAY)
			count(&stats(disk)->errors, 1);
		else
			count_bytes(disk, r);
	}
	notify = ring_back_publish(&disk->ring.ring);
	journal_published(&disk->journal, disk->ring.ring.rsp_published);
	for (struct request *r = head; r; r = r->next) {
		journal_free(&disk->journal, r->slot);
		if (disk->barrier == r)
			disk->barrier = NULL;
		request_free(r);
		disk->free_slot[disk->nr_free++] = r->slot;
	}
	count(&stats(disk)->batches, 1);
	if (notify && disk->port) {
		count(&stats(disk)->notify_out, 1);
		xenevtchn_notify(disk->env->xce, disk->port);
	}
	return true;
}

bool disk_pending(const struct disk *disk)
{
	return !full(disk) && ring_back_pending(&disk->ring.ring) != 0;
}

bool disk_arm(struct disk *disk)
{
	if (full(disk))
		return false;
	return ring_back_arm(&disk->ring.ring);
}

bool disk_run(struct disk *disk)
{
	uint32_t before = disk->ring.ring.req_cons;
	struct request *barrier = disk->barrier;

	if (barrier && barrier->phase == PHASE_NEW && under_way(disk) == 1)
		request_advance(barrier);
	if (!full(disk))
		take(disk);
	disk_move_data(disk);
	return answer(disk) || disk->discards.head || disk->ring.ring.req_cons != before;
}
