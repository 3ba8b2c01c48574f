/* SPDX-License-Identifier: MIT */
/*
 * request.c - a planned request, phase by phase
 *
 * A plan has up to three phases: make what came before durable, move the data, make that durable.
 * Data moves for a whole batch: pages that are kept mapped are looked up or mapped together, what
 * remains is copied by one grant copy each way. A request whose pages are all mapped gives them
 * straight to read or write if that can be done in place; otherwise its own buffer stands between,
 * because a guest's page is never given to asynchronous I/O (worker/map.h).
 *
 * A discard moves no data. It is done in parts, with other requests between them.
 *
 * What a phase may not do is answer: it appends the request to q->ended, and queue.c answers.
 */
#include <errno.h>
#include <string.h>

#include "lane.h"

#define DISCARD_PART	(64u << 20)	/* bytes */

static void request_end(struct request *r, int status)
{
	if (r->status == BLK_OKAY)
		r->status = (int16_t)status;
	r->phase = PHASE_END;
	request_append(&r->queue->ended, r);
}

/* What whoever keeps the image may do about it. */
static const char *remedy(int rc)
{
	static const struct {
		int rc;
		const char *text;
	} known[] = {
		{ -ENOSPC, ": make room where its image is, and writes succeed again" },
		{ -EDQUOT, ": raise the quota where its image is, and writes succeed again" },
		{ -EIO, ": the kernel's log, or that of its server, has the cause" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].rc == rc)
			return known[i].text;
	return "";
}

static void target_failed(struct request *r, int rc)
{
	static const char *const words[] = {
		[TARGET_READ] = "read", [TARGET_WRITE] = "write", [TARGET_SYNC] = "flush",
		[TARGET_DISCARD] = "discard",
	};
	struct queue *q = r->queue;

	if (log_allowed(queue_log_limit(q), q->disk->name))
		log_error("%s: %s of %llu bytes at sector %llu: %s%s", q->disk->name,
			  words[r->io.op], (unsigned long long)r->plan.len,
			  (unsigned long long)(r->plan.off / BLK_SECTOR), strerror(-rc),
			  remedy(rc));
	request_end(r, rc == -EOPNOTSUPP && r->io.op == TARGET_DISCARD ? BLK_EOPNOTSUPP :
		    BLK_ERROR);
}

/* The target has done its part of a phase. */
static void target_done(struct request *r, int rc)
{
	if (rc)
		target_failed(r, rc);
	else if (r->io.op == TARGET_READ && !r->mapped)
		request_append(&r->queue->landed, r);
	else if (r->io.op == TARGET_DISCARD && r->discarded < r->plan.len)
		request_append(&r->queue->discards, r);
	else
		request_advance(r);
}

/* ... later, from uring_reap(): the data of a read is in our buffer in any case. */
static void target_done_later(struct target_io *io, int rc)
{
	struct request *r = (struct request *)(void *)((char *)io - offsetof(struct request, io));

	r->mapped = false;
	target_done(r, rc);
}

static void target_start(struct request *r)
{
	struct target *t = &r->queue->disk->target;
	int rc = t->ops->start(t, &r->io);

	if (rc == -EAGAIN) {		/* the kernel takes no more: then others wait for it */
		r->mapped = false;
		target_done(r, t->ops->now(t, &r->io, true));
	} else if (rc) {
		target_failed(r, rc);
	}
}

static void sync_target(struct request *r)
{
	struct target *t = &r->queue->disk->target;
	int rc;

	r->io = (struct target_io){ .op = TARGET_SYNC, .done = target_done_later, .target = t,
				    .uring = r->queue->lane->uring };
	rc = t->ops->now(t, &r->io, false);
	if (rc == -EAGAIN)
		target_start(r);
	else
		target_done(r, rc);
}

static void discard_part(struct request *r)
{
	struct target *t = &r->queue->disk->target;
	int rc;

	r->io = (struct target_io){ .op = TARGET_DISCARD, .secure = r->plan.secure,
				    .off = r->plan.off + r->discarded,
				    .len = r->plan.len - r->discarded,
				    .done = target_done_later, .target = t,
				    .uring = r->queue->lane->uring };
	if (r->io.len > DISCARD_PART)
		r->io.len = DISCARD_PART;
	r->discarded += r->io.len;
	rc = t->ops->now(t, &r->io, false);
	if (rc == -EAGAIN)
		target_start(r);
	else
		target_done(r, rc);
}

void request_advance(struct request *r)
{
	const bool applies[] = {
		[PHASE_FLUSH_BEFORE] = r->plan.flush_before,
		[PHASE_DATA] = r->plan.op != PLAN_FLUSH,
		[PHASE_FLUSH_AFTER] = r->plan.flush_after,
	};

	while (++r->phase < PHASE_END) {
		if (!applies[r->phase])
			continue;
		if (r->phase != PHASE_DATA)
			sync_target(r);
		else if (r->plan.op == PLAN_DISCARD)
			request_append(&r->queue->discards, r);
		else
			request_append(&r->queue->ready, r);
		return;
	}
	request_end(r, BLK_OKAY);
}

/* Maps those pages of the batch that are not mapped yet. Those that cannot be are left to the grant
 * copy, whose status says which page is bad. */
