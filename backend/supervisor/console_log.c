/* SPDX-License-Identifier: MIT */
/*
 * console_log.c - a console's log file: opened, rotated, opened again
 *
 * The worker writes it and we open it, under the name by which xenconsoled's users know it. A file
 * has one writer, which a lock on the open file says that the worker's copy of it shares: when a
 * guest reboots, its old domain's last words may still be on their way.
 *
 * A log that cannot be opened keeps no console from being served: it is said, and tried again when
 * logs are opened anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "supervisor.h"

/* A name from xenstore as part of a file's; false: it is none to be used. */
static bool guest_name(const struct device *dev, char *buf, size_t size)
{
	unsigned int len = 0;
	char path[64];
	char *name;
	bool good;

	snprintf(path, sizeof(path), "/local/domain/%u/name", dev->fe);
	name = xs_read(dev->sup->xs, XBT_NULL, path, &len);
	good = name && len > 0 && len < size && strlen(name) == len && name[0] != '.' &&
	       !strchr(name, '/');
	for (unsigned int i = 0; good && i < len; i++)
		good = (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
	if (good)
		memcpy(buf, name, len + 1);
	free(name);
	return good;
}

static int open_locked(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* By its guest's name; by its number, if that name is no use or another still has the file. */
static int open_log(struct device *dev)
{
	const char *dir = dev->sup->consoles.log_dir;
	char *path = dev->console.log_path, name[128];
	const size_t size = sizeof(dev->console.log_path);
	int fd = -EWOULDBLOCK;

	if (guest_name(dev, name, sizeof(name)) &&
	    snprintf(path, size, "%s/guest-%s.log", dir, name) < (int)size)
		fd = open_locked(path);
	if (fd != -EWOULDBLOCK)
		return fd;
	if (snprintf(path, size, "%s/guest-%u.log", dir, dev->fe) >= (int)size)
		return -ENAMETOOLONG;
	return open_locked(path);
}

static void replace(struct device *dev, int fd)
{
	if (dev->console.log_fd >= 0)
		close(dev->console.log_fd);
	dev->console.log_fd = fd;
}

int console_log_open(struct device *dev)
{
	int fd = dev->console.log_fd;

	if (fd >= 0)
		return 0;
	if (dev->sup->consoles.log_dir) {
		fd = open_log(dev);
		if (fd < 0)
			log_error("%s: its log %s cannot be opened: %s: put that right, and send "
				  "xpvd SIGHUP", device_name(dev), dev->console.log_path,
				  strerror(-fd));
	}
	if (fd < 0) {
		dev->console.log_path[0] = '\0';
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return device_reason(dev, "/dev/null: %s", strerror(errno));
	replace(dev, fd);
	return 0;
}

static void open_again(struct device *dev)
{
	const struct wire_msg msg = { .type = WIRE_LOG, .devid = dev->devid };

	replace(dev, -1);
	if (console_log_open(dev) == 0)
		worker_say(dev, &msg, &dev->console.log_fd, 1);
}

void console_log_rotate(struct device *dev)
{
	char old[sizeof(dev->console.log_path) + 2];

	if (!dev->console.log_path[0] && dev->sup->consoles.log_dir)
		replace(dev, -1);	/* of a worker that was here before us */
	if (dev->console.log_path[0]) {
		snprintf(old, sizeof(old), "%s.1", dev->console.log_path);
		if (rename(dev->console.log_path, old))
			log_error("%s: its log %s cannot be rotated: %s", device_name(dev),
				  dev->console.log_path, strerror(errno));
	}
	open_again(dev);
}

void console_logs_reopen(struct supervisor *sup)
{
	log_info("opens the consoles' logs anew");
	for (struct device *dev = sup->devices; dev; dev = dev->next) {
		if (dev->class->id == XS_CLASS_VCONSOLE && dev->link == LINK_ATTACHED)
			open_again(dev);
	}
}
