/* SPDX-License-Identifier: MIT */
/*
 * discard.c - whether an image is able to discard
 *
 * A file is asked to make a hole behind its end, which changes nothing. Of a block device the
 * kernel says in sysfs what it takes. The toolstack may forbid it (discard-enable), as for an image
 * that was allocated in full on purpose; a read-only disk has no use for it.
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "blk_abi.h"
#include "supervisor.h"

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

void image_find_discard(struct device *dev)
{
	uint64_t enabled = 1;
	struct stat st;

	dev->disk.discard = false;
	if (dev->disk.readonly || fstat(dev->disk.fd, &st) ||
	    (store_number(dev, XBT_NULL, dev->be_path, XS_B_DISCARD_ENABLE, 0, &enabled) == 0 &&
	     !enabled))
		return;
	if (S_ISREG(st.st_mode)) {
		dev->disk.discard = file_discards(dev->disk.fd, &st);
		dev->disk.discard_granularity = bounded((uint64_t)st.st_blksize);
		dev->disk.discard_alignment = 0;
	} else if (S_ISBLK(st.st_mode)) {
		dev->disk.discard = device_says(&st, "queue/discard_max_bytes") > 0;
		dev->disk.discard_granularity =
			bounded(device_says(&st, "queue/discard_granularity"));
		dev->disk.discard_alignment = bounded(device_says(&st, "discard_alignment"));
	}
	if (dev->disk.discard_granularity < dev->disk.sector_size)
		dev->disk.discard_granularity = dev->disk.sector_size;
}
