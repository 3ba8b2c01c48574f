/* SPDX-License-Identifier: MIT */
/*
 * blk.c - the vdisk frontend: requests onto the ring, responses off it
 *
 * A request that was submitted is on the list of outstanding ones until it is handed back, and in
 * slots of a private table while it is on the ring, one a message (blk_parts.c). A slot's index is
 * part of the id that the backend echoes; everything else that is known of the request comes from
 * the table, never from the ring. A response that does not name, to the bit, the present use of a
 * slot is a violation: a second answer to one request, or one that was never asked for, means that
 * data was or will be written where nobody expects it. The device is given up; the kernel around
 * it is not.
 *
 * When a backend starts over, the list (not the ring) is the truth: it is put on the new ring in
 * its old order, so that flushes and barriers keep their meaning. A request that the old backend
 * had done without saying so is done twice, which reads, writes, flushes and discards can stand.
 */
#include "blk.h"

static void list_append(struct req_list *list, struct pv_blk_req *req)
{
	req->next = NULL;
	req->prev = list->tail;
	if (list->tail)
		list->tail->next = req;
	else
		list->head = req;
	list->tail = req;
}

static void list_remove(struct req_list *list, struct pv_blk_req *req)
{
	if (req->prev)
		req->prev->next = req->next;
	else
		list->head = req->next;
	if (req->next)
		req->next->prev = req->prev;
	else
		list->tail = req->prev;
}

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

static enum pv_err check_op(const struct pv_blk_info *info, const struct pv_blk_req *req)
{
	if ((unsigned int)req->op > PV_BLK_FLUSH && req->op != PV_BLK_DISCARD)
		return PV_EINVAL;
	if ((req->op == PV_BLK_FLUSH && !info->flush) ||
	    (req->op == PV_BLK_BARRIER && !info->barrier) ||
	    (req->op == PV_BLK_DISCARD && !info->discard))
		return PV_ENOTSUP;
	if (is_write(req) && info->readonly)
		return PV_EREADONLY;
	/* A barrier may come without data, a flush must. */
	if (req->op == PV_BLK_FLUSH ? req->sectors != 0 :
	    req->op != PV_BLK_BARRIER && req->sectors == 0)
		return PV_EINVAL;
	return PV_OK;
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
	if (req->data || req->buffer->state != BUFFER_BORROWED)
		return PV_EINVAL;
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

static enum pv_err check(const struct pv_blk *blk, const struct pv_blk_req *req)
{
	enum pv_err err = check_op(&blk->info, req);

	if (!err)
		err = check_data(&blk->info, req);
	if (!err)
		err = check_range(&blk->info, req);
	return err;
}

/*
 * Onto the ring
 */

/* Takes the buffers that a request's data is copied through: all of them, or none. */
static enum pv_err take_buffers(struct pv_blk *blk, struct pv_blk_req *req)
{
	uint32_t nr = blk_buffers_for(req->sectors, blk->max_segs);

	for (req->weight = 0; req->weight < nr; req->weight++) {
		struct pv_blk_buffer *buffer = blk_pool_get(blk, BUFFER_BOUNCE);

		if (!buffer)
			return PV_EAGAIN;
		buffer->next = req->bounce;
		req->bounce = buffer;
	}
	return PV_OK;
}

static void give_buffers(struct pv_blk *blk, struct pv_blk_req *req)
{
	while (req->bounce) {
		struct pv_blk_buffer *buffer = req->bounce;

		req->bounce = buffer->next;
		blk_pool_put(blk, buffer);
	}
}

enum pv_err pv_blk_submit(struct pv_blk *blk, struct pv_blk_req *req)
{
	enum pv_state state = pv_device_state(&blk->dev);
	enum pv_err err;

