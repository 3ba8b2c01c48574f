/* SPDX-License-Identifier: MIT */
/*
 * discard.c - whether an image is able to discard
 *
 * A file is asked to make a hole behind its end, which changes nothing. Of a block device the
 * kernel says in sysfs what it takes, and a server says it to the worker. The toolstack may forbid
 * it (discard-enable), as for an image that was allocated in full on purpose; a read-only disk has
 * no use for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "blk_abi.h"
#include "supervisor.h"

#define UNIT_MAX	(32u << 20)	/* bytes: beyond it a guest could discard next to nothing */

static bool file_discards(int fd, const struct stat *st)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (st->st_size + BLK_PAGE - 1) & ~(off_t)(BLK_PAGE - 1), BLK_PAGE) == 0;
}

/* A number that the kernel says of a block device, or of the one that it is a partition of; 0 if it
 * says none. */
static uint64_t device_says(const struct stat *st, const char *what)
{
	static const char *const where[] = { "", "../" };
	char path[96], text[32];
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		ssize_t n = -1;
		int fd;

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s%s", major(st->st_rdev),
			 minor(st->st_rdev), where[i], what);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, text, sizeof(text));
		close(fd);
		if (n <= 1 || xs_parse_u64(text, (size_t)n - 1, &value) != XS_OK)
			value = 0;
		break;
	}
	return value;
}

static uint32_t bounded(uint64_t value)
{
	return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* A range that no device takes is refused for that by one that erases, and changes nothing. */
static bool device_erases(int fd)
{
	const uint64_t range[2] = { 1, 1 };

	return ioctl(fd, BLKSECDISCARD, range) && errno == EINVAL;
}

/* What is behind a file, and what is left there of a hole, nobody can say; but in memory the worker
 * writes over it. */
static bool memory_erases(const struct device *dev)
{
	struct statfs fs;

	return dev->disk.kind == XS_TARGET_RAM && fstatfs(dev->disk.fd, &fs) == 0 &&
	       fs.f_type == TMPFS_MAGIC;
}

bool image_may_discard(struct device *dev)
{
	uint64_t enabled = 1;

	return !dev->disk.readonly &&
	       (store_number(dev, XBT_NULL, dev->be_path, XS_B_DISCARD_ENABLE, 0, &enabled) ||
		enabled);
}

/* What a server or the store says, which may be anything. */
static void take_granularity(struct device *dev, uint64_t unit)
{
	bool usable = unit <= UNIT_MAX && !(unit & (unit - 1)) && unit > dev->disk.sector_size;

	dev->disk.discard_granularity = usable ? (uint32_t)unit : dev->disk.sector_size;
	dev->disk.discard_alignment = 0;
}

/* Every server of an image says that it discards; of most formats it does nothing. */
void image_take_discard(struct device *dev, uint32_t unit)
{
	dev->disk.discard = unit && image_may_discard(dev) &&
			    (dev->disk.kind == XS_TARGET_NBD || format_discards(dev->disk.kind));
	dev->disk.discard_secure = false;
	take_granularity(dev, unit);
}

void image_recall_discard(struct device *dev)
{
	uint64_t told = 0, unit = 0;

	dev->disk.discard = image_may_discard(dev) &&
			    store_number(dev, XBT_NULL, dev->be_path, XS_B_FEATURE_DISCARD, 0,
					 &told) == 0 && told;
	dev->disk.discard_secure = false;
	if (store_number(dev, XBT_NULL, dev->be_path, XS_B_DISCARD_GRANULARITY, 0, &unit))
		unit = 0;
	take_granularity(dev, unit);
}

void image_find_discard(struct device *dev)
{
	struct stat st;

	dev->disk.discard = dev->disk.discard_secure = false;
	if (!image_may_discard(dev) || fstat(dev->disk.fd, &st))
		return;
	if (S_ISREG(st.st_mode)) {
		dev->disk.discard = file_discards(dev->disk.fd, &st);
		dev->disk.discard_granularity = bounded((uint64_t)st.st_blksize);
		dev->disk.discard_alignment = 0;
		dev->disk.discard_secure = dev->disk.discard && memory_erases(dev);
	} else if (S_ISBLK(st.st_mode)) {
		dev->disk.discard = device_says(&st, "queue/discard_max_bytes") > 0;
		dev->disk.discard_granularity =
			bounded(device_says(&st, "queue/discard_granularity"));
		dev->disk.discard_alignment = bounded(device_says(&st, "discard_alignment"));
		dev->disk.discard_secure = dev->disk.discard && device_erases(dev->disk.fd);
	}
	if (dev->disk.discard_granularity < dev->disk.sector_size)
		dev->disk.discard_granularity = dev->disk.sector_size;
}
