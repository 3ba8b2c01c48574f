/* SPDX-License-Identifier: MIT */
/*
 * blk_parts.c - a request as messages on the ring
 *
 * A message holds up to PV_BLK_PAGES pages of data, and more if the backend takes indirect ones,
 * whose segments stand in a page of their own. A request that does not fit one message goes as
 * several parts; it is back when all of them are.
 *
 * The data of a request that is copied stands in a chain of buffers. A part has some of them, with
 * the data contiguous from the first one's beginning; if it is indirect, the last page of its last
 * buffer is the one with the segments. Every part has at least one buffer, so a request never
 * needs more slots than buffers, whatever a later backend takes.
 *
 * In a chain of the caller's the data stays where it is. That is where one indirect message has it,
 * and where messages of a full buffer each have it: it goes as one or the other.
 */
#include "blk.h"

#define BUFFER_SECTORS	(PV_BLK_PAGES * BLK_PAGE_SECTORS)

static uint32_t pages_of(uint32_t sectors)
{
	return (sectors + BLK_PAGE_SECTORS - 1) / BLK_PAGE_SECTORS;
}

/* Buffers for so many pages of data in one part. */
static uint32_t part_buffers(uint32_t pages)
{
	return pages <= PV_BLK_PAGES ? 1 : pages / PV_BLK_PAGES + 1;
}

/* Pages of data in a part, at most: as many as fill its buffers together with the page of their
 * segments, so that none of them is for a page or two. */
static uint32_t part_pages(uint32_t max_segs)
{
	uint32_t buffers = (max_segs + 1) / PV_BLK_PAGES;

	if (max_segs * BLK_PAGE_SECTORS >= PV_BLK_MAX_SECTORS)
		return max_segs;
	return buffers > 1 ? buffers * PV_BLK_PAGES - 1 : PV_BLK_PAGES;
}

uint32_t blk_buffers_for(uint32_t sectors, uint32_t max_segs)
{
	uint32_t pages = pages_of(sectors), most = part_pages(max_segs), rest = pages % most;

	return pages / most * part_buffers(most) + (rest ? part_buffers(rest) : 0);
}

uint32_t blk_max_sectors(uint32_t buffers, uint32_t max_segs)
{
	uint32_t sectors = PV_BLK_MAX_SECTORS;

	while (sectors > BUFFER_SECTORS && blk_buffers_for(sectors, max_segs) > buffers)
		sectors -= BLK_PAGE_SECTORS;
	return sectors;
}

/* Describes the bytes [offset, offset + sectors * 512) of a buffer, page by page. */
static uint16_t fill_segments(struct blk_seg *seg, const uint32_t *grefs, uint32_t offset,
			      uint32_t sectors)
{
	uint32_t page = offset / BLK_PAGE, first = offset % BLK_PAGE / BLK_SECTOR;
	uint16_t n = 0;

	for (; sectors; page++, first = 0) {
		uint32_t here = BLK_PAGE_SECTORS - first;

		if (here > sectors)
			here = sectors;
		seg[n++] = (struct blk_seg){ .gref = grefs[page], .first_sect = (uint8_t)first,
					     .last_sect = (uint8_t)(first + here - 1) };
		sectors -= here;
	}
	return n;
}

/* Calls f for each buffer of the part with the data that it holds. */
static void each_buffer(const struct blk_slot *slot, uint8_t *data,
			void (*f)(struct pv_blk_buffer *buffer, uint8_t *data, uint32_t bytes))
{
	struct pv_blk_buffer *buffer = slot->buffer;
	uint32_t left = slot->sectors;

	for (; left; buffer = buffer->next) {
		uint32_t here = left < BUFFER_SECTORS ? left : BUFFER_SECTORS;

		f(buffer, data, here * BLK_SECTOR);
		data += here * BLK_SECTOR;
		left -= here;
	}
}

static void copy_in(struct pv_blk_buffer *buffer, uint8_t *data, uint32_t bytes)
{
	__builtin_memcpy(buffer->data, data, bytes);
}

static void copy_out(struct pv_blk_buffer *buffer, uint8_t *data, uint32_t bytes)
{
	__builtin_memcpy(data, buffer->data, bytes);
}

static uint8_t *data_of(const struct blk_slot *slot)
{
	return (uint8_t *)slot->req->data + (size_t)slot->offset * BLK_SECTOR;
}