static void map_pages(struct queue *q, struct request *head)
{
	grant_cache_next_batch(&q->cache);
	for (struct request *r = head; r; r = r->next) {
		for (unsigned int p = 0; p < r->plan.nr_pieces; p++)
			grant_cache_want(&q->cache, r->plan.piece[p].gref);
	}
	grant_cache_settle(&q->cache);
}

/* Points the I/O at the guest's mapped pages, adjacent ones as one. False: not all are mapped. */
static bool aim_at_pages(struct request *r)
{
	struct target_io *io = &r->io;

	for (unsigned int p = 0; p < r->plan.nr_pieces; p++) {
		const struct blk_piece *piece = &r->plan.piece[p];
		char *page = grant_cache_find(&r->queue->cache, piece->gref);
		struct iovec *last = io->nr_iov > 0 ? &io->iov[io->nr_iov - 1] : NULL;

		if (!page)
			return false;
		if (last && (char *)last->iov_base + last->iov_len == page + piece->off)
			last->iov_len += piece->len;
		else
			io->iov[io->nr_iov++] = (struct iovec){ page + piece->off, piece->len };
	}
	return true;
}

static void aim_at_buffer(struct request *r)
{
	if (r->plan.len > r->touched) {
		r->queue->touched += r->plan.len - r->touched;
		r->touched = (uint32_t)r->plan.len;
	}
	r->io.iov[0] = (struct iovec){ r->buf, r->plan.len };
	r->io.nr_iov = 1;
	r->io.off = r->plan.off;
	r->io.len = r->plan.len;
}

static void aim(struct request *r)
{
	r->io = (struct target_io){ .op = r->plan.op == PLAN_READ ? TARGET_READ : TARGET_WRITE,
				    .iov = r->iov, .off = r->plan.off, .len = r->plan.len,
				    .done = target_done_later, .target = &r->queue->disk->target,
				    .uring = r->queue->lane->uring };
	r->mapped = r->queue->disk->persistent && aim_at_pages(r);
	if (!r->mapped)
		aim_at_buffer(r);
}

static void copy_failed(void *owner, int status)
{
	struct request *r = owner;
	struct queue *q = r->queue;

	if (r->status == BLK_OKAY && log_allowed(queue_log_limit(q), q->disk->name))
		log_warning("%s: a page of a request cannot be reached (grant status %d)",
			    q->disk->name, status);
	r->status = BLK_ERROR;
}

/* One request's data between its buffer and the guest's pages: by memcpy where a page is mapped,
 * as entries of the copy list where not. */
static void exchange(struct request *r, bool to_guest)
{
	struct queue *q = r->queue;
	char *buf = r->buf;

	for (unsigned int p = 0; p < r->plan.nr_pieces; p++, buf += r->plan.piece[p - 1].len) {
		const struct blk_piece *piece = &r->plan.piece[p];
		char *page = q->disk->persistent ? grant_cache_find(&q->cache, piece->gref) : NULL;

		if (page && to_guest)
			memcpy(page + piece->off, buf, piece->len);
		else if (page)
			memcpy(buf, page + piece->off, piece->len);
		else if (!(to_guest ? copy_to_guest : copy_from_guest)
			  (&q->lane->copies, q->disk->env->domid, piece->gref, piece->off,
			   piece->len, buf, r))
			copy_failed(r, -ENOBUFS);
	}
}

_Static_assert(BLK_MAX_PIECES <= COPY_MAX, "a request fits one grant copy");
_Static_assert(DISK_BATCH * BLK_MAX_SEGS <= COPY_MAX, "a batch of direct requests does");

static void exchange_all(struct queue *q, struct request *head, bool to_guest)
{
	struct copy_list *copies = &q->lane->copies;

	for (struct request *r = head; r; r = r->next) {
		if (!to_guest && (r->mapped || r->plan.op != PLAN_WRITE))
			continue;
		if (r->plan.nr_pieces > COPY_MAX - copies->nr)
			copy_run(q->disk->env->xgt, copies, copy_failed);
		exchange(r, to_guest);
	}
	copy_run(q->disk->env->xgt, copies, copy_failed);
}

static void issue(struct request *r)
{
	struct target *t = &r->queue->disk->target;
	int rc;

	if (r->status != BLK_OKAY) {		/* its data could not be copied */
		request_end(r, r->status);
		return;
	}
	rc = t->ops->now(t, &r->io, false);
	if (rc != -EAGAIN) {
		target_done(r, rc);
		return;
	}
	if (r->mapped && r->plan.op == PLAN_WRITE)
		exchange(r, false);		/* all by memcpy: every page is mapped */
	aim_at_buffer(r);
	target_start(r);
}

void queue_move_data(struct queue *q)
{
	struct request *head = request_take_all(&q->ready), *r, *next;

	if (head) {
		if (q->disk->persistent)
			map_pages(q, head);
		for (r = head; r; r = r->next)
			aim(r);
		exchange_all(q, head, false);
		for (r = head; r; r = next) {
			next = r->next;
			issue(r);
		}
	}
	head = request_take_all(&q->discards);
	for (r = head; r; r = next) {
		next = r->next;
		discard_part(r);
	}
	head = request_take_all(&q->landed);
	if (head)
		exchange_all(q, head, true);
	for (r = head; r; r = next) {
		next = r->next;
		if (r->status == BLK_OKAY)
			request_advance(r);
		else
			request_end(r, r->status);
	}
}
