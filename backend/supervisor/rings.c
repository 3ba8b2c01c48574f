/* SPDX-License-Identifier: MIT */
/*
 * rings.c - the rings that a disk's frontend has chosen
 *
 * With one queue the keys stand in the frontend's directory, also if multi-queue-num-queues says 1;
 * from two on in a directory a queue, as xen-blkback reads them and xen-blkfront writes them. How
 * many are accepted is what this backend has written into the device's own directory, which another
 * xpvd with other options may have done.
 *
 * A ring or an event channel that two queues have would be served by two threads at once: it is
 * refused, though only the guest would be hurt.
 */
#include <errno.h>

#include "blk_abi.h"
#include "supervisor.h"

struct ring_keys {
	enum xs_key_id page, page_n, port;
};

static const struct ring_keys one_queue = {
	XS_F_RING_REF, XS_F_RING_REF_N, XS_F_EVENT_CHANNEL,
};

static const struct ring_keys several_queues = {
	XS_F_QUEUE_RING_REF, XS_F_QUEUE_RING_REF_N, XS_F_QUEUE_EVENT_CHANNEL,
};

bool rings_offer(struct device *dev, xs_transaction_t t)
{
	/* one thread of the worker's has all that libnbd knows */
	return store_put_number(dev, t, XS_B_MAX_RING_PAGE_ORDER, BLK_MAX_RING_ORDER) &&
	       store_put_number(dev, t, XS_B_MULTI_QUEUE_MAX_QUEUES,
				dev->remote.used ? 1 : dev->sup->max_queues);
}

static int read_queues(struct device *dev, struct wire_vdisk *disk)
{
	uint64_t asked, offered;
	int rc = store_optional(dev, dev->fe_path, XS_F_MULTI_QUEUE_NUM_QUEUES, &asked);

	if (rc == 0)
		rc = store_optional(dev, dev->be_path, XS_B_MULTI_QUEUE_MAX_QUEUES, &offered);
	if (rc)
		return rc;
	if (offered > WIRE_MAX_QUEUES)
		offered = WIRE_MAX_QUEUES;
	if (asked > offered)
		return device_reason(dev, "it asks for %u queues, and multi-queue-max-queues is "
				     "%u", (unsigned int)asked, (unsigned int)offered);
	disk->nr_queues = (uint32_t)asked;
	return 0;
}

/* The rings' size: by order; by number of pages, as old frontends say it; or one page. */
static int read_pages(struct device *dev, struct wire_vdisk *disk)
{
	uint64_t order, number = 1;
	int rc = store_number(dev, XBT_NULL, dev->fe_path, XS_F_RING_PAGE_ORDER, 0, &order);

	if (rc == 0)
		number = 1u << order;		/* the schema bounds it */
	else if (rc == -ENOENT)
		rc = store_optional(dev, dev->fe_path, XS_F_NUM_RING_PAGES, &number);
	if (rc)
		return rc;
	disk->nr_grefs = (uint32_t)number;
	if (number & (number - 1))
		return device_reason(dev, "its ring has %u pages: not a power of two",
				     disk->nr_grefs);
	return 0;
}

/* A ring of one page is named with and without its index, by different frontends. */
static int read_page(struct device *dev, const struct wire_vdisk *disk, unsigned int queue,
		     unsigned int page, uint64_t *gref)
{
	const bool several = disk->nr_queues > 1;
	const struct ring_keys *keys = several ? &several_queues : &one_queue;
	int rc = -ENOENT;

	if (disk->nr_grefs == 1)
		rc = store_number(dev, XBT_NULL, dev->fe_path, keys->page, queue, gref);
	if (rc != -ENOENT)
		return rc;
	return several ?
	       store_number_2(dev, XBT_NULL, dev->fe_path, keys->page_n, queue, page, gref) :
	       store_number(dev, XBT_NULL, dev->fe_path, keys->page_n, page, gref);
}

static int read_queue(struct device *dev, struct wire_vdisk *disk, unsigned int queue)
{
	const struct ring_keys *keys = disk->nr_queues > 1 ? &several_queues : &one_queue;
	struct wire_queue *q = &disk->queue[queue];
	uint64_t value = 0;
	int rc = 0;

	for (unsigned int i = 0; i < disk->nr_grefs && rc == 0; i++) {
		rc = read_page(dev, disk, queue, i, &value);
		q->gref[i] = (uint32_t)value;
	}
	if (rc == 0)
		rc = store_number(dev, XBT_NULL, dev->fe_path, keys->port, queue, &value);
	q->port = (uint32_t)value;
	if (rc == 0 || disk->nr_queues == 1)
		return rc;
	return device_reason(dev, "the frontend has not said where the ring and the event channel "
			     "of its queue %u are", queue);
}

static bool share_a_page(const struct wire_queue *a, const struct wire_queue *b, uint32_t nr)
{
	for (uint32_t i = 0; i < nr * nr; i++) {
		if (a->gref[i / nr] == b->gref[i % nr])
			return true;
	}
	return false;
}

static int compare_queues(struct device *dev, const struct wire_vdisk *disk, unsigned int a,
			  unsigned int b)
{
	if (disk->queue[a].port == disk->queue[b].port)
		return device_reason(dev, "its queues %u and %u have the same event channel", a,
				     b);
	if (share_a_page(&disk->queue[a], &disk->queue[b], disk->nr_grefs))
		return device_reason(dev, "its queues %u and %u share a page of their rings", a,
				     b);
	return 0;
}

int rings_read(struct device *dev, struct wire_vdisk *disk)
{
	int rc = read_queues(dev, disk);

	if (rc == 0)
		rc = read_pages(dev, disk);
	for (unsigned int i = 0; i < disk->nr_queues && rc == 0; i++) {
		rc = read_queue(dev, disk, i);
		for (unsigned int before = 0; before < i && rc == 0; before++)
			rc = compare_queues(dev, disk, before, i);
	}
	return rc;
}
