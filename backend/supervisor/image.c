/* SPDX-License-Identifier: MIT */
/*
 * image.c - what a disk is served from: found, opened, measured
 *
 * The toolstack names an image (`params`), and a hotplug script may have put something in its
 * place (`physical-device-path`, or only numbers in `physical-device`). What the script made of a
 * regular file is a loop device, which would copy all data once more and answer later: if it is
 * the whole of the file that `params` names, the file itself is opened. The two mean the same
 * bytes. The loop device stays the script's, to be taken down when the disk is Closed; we keep no
 * descriptor of it.
 *
 * Two numbers identify what was opened. A successor of ours may find another file of that name.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "journal.h"
#include "supervisor.h"

void image_close(struct device *dev)
{
	dev->remote.used = false;
	remote_close(dev);
	format_close(dev);
	if (dev->disk.fd >= 0)
		close(dev->disk.fd);
	dev->disk.fd = -1;
}

/* "major:minor" in hex, as the block scripts write them, as a path that udev keeps. */
static int node_of_numbers(struct device *dev, const char *numbers)
{
	unsigned long maj, min = 0;
	char *end;

	maj = strtoul(numbers, &end, 16);
	if (*end == ':')
		min = strtoul(end + 1, &end, 16);
	if (*end || maj > UINT32_MAX || min > UINT32_MAX || !strchr(numbers, ':') ||
	    strspn(numbers, "0123456789abcdefABCDEF:") != strlen(numbers))
		return device_reason(dev, "its hotplug script wrote %s as physical-device: it must "
				     "be major:minor in hex", numbers);
	snprintf(dev->disk.target, sizeof(dev->disk.target), "/dev/block/%lu:%lu", maj, min);
	return 0;
}

/* What a key says, into the target. 1: nothing, it is absent; 0; -1 with a reason. */
static int read_target(struct device *dev, enum xs_key_id id)
{
	int rc = store_text(dev, XBT_NULL, dev->be_path, id, dev->disk.target,
			    sizeof(dev->disk.target));

	if (rc == 0 || rc == -ENOENT)
		return rc ? 1 : 0;
	return device_reason(dev, "the key %s cannot be read: %s", xs_key(id)->name, strerror(-rc));
}

static int find_target(struct device *dev)
{
	char numbers[32];
	int rc = read_target(dev, XS_B_PHYSICAL_DEVICE_PATH);

	if (rc <= 0)
		return rc;
	rc = store_text(dev, XBT_NULL, dev->be_path, XS_B_PHYSICAL_DEVICE, numbers,
			sizeof(numbers));
	if (rc == 0)
		return node_of_numbers(dev, numbers);
	if (rc != -ENOENT)
		return device_reason(dev, "the key physical-device cannot be read: %s",
				     strerror(-rc));
	rc = read_target(dev, XS_B_PARAMS);
	if (rc > 0 && medium_may_change(dev)) {
		dev->disk.target[0] = '\0';
		return 0;
	}
	return rc > 0 ? device_reason(dev, "the key params, which names its image, is missing") :
	       rc;
}

/* A size that is one of the key's choices: 512 bytes is the first, each is the double of the one
 * before. 0: it is absent. */
static int read_sector_size(struct device *dev, enum xs_key_id id, uint32_t *out)
{
	uint64_t index;
	int rc = store_number(dev, XBT_NULL, dev->be_path, id, 0, &index);

	*out = rc ? 0 : BLK_SECTOR << index;
	if (rc && rc != -ENOENT)
		return device_reason(dev, "the key %s cannot be read: %s", xs_key(id)->name,
				     strerror(-rc));
	return 0;
}

