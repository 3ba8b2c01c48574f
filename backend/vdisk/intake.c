/* SPDX-License-Identifier: MIT */
/*
 * intake.c - requests that were taken become requests that are under way
 *
 * The segments of indirect requests are copied first, because the rules judge nothing that the
 * guest can still change (XSA-155): from pages that are kept mapped by memcpy, from others those of
 * a whole batch by one call. A replay copies them again: they are the guest's until its request is
 * answered, and what it changes meanwhile is judged anew.
 */
#include <string.h>
#include <sys/mman.h>

#include "lane.h"

static void copy_failed(void *owner, int status)
{
	struct taken *t = owner;

	(void)status;
	t->unreadable = true;
}

/* A frontend with persistent grants has the pages of segments among them. */
static void map_segments(struct queue *q, const struct taken *taken, unsigned int nr)
{
	grant_cache_next_batch(&q->cache);
	for (unsigned int i = 0; i < nr; i++) {
		if (blk_segments_apart(&taken[i].req) > 0)
			grant_cache_want(&q->cache, taken[i].req.indirect_gref[0]);
	}
	grant_cache_settle(&q->cache);
}

static void copy_segments(struct queue *q, struct taken *taken, unsigned int nr)
{
	const struct disk_env *env = q->disk->env;
	struct lane *lane = q->lane;

	if (q->disk->persistent)
		map_segments(q, taken, nr);
	for (unsigned int i = 0; i < nr; i++) {
		struct taken *t = &taken[i];
		uint16_t bytes = (uint16_t)(blk_segments_apart(&t->req) * sizeof(lane->segs[i][0]));
		uint32_t gref = t->req.indirect_gref[0];
		const void *page = bytes && q->disk->persistent ?
				   grant_cache_find(&q->cache, gref) : NULL;

		t->unreadable = false;
		if (page)
			memcpy(lane->segs[i], page, bytes);
		else if (bytes)
			t->unreadable = !copy_from_guest(&lane->copies, env->domid, gref, 0, bytes,
							 lane->segs[i], t);
	}
	copy_run(env->xgt, &lane->copies, copy_failed);
}

static struct request *request_begin(struct queue *q, const struct taken *t,
				     const struct blk_seg *segs)
{
	struct request *r = &q->reqs[t->slot];	/* whose memory nobody may have touched */
	struct blk_geometry geo = q->disk->geo;
	enum blk_verdict verdict;

	geo.sectors = read_once(&q->disk->sectors);
	verdict = blk_validate(&geo, &t->req, segs, &r->plan);
	r->queue = q;
	r->slot = (uint16_t)t->slot;
	r->buf = q->buffers + t->slot * (size_t)DISK_BUFFER;
	r->id = t->req.id;
	r->op = blk_request_op(&t->req);
	r->phase = PHASE_NEW;
	r->discarded = 0;
	stopwatch_start(&q->watch, &r->stamp);
	r->status = (int16_t)blk_verdict_status(verdict);
	if (verdict == BLK_VALID)
		return r;
	r->phase = PHASE_END;
	r->plan.op = PLAN_FLUSH;		/* nothing is moved for it */
	r->plan.len = 0;
	if (log_allowed(queue_log_limit(q), q->disk->name))
		log_warning("%s: the guest asked for %s (operation %u, sector %llu)", q->disk->name,
			    blk_verdict_text(verdict), t->req.op,
			    (unsigned long long)t->req.sector);
	return r;
}

static void request_go(struct request *r)
{
	struct queue *q = r->queue;

	if (r->plan.op != PLAN_DISCARD)
		q->under_way += r->plan.len;
	if (r->phase == PHASE_END)
		request_append(&q->ended, r);
	else if (r->plan.drain)
		q->barrier = r;
	else
		request_advance(r);
}

void queue_begin(struct queue *q, struct taken *taken, unsigned int nr)
{
	struct journal_stats *stats = &q->journal.head->stats;

	copy_segments(q, taken, nr);
	for (unsigned int i = 0; i < nr; i++) {
		struct taken *t = &taken[i];

		if (t->req.op == BLK_INDIRECT)
			write_once(&stats->indirect_reqs, stats->indirect_reqs + 1);
		request_go(request_begin(q, t, t->unreadable ? NULL : q->lane->segs[i]));
	}
}

void queue_replay(struct queue *q, unsigned int slot)
{
	const struct journal_slot *s = &q->journal.slots[slot];
	struct taken t = { .slot = slot, .req = s->req };
	struct request *r;

	copy_segments(q, &t, 1);
	r = request_begin(q, &t, t.unreadable ? NULL : q->lane->segs[0]);
	if (s->state == JOURNAL_ANSWERED) {
		r->phase = PHASE_END;
		r->status = (int16_t)s->status;
	}
	request_go(r);
}

/* Large buffers give their memory back when many were in use; small ones keep it, for the next. */
void request_free(struct request *r)
{
	struct queue *q = r->queue;

	if (r->plan.op != PLAN_DISCARD)
		q->under_way -= r->plan.len;
	if (q->touched <= DISK_KEEP / q->disk->nr_queues || r->touched == 0)
		return;
	if (madvise(r->buf, r->touched, MADV_DONTNEED) == 0) {
		q->touched -= r->touched;
		r->touched = 0;
	}
}
