/* SPDX-License-Identifier: MIT */
/*
 * blk.c - a vdisk's queue: requests onto the ring, responses off it
 *
 * A request that was submitted is on the list of outstanding ones until it is handed back, and in
 * slots of a private table while it is on the ring, one a message (blk_parts.c). A slot's index is
 * part of the id that the backend echoes; everything else that is known of the request comes from
 * the table, never from the ring. A response that does not name, to the bit, the present use of a
 * slot is a violation: a second answer to one request, or one that was never asked for, means that
 * data was or will be written where nobody expects it. The device is given up; the kernel around
 * it is not.
 */
#include "blk.h"

/*
 * What may be asked of this disk
 */

static bool is_write(const struct pv_blk_req *req)
{
	return req->op == PV_BLK_WRITE || req->op == PV_BLK_BARRIER || req->op == PV_BLK_DISCARD;
}

static bool has_data(const struct pv_blk_req *req)
{
	return req->sectors && req->op != PV_BLK_DISCARD;
}

/* The bit of pv_blk_queue.refused that is about requests of this kind. */
static uint32_t refusal(const struct pv_blk_req *req)
{
	return 1u << (req->op == PV_BLK_DISCARD && req->secure ? BLK_REFUSED_SECURE : req->op);
}

static enum pv_err check_op(const struct pv_blk_queue *q, const struct pv_blk_req *req)
{
	const struct pv_blk_info *info = &q->blk->info;

	if ((unsigned int)req->op > PV_BLK_FLUSH && req->op != PV_BLK_DISCARD)
		return PV_EINVAL;
	if ((req->op == PV_BLK_FLUSH && !info->flush) ||
	    (req->op == PV_BLK_BARRIER && !info->barrier) ||
	    (req->op == PV_BLK_DISCARD &&
	     (!info->discard || (req->secure && !info->discard_secure))) ||
	    (q->refused & refusal(req)))
		return PV_ENOTSUP;
	if (is_write(req) && info->readonly)
		return PV_EREADONLY;
	/* A barrier may come without data, a flush must. */
	if (req->op == PV_BLK_FLUSH ? req->sectors != 0 :
	    req->op != PV_BLK_BARRIER && req->sectors == 0)
		return PV_EINVAL;
	return PV_OK;
}

static bool is_borrowed(const struct pv_blk_buffer *buffer, uint32_t nr)
{
	for (; nr && buffer && buffer->state == BUFFER_BORROWED; nr--)
		buffer = buffer->next;
	return nr == 0;
}

static enum pv_err check_data(const struct pv_blk_info *info, const struct pv_blk_req *req)
{
	/* nothing may stand between the parts of a barrier, so it has one */
	uint32_t most = req->op == PV_BLK_BARRIER ? PV_BLK_PAGES * BLK_PAGE_SECTORS :
			info->max_sectors;

	if (req->op == PV_BLK_DISCARD)
		return req->data || req->buffer ? PV_EINVAL : PV_OK;
	if (req->sectors > most)
		return PV_EINVAL;
	if (!req->buffer)
		return req->data || !req->sectors ? PV_OK : PV_EINVAL;
	if (req->data || !is_borrowed(req->buffer, PV_BLK_CHAIN(req->sectors)))
		return PV_EINVAL;
	if (blk_is_chained(req))
		return req->offset ? PV_EINVAL : PV_OK;
	if (req->offset % BLK_SECTOR || req->offset > PV_BLK_PAGES * BLK_PAGE ||
	    req->sectors * BLK_SECTOR > PV_BLK_PAGES * BLK_PAGE - req->offset)
		return PV_EINVAL;
	return PV_OK;
}

static enum pv_err check_range(const struct pv_blk_info *info, const struct pv_blk_req *req)
{
	if (!req->sectors)
		return PV_OK;
	if (req->sectors > info->sectors || req->sector > info->sectors - req->sectors)
		return PV_ERANGE;
	if ((req->sector | req->sectors) & (info->sector_size / BLK_SECTOR - 1))
		return PV_EALIGN;
	return PV_OK;
}

enum pv_err blk_check(const struct pv_blk_queue *q, const struct pv_blk_req *req)
{
	enum pv_err err = check_op(q, req);

	return err ? err : check_range(&q->blk->info, req);
}

static enum pv_err check(const struct pv_blk_queue *q, const struct pv_blk_req *req)
{
	enum pv_err err = check_op(q, req);

	if (!err)
		err = check_data(&q->blk->info, req);
	if (!err)
		err = check_range(&q->blk->info, req);
	return err;
}

/*
 * Onto the ring
 */

/* Takes the buffers that a request's data is copied through: all of them, or none. */
static enum pv_err take_buffers(struct pv_blk_queue *q, struct pv_blk_req *req)
{
	uint32_t nr = blk_buffers_for(req->sectors, q->blk->max_segs);

