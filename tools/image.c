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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512	/* the unit of the protocol, whatever the medium has */

static void identify(const struct stat *st, struct image *image)
{
	image->block = S_ISBLK(st->st_mode);
	image->dev = image->block ? st->st_rdev : st->st_dev;
	image->ino = image->block ? 0 : st->st_ino;
	image->bytes = image->block ? 0 : (uint64_t)st->st_size;
}

bool image_identify(const char *path, struct image *image)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	identify(&st, image);
	return true;
}

bool image_same(const struct image *a, const struct image *b)
{
	return a->block == b->block && a->dev == b->dev && a->ino == b->ino;
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

static int check_size(const char *path, int fd, struct image *image)
{
	if (image->block && ioctl(fd, BLKGETSIZE64, &image->bytes))
		return tool_error("%s: its size cannot be read: %s; check the device", path,
				  strerror(errno));
	if (!image->bytes)
		return tool_error("%s: it is empty; give it a size, as with 'truncate -s 1G'",
				  path);
	if (image->bytes % SECTOR)
		return tool_error("%s: its size, %llu bytes, is not a multiple of %d; round it "
				  "up with 'truncate -s %%%d'", path,
				  (unsigned long long)image->bytes, SECTOR, SECTOR);
	return TOOL_OK;
}

int image_check(const char *path, bool readonly, struct image *image)
{
	struct stat st;
	int fd, rc;

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
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return tool_error("%s: it is neither a file nor a block device; name one", path);
	identify(&st, image);
	if (!readonly && protected_mode(&st))
		return say_cannot_open(path, readonly, EACCES);
	fd = open_as_backend(path, readonly, image->block);
	if (fd < 0)
		return say_cannot_open(path, readonly, errno);
	rc = check_size(path, fd, image);
	close(fd);
	return rc;
}
