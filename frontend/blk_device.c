/* SPDX-License-Identifier: MIT */
/*
 * blk_device.c - the vdisk frontend's turns of the handshake
 *
 * Publishing: a ring of one page, an event channel and (once) the data pages, made out to the
 * backend's domain. Connecting: what the backend says of the disk, checked. Both may be called
 * again after the port could not reach xenstore, and go on where they were.
 *
 * A ring page is never used for a second connection: a backend that died may have left a process
 * behind that still writes to it. The data pages are, for a request that the old backend still
 * works on is one that the new one is asked for again, into the same page.
 */
#include "blk.h"

#define INFO_CDROM	1u	/* xen/io/blkif.h: VDISK_* */
#define INFO_REMOVABLE	2u
#define INFO_READONLY	4u

#define MAX_SEGS	(PV_BLK_MAX_SECTORS / BLK_PAGE_SECTORS)

/* What an earlier owner of the device may have left, and what would make the backend look for our
 * ring elsewhere (a kernel that had several queues or pages, before a kexec). */
static const enum xs_key_id stale_keys[] = {
	XS_F_MULTI_QUEUE_NUM_QUEUES,
	XS_F_NUM_RING_PAGES,
	XS_F_RING_PAGE_ORDER,
	XS_F_RING_REF_N,
};

static struct pv_blk *to_blk(struct pv_device *dev)
{
	return container_of(dev, struct pv_blk, dev);
}

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

static int make_ring(struct pv_blk *blk)
{
	struct pv_device *dev = &blk->dev;
	uint16_t domid = (uint16_t)dev->backend_domid;

	if (!blk->ring_page && pvos_grant_pages(dev->os, domid, 1, false, &blk->ring_page,
						&blk->ring_gref)) {
		blk->ring_page = NULL;
		return pv_device_fail(dev, PV_ENOMEM, "no grant left for its ring", NULL);
	}
	choose_layout(blk, &blk->front.abi);
	ring_front_init(&blk->front.ring, blk->ring_page,
			blk_ring_size(blk->front.abi, BLK_PAGE));
	blk_slots_init(blk);
	if (!blk->port_open && pvos_evtchn_open(dev->os, domid, &blk->port))
		return pv_device_fail(dev, PV_ENOMEM, "no event channel left", NULL);
	blk->port_open = true;
	return PV_OK;
}

static int write_keys(struct pv_blk *blk)
{
	struct pv_device *dev = &blk->dev;
	enum blk_abi abi;
	int rc = PV_OK;

	for (size_t i = 0; !rc && i < sizeof(stale_keys) / sizeof(stale_keys[0]); i++)
		rc = pv_device_write(dev, stale_keys[i], 0, NULL);
	if (!rc)
		rc = pv_device_write_number(dev, XS_F_RING_REF, blk->ring_gref);
	if (!rc)
		rc = pv_device_write_number(dev, XS_F_EVENT_CHANNEL, blk->port);
	if (!rc)
		rc = pv_device_write(dev, XS_F_PROTOCOL, 0, choose_layout(blk, &abi));
	if (!rc)
		rc = pv_device_write_number(dev, XS_F_FEATURE_PERSISTENT,
					    !blk->options.no_persistent);
	return rc;
}

static int blk_publish(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	int rc = make_ring(blk);	/* first: the buffers take whatever grants there are */

	if (!rc)
		rc = blk_pool_fill(blk);
	if (!rc)
		rc = write_keys(blk);
	return rc;
}

/* The size and its unit, which must fit together. Requests are checked in units of 512 bytes, and
 * a page must hold whole sectors. */
static int read_size(struct pv_device *dev, struct pv_blk_info *info)
{
	uint64_t sectors, size, physical;
	int rc = pv_device_read(dev, XS_B_SECTORS, &sectors);

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
		XS_B_DISCARD_GRANULARITY, XS_B_DISCARD_ALIGNMENT,
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
	info->max_sectors = blk_max_sectors(info->depth, to_blk(dev)->max_segs);
	info->discard = value[6];
	info->discard_granularity = value[7] ? (uint32_t)value[7] : info->sector_size;
	info->discard_alignment = (uint32_t)value[8];
	return PV_OK;
}

static int blk_connect(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	struct pv_blk_info info = { .depth = blk->info.depth };
	int rc = read_size(dev, &info);

	if (!rc)
		rc = read_features(dev, &info);
	if (rc)
		return rc;
	blk->info = info;
	blk->flowing = true;
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

static void blk_disconnect(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);

	blk->flowing = false;
	if (!dev->wanted)
		blk_finish_all(blk, dev->error ? dev->error : PV_EGONE);
}

static int blk_reset(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	void *page = blk->ring_page;

	blk->flowing = false;
	blk_slots_init(blk);
	if (blk->port_open)
		pvos_evtchn_close(dev->os, blk->port);
	blk->port_open = false;
	blk->ring_page = NULL;
	return page ? blk_pool_retire(blk, page, blk->ring_gref) : PV_OK;
}

static int blk_reclaim(struct pv_device *dev)
{
	return blk_pool_reclaim(to_blk(dev));
}

static int blk_release(struct pv_device *dev)
{
	struct pv_blk *blk = to_blk(dev);
	int kept, old;

	blk_disconnect(dev);	/* the end may have come while requests waited for a backend */
	blk_reset(dev);
	kept = blk_pool_drain(blk);
	old = blk_pool_reclaim(blk);
	return kept ? kept : old;
}

const struct pv_class blk_class = {
	.id = XS_CLASS_VDISK,
	.publish = blk_publish,
	.connect = blk_connect,
	.changed = blk_changed,
	.disconnect = blk_disconnect,
	.reset = blk_reset,
	.reclaim = blk_reclaim,
	.release = blk_release,
};
