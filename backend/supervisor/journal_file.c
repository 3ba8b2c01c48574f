/* SPDX-License-Identifier: MIT */
/*
 * journal_file.c - a device's journal, as a file in the run directory
 *
 * A file, and not anonymous memory, so that it outlives the worker and the supervisor together.
 * It is as old as the device's nodes in xenstore and goes with them. Its content is believed only
 * for a connection that is in the store as Connected: whenever a device begins anew, what the
 * journal says of an earlier connection is made void, so that a guest that happens to get the same
 * numbers never meets another's requests.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "supervisor.h"

#define MIN_SLOTS 32		/* a ring of one page; larger ones make the file grow */
#define MAX_SLOTS 512		/* ... of 16 */

static bool file_path(const struct device *dev, char *buf, size_t size)
{
	return run_file_path(dev, "journal", buf, size);
}

int journal_file_init(struct supervisor *sup)
{
	char path[RUN_PATH_MAX * 2];

	snprintf(path, sizeof(path), "%s/journal", sup->rundir);
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static bool fits(const struct device *dev, const struct journal_head *h)
{
	return h->magic == JOURNAL_MAGIC && h->version == JOURNAL_VERSION &&
	       h->domid == dev->fe && h->devid == dev->devid;
}

/* Maps the file behind journal_fd, all but its slots; NULL: errno. */
static struct journal_head *map_head(struct device *dev)
{
	void *map = mmap(NULL, JOURNAL_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED,
			 dev->journal_fd, 0);

	dev->journal = map == MAP_FAILED ? NULL : map;
	return dev->journal;
}

/* All of the file is there from the beginning: a full filesystem is an error now, and not a
 * signal in the middle of a request. */
static int create(struct device *dev, const char *path)
{
	int rc;

	unlink(path);
	dev->journal_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (dev->journal_fd < 0)
		return -errno;
	rc = posix_fallocate(dev->journal_fd, 0, (off_t)journal_bytes(MIN_SLOTS));
	if (rc)
		return -rc;
	if (!map_head(dev))
		return -errno;
	*dev->journal = (struct journal_head){ .version = JOURNAL_VERSION, .domid = dev->fe,
					       .devid = dev->devid, .nr_slots = MIN_SLOTS };
	store_release(&dev->journal->magic, JOURNAL_MAGIC);
	return 0;
}

/* An earlier supervisor's file, if it is whole and of this format. */
static bool open_existing(struct device *dev, const char *path)
{
	const struct journal_head *head;
	struct stat st;

	dev->journal_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (dev->journal_fd < 0)
		return false;
	if (fstat(dev->journal_fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (size_t)st.st_size >= journal_bytes(MIN_SLOTS) && (head = map_head(dev)) &&
	    fits(dev, head) && read_once(&head->nr_slots) <= MAX_SLOTS &&
	    (size_t)st.st_size >= journal_bytes(read_once(&head->nr_slots)))
		return true;
	journal_file_close(dev, false);
	return false;
}

int journal_file_open(struct device *dev)
{
	char path[RUN_PATH_MAX * 2];
	int rc;

	if (dev->journal)
		return 0;
	if (!file_path(dev, path, sizeof(path)))
		return device_reason(dev, "the path of its journal is too long");
	if (open_existing(dev, path))
		return 0;
	rc = create(dev, path);
	if (rc == 0)
		return 0;
	journal_file_close(dev, true);
	return device_reason(dev, "its journal %s cannot be made: %s", path, strerror(-rc));
}

int journal_file_grow(struct device *dev, uint32_t slots)
{
	int rc;

	if (slots > MAX_SLOTS)
		return -EINVAL;
	if (slots <= read_once(&dev->journal->nr_slots))
		return 0;
	rc = posix_fallocate(dev->journal_fd, 0, (off_t)journal_bytes(slots));
	if (rc)
		return -rc;
	write_once(&dev->journal->nr_slots, slots);
	return 0;
}

bool journal_file_connected(struct device *dev)
{
	char path[RUN_PATH_MAX * 2];

	return (dev->journal || (file_path(dev, path, sizeof(path)) && open_existing(dev, path))) &&
	       dev->journal->connected;
}

void journal_file_void(struct device *dev)
{
	if (dev->journal)
		write_once(&dev->journal->connected, 0);
}

void journal_file_alone(struct device *dev)
{
	struct meter *meter = dev->journal ? journal_meter(dev->journal) : NULL;

	if (meter && !read_once(&meter->gone_ns))
		write_once(&meter->gone_ns, loop_now());
}

void journal_file_evict(struct device *dev)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!dev->journal || fcntl(dev->journal_fd, F_GETLK, &lock) || lock.l_type == F_UNLCK ||
	    lock.l_pid <= 0)
		return;
	log_warning("%s: process %d, which is not known, still serves it: it is ended",
		    device_name(dev), (int)lock.l_pid);
	kill(lock.l_pid, SIGKILL);
}

void journal_file_close(struct device *dev, bool remove)
{
	char path[RUN_PATH_MAX * 2];

	if (dev->journal)
		munmap(dev->journal, JOURNAL_SLOTS);
	dev->journal = NULL;
	if (dev->journal_fd >= 0)
		close(dev->journal_fd);
	dev->journal_fd = -1;
	if (remove && file_path(dev, path, sizeof(path)))
		unlink(path);
}

void journal_file_sweep(struct supervisor *sup)
{
	run_files_sweep(sup, "journal");
}