static int read_settings(struct device *dev)
{
	uint64_t type, direct, reconnect;
	char text[8];
	int rc;

	if (store_text(dev, XBT_NULL, dev->be_path, XS_B_MODE, text, 4))
		return device_reason(dev, "the key mode, r or w, is missing");
	dev->disk.readonly = text[0] == 'r';
	rc = store_number(dev, XBT_NULL, dev->be_path, XS_B_TYPE, 0, &type);
	if (rc && rc != -ENOENT)
		return device_reason(dev, "the key type cannot be read: %s", strerror(-rc));
	if (store_setting(dev, XS_B_DIRECT, &direct) ||
	    store_setting(dev, XS_B_RECONNECT, &reconnect) ||
	    read_sector_size(dev, XS_B_WANTED_SECTOR_SIZE, &dev->disk.wanted_sector_size) ||
	    read_sector_size(dev, XS_B_WANTED_PHYSICAL_SIZE, &dev->disk.wanted_physical))
		return -1;
	dev->disk.direct = direct;
	dev->disk.reconnect = (uint32_t)reconnect;
	return limit_read(dev) ? -1 : find_target(dev);
}

static int open_path(const struct device *dev, const char *path)
{
	/* O_NONBLOCK: a FIFO is refused later, and must not be waited for here */
	return open(path, O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
		    (dev->disk.direct ? O_DIRECT : 0) |
		    (dev->disk.readonly ? O_RDONLY : O_RDWR));
}

static int say_not_opened(struct device *dev)
{
	if (errno == EINVAL && dev->disk.direct)
		return device_reason(dev, "%s: its file system knows no O_DIRECT: leave 'direct' "
				     "out", dev->disk.target);
	return device_reason(dev, "%s: %s: check the path and its permissions", dev->disk.target,
			     strerror(errno));
}

/* True: fd is a loop device that is the whole of a file, the one that st describes. */
static bool loop_is_file(int fd, const struct loop_info64 *info, const struct stat *st)
{
	struct stat loop;

	return fstat(fd, &loop) == 0 && S_ISBLK(loop.st_mode) &&
	       major(loop.st_rdev) == LOOP_MAJOR && S_ISREG(st->st_mode) &&
	       info->lo_offset == 0 && info->lo_sizelimit == 0 &&
	       info->lo_device == st->st_dev && info->lo_inode == st->st_ino;
}

/* Replaces a loop device by the file behind it, if that is what `params` names and may be opened as
 * the loop device may; otherwise the device does as well. */
static void look_behind_loop(struct device *dev)
{
	struct loop_info64 info;
	char path[sizeof(dev->disk.target)];
	struct stat st;
	int fd;

	if (ioctl(dev->disk.fd, LOOP_GET_STATUS64, &info) ||
	    store_text(dev, XBT_NULL, dev->be_path, XS_B_PARAMS, path, sizeof(path)))
		return;
	fd = open_path(dev, path);
	if (fd < 0)
		return;
	if (fstat(fd, &st) || !loop_is_file(dev->disk.fd, &info, &st)) {
		close(fd);
		return;
	}
	log_info("%s: %s is all of %s, which is opened in its place", device_name(dev),
		 dev->disk.target, path);
	image_close(dev);
	dev->disk.fd = fd;
	memcpy(dev->disk.target, path, sizeof(path));
}

/* Which file it is, and its size in bytes; 0 with a reason if it cannot be a disk. */
static uint64_t measure(struct device *dev)
{
	const char *path = dev->disk.target;
	uint64_t bytes = 0;
	struct stat st;

	if (fstat(dev->disk.fd, &st))
		return 0;
	dev->identity[0] = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	dev->identity[1] = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	if (S_ISREG(st.st_mode)) {
		bytes = (uint64_t)st.st_size;
	} else if (S_ISBLK(st.st_mode)) {
		if (ioctl(dev->disk.fd, BLKGETSIZE64, &bytes))
			bytes = 0;
	} else {
		device_reason(dev, "%s is neither a file nor a block device: name an image",
			      path);
		return 0;
	}
	if (bytes == 0)
		device_reason(dev, "%s is empty: give it a size, as with truncate -s", path);
	return bytes;
}

/* direct-io-safe permits O_DIRECT, as QEMU understands it; where that cannot be, the page cache
 * does as well. */
static void use_direct(struct device *dev)
{
	uint64_t safe = 0;

	if (dev->disk.direct ||
	    store_number(dev, XBT_NULL, dev->be_path, XS_B_DIRECT_IO_SAFE, 0, &safe) || !safe)
		return;
	dev->disk.direct = fcntl(dev->disk.fd, F_SETFL, O_DIRECT) == 0 &&
			   sector_direct_unit(dev->disk.fd) <= dev->disk.sector_size;
	if (!dev->disk.direct)
		fcntl(dev->disk.fd, F_SETFL, 0);
}

