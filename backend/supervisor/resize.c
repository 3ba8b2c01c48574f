/* SPDX-License-Identifier: MIT */
/*
 * resize.c - a disk that grows under its guest
 *
 * The image comes first: it is made longer (a file) or found to be (a device that its own tools
 * have grown). Then the worker is told, and only when it has said that it takes requests for the
 * new part does the guest hear of it: `sectors` is written and then `state`, as it was, in one
 * transaction (xen/io/blkif.h). A worker that dies meanwhile leaves that to its successor, which
 * has the new size from the beginning.
 *
 * A disk never shrinks: its guest has data up to the end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>

#include "blk_abi.h"
#include "supervisor.h"

static const char *refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *refuse(const char *fmt, ...)
{
	static char why[REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return why;
}

/* What the image is to have, and has now; bytes 0: what it has. */
static const char *grow_image(struct device *dev, uint64_t bytes, uint64_t *now)
{
	const char *path = dev->disk.target;
	struct stat st;

	if (fstat(dev->disk.fd, &st))
		return refuse("%s: %s", path, strerror(errno));
	*now = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(dev->disk.fd, BLKGETSIZE64, now))
		return refuse("%s: %s", path, strerror(errno));
	if (bytes == 0 || bytes == *now)
		return NULL;
	if (S_ISBLK(st.st_mode))
		return refuse("%s has %llu bytes: give it another size with its own tools, as "
			      "lvextend, and leave SIZE out", path, (unsigned long long)*now);
	if (bytes < *now)
		return refuse("%s has %llu bytes, and a disk does not shrink: its guest has data "
			      "up to the end", path, (unsigned long long)*now);
	if (dev->disk.readonly)
		return refuse("%s is attached read-only: give it another size with truncate, and "
			      "leave SIZE out", path);
	if (ftruncate(dev->disk.fd, (off_t)bytes))
		return refuse("%s cannot be made longer: %s", path, strerror(errno));
	*now = bytes;
	return NULL;
}

static bool put_size(struct device *dev, xs_transaction_t t)
{
	return store_put_number(dev, t, XS_B_SECTORS, dev->disk.sectors);
}

/* A disk that an earlier supervisor connected is open in its worker alone. It is opened as for a
 * successor of that, and has the size that its guest was told. */
static const char *take_up(struct device *dev)
{
	const char *why = NULL;
	char kept[REASON_MAX];
	uint64_t told;

	if (dev->link != LINK_ATTACHED || !journal_file_connected(dev) ||
	    store_number(dev, XBT_NULL, dev->be_path, XS_B_SECTORS, 0, &told))
		return "the disk is not in use: its size is found when its guest connects";
	memcpy(kept, dev->reason, sizeof(kept));
	dev->reason[0] = '\0';
	if (device_open(dev))
		why = refuse("%s", dev->reason[0] ? dev->reason : "it cannot be opened");
	else
		dev->disk.sectors = told;
	memcpy(dev->reason, kept, sizeof(kept));
	return why;
}

const char *device_resize(struct device *dev, uint64_t bytes)
{
	const char *why = dev->disk.fd < 0 ? take_up(dev) : NULL;
	uint64_t now = 0;

	if (why)
		return why;
	/* its worker is told one size, and its guest would be another */
	if (dev->link == LINK_ATTACHING)
		return "the disk is being connected at this moment: try again";
	if (dev->disk.kind != XS_TARGET_FILE)
		return "only raw files and block devices grow under their guest: attach the disk "
		       "again";
	if (bytes % dev->disk.sector_size || bytes > INT64_MAX)
		return refuse("a disk's size is a multiple of %u bytes", dev->disk.sector_size);
	why = grow_image(dev, bytes, &now);
	if (why)
		return why;
	if (now % dev->disk.sector_size || now / BLK_SECTOR < dev->disk.sectors)
		return refuse("%s has %llu bytes, and the guest's disk %llu: it does not shrink; "
			      "make the image as long again", dev->disk.target,
			      (unsigned long long)now,
			      (unsigned long long)dev->disk.sectors * BLK_SECTOR);
	dev->disk.sectors = now / BLK_SECTOR;
	/* otherwise the next connection has it */
	dev->disk.grown = dev->link != LINK_NONE || dev->mine == XB_CONNECTED;
	if (dev->link == LINK_ATTACHED)
		worker_resize(dev);
	return NULL;
}

void device_resized(struct device *dev)
{
	int rc;

	if (!dev->disk.grown)
		return;
	dev->disk.grown = false;
	rc = store_switch_state(dev, XB_CONNECTED, XB_CONNECTED, put_size);
	if (rc == 0)
		log_info("%s: it has %llu sectors now", device_name(dev),
			 (unsigned long long)dev->disk.sectors);
	else if (rc != -EAGAIN)		/* it is another state: then the next connection has it */
		log_error("%s: xenstore does not take its new size: %s", device_name(dev),
			  strerror(-rc));
}
