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
	};

	count(r->op < sizeof(by_op) / sizeof(by_op[0]) ? by_op[r->op] : &s->other_reqs, 1);
}

static struct request *request_begin(struct disk *disk, unsigned int slot,
				     const struct blk_req *req)
{
	struct request *r = &disk->reqs[slot];
	enum blk_verdict verdict = blk_validate(&disk->geo, req, &r->plan);

	r->id = req->id;
	r->op = req->op;
	r->phase = PHASE_NEW;
	r->status = (int16_t)blk_verdict_status(verdict);
	if (verdict != BLK_VALID) {
		r->phase = PHASE_END;
		if (log_allowed(&disk->log_limit, disk->name))
			log_warning("%s: the guest asked for %s (operation %u, sector %llu)",
				    disk->name, blk_verdict_text(verdict), req->op,
				    (unsigned long long)req->sector);
	}
	return r;
}

/* Sends a taken request on its way: to be answered, to be held, or to be done. */
static void request_go(struct request *r)
{
	struct disk *disk = r->disk;

	if (r->phase == PHASE_END)
		request_append(&disk->ended, r);
	else if (r->plan.drain)
		disk->barrier = r;
	else
		request_advance(r);
}

void disk_replay(struct disk *disk, unsigned int slot)
{
	const struct journal_slot *s = &disk->journal.slots[slot];
	struct request *r = request_begin(disk, slot, &s->req);

	if (s->state == JOURNAL_ANSWERED) {
		r->phase = PHASE_END;
		r->status = (int16_t)s->status;
	}
	request_go(r);
}

static void take(struct disk *disk)
{
	struct blk_req req;
	int rc = 0;

	for (unsigned int n = 0; n < DISK_BATCH && !disk->barrier && disk->nr_free > 0; n++) {
		unsigned int slot;

		rc = blk_back_pop(&disk->ring, &req);
		if (rc <= 0)
			break;
		slot = disk->free_slot[--disk->nr_free];
		journal_take(&disk->journal, slot, disk->ring.ring.req_cons - 1, &req);
		request_go(request_begin(disk, slot, &req));
	}
	if (rc < 0)
		disk_fail(disk, "the guest's request producer index is out of range");
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
		else if (r->plan.nr_pieces)
			count(r->plan.op == PLAN_READ ? &stats(disk)->read_bytes :
			      &stats(disk)->write_bytes, r->plan.len);
	}
	notify = ring_back_publish(&disk->ring.ring);
	journal_published(&disk->journal, disk->ring.ring.rsp_published);
	for (struct request *r = head; r; r = r->next) {
		journal_free(&disk->journal, r->slot);
		if (disk->barrier == r)
			disk->barrier = NULL;
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
	return !disk->closing && !disk->barrier && ring_back_pending(&disk->ring.ring) != 0;
}

bool disk_arm(struct disk *disk)
{
	if (disk->closing || disk->barrier)
		return false;
	return ring_back_arm(&disk->ring.ring);
}

bool disk_run(struct disk *disk)
{
	uint32_t before = disk->ring.ring.req_cons;
	struct request *barrier = disk->barrier;

	if (barrier && barrier->phase == PHASE_NEW && under_way(disk) == 1)
		request_advance(barrier);
	if (!disk->closing)
		take(disk);
	disk_move_data(disk);
	return answer(disk) || disk->ring.ring.req_cons != before;
}
