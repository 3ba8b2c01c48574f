/* SPDX-License-Identifier: MIT */
/*
 * blk_ring.c - the rings of a connection: how many, how large, where the backend finds them
 *
 * The backend says how many queues and how many pages each it takes, by two numbers that may be
 * absent (one), larger than anything we do, or another after it has started over. What we ask for
 * is the least of that, of what our owner wants, and of what the port has left.
 *
 * One queue stands in the device's directory itself, several in one directory each; one page has a
 * key of its own, several are numbered (xen/io/blkif.h). An earlier owner may have left keys of the
 * other forms: those that would make a backend look there are removed.
 *
 * A ring is never used for a second connection: a backend that died may have left a process behind
 * that still writes to it. The one rule for its pages is that of blk_pool.c: one that the backend
 * may still reach is kept aside, and asked for again. A backend that hoards rings by restarting
 * over and over is given up.
 */
#include "blk.h"

static const char no_grant[] = "no grant left for its ring";
static const char no_channel[] = "no event channel left";

static const char *choose_layout(const struct pv_blk *blk, enum blk_abi *abi)
{
	const char *native = blk_abi_native(abi);

	switch (blk->options.layout) {
	case PV_BLK_LAYOUT_32:
		*abi = BLK_ABI_32;
		return "x86_32-abi";
	case PV_BLK_LAYOUT_64:
		*abi = BLK_ABI_64;
		return "x86_64-abi";
	default:
		return native;
	}
}

/*
 * Making
 */

/* What the port has none of, or NULL. */
static const char *make_queue(struct pv_blk_queue *q, uint32_t order)
{
	struct pv_device *dev = &q->blk->dev;
	uint16_t domid = (uint16_t)dev->backend_domid;

	q->ring.nr = 1u << order;
	if (pvos_grant_pages(dev->os, domid, q->ring.nr, false, &q->ring.pages, q->ring.grefs)) {
		q->ring.pages = NULL;
		return no_grant;
	}
	if (pvos_evtchn_open(dev->os, domid, &q->port))
		return no_channel;
	q->port_open = true;
	choose_layout(q->blk, &q->front.abi);
	q->nr_slots = blk_ring_size(q->front.abi, q->ring.nr * (size_t)BLK_PAGE);
	ring_front_init(&q->front.ring, q->ring.pages, q->nr_slots);
	blk_slots_init(q);
	return NULL;
}

/* As many as there can be of this size; 0, and what is lacking. */
static uint32_t make_queues(struct pv_blk *blk, uint32_t order, uint32_t queues,
			    const char **lacks)
{
	uint32_t made = 0;

	for (; made < queues; made++) {
		*lacks = make_queue(&blk->queues[made], order);
		if (*lacks)
			break;
	}
	blk->nr_queues = made;
	return made;
}

static int read_offer(struct pv_blk *blk, uint32_t *order, uint32_t *queues)
{
	uint64_t max_order, max_queues;
	int rc = pv_device_read(&blk->dev, XS_B_MAX_RING_PAGE_ORDER, &max_order);

	if (!rc)
		rc = pv_device_read(&blk->dev, XS_B_MULTI_QUEUE_MAX_QUEUES, &max_queues);
	if (rc)
		return rc;
	*order = max_order < blk->options.ring_order ? (uint32_t)max_order :
						       blk->options.ring_order;
	*queues = max_queues < blk->options.queues ? (uint32_t)max_queues : blk->options.queues;
	return PV_OK;
}

int blk_rings_begin(struct pv_blk *blk)
{
	const char *lacks = NULL;
	uint32_t order, queues;
	int rc;

	if (blk->nr_queues)
		return PV_OK;
	rc = read_offer(blk, &order, &queues);
	if (rc)
		return rc;
	/* A ring is contiguous: smaller ones may be had where large ones are not. */
	while (make_queues(blk, order, queues, &lacks) < queues && lacks == no_grant && order) {
		rc = blk_rings_end(blk, 0);
		if (rc)
			return rc;
		order--;
	}
	if (!blk->nr_queues)
		return pv_device_fail(&blk->dev, PV_ENOMEM, lacks, NULL);
	return blk_rings_end(blk, blk->nr_queues);
}

/*
 * Telling
 */

struct ring_keys {
	enum xs_key_id page, pages, channel;
};

static const struct ring_keys only_queue = {
	XS_F_RING_REF, XS_F_RING_REF_N, XS_F_EVENT_CHANNEL
};
static const struct ring_keys one_of_several = {
	XS_F_QUEUE_RING_REF, XS_F_QUEUE_RING_REF_N, XS_F_QUEUE_EVENT_CHANNEL
};