static int open_file(struct device *dev)
{
	struct medium medium;
	int locked = 0;

	dev->disk.fd = open_path(dev, dev->disk.target);
	if (dev->disk.fd < 0)
		return say_not_opened(dev);
	/* a read-only block device can be opened for writing all the same */
	if (!dev->disk.readonly && ioctl(dev->disk.fd, BLKROGET, &locked) == 0 && locked) {
		image_close(dev);
		return device_reason(dev, "%s is read-only: attach it with access=ro",
				     dev->disk.target);
	}
	medium = sector_ask(dev->disk.fd);	/* of a loop device, before it is looked behind */
	look_behind_loop(dev);
	fcntl(dev->disk.fd, F_SETFL, dev->disk.direct ? O_DIRECT : 0);	/* now it may wait */
	medium.bytes = measure(dev);
	if (dev->disk.direct)
		medium.unit = sector_direct_unit(dev->disk.fd);
	if (medium.bytes == 0 || sector_settle(dev, &medium)) {
		image_close(dev);
		return -1;
	}
	dev->disk.sectors = medium.bytes / BLK_SECTOR;
	use_direct(dev);
	image_find_discard(dev);
	return 0;
}

/* Where in an image the lock of a device stands: beyond any data, and no other device's. */
static off_t lock_place(const struct device *dev)
{
	return (off_t)1 << 62 | (off_t)dev->fe << 32 | (off_t)dev->devid;
}

/* With O_DIRECT a write may be on its way to the device when its process is gone and all of its
 * memory and locks with it. But it keeps the open file in use: so each worker gets a description of
 * its own, with a lock that goes with the last use of it. */
static int lend_direct(const struct device *dev)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = lock_place(dev), .l_len = 1 };
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev->disk.fd);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
		return fd;		/* a file system without locks has to do */
	close(fd);
	return -EBUSY;
}

int image_lend(const struct device *dev)
{
	int fd = dev->disk.direct && !dev->disk.readonly ? lend_direct(dev) :
		 fcntl(dev->disk.fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 && fd != -EBUSY ? -EAGAIN : fd;
}

int image_open_empty(struct device *dev)
{
	const struct medium medium = { .logical = BLK_SECTOR, .physical = BLK_SECTOR };

	if (read_settings(dev) || sector_settle(dev, &medium))
		return -1;
	dev->disk.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (dev->disk.fd < 0)
		return device_reason(dev, "/dev/null: %s", strerror(errno));
	dev->disk.kind = XS_TARGET_NULL;
	dev->disk.sectors = 0;
	dev->disk.discard = dev->disk.discard_secure = false;
	dev->identity[0] = XS_TARGET_NULL;
	dev->identity[1] = 0;
	return 0;
}

int image_open(struct device *dev)
{
	bool drive = medium_may_change(dev);

	if (dev->disk.fd >= 0 && drive && dev->link == LINK_NONE &&
	    medium_is_other(dev, dev->disk.medium))
		image_close(dev);
	if (dev->disk.fd >= 0)
		return 0;
	return drive ? medium_open(dev) : image_open_medium(dev);
}

int image_open_medium(struct device *dev)
{
	struct xs_target target;
	const char *wrong;

	if (read_settings(dev))
		return -1;
	wrong = xs_target_parse(dev->disk.target, &target);
	if (wrong)
		return device_reason(dev, "%s: %s", dev->disk.target, wrong);
	dev->disk.discard = dev->disk.discard_secure = false;	/* for those that are not asked */
	dev->disk.kind = target.kind;
	switch (target.kind) {
	case XS_TARGET_FILE:
		/* without the word that libxl writes before it */
		memmove(dev->disk.target, target.path, strlen(target.path) + 1);
		return open_file(dev);
	case XS_TARGET_NULL:
	case XS_TARGET_RAM:
		return memory_open(dev, &target);
	case XS_TARGET_NBD:
		dev->remote.server = target;
		return remote_open(dev);
	default:
		return format_open(dev, &target) ? -1 : remote_open(dev);
	}
}
