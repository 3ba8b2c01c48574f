/* SPDX-License-Identifier: MIT */
/*
 * vdisk.c - what the steps of the state table mean for a disk
 *
 * The toolstack names the image (`params`) and how the guest may use it (`mode`); the frontend
 * names its ring, its event channel and its word size. The one is checked when the device is
 * offered, the other when it connects; the worker gets numbers and two open descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "supervisor.h"

static void release(struct device *dev)
{
	if (dev->disk.fd >= 0)
		close(dev->disk.fd);
	dev->disk.fd = -1;
}

static int read_settings(struct device *dev)
{
	uint64_t mode;
	char text[4];

	if (store_text(dev, XBT_NULL, dev->be_path, XS_B_PARAMS, dev->disk.target,
		       sizeof(dev->disk.target)))
		return device_reason(dev, "the key params, which names its image, is missing");
	if (store_text(dev, XBT_NULL, dev->be_path, XS_B_MODE, text, sizeof(text)))
		return device_reason(dev, "the key mode, r or w, is missing");
	xs_parse(XS_B_MODE, text, strlen(text), &mode);
	dev->disk.readonly = text[0] == 'r';
	return 0;
}

/* The size of what fd is, in bytes; 0 with a reason if it cannot be a disk. */
static uint64_t measure(struct device *dev)
{
	const char *path = dev->disk.target;
	uint64_t bytes = 0;
	unsigned int physical = 0;
	struct stat st;

	dev->disk.sector_size = BLK_SECTOR;
	dev->disk.physical_sector_size = BLK_SECTOR;
	if (fstat(dev->disk.fd, &st))
		return 0;
	dev->identity[0] = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	dev->identity[1] = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	if (S_ISREG(st.st_mode)) {
		bytes = (uint64_t)st.st_size;
	} else if (S_ISBLK(st.st_mode)) {
		if (ioctl(dev->disk.fd, BLKGETSIZE64, &bytes))
			bytes = 0;
		if (ioctl(dev->disk.fd, BLKPBSZGET, &physical) == 0 && physical >= BLK_SECTOR)
			dev->disk.physical_sector_size = physical;
	} else {
		device_reason(dev, "%s is neither a file nor a block device: name an image",
			      path);
		return 0;
	}
	if (bytes == 0)
		device_reason(dev, "%s is empty: give it a size, as with truncate -s", path);
	else if (bytes % BLK_SECTOR)
		device_reason(dev, "%s has %llu bytes, not a multiple of %d: is it a raw image?",
			      path, (unsigned long long)bytes, BLK_SECTOR);
	else
		return bytes;
	return 0;
}

static int prepare(struct device *dev)
{
	uint64_t bytes;
	int locked = 0;

	if (dev->disk.fd >= 0)
		return 0;
	if (read_settings(dev))
		return -1;
	/* O_NONBLOCK: a FIFO is refused below, and must not be waited for here */
	dev->disk.fd = open(dev->disk.target, O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
			    (dev->disk.readonly ? O_RDONLY : O_RDWR));
	if (dev->disk.fd < 0)
		return device_reason(dev, "%s: %s: check the path and its permissions",
				     dev->disk.target, strerror(errno));
	/* a read-only block device can be opened for writing all the same */
	if (!dev->disk.readonly && ioctl(dev->disk.fd, BLKROGET, &locked) == 0 && locked) {
		release(dev);
		return device_reason(dev, "%s is read-only: attach it with access=ro",
				     dev->disk.target);
	}
	fcntl(dev->disk.fd, F_SETFL, 0);	/* from now on it may wait */
	bytes = measure(dev);
	if (bytes == 0) {
		release(dev);
		return -1;
	}
	dev->disk.sectors = bytes / BLK_SECTOR;
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
	msg->vdisk.sectors = dev->disk.sectors;
	msg->vdisk.sector_size = dev->disk.sector_size;
	msg->vdisk.flags = (dev->disk.readonly ? WIRE_READONLY : 0) |
			   (persistent ? WIRE_PERSISTENT : 0);
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
	.prepare = prepare,
	.publish = publish,
	.collect = collect,
	.is_current = is_current,
	.announce = announce,
	.release = release,
};
