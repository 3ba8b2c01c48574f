/* SPDX-License-Identifier: MIT */
/*
 * md_stream.c - a range of sectors through deep queues
 *
 * The range is cut into chunks, each in a borrowed buffer, as many at a time as the disk takes, on
 * its queues in turn. The backend answers in any order; chunks are taken in the order of their
 * sectors, so that a sum can be made of them. After an error nothing new is sent, but everything
 * that was is waited for.
 */
#include "minidom.h"
#include "os.h"

#define LOOK_EVERY	64	/* turns without sleep, after which watches get their chance */
#define DRAIN_MS	5000	/* for what is under way when somebody wants us to end */

struct progress {
	uint64_t issued, taken;		/* chunks */
	int result;
};

static struct md_chunk *chunk_at(struct minidom *md, uint64_t index)
{
	return &md->window[index % MD_WINDOW];
}

/* A buffer of the queue whose turn it is, or of the next that has one. */
static struct pv_blk_buffer *get_buffer(struct pv_blk *blk, uint64_t turn,
					struct pv_blk_queue **queue)
{
	struct pv_blk_buffer *buffer = NULL;
	struct pv_blk_info info;

	pv_blk_info(blk, &info);
	for (uint32_t i = 0; !buffer && i < info.queues; i++) {
		*queue = pv_blk_queue(blk, ((uint32_t)turn + i) % info.queues);
		buffer = pv_blkq_buffer_get(*queue);
	}
	return buffer;
}

/* Sends one chunk; false: not now, or not any more. */
static bool issue(struct minidom *md, struct md_stream *s, struct progress *p)
{
	struct md_chunk *chunk = chunk_at(md, p->issued);
	uint64_t left = s->end - s->sector;
	struct pv_blk_buffer *buffer;
	int err;

	if (p->result || md->interrupted || !left || p->issued - p->taken == MD_WINDOW)
		return false;
	buffer = get_buffer(s->disk->blk, p->issued, &chunk->queue);
	if (!buffer) {
		enum pv_state state = pv_blk_state(s->disk->blk);

		if (state != PV_OPEN && state != PV_PAUSED)
			p->result = PV_EGONE;
		return false;
	}
	if (left > PV_BLK_BUFFER_SECTORS)
		left = PV_BLK_BUFFER_SECTORS;
	chunk->back = false;
	chunk->req = (struct pv_blk_req){ .op = s->op, .sector = s->sector, .buffer = buffer,
					  .sectors = (uint32_t)left, .user = chunk };
	if (s->make)
		s->make(s, s->sector, buffer->data, chunk->req.sectors);
	err = pv_blkq_submit(chunk->queue, &chunk->req);
	if (err) {
		pv_blkq_buffer_put(chunk->queue, buffer);
		p->result = err == PV_EAGAIN ? PV_OK : err;
		return false;
	}
	s->sector += chunk->req.sectors;
	p->issued++;
	return true;
}

static bool collect(struct md_stream *s)
{
	struct pv_blk_req *req;
	bool any = false;

	while ((req = pv_blk_poll(s->disk->blk))) {
		((struct md_chunk *)req->user)->back = true;
		any = true;
	}
	return any;
}

static void take_in_order(struct minidom *md, struct md_stream *s, struct progress *p)
{
	while (p->taken < p->issued && chunk_at(md, p->taken)->back) {
		struct pv_blk_req *req = &chunk_at(md, p->taken)->req;

		if (!p->result)
			p->result = req->status;
		if (!p->result && s->take)
			p->result = s->take(s, req->sector, req->buffer->data, req->sectors);
		pv_blkq_buffer_put(chunk_at(md, p->taken)->queue, req->buffer);
		p->taken++;
	}
}

int md_stream_run(struct minidom *md, struct md_stream *s)
{
	struct progress p = { .result = PV_OK };
	uint64_t deadline = 0;

	for (unsigned int turn = 1;; turn++) {
		while (issue(md, s, &p))
			;
		pv_blk_kick(s->disk->blk);
		if (p.taken == p.issued && (p.result || md->interrupted || s->sector == s->end))
			break;
		if (!collect(s))
			md_idle(md, s->disk, 1000);
		else if (turn % LOOK_EVERY == 0)
			md_idle(md, s->disk, 0);
		take_in_order(md, s, &p);
		if (md->interrupted && !deadline)
			deadline = pvos_clock(md->os) + DRAIN_MS * 1000000ull;
		if (deadline && pvos_clock(md->os) > deadline)
			pv_blk_abort(s->disk->blk);
	}
	return p.result ? p.result : md->interrupted ? PV_EGONE : PV_OK;
}

int md_stream_flush(struct minidom *md, struct md_disk *disk)
{
	struct md_chunk *chunk = &md->window[0];
	int err;

	*chunk = (struct md_chunk){ .req = { .op = PV_BLK_FLUSH, .user = chunk } };
	while ((err = pv_blk_submit(disk->blk, &chunk->req)) == PV_EAGAIN && !md->interrupted)
		md_idle(md, disk, 1000);
	if (err)
		return err;
	pv_blk_kick(disk->blk);
	while (!pv_blk_poll(disk->blk)) {
		md_idle(md, disk, 1000);
		if (md->interrupted)
			pv_blk_abort(disk->blk);
	}
	return chunk->req.status;
}
