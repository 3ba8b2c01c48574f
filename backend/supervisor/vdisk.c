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

/* Of a disk that is no drive: without an image it is offered, and waits for one. libxl leaves the
 * key out, or empty. */
static bool has_medium(struct device *dev)
{
	char path[XS_PATH_MAX * 2];
	int rc = store_text(dev, XBT_NULL, dev->be_path, XS_B_PARAMS, path, sizeof(path));

	return rc == 0 ? path[0] != '\0' : rc != -ENOENT;
}

static int ready(struct device *dev)
{
	int rc = hotplug_ready(dev);

	if (rc <= 0 || medium_may_change(dev) || has_medium(dev))
		return rc;
	device_reason(dev, "there is no medium in it (params is empty): insert one, or detach it");
	return 0;
}

#define MAX_SEGMENTS 256	/* of an indirect request; the worker's validate.h has the same */

static bool publish(struct device *dev, xs_transaction_t t)
{
	return store_put_number(dev, t, XS_B_FEATURE_FLUSH_CACHE, 1) &&
	       store_put_number(dev, t, XS_B_FEATURE_BARRIER, 1) &&
	       store_put_number(dev, t, XS_B_FEATURE_PERSISTENT, 1) &&
	       store_put_number(dev, t, XS_B_FEATURE_MAX_INDIRECT_SEGMENTS, MAX_SEGMENTS) &&
	       rings_offer(dev, t);
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

/* xen/io/blkif.h once had frontends count in units of sector-size, and say so; that was taken back,
 * and 512 bytes is the unit whatever is said. One that means it would write to wrong places. */
static int check_units(struct device *dev)
{
	uint64_t other_units = 0;

	if (store_optional(dev, dev->fe_path, XS_F_FEATURE_LARGE_SECTOR_SIZE, &other_units))
		return -1;
	if (!other_units || dev->disk.sector_size == BLK_SECTOR)
		return 0;
	return device_reason(dev, "its frontend does not count in 512 bytes "
			     "(feature-large-sector-size), and the disk has sectors of %u: attach "
			     "it with sector-size=512, or take another driver",
			     dev->disk.sector_size);
}

static int collect(struct device *dev, struct wire_msg *msg, int *fds)
{
	uint64_t persistent;
	int rc;

	if (check_units(dev))
		return -1;
	if (rings_read(dev, &msg->vdisk))
		return device_reason(dev, "the frontend has not said where its ring and its "
				     "event channel are");
	if (store_optional(dev, dev->fe_path, XS_F_FEATURE_PERSISTENT, &persistent) ||
	    read_abi(dev, &msg->vdisk.abi))
		return device_reason(dev, "the frontend's keys cannot be read");
	rc = journal_file_grow(dev, msg->vdisk.nr_queues,
			       blk_ring_size(msg->vdisk.abi,
					     msg->vdisk.nr_grefs * (size_t)BLK_PAGE));
	if (rc)
		return device_reason(dev, "its journal cannot be made larger: %s", strerror(-rc));
	msg->vdisk.target = dev->disk.kind == XS_TARGET_NULL ? WIRE_NULL :
			    dev->remote.used ? WIRE_NBD : WIRE_FILE;
	msg->vdisk.reconnect = dev->disk.reconnect;
	msg->vdisk.sectors = dev->disk.sectors;
	msg->vdisk.sector_size = dev->disk.sector_size;
	msg->vdisk.flags = (dev->disk.readonly ? WIRE_READONLY : 0) |
			   (persistent ? WIRE_PERSISTENT : 0) |
			   (dev->disk.discard ? WIRE_DISCARD : 0) |
			   (dev->disk.discard_secure ? WIRE_SECURE : 0) |
			   (dev->disk.direct ? WIRE_DIRECT : 0);
	fds[1] = dev->journal_fd;
	return 0;
}

static bool is_current(struct device *dev)
{
	struct wire_msg msg = { 0 };
	int fds[WIRE_MAX_FDS];

	if (!read_once(&dev->journal->connected) || collect(dev, &msg, fds))
		return false;
	for (unsigned int i = 0; i < msg.vdisk.nr_queues; i++) {
		const struct journal_ring ring = {
			.gref0 = msg.vdisk.queue[i].gref[0], .port = msg.vdisk.queue[i].port,
			.abi = msg.vdisk.abi, .nr_queues = msg.vdisk.nr_queues,
		};

		if (memcmp(&journal_file_head(dev, i)->ring, &ring, sizeof(ring)))
			return false;
	}
	return true;
}

static bool announce_discard(struct device *dev, xs_transaction_t t)
{
	return store_put_number(dev, t, XS_B_FEATURE_DISCARD, dev->disk.discard) &&
	       (!dev->disk.discard ||
		(store_put_number(dev, t, XS_B_DISCARD_GRANULARITY,
				  dev->disk.discard_granularity) &&
		 store_put_number(dev, t, XS_B_DISCARD_ALIGNMENT, dev->disk.discard_alignment) &&
		 store_put_number(dev, t, XS_B_DISCARD_SECURE, dev->disk.discard_secure)));
}

/* xen/io/blkif.h: VDISK_* */
#define INFO_CDROM 1
#define INFO_REMOVABLE 2
#define INFO_READONLY 4

#define TYPE_CDROM 1	/* of the choices of device-type */

static uint32_t describe_drive(struct device *dev)
{
	uint64_t type;
	bool cdrom = store_number(dev, XBT_NULL, dev->be_path, XS_B_DEVICE_TYPE, 0, &type) == 0 &&
		     type == TYPE_CDROM;

	return (cdrom ? INFO_CDROM : 0) | (medium_may_change(dev) ? INFO_REMOVABLE : 0) |
	       (dev->disk.readonly ? INFO_READONLY : 0);
}

static bool announce(struct device *dev, xs_transaction_t t)
{
	return store_put_number(dev, t, XS_B_SECTORS, dev->disk.sectors) &&
	       store_put_number(dev, t, XS_B_SECTOR_SIZE, dev->disk.sector_size) &&
	       store_put_number(dev, t, XS_B_PHYSICAL_SECTOR_SIZE,
				dev->disk.physical_sector_size) &&
	       store_put_number(dev, t, XS_B_INFO, describe_drive(dev)) &&
	       (!medium_may_change(dev) || medium_announce(dev, t)) &&
	       announce_discard(dev, t);
}

static void complete(struct device *dev, struct wire_msg *msg)
{
	if (dev->limit.stale)
		limit_refresh(dev);
	msg->vdisk.limit = limit_to_tell(dev);
}

static int adopt(struct device *dev)
{
	dev->limit.stale = true;	/* they may have changed while nobody could tell it */
	return journal_file_open(dev);
}

static uint64_t progress(const struct device *dev)
{
	struct journal_stats stats;

	journal_file_stats(dev, &stats);
	return stats.batches;
}

static unsigned int arguments(const struct supervisor *sup, char **argv, unsigned int argc)
{
	static char lanes[16], spin[16];

	snprintf(lanes, sizeof(lanes), "%u", sup->max_queues);
	snprintf(spin, sizeof(spin), "%u", sup->spin_us);
	argv[argc++] = (char *)(uintptr_t)"--lanes";
	argv[argc++] = lanes;
	argv[argc++] = (char *)(uintptr_t)"--spin-us";
	argv[argc++] = spin;
	return argc;
}

static bool heard(struct device *dev, const struct wire_msg *msg, int fds[WIRE_MAX_FDS])
{
	(void)fds;
	switch (msg->type) {
	case WIRE_RESIZED:
		device_resized(dev);
		return true;
	case WIRE_LIMITED:
		limit_heard(dev, msg->limit.serial);
		return true;
	case WIRE_PROBED:
		remote_probed(dev, &msg->probed);
		return true;
	case WIRE_LINK_WANTED:
		remote_wanted(dev);
		return true;
	case WIRE_TROUBLE:
		device_trouble(dev, msg->result.text);
		return true;
	default:
		return false;
	}
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
	.lend = image_lend,
	.complete = complete,
	.adopt = adopt,
	.arguments = arguments,
	.progress = progress,
	.heard = heard,
	.change = medium_change,
	.release = image_close,
};
