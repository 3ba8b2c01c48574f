/* SPDX-License-Identifier: MIT */
/*
 * blk_api.c - the vdisk's interface: a device's memory, what there is to know of it, the list of
 * disks, and what is done to all queues alike
 */
#include "blk.h"

/* None beyond its maximum, none left to a default. */
static struct pv_blk_options normal(const struct pv_blk_options *options)
{
	struct pv_blk_options o = { .ring_order = 0 };
	unsigned int slots;

	if (options)
		o = *options;
	if (o.ring_order > PV_BLK_ORDER_MAX)
		o.ring_order = PV_BLK_ORDER_MAX;
	if (o.queues > PV_BLK_QUEUES_MAX)
		o.queues = PV_BLK_QUEUES_MAX;
	if (!o.queues)
		o.queues = 1;
	slots = PV_BLK_DEPTH << o.ring_order;
	if (!o.buffers || o.buffers > slots)
		o.buffers = (uint16_t)slots;
	return o;
}

size_t pv_blk_bytes(const struct pv_blk_options *options)
{
	struct pv_blk_options o = normal(options);

	return BLK_BYTES((size_t)o.queues, (size_t)PV_BLK_DEPTH << o.ring_order, o.buffers);
}

/* Cuts what follows the queues into their arrays. */
static void lay_out(struct pv_blk *blk)
{
	size_t slots = (size_t)PV_BLK_DEPTH << blk->options.ring_order;
	unsigned int queues = blk->options.queues;
	void *next = &blk->queues[queues];

	blk_for_each_queue(blk, q) {
		q->blk = blk;
		q->index = (uint32_t)(q - blk->queues);
		q->slots = next;
		for (size_t i = 0; i < slots; i++)
			q->slots[i].id = q->index * BLK_ID_QUEUE;
		next = &q->slots[slots];
	}
	blk->nr_buffers = (uint32_t)queues * blk->options.buffers;
	blk->buffers = next;
	next = &blk->buffers[blk->nr_buffers];
	blk_for_each_queue(blk, q) {
		q->free_slots = next;
		next = &q->free_slots[slots];
	}
}

struct pv_blk *pv_blk_init(void *memory, struct pv_os *os, uint32_t devid,
			   const struct pv_blk_options *options)
{
	struct pv_blk *blk = memory;

	__builtin_memset(memory, 0, pv_blk_bytes(options));
	pv_device_init(&blk->dev, &blk_class, os, devid);
	blk->options = normal(options);
	lay_out(blk);
	return blk;
}

struct pv_blk_queue *pv_blk_queue(struct pv_blk *blk, uint32_t i)
{
	return i < blk->options.queues ? &blk->queues[i] : NULL;
}

/*
 * The device
 */

/* How the backend broke the protocol, if it did and no step has been made since; or NULL. */
static const char *violation(const struct pv_blk *blk)
{
	blk_for_each_const_queue(blk, q) {
		const char *how = read_once(&q->violation);

		if (how)
			return how;
	}
	return NULL;
}

int pv_blk_step(struct pv_blk *blk)
{
	return pv_device_step(&blk->dev);
}

bool pv_blk_wants_step(const struct pv_blk *blk)
{
	blk_for_each_const_queue(blk, q)
		if (read_once(&q->attention))
			return true;
	return violation(blk) || pv_device_wants_step(&blk->dev);
}

enum pv_state pv_blk_state(const struct pv_blk *blk)
{
	enum pv_state state = pv_device_state(&blk->dev);

	return state < PV_CLOSING && violation(blk) ? PV_CLOSING : state;
}

enum pv_err pv_blk_error(const struct pv_blk *blk)
{
	return blk->dev.error || !violation(blk) ? blk->dev.error : PV_EBACKEND;
}

const char *pv_blk_reason(const struct pv_blk *blk)
{
	return blk->dev.error ? blk->dev.reason : violation(blk);
}

void pv_blk_info(const struct pv_blk *blk, struct pv_blk_info *info)
{
	uint32_t refused = 0;

	*info = blk->info;
	blk_for_each_const_queue(blk, q)
		refused |= read_once(&q->refused);
	info->flush &= !(refused & 1u << PV_BLK_FLUSH);
	info->barrier &= !(refused & 1u << PV_BLK_BARRIER);
	info->discard &= !(refused & 1u << PV_BLK_DISCARD);
	info->discard_secure &= info->discard && !(refused & 1u << BLK_REFUSED_SECURE);
}

void pv_blk_close(struct pv_blk *blk)
{
	pv_device_close(&blk->dev);
}

void pv_blk_abort(struct pv_blk *blk)
{
	pv_device_fail(&blk->dev, PV_EGONE, "its owner gave it up", NULL);
}

int pv_blk_fini(struct pv_blk *blk)
{
	blk_for_each_const_queue(blk, q)
		if (q->done.head)
			return PV_EBUSY;
	return blk->dev.released ? PV_OK : PV_EBUSY;
}

/*
 * All queues
 */

enum pv_err pv_blk_submit(struct pv_blk *blk, struct pv_blk_req *req)
{
	return pv_blkq_submit(&blk->queues[0], req);
}

struct pv_blk_buffer *pv_blk_buffer_get(struct pv_blk *blk)
{
	return pv_blkq_buffer_get(&blk->queues[0]);
}

void pv_blk_buffer_put(struct pv_blk *blk, struct pv_blk_buffer *buffer)
{
	pv_blkq_buffer_put(&blk->queues[0], buffer);
}

void pv_blk_kick(struct pv_blk *blk)
{
	blk_for_each_queue(blk, q)
		pv_blkq_kick(q);
}

static struct pv_blk_req *poll_queues(struct pv_blk *blk)
{
	blk_for_each_queue(blk, q) {
		struct pv_blk_req *req = pv_blkq_poll(q);

		if (req)
			return req;
	}
	return NULL;
}

struct pv_blk_req *pv_blk_poll(struct pv_blk *blk)
{
	struct pv_blk_req *req = poll_queues(blk);

	if (req || !violation(blk))
		return req;
	blk_class.noticed(&blk->dev);	/* we have all queues, and can give them up now */
	return poll_queues(blk);
}

bool pv_blk_pending(const struct pv_blk *blk)
{
	blk_for_each_const_queue(blk, q)
		if (pv_blkq_pending(q))
			return true;
	return false;
}

bool pv_blk_arm(struct pv_blk *blk)
{
	blk_for_each_queue(blk, q)
		if (pv_blkq_arm(q))
			return true;
	return false;
}

int pv_blk_list(struct pv_os *os, uint32_t *devids, size_t max)
{
	return pv_device_list(os, XS_CLASS_VDISK, devids, max);
}
