/* SPDX-License-Identifier: MIT */
/*
 * blk_pool.c - the data pages that a vdisk shares with its backend
 *
 * Buffers of contiguous granted pages, made when the device first connects and kept across a
 * backend's restart. Each connection begins by dealing those that are free out to its queues, so
 * that a queue then takes and gives without looking at another one. No queue goes without: with
 * fewer buffers than queues there are fewer queues (blk_device.c).
 *
 * The one rule (XSA-376, XSA-396, XSA-405): a page that the backend may still reach is never freed
 * and never used for something else. What pvos_ungrant_pages() cannot end stays where it is and is
 * asked for again, at most ten times a second.
 */
#include "blk.h"

int blk_pool_fill(struct pv_blk *blk)
{
	struct pv_device *dev = &blk->dev;
	uint32_t slots = blk->queues[0].nr_slots, granted = 0;
	uint32_t each = slots < blk->options.buffers ? slots : blk->options.buffers;
	uint32_t wanted = each * blk->nr_queues;

	for (uint32_t i = 0; i < blk->nr_buffers; i++)
		granted += blk->buffers[i].state != BUFFER_NONE;
	for (uint32_t i = 0; i < blk->nr_buffers && granted < wanted; i++) {
		struct pv_blk_buffer *buffer = &blk->buffers[i];
		void *pages;

		if (buffer->state != BUFFER_NONE)
			continue;
		if (pvos_grant_pages(dev->os, (uint16_t)dev->backend_domid, PV_BLK_PAGES, false,
				     &pages, buffer->grefs))
			break;
		buffer->data = pages;
		buffer->state = BUFFER_FREE;
		granted++;
	}
	if (!granted)
		return pv_device_fail(dev, PV_ENOMEM, "no grants left for its buffers", NULL);
	if (granted < wanted)
		pv_device_log(dev, PV_LOG_INFO, "fewer buffers than requests: grants are scarce",
			      NULL);
	return PV_OK;
}

static uint32_t count(const struct pv_blk *blk, enum buffer_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < blk->nr_buffers; i++)
		n += blk->buffers[i].state == state;
	return n;
}

/* Of each of nr queues, the buffers that its requests have, once they are on it again. */
static void count_in_use(struct pv_blk *blk, uint32_t nr, uint32_t *in_use)
{
	for (uint32_t i = 0; i < nr; i++)
		in_use[i] = 0;
	blk_for_each_queue(blk, q)
		for (const struct pv_blk_req *req = q->outstanding.head; req; req = req->next)
			if (req->bounce)
				in_use[req->queue % nr] += req->weight;
}

bool blk_pool_suffices(struct pv_blk *blk, uint32_t nr)
{
	uint32_t in_use[PV_BLK_QUEUES_MAX], needy = 0;

	count_in_use(blk, nr, in_use);
	for (uint32_t i = 0; i < nr; i++)
		needy += !in_use[i];
	return needy <= count(blk, BUFFER_FREE);
}

uint32_t blk_pool_deal(struct pv_blk *blk)
{
	uint32_t has[PV_BLK_QUEUES_MAX], least = 0;
	const uint32_t nr = blk->nr_queues;

	if (!nr)
		return 0;		/* no connection: nobody to deal to */
	count_in_use(blk, nr, has);
	blk_for_each_queue(blk, q)
		q->free_buffers = NULL;
	for (uint32_t b = 0; b < blk->nr_buffers; b++) {
		if (blk->buffers[b].state != BUFFER_FREE)
			continue;
		for (uint32_t i = 0; i < nr; i++)
			if (has[i] < has[least])
				least = i;
		blk_pool_put(&blk->queues[least], &blk->buffers[b]);
		has[least]++;
	}
	for (uint32_t i = 0; i < nr; i++)
		if (has[i] < has[least])
			least = i;
	/* what the caller has borrowed comes back to where it was */
	return has[least] + count(blk, BUFFER_BORROWED) / nr;
}

int blk_pool_drain(struct pv_blk *blk)
{
	int rc = PV_OK;

	blk_for_each_queue(blk, q)
		q->free_buffers = NULL;
	for (uint32_t i = 0; i < blk->nr_buffers; i++) {
		struct pv_blk_buffer *buffer = &blk->buffers[i];

		if (buffer->state == BUFFER_NONE)
			continue;
		if (buffer->state == BUFFER_FREE &&
		    pvos_ungrant_pages(blk->dev.os, buffer->data, PV_BLK_PAGES,
				       buffer->grefs) == PV_OK) {
			buffer->state = BUFFER_NONE;
			buffer->data = NULL;
			continue;
		}
		rc = PV_EBUSY;
	}
	return rc;
}

struct pv_blk_buffer *blk_pool_get(struct pv_blk_queue *q, enum buffer_state state)
{
	struct pv_blk_buffer *buffer = q->free_buffers;

	if (!buffer)
		return NULL;
	q->free_buffers = buffer->next;
	buffer->next = NULL;
	buffer->state = state;
	return buffer;
}

/* The last one used is the next one given: its pages are in the cache. */
void blk_pool_put(struct pv_blk_queue *q, struct pv_blk_buffer *buffer)
{
	buffer->state = BUFFER_FREE;
	buffer->next = q->free_buffers;
	q->free_buffers = buffer;
}

struct pv_blk_buffer *pv_blkq_buffer_get(struct pv_blk_queue *q)
{
	return q->flowing ? blk_pool_get(q, BUFFER_BORROWED) : NULL;
}

void pv_blkq_buffer_put(struct pv_blk_queue *q, struct pv_blk_buffer *buffer)
{
	if (buffer->state != BUFFER_BORROWED)
		return;
	blk_pool_put(q, buffer);
	if (!q->blk->dev.wanted)
		write_once(&q->attention, true);	/* the end may have waited for it */
}
