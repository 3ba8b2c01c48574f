/* SPDX-License-Identifier: MIT */
/*
 * blk_device.c - the vdisk frontend's turns of the handshake
 *
 * Publishing: rings and event channels (blk_ring.c) and, once, the data pages, made out to the
 * backend's domain. Connecting: what the backend says of the disk, checked. Both may be called
 * again after the port could not reach xenstore, and go on where they were.
 *
 * The data pages outlive a connection, for a request that the old backend still works on is one
 * that the new one is asked for again, into the same page.
 */
#include "blk.h"

#define INFO_CDROM	1u	/* xen/io/blkif.h: VDISK_* */
#define INFO_REMOVABLE	2u
#define INFO_READONLY	4u

#define MAX_SEGS	(PV_BLK_MAX_SECTORS / BLK_PAGE_SECTORS)

static struct pv_blk *to_blk(struct pv_device *dev)
{
	return container_of(dev, struct pv_blk, dev);
}

static int blk_publish(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	int rc = blk_rings_begin(blk);	/* first: the buffers take whatever grants there are */
	uint32_t queues;

	if (!rc)
		rc = blk_pool_fill(blk);
	if (rc)
		return rc;
	for (queues = blk->nr_queues; queues > 1 && !blk_pool_suffices(blk, queues); queues--)
		;
	rc = blk_rings_end(blk, queues);
	if (!rc)
		rc = blk_rings_write(blk);
	if (!rc)
		rc = pv_device_write_number(dev, XS_F_FEATURE_PERSISTENT, 0, 0,
					    !blk->options.no_persistent);
	return rc;
}

/* The size and its unit, which must fit together; only a drive may have nothing in it. Requests are
 * checked in units of 512 bytes, and a page must hold whole sectors. */
static int read_size(struct pv_device *dev, struct pv_blk_info *info)
{
	uint64_t sectors, size, physical, flags;
	int rc = pv_device_read(dev, XS_B_SECTORS, &sectors);

	if (!rc)
		rc = pv_device_read(dev, XS_B_INFO, &flags);
	if (!rc && !sectors && !(flags & INFO_REMOVABLE))
		rc = pv_device_fail(dev, PV_EBACKEND, "the backend wrote an impossible ",
				    xs_key(XS_B_SECTORS)->name);
	if (!rc)
		rc = pv_device_read(dev, XS_B_SECTOR_SIZE, &size);
	if (!rc)
		rc = pv_device_read(dev, XS_B_PHYSICAL_SECTOR_SIZE, &physical);
	if (rc)
		return rc;
	if (size > BLK_PAGE || (size & (size - 1)))
		return pv_device_fail(dev, PV_EBACKEND, "no disk has such a ",
				      xs_key(XS_B_SECTOR_SIZE)->name);
	if (sectors & (size / BLK_SECTOR - 1))
		return pv_device_fail(dev, PV_EBACKEND, "the disk ends within a sector", NULL);
	info->sectors = sectors;
	info->sector_size = (uint32_t)size;
	info->physical_sector_size = physical < size ? (uint32_t)size : (uint32_t)physical;
	return PV_OK;
}

static int read_features(struct pv_device *dev, struct pv_blk_info *info)
{
	static const enum xs_key_id keys[] = {
		XS_B_MODE, XS_B_INFO, XS_B_FEATURE_FLUSH_CACHE, XS_B_FEATURE_BARRIER,
		XS_B_FEATURE_PERSISTENT, XS_B_FEATURE_MAX_INDIRECT_SEGMENTS, XS_B_FEATURE_DISCARD,
		XS_B_DISCARD_GRANULARITY, XS_B_DISCARD_ALIGNMENT, XS_B_DISCARD_SECURE,
	};
	uint64_t value[sizeof(keys) / sizeof(keys[0])];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int rc = pv_device_read(dev, keys[i], &value[i]);

		if (rc)
			return rc;
	}
	info->readonly = value[0] == 0 || (value[1] & INFO_READONLY);	/* choices: r|w */
	info->cdrom = value[1] & INFO_CDROM;
	info->removable = value[1] & INFO_REMOVABLE;
	info->flush = value[2];
	info->barrier = value[3];
	info->persistent = value[4] && !to_blk(dev)->options.no_persistent;
	info->indirect = value[5] > PV_BLK_PAGES && !to_blk(dev)->options.no_indirect;
	to_blk(dev)->max_segs = !info->indirect ? PV_BLK_PAGES : value[5] < MAX_SEGS ?
				(uint32_t)value[5] : MAX_SEGS;
	info->discard = value[6];
	info->discard_granularity = value[7] ? (uint32_t)value[7] : info->sector_size;
	info->discard_alignment = (uint32_t)value[8];
	info->discard_secure = value[9];
	return PV_OK;
}

/* Of a queue. */
static void count_room(struct pv_blk *blk, struct pv_blk_info *info)
{
	uint32_t buffers = blk_pool_deal(blk);

	info->queues = blk->nr_queues;
	info->slots = blk->queues[0].nr_slots;
	info->depth = buffers < info->slots ? buffers : info->slots;
	info->max_sectors = blk_max_sectors(info->depth, blk->max_segs);
}

static int blk_connect(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	struct pv_blk_info info = { .sectors = 0 };
	int rc = read_size(dev, &info);

	if (!rc)
		rc = read_features(dev, &info);
	if (rc)
		return rc;
	count_room(blk, &info);
	blk->info = info;
	blk_for_each_queue(blk, q) {
		q->refused = 0;
		q->flowing = q->index < blk->nr_queues;
	}
	blk_requeue(blk);
	return PV_OK;
}

static int blk_changed(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	struct pv_blk_info info = blk->info;
	int rc = read_size(dev, &info);

	if (rc)
		return rc;
	if (info.sectors != blk->info.sectors)
		pv_device_log(dev, PV_LOG_INFO, "the disk has a new size", NULL);
	blk->info = info;
	return PV_OK;
}

static void blk_noticed(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);

	blk_for_each_queue(blk, q) {
		if (q->violation)
			pv_device_fail(dev, PV_EBACKEND, q->violation, NULL);
		q->violation = NULL;
		q->attention = false;
	}
}

static void blk_disconnect(struct pv_device *dev)
{
	blk_for_each_queue(to_blk(dev), q) {
		q->flowing = false;
		if (!dev->wanted)
			blk_finish_all(q, dev->error ? dev->error : PV_EGONE);
	}
}

static int blk_reset(struct pv_device *dev)
{
	return blk_rings_end(to_blk(dev), 0);
}

static int blk_reclaim(struct pv_device *dev)
{
	return blk_rings_reclaim(to_blk(dev));
}

static int blk_release(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	int kept, old;

	blk_disconnect(dev);	/* the end may have come while requests waited for a backend */
	blk_reset(dev);
	kept = blk_pool_drain(blk);
	old = blk_rings_reclaim(blk);
	return kept ? kept : old;
}

const struct pv_class blk_class = {
	.id = XS_CLASS_VDISK,
	.noticed = blk_noticed,
	.publish = blk_publish,
	.connect = blk_connect,
	.changed = blk_changed,
	.disconnect = blk_disconnect,
	.reset = blk_reset,
	.reclaim = blk_reclaim,
	.release = blk_release,
};
