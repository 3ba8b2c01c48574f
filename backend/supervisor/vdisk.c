/* SPDX-License-Identifier: MIT */
/*
 * vdisk.c - what the steps of the state table mean for a disk
 *
 * The toolstack and its scripts name the image (image.c opens it) and how the guest may use it; the
 * frontend names its ring, its event channel and its word size. The one is checked when the device
 * is offered, or when its script is done, the other when it connects; the worker gets numbers and
 * two open descriptors.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"
#include "supervisor.h"

/* A drive without medium is offered, and waits for one. libxl leaves the key out, or empty. */
static bool has_medium(struct device *dev)
{
	char path[XS_PATH_MAX * 2];
	int rc = store_text(dev, XBT_NULL, dev->be_path, XS_B_PARAMS, path, sizeof(path));

	return rc == 0 ? path[0] != '\0' : rc != -ENOENT;
}

static int ready(struct device *dev)
{
	int rc = hotplug_ready(dev);

	if (rc <= 0 || has_medium(dev))
		return rc;
	device_reason(dev, "there is no medium in it (params is empty): insert one, or detach it");
	return 0;
}

static bool publish(struct device *dev, xs_transaction_t t)
{
	return store_put_number(dev, t, XS_B_FEATURE_FLUSH_CACHE, 1) &&
	       store_put_number(dev, t, XS_B_FEATURE_BARRIER, 1) &&
	       store_put_number(dev, t, XS_B_FEATURE_PERSISTENT, 1);
}

/* An optional number of the frontend's: its default if it is absent. */
static int optional(struct device *dev, enum xs_key_id id, uint64_t *out)
{
	int rc = store_number(dev, XBT_NULL, dev->fe_path, id, 0, out);

	if (rc != -ENOENT)
		return rc;
	*out = xs_default(id);
	return 0;
}

static int read_abi(struct device *dev, uint32_t *out)
{
	enum blk_abi abi = BLK_ABI_64;
	char text[16];
	int rc = store_text(dev, XBT_NULL, dev->fe_path, XS_F_PROTOCOL, text, sizeof(text));

	if (rc == 0 && !blk_abi_parse(text, strlen(text), &abi))
		return device_reason(dev, "its protocol %s is not known", text);
	*out = abi;
	return rc == -ENOENT ? 0 : rc;
}

static int collect(struct device *dev, struct wire_msg *msg, int *fds)
{
	uint64_t gref, port, persistent;

	if (store_number(dev, XBT_NULL, dev->fe_path, XS_F_RING_REF, 0, &gref) ||
	    store_number(dev, XBT_NULL, dev->fe_path, XS_F_EVENT_CHANNEL, 0, &port))
		return device_reason(dev, "the frontend has not said where its ring and its "
				     "event channel are");
	if (optional(dev, XS_F_FEATURE_PERSISTENT, &persistent) ||
	    read_abi(dev, &msg->vdisk.abi))
		return device_reason(dev, "the frontend's keys cannot be read");
	msg->vdisk.target = dev->disk.kind == XS_TARGET_NULL ? WIRE_NULL :
			    dev->remote.used ? WIRE_NBD : WIRE_FILE;
	msg->vdisk.reconnect = dev->disk.reconnect;
	msg->vdisk.sectors = dev->disk.sectors;
	msg->vdisk.sector_size = dev->disk.sector_size;
	msg->vdisk.flags = (dev->disk.readonly ? WIRE_READONLY : 0) |
			   (persistent ? WIRE_PERSISTENT : 0) |
			   (dev->disk.direct ? WIRE_DIRECT : 0);
	msg->vdisk.port = (uint32_t)port;
	msg->vdisk.nr_grefs = 1;
	msg->vdisk.gref[0] = (uint32_t)gref;
	fds[0] = dev->disk.fd;
	fds[1] = dev->journal_fd;
	return 0;
}

static bool is_current(struct device *dev)
{
	const struct journal_head *journal = dev->journal;
	struct wire_msg msg = { 0 };
	int fds[WIRE_MAX_FDS];

	return journal->connected && collect(dev, &msg, fds) == 0 &&
	       journal->gref0 == msg.vdisk.gref[0] && journal->port == msg.vdisk.port &&
	       journal->abi == msg.vdisk.abi;
}

/* xen/io/blkif.h: VDISK_READONLY */
#define INFO_READONLY 4

static bool announce(struct device *dev, xs_transaction_t t)
{
	return store_put_number(dev, t, XS_B_SECTORS, dev->disk.sectors) &&
	       store_put_number(dev, t, XS_B_SECTOR_SIZE, dev->disk.sector_size) &&
	       store_put_number(dev, t, XS_B_PHYSICAL_SECTOR_SIZE,
				dev->disk.physical_sector_size) &&
	       store_put_number(dev, t, XS_B_INFO, dev->disk.readonly ? INFO_READONLY : 0);
}

const struct device_class vdisk_class = {
	.id = XS_CLASS_VDISK,
	.program = "xpv-vdisk",
	.program_nbd = "xpv-vdisk-nbd",
	.ready = ready,
	.prepare = image_open,
	.publish = publish,
	.collect = collect,
	.is_current = is_current,
	.announce = announce,
	.release = image_close,
};
