/* SPDX-License-Identifier: MIT */
/*
 * memory.c - disks without an image: ram and null
 *
 * A disk in memory is a file in the run directory, which is a file system in memory, as /run is. So
 * its data outlives its worker, and us, and goes with the disk. All of it is taken when the disk is
 * attached, or is refused then: a guest should not learn from a write that Dom0 is short of memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "journal.h"
#include "supervisor.h"

static bool file_path(const struct device *dev, char *buf, size_t size)
{
	return run_file_path(dev, "ram", buf, size);
}

static int describe(struct device *dev, uint64_t bytes)
{
	const struct medium medium = { .bytes = bytes, .logical = BLK_SECTOR,
				       .physical = BLK_SECTOR };

	dev->disk.sectors = bytes / BLK_SECTOR;
	return sector_settle(dev, &medium);
}

/* What is there from an earlier connection is kept, if it has the size. */
static int make_file(struct device *dev, const char *path, uint64_t bytes)
{
	struct statfs fs;
	struct stat st;
	int rc;

	dev->disk.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dev->disk.fd < 0)
		return -errno;
	if (fstat(dev->disk.fd, &st))
		return -errno;
	dev->identity[0] = st.st_dev;
	dev->identity[1] = st.st_ino;
	if ((uint64_t)st.st_size == bytes)
		return 0;
	if (fstatfs(dev->disk.fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC)
		log_warning("%s: the run directory %s is not in memory, and so neither is the disk",
			    device_name(dev), dev->sup->rundir);
	if (ftruncate(dev->disk.fd, 0))
		return -errno;
	rc = posix_fallocate(dev->disk.fd, 0, (off_t)bytes);
	return -rc;
}

int memory_open(struct device *dev, const struct xs_target *target)
{
	char path[RUN_PATH_MAX * 2];
	int rc = -ENAMETOOLONG;

	if (describe(dev, target->bytes))
		return -1;
	if (target->kind == XS_TARGET_NULL) {
		dev->disk.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		dev->identity[0] = XS_TARGET_NULL;
		dev->identity[1] = dev->disk.sectors;
		return dev->disk.fd < 0 ? device_reason(dev, "/dev/null: %s", strerror(errno)) : 0;
	}
	snprintf(path, sizeof(path), "%s/ram", dev->sup->rundir);
	if (mkdir(path, 0700) && errno != EEXIST)
		rc = -errno;
	else if (file_path(dev, path, sizeof(path)))
		rc = make_file(dev, path, target->bytes);
	if (rc == 0) {
		image_find_discard(dev);
		return 0;
	}
	image_close(dev);
	if (!journal_file_connected(dev))
		memory_remove(dev);
	return device_reason(dev, "%s: %s: %s has not as much memory as that: ask for less, or "
			     "make that file system larger", dev->disk.target, strerror(-rc),
			     dev->sup->rundir);
}

void memory_remove(const struct device *dev)
{
	char path[RUN_PATH_MAX * 2];

	if (file_path(dev, path, sizeof(path)))
		unlink(path);
}

void memory_sweep(struct supervisor *sup)
{
	run_files_sweep(sup, "ram");
}