static struct blk_slot *take_slot(struct pv_blk_queue *q, struct pv_blk_req *req,
				  struct blk_req *shared)
{
	struct blk_slot *slot = &q->slots[q->free_slots[--q->nr_free_slots]];

	slot->id += BLK_ID_STEP;
	slot->req = req;
	slot->buffer = NULL;
	slot->offset = 0;
	slot->sectors = req->sectors;
	req->parts++;
	*shared = (struct blk_req){ .id = slot->id, .op = (uint8_t)req->op, .sector = req->sector,
				    .handle = (uint16_t)q->blk->dev.devid };
	return slot;
}

/* The segments of a part, in the request or apart from it. Returns the buffer after its last. */
static struct pv_blk_buffer *describe_part(const struct blk_slot *slot, struct blk_req *shared)
{
	struct pv_blk_buffer *buffer = slot->buffer, *last = buffer;
	uint32_t pages = pages_of(slot->sectors), left = slot->sectors;
	struct blk_seg *seg = shared->seg;

	for (uint32_t n = part_buffers(pages); n > 1; n--)
		last = last->next;
	if (pages > PV_BLK_PAGES) {
		shared->indirect_op = shared->op;
		shared->op = BLK_INDIRECT;
		shared->indirect_gref[0] = last->grefs[PV_BLK_PAGES - 1];
		seg = (struct blk_seg *)(void *)(last->data + (PV_BLK_PAGES - 1) * BLK_PAGE);
	}
	for (; left; buffer = buffer->next) {
		uint32_t here = left < BUFFER_SECTORS ? left : BUFFER_SECTORS;

		seg += fill_segments(seg, buffer->grefs, 0, here);
		left -= here;
	}
	shared->nr_segs = (uint16_t)pages;
	return last->next;
}

/* Pages of data in each part of this one but the last. */
static uint32_t choose_parts(const struct pv_blk_queue *q, const struct pv_blk_req *req)
{
	uint32_t max_segs = q->blk->max_segs, pages = pages_of(req->sectors);

	if (!req->bounce)
		return pages <= max_segs ? pages : PV_BLK_PAGES;
	if (blk_buffers_for(req->sectors, max_segs) > req->weight)
		max_segs = PV_BLK_PAGES;	/* the chain was made for another backend */
	return part_pages(max_segs);
}

static void put_parts(struct pv_blk_queue *q, struct pv_blk_req *req)
{
	uint32_t most = choose_parts(q, req) * BLK_PAGE_SECTORS, done = 0;
	struct pv_blk_buffer *buffer = req->bounce ? req->bounce : req->buffer;

	while (done < req->sectors) {
		struct blk_req shared;
		struct blk_slot *slot = take_slot(q, req, &shared);

		slot->buffer = buffer;
		slot->offset = done;
		slot->sectors = req->sectors - done < most ? req->sectors - done : most;
		shared.sector += done;
		if (req->bounce && req->op != PV_BLK_READ)
			each_buffer(slot, data_of(slot), copy_in);
		buffer = describe_part(slot, &shared);
		blk_front_push(&q->front, &shared);
		done += slot->sectors;
	}
}

void blk_put_on_ring(struct pv_blk_queue *q, struct pv_blk_req *req)
{
	struct blk_req shared;

	req->parts = 0;
	req->status = PV_OK;
	if (req->bounce || blk_is_chained(req)) {
		put_parts(q, req);
		return;
	}
	take_slot(q, req, &shared);
	if (req->op == PV_BLK_DISCARD) {
		shared.nr_sectors = req->sectors;
		shared.flag = req->secure ? BLK_DISCARD_SECURE : 0;
	} else if (req->buffer) {
		shared.nr_segs = fill_segments(shared.seg, req->buffer->grefs, req->offset,
					       req->sectors);
	}
	blk_front_push(&q->front, &shared);
}

bool blk_part_done(struct pv_blk_queue *q, struct blk_slot *slot, enum pv_err status)
{
	struct pv_blk_req *req = slot->req;

	if (status == PV_OK && req->bounce && req->op == PV_BLK_READ)
		each_buffer(slot, data_of(slot), copy_out);
	if (!req->status)
		req->status = status;
	slot->req = NULL;
	q->free_slots[q->nr_free_slots++] = (uint16_t)(slot - q->slots);
	return --req->parts == 0;
}
