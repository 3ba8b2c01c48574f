/* SPDX-License-Identifier: MIT */
/*
 * blk_pool.c - the pages that a vdisk shares with its backend
 *
 * Buffers of contiguous granted pages, made when the device first connects and kept across a
 * backend's restart; and the ring pages of former connections.
 *
 * The one rule (XSA-376, XSA-396, XSA-405): a page that the backend may still reach is never freed
 * and never used for something else. What pvos_ungrant_pages() cannot end stays where it is and is
 * asked for again, at most ten times a second. A backend that hoards ring pages by restarting over
 * and over is given up.
 */
#include "blk.h"

int blk_pool_fill(struct pv_blk *blk)
{
	struct pv_device *dev = &blk->dev;
	uint32_t granted = 0;

	for (uint32_t i = 0; i < PV_BLK_DEPTH; i++) {
		struct pv_blk_buffer *buffer = &blk->buffers[i];
		void *pages;

		if (buffer->state == BUFFER_NONE) {
			if (pvos_grant_pages(dev->os, (uint16_t)dev->backend_domid, PV_BLK_PAGES,
					     false, &pages, buffer->grefs))
				break;
			buffer->data = pages;
			blk_pool_put(blk, buffer);
		}
		granted++;
	}
	if (!granted)
		return pv_device_fail(dev, PV_ENOMEM, "no grants left for its buffers", NULL);
	if (granted < PV_BLK_DEPTH)
		pv_device_log(dev, PV_LOG_INFO, "fewer buffers than requests: grants are scarce",
			      NULL);
	blk->info.depth = granted;
	return PV_OK;
}

int blk_pool_drain(struct pv_blk *blk)
{
	int rc = PV_OK;

	blk->free_buffers = NULL;
	for (uint32_t i = 0; i < PV_BLK_DEPTH; i++) {
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

struct pv_blk_buffer *blk_pool_get(struct pv_blk *blk, enum buffer_state state)
{
	struct pv_blk_buffer *buffer = blk->free_buffers;

	if (!buffer)
		return NULL;
	blk->free_buffers = buffer->next;
	buffer->next = NULL;
	buffer->state = state;
	return buffer;
}

/* The last one used is the next one given: its pages are in the cache. */
void blk_pool_put(struct pv_blk *blk, struct pv_blk_buffer *buffer)
{
	buffer->state = BUFFER_FREE;
	buffer->next = blk->free_buffers;
	blk->free_buffers = buffer;
}

int blk_pool_retire(struct pv_blk *blk, void *page, uint32_t gref)
{
	uint32_t i = 0;

	if (pvos_ungrant_pages(blk->dev.os, page, 1, &gref) == PV_OK)
		return PV_OK;
	while (i < BLK_STUCK_MAX - 1 && blk->stuck[i].page)
		i++;
	blk->stuck[i] = (struct stuck_page){ .page = page, .gref = gref };
	pv_device_hold(&blk->dev);
	/* The last place is only for the page with which we give up. */
	return i < BLK_STUCK_MAX - 1 ? PV_OK :
	       pv_device_fail(&blk->dev, PV_EBACKEND, "the backend keeps too many old rings", NULL);
}

int blk_pool_reclaim(struct pv_blk *blk)
{
	int rc = PV_OK;

	for (uint32_t i = 0; i < BLK_STUCK_MAX; i++) {
		struct stuck_page *stuck = &blk->stuck[i];

		if (!stuck->page)
			continue;
		if (pvos_ungrant_pages(blk->dev.os, stuck->page, 1, &stuck->gref) == PV_OK)
			stuck->page = NULL;
		else
			rc = PV_EBUSY;
	}
	return rc;
}

struct pv_blk_buffer *pv_blk_buffer_get(struct pv_blk *blk)
{
	return blk->flowing ? blk_pool_get(blk, BUFFER_BORROWED) : NULL;
}

void pv_blk_buffer_put(struct pv_blk *blk, struct pv_blk_buffer *buffer)
{
	if (buffer->state != BUFFER_BORROWED)
		return;
	blk_pool_put(blk, buffer);
	blk->dev.attention |= !blk->dev.wanted;	/* the end may have waited for it */
}