static int write_ring(const struct pv_blk_queue *q, const struct ring_keys *keys)
{
	struct pv_device *dev = &q->blk->dev;
	bool several = keys == &one_of_several;
	int rc;

	if (q->ring.nr == 1) {
		rc = pv_device_write(dev, keys->pages, several ? q->index : 0, 0, NULL);
		if (!rc)
			rc = pv_device_write_number(dev, keys->page, q->index, 0,
						    q->ring.grefs[0]);
	} else {
		rc = pv_device_write(dev, keys->page, q->index, 0, NULL);
		for (uint32_t i = 0; !rc && i < q->ring.nr; i++)
			rc = pv_device_write_number(dev, keys->pages, several ? q->index : i, i,
						    q->ring.grefs[i]);
	}
	return rc ? rc : pv_device_write_number(dev, keys->channel, q->index, 0, q->port);
}

static int write_queues(struct pv_blk *blk)
{
	struct pv_device *dev = &blk->dev;
	int rc;

	if (blk->nr_queues == 1) {
		rc = pv_device_write(dev, XS_F_MULTI_QUEUE_NUM_QUEUES, 0, 0, NULL);
		return rc ? rc : write_ring(&blk->queues[0], &only_queue);
	}
	rc = pv_device_write_number(dev, XS_F_MULTI_QUEUE_NUM_QUEUES, 0, 0, blk->nr_queues);
	if (!rc)
		rc = pv_device_write(dev, XS_F_RING_REF, 0, 0, NULL);
	if (!rc)
		rc = pv_device_write(dev, XS_F_EVENT_CHANNEL, 0, 0, NULL);
	for (uint32_t i = 0; !rc && i < blk->nr_queues; i++)
		rc = write_ring(&blk->queues[i], &one_of_several);
	return rc;
}

static int write_order(struct pv_blk *blk)
{
	uint32_t pages = blk->queues[0].ring.nr, order = 0;
	int rc = pv_device_write(&blk->dev, XS_F_NUM_RING_PAGES, 0, 0, NULL);

	if (rc)
		return rc;
	if (pages == 1)
		return pv_device_write(&blk->dev, XS_F_RING_PAGE_ORDER, 0, 0, NULL);
	while (1u << order < pages)
		order++;
	return pv_device_write_number(&blk->dev, XS_F_RING_PAGE_ORDER, 0, 0, order);
}

int blk_rings_write(struct pv_blk *blk)
{
	enum blk_abi abi;
	int rc = write_order(blk);

	if (!rc)
		rc = write_queues(blk);
	if (!rc)
		rc = pv_device_write(&blk->dev, XS_F_PROTOCOL, 0, 0, choose_layout(blk, &abi));
	return rc;
}

/*
 * Giving up
 */

/* Gives a ring back now, or keeps it aside. */
static int retire(struct pv_blk_queue *q)
{
	struct pv_device *dev = &q->blk->dev;
	struct blk_pages ring = q->ring;
	uint32_t i = 0;

	q->ring.pages = NULL;
	if (!ring.pages ||
	    pvos_ungrant_pages(dev->os, ring.pages, ring.nr, ring.grefs) == PV_OK)
		return PV_OK;
	while (i < BLK_STUCK_MAX - 1 && q->stuck[i].pages)
		i++;
	q->stuck[i] = ring;
	pv_device_hold(dev);
	/* The last place is only for the ring with which we give up. */
	return i < BLK_STUCK_MAX - 1 ? PV_OK :
	       pv_device_fail(dev, PV_EBACKEND, "the backend keeps too many old rings", NULL);
}

int blk_rings_end(struct pv_blk *blk, uint32_t from)
{
	int rc = PV_OK;

	for (uint32_t i = from; i < blk->options.queues; i++) {
		struct pv_blk_queue *q = &blk->queues[i];
		int failed;

		q->flowing = false;
		blk_slots_init(q);
		if (q->port_open)
			pvos_evtchn_close(blk->dev.os, q->port);
		q->port_open = false;
		failed = retire(q);
		rc = rc ? rc : failed;
	}
	if (from < blk->nr_queues)
		blk->nr_queues = from;
	return rc;
}

int blk_rings_reclaim(struct pv_blk *blk)
{
	int rc = PV_OK;

	blk_for_each_queue(blk, q) {
		for (uint32_t i = 0; i < BLK_STUCK_MAX; i++) {
			struct blk_pages *ring = &q->stuck[i];

			if (!ring->pages)
				continue;
			if (pvos_ungrant_pages(blk->dev.os, ring->pages, ring->nr,
					       ring->grefs) == PV_OK)
				ring->pages = NULL;
			else
				rc = PV_EBUSY;
		}
	}
	return rc;
}