	if (!blk->flowing || state != PV_OPEN)
		return state == PV_PAUSED ? PV_EAGAIN : PV_EGONE;
	err = check(blk, req);
	if (err)
		return err;
	req->bounce = NULL;
	req->weight = 1;
	if (has_data(req) && !req->buffer)
		err = take_buffers(blk, req);
	if (err || blk->weight + req->weight > PV_BLK_DEPTH) {
		give_buffers(blk, req);
		return PV_EAGAIN;
	}
	blk->weight += req->weight;
	list_append(&blk->outstanding, req);
	blk_put_on_ring(blk, req);
	return PV_OK;
}

void pv_blk_kick(struct pv_blk *blk)
{
	if (blk->flowing && ring_front_publish(&blk->front.ring))
		pvos_evtchn_notify(blk->dev.os, blk->port);
}

/*
 * Off the ring
 */

static void finish(struct pv_blk *blk, struct pv_blk_req *req, enum pv_err status)
{
	list_remove(&blk->outstanding, req);
	give_buffers(blk, req);
	blk->weight -= req->weight;
	req->status = status;
	list_append(&blk->done, req);
}

/* Whatever is neither success nor "I do not do that" is an error. */
static enum pv_err translate_status(struct pv_blk *blk, const struct blk_rsp *rsp)
{
	if (rsp->status == BLK_OKAY)
		return PV_OK;
	if (rsp->status != BLK_EOPNOTSUPP)
		return PV_EIO;
	if (rsp->op == BLK_FLUSH)
		blk->info.flush = false;
	if (rsp->op == BLK_BARRIER)
		blk->info.barrier = false;
	if (rsp->op == BLK_DISCARD)
		blk->info.discard = false;
	return PV_ENOTSUP;
}

/* The slot that a response names, if it names the slot's present use. */
static struct blk_slot *find_slot(struct pv_blk *blk, const struct blk_rsp *rsp)
{
	uint32_t index = (uint32_t)(rsp->id & (BLK_ID_STEP - 1));
	struct blk_slot *slot;

	if (index >= PV_BLK_DEPTH)
		return NULL;
	slot = &blk->slots[index];
	if (!slot->req || slot->id != rsp->id || rsp->op != (uint8_t)slot->req->op)
		return NULL;
	return slot;
}

static void take_responses(struct pv_blk *blk)
{
	struct blk_rsp rsp;
	int rc;

	while ((rc = blk_front_pop(&blk->front, &rsp)) > 0) {
		struct blk_slot *slot = find_slot(blk, &rsp);
		struct pv_blk_req *req = slot ? slot->req : NULL;

		if (!slot) {
			pv_device_fail(&blk->dev, PV_EBACKEND,
				       "the backend answered what was not asked", NULL);
			return;
		}
		if (blk_part_done(blk, slot, translate_status(blk, &rsp)))
			finish(blk, req, req->status);
	}
	if (rc < 0)
		pv_device_fail(&blk->dev, PV_EBACKEND,
			       "the backend claims more responses than there were requests", NULL);
}

struct pv_blk_req *pv_blk_poll(struct pv_blk *blk)
{
	struct pv_blk_req *req;

	if (!blk->done.head && blk->flowing)
		take_responses(blk);
	req = blk->done.head;
	if (req)
		list_remove(&blk->done, req);
	return req;
}

bool pv_blk_pending(const struct pv_blk *blk)
{
	return blk->done.head || (blk->flowing && ring_front_pending(&blk->front.ring) != 0);
}

bool pv_blk_arm(struct pv_blk *blk)
{
	if (blk->done.head || blk->dev.attention)
		return true;
	return blk->flowing && ring_front_arm(&blk->front.ring);
}

/*
 * When connections come and go
 */

void blk_slots_init(struct pv_blk *blk)
{
	for (uint32_t i = 0; i < PV_BLK_DEPTH; i++) {
		struct blk_slot *slot = &blk->slots[i];

		slot->req = NULL;
		slot->id = (slot->id & ~(uint64_t)(BLK_ID_STEP - 1)) | i;
		blk->free_slots[i] = (uint16_t)(PV_BLK_DEPTH - 1 - i);
	}
	blk->nr_free_slots = PV_BLK_DEPTH;
}

void blk_requeue(struct pv_blk *blk)
{
	struct pv_blk_req *req, *next;

	for (req = blk->outstanding.head; req; req = next) {
		enum pv_err err = check(blk, req);	/* it may be another disk by now */

		next = req->next;
		if (err)
			finish(blk, req, err);
		else
			blk_put_on_ring(blk, req);
	}
	pv_blk_kick(blk);
}

void blk_finish_all(struct pv_blk *blk, enum pv_err status)
{
	while (blk->outstanding.head)
		finish(blk, blk->outstanding.head, status);
	blk_slots_init(blk);
}