	for (req->weight = 0; req->weight < nr; req->weight++) {
		struct pv_blk_buffer *buffer = blk_pool_get(q, BUFFER_BOUNCE);

		if (!buffer)
			return PV_EAGAIN;
		buffer->next = req->bounce;
		req->bounce = buffer;
	}
	return PV_OK;
}

static void give_buffers(struct pv_blk_queue *q, struct pv_blk_req *req)
{
	while (req->bounce) {
		struct pv_blk_buffer *buffer = req->bounce;

		req->bounce = buffer->next;
		blk_pool_put(q, buffer);
	}
}

/* Why a queue that does not flow takes nothing. */
static enum pv_err not_flowing(const struct pv_blk_queue *q)
{
	switch (pv_blk_state(q->blk)) {
	case PV_PAUSED:
		return PV_EAGAIN;
	case PV_OPEN:
		return PV_EINVAL;	/* the others do */
	default:
		return PV_EGONE;
	}
}

enum pv_err pv_blkq_submit(struct pv_blk_queue *q, struct pv_blk_req *req)
{
	enum pv_err err;

	if (!q->flowing || pv_device_state(&q->blk->dev) != PV_OPEN)
		return not_flowing(q);
	err = check(q, req);
	if (err)
		return err;
	req->bounce = NULL;
	req->weight = blk_is_chained(req) ? PV_BLK_CHAIN(req->sectors) : 1;
	req->queue = q->index;
	if (has_data(req) && !req->buffer)
		err = take_buffers(q, req);
	if (err || q->weight + req->weight > q->nr_slots) {
		give_buffers(q, req);
		return PV_EAGAIN;
	}
	q->weight += req->weight;
	blk_list_append(&q->outstanding, req);
	blk_put_on_ring(q, req);
	return PV_OK;
}

void pv_blkq_kick(struct pv_blk_queue *q)
{
	if (q->flowing && ring_front_publish(&q->front.ring))
		pvos_evtchn_notify(q->blk->dev.os, q->port);
}

/*
 * Off the ring
 */

void blk_finish(struct pv_blk_queue *q, struct pv_blk_req *req, enum pv_err status)
{
	if (q->waiting == req)
		q->waiting = req->next;
	blk_list_remove(&q->outstanding, req);
	give_buffers(q, req);
	q->weight -= req->weight;
	req->status = status;
	blk_list_append(&q->done, req);
}

/* The device is given up: this queue at once, the others at the next step. */
static void violate(struct pv_blk_queue *q, const char *how)
{
	q->flowing = false;
	write_once(&q->violation, how);	/* others look whether there is one */
	blk_finish_all(q, PV_EBACKEND);
}

/* Whatever is neither success nor "I do not do that" is an error. */
static enum pv_err translate_status(struct pv_blk_queue *q, const struct pv_blk_req *req,
				    const struct blk_rsp *rsp)
{
	if (rsp->status == BLK_OKAY)
		return PV_OK;
	if (rsp->status != BLK_EOPNOTSUPP)
		return PV_EIO;
	if (rsp->op == BLK_FLUSH || rsp->op == BLK_BARRIER || rsp->op == BLK_DISCARD)
		write_once(&q->refused, q->refused | refusal(req));
	return PV_ENOTSUP;
}

/* The slot that a response names, if it names the slot's present use. */
static struct blk_slot *find_slot(struct pv_blk_queue *q, const struct blk_rsp *rsp)
{
	uint32_t index = (uint32_t)(rsp->id & (BLK_ID_STEP - 1));
	struct blk_slot *slot;

	if (index >= q->nr_slots)
		return NULL;
	slot = &q->slots[index];
	if (!slot->req || slot->id != rsp->id || rsp->op != (uint8_t)slot->req->op)
		return NULL;
	return slot;
}

static void take_responses(struct pv_blk_queue *q)
{
	struct blk_rsp rsp;
	int rc;

	while ((rc = blk_front_pop(&q->front, &rsp)) > 0) {
		struct blk_slot *slot = find_slot(q, &rsp);
		struct pv_blk_req *req = slot ? slot->req : NULL;

		if (!slot) {
			violate(q, "the backend answered what was not asked");
			return;
		}
		if (blk_part_done(q, slot, translate_status(q, req, &rsp)))
			blk_finish(q, req, req->status);
	}
	if (rc < 0)
		violate(q, "the backend claims more responses than there were requests");
	else if (q->waiting)
		blk_put_waiting(q);
}

struct pv_blk_req *pv_blkq_poll(struct pv_blk_queue *q)
{
	struct pv_blk_req *req;

	if (!q->done.head && q->flowing)
		take_responses(q);
	req = q->done.head;
	if (req)
		blk_list_remove(&q->done, req);
	return req;
}

bool pv_blkq_pending(const struct pv_blk_queue *q)
{
	return q->done.head || (q->flowing && ring_front_pending(&q->front.ring) != 0);
}

bool pv_blkq_arm(struct pv_blk_queue *q)
{
	if (q->done.head || q->attention || q->violation || q->blk->dev.attention)
		return true;
	return q->flowing && ring_front_arm(&q->front.ring);
}
