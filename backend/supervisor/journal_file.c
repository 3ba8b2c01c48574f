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
#define MAX_BYTES (journal_section(WIRE_MAX_QUEUES))

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

struct journal_head *journal_file_head(const struct device *dev, unsigned int queue)
{
	return (void *)((char *)dev->journal + journal_section(queue));
}

/* Maps the file behind journal_fd, also where it may grow: only sections that are there are looked
 * at. NULL: errno. */
static struct journal_head *map_heads(struct device *dev)
{
	void *map = mmap(NULL, MAX_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, dev->journal_fd, 0);

	dev->journal = map == MAP_FAILED ? NULL : map;
	return dev->journal;
}

/* All of a section is there from the beginning: a full filesystem is an error now, and not a
 * signal in the middle of a request. */
static int make_section(struct device *dev, unsigned int queue, uint32_t slots)
{
	struct journal_head *head = journal_file_head(dev, queue);
	int rc = posix_fallocate(dev->journal_fd, (off_t)journal_section(queue),
				 (off_t)journal_bytes(slots));

	if (rc)
		return -rc;
	if (!fits(dev, head)) {
		*head = (struct journal_head){ .version = JOURNAL_VERSION, .domid = dev->fe,
					       .devid = dev->devid };
		store_release(&head->magic, JOURNAL_MAGIC);
	}
	write_once(&head->nr_slots, slots);
	if (queue >= dev->journal_sections)
		dev->journal_sections = queue + 1;
	return 0;
}

static int create(struct device *dev, const char *path)
{
	unlink(path);
	dev->journal_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (dev->journal_fd < 0 || !map_heads(dev))
		return -errno;
	return make_section(dev, 0, MIN_SLOTS);
}

/* By the file's size, which no worker can change, and not by what is in it, which they can. */
static unsigned int count_sections(off_t size)
{
	unsigned int n = 1;

	while (n < WIRE_MAX_QUEUES && (size_t)size >= journal_section(n) + JOURNAL_SLOTS)
		n++;
	return n;
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
	    (size_t)st.st_size >= journal_bytes(MIN_SLOTS) && (head = map_heads(dev)) &&
	    fits(dev, head) && read_once(&head->nr_slots) <= JOURNAL_MAX_SLOTS &&
	    (size_t)st.st_size >= journal_bytes(read_once(&head->nr_slots))) {
		dev->journal_sections = count_sections(st.st_size);
		return true;
	}
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

int journal_file_grow(struct device *dev, unsigned int queues, uint32_t slots)
{
	int rc = 0;

	if (slots > JOURNAL_MAX_SLOTS || queues > WIRE_MAX_QUEUES)
		return -EINVAL;
	for (unsigned int i = 0; i < queues && rc == 0; i++) {
		const struct journal_head *head = journal_file_head(dev, i);

		if (i >= dev->journal_sections || !fits(dev, head) ||
		    slots > read_once(&head->nr_slots))
			rc = make_section(dev, i, slots);
	}
	return rc;
}

void journal_file_stats(const struct device *dev, struct journal_stats *sum)
{
	uint64_t *to = (uint64_t *)(void *)sum;

	*sum = (struct journal_stats){ 0 };
	for (unsigned int i = 0; dev->journal && i < dev->journal_sections; i++) {
		const struct journal_stats *s = &journal_file_head(dev, i)->stats;
		const uint64_t *from = (const uint64_t *)(const void *)s;

		for (size_t k = 0; k < sizeof(*sum) / sizeof(*to); k++)
			to[k] += read_once(&from[k]);
	}
}

bool journal_file_connected(struct device *dev)
{
	char path[RUN_PATH_MAX * 2];

	return (dev->journal || (file_path(dev, path, sizeof(path)) && open_existing(dev, path))) &&
	       dev->journal->connected;
}

void journal_file_void(struct device *dev)
{
	for (unsigned int i = 0; dev->journal && i < dev->journal_sections; i++)
		write_once(&journal_file_head(dev, i)->connected, 0);
}

void journal_file_alone(struct device *dev)
{
	for (unsigned int i = 0; dev->journal && i < dev->journal_sections; i++) {
		struct meter *meter = journal_meter(journal_file_head(dev, i));

		if (!read_once(&meter->gone_ns))
			write_once(&meter->gone_ns, loop_now());
	}
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
		munmap(dev->journal, MAX_BYTES);
	dev->journal = NULL;
	dev->journal_sections = 0;
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
