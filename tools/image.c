/* SPDX-License-Identifier: MIT */
/*
 * image.c - can this file be a guest's disk?
 *
 * Asked before anything is written to xenstore, so that a mistake costs one line and nothing has
 * to be undone. The backend decides again for itself when it opens the image: what stands here
 * is for the administrator's benefit and protects nothing.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR 512	/* the unit of the protocol, whatever the medium has */

/* A loop device is what its file is. (Its partitions are disks of their own, with other numbers.) A
 * device that cannot be asked stays itself. */
static void look_behind_loop(const char *path, struct image *image)
{
	struct loop_info64 info;
	int fd, r;

	if (!image->block || major(image->dev) != LOOP_MAJOR)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	r = ioctl(fd, LOOP_GET_STATUS64, &info);
	close(fd);
	if (r)
		return;
	image->block = info.lo_rdevice;
	image->dev = image->block ? info.lo_rdevice : info.lo_device;
	image->ino = image->block ? 0 : info.lo_inode;
	image->start = info.lo_offset;
	if (info.lo_sizelimit && info.lo_sizelimit < UINT64_MAX - info.lo_offset)
		image->end = info.lo_offset + info.lo_sizelimit;
}

static void identify(const char *path, const struct stat *st, struct image *image)
{
	bool block = S_ISBLK(st->st_mode);

	*image = (struct image) {
		.block = block,
		.dev = block ? st->st_rdev : st->st_dev,
		.ino = block ? 0 : st->st_ino,
		.end = UINT64_MAX,
	};
	look_behind_loop(path, image);
}

bool image_identify(const char *path, struct image *image)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	identify(path, &st, image);
	return true;
}

static bool same_file(const struct image *a, const struct image *b)
{
	return a->block == b->block && a->dev == b->dev && a->ino == b->ino;
}

bool image_same(const struct image *a, const struct image *b)
{
	return same_file(a, b) && a->start == b->start && a->end == b->end;
}

bool image_overlaps(const struct image *a, const struct image *b)
{
	return same_file(a, b) && a->start < b->end && b->start < a->end;
}

/* Root may write what nobody has leave to write. An administrator who took the leave away meant
 * it, so that the mode counts for root as well. */
static bool protected_mode(const struct stat *st)
{
	return S_ISREG(st->st_mode) && !(st->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH));
}

static int say_cannot_open(const char *path, bool readonly, int err)
{
	switch (err) {
	case EBUSY:
		return tool_error("%s: it is mounted or otherwise in use here; unmount it first, "
				  "or attach it with access=ro", path);
	case EACCES:
	case EPERM:
	case EROFS:
		if (!readonly)
			return tool_error("%s: it may only be read (%s); attach it with "
					  "access=ro, or allow writing", path, strerror(err));
		return tool_error("%s: %s; give the user that runs xpvd the right to read it", path,
				  strerror(err));
	default:
		return tool_error("%s: cannot be opened: %s; check the file and its file system",
				  path, strerror(err));
	}
}

/* Opens it as the backend will. Exclusive use is asked of a device that is to be written: the
 * kernel refuses it for one that is mounted. */
static int open_as_backend(const char *path, bool readonly, bool block)
{
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	if (readonly)
		return open(path, flags | O_RDONLY);
	return open(path, flags | O_RDWR | (block ? O_EXCL : 0));
}

/* A read-only device can be opened for writing all the same; only each write fails. */
static int check_writable(const char *path, int fd)
{
	int ro = 0;

	if (ioctl(fd, BLKROGET, &ro) || !ro)
		return TOOL_OK;
	return tool_error("%s: the device is read-only; attach it with access=ro, or make it "
			  "writable", path);
}

static int check_size(const char *path, int fd, const struct stat *st, unsigned int unit)
{
	uint64_t bytes = (uint64_t)st->st_size;

	if (S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, &bytes))
		return tool_error("%s: its size cannot be read: %s; check the device", path,
				  strerror(errno));
	if (!bytes)
		return tool_error("%s: it is empty; give it a size, as with 'truncate -s 1G'",
				  path);
	if (bytes % unit)
		return tool_error("%s: its size, %llu bytes, is not a multiple of %u; round it "
				  "up with 'truncate -s %%%u'", path,
				  (unsigned long long)bytes, unit, unit);
	return TOOL_OK;
}

int image_check(const char *path, bool readonly, unsigned int unit, struct image *image)
{
	int fd, rc = TOOL_OK;
	struct stat st;
	bool block;

	if (stat(path, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return tool_error("%s: no such file; create it, or correct the target",
					  path);
		return tool_error("%s: %s; check the path and its permissions", path,
				  strerror(errno));
	}
	if (S_ISDIR(st.st_mode))
		return tool_error("%s: it is a directory; name an image file or a block device",
				  path);
	block = S_ISBLK(st.st_mode);
	if (!block && !S_ISREG(st.st_mode))
		return tool_error("%s: it is neither a file nor a block device; name one", path);
	identify(path, &st, image);
	if (!readonly && protected_mode(&st))
		return say_cannot_open(path, readonly, EACCES);
	fd = open_as_backend(path, readonly, block);
	if (fd < 0)
		return say_cannot_open(path, readonly, errno);
	if (block && !readonly)
		rc = check_writable(path, fd);
	if (!rc && unit)
		rc = check_size(path, fd, &st, unit);
	close(fd);
	return rc;
}

int disk_check(const struct disk *disk, struct image *image)
{
	unsigned int unit = disk->sector_size ? disk->sector_size : SECTOR;
	struct xs_target target;

	if (!xs_target_is_file(disk->kind))
		return TOOL_OK;
	xs_target_parse(disk->target, &target);
	return image_check(target.path, disk->readonly, disk->kind == XS_TARGET_FILE ? unit : 0,
			   image);
}
