/* SPDX-License-Identifier: MIT */
/*
 * fuzz_handshake.c - any keys of a frontend's, through the schema and what a disk makes of them
 *
 * The input is a frontend's directory, a line "key=value" each; a value may hold any bytes but a
 * line's end. xs_read() below finds the keys in xenstored's place, and everything above it is the
 * supervisor's own. What comes out is a connection whose numbers a worker can rely on, or a reason.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blk_abi.h"
#include "supervisor/supervisor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)
#define FRONTEND "/local/domain/1/device/vbd/51712"
#define BACKEND	 "/local/domain/0/backend/vbd/1/51712"

static const char *keys;
static size_t nr_bytes;

static struct supervisor sup = { .max_queues = WIRE_MAX_QUEUES };
static struct device dev = {
	.sup = &sup, .class = &vdisk_class, .fe = 1, .devid = 51712, .journal_fd = -1,
	.be_path = BACKEND, .fe_path = FRONTEND,
	.disk = { .fd = -1, .sectors = 8, .sector_size = 512 },
};

static char *copy_of(const char *text, size_t len, unsigned int *out_len)
{
	char *copy = malloc(len + 1);

	MUST(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	*out_len = (unsigned int)len;
	return copy;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
	const size_t dir = sizeof(FRONTEND);
	const char *line = keys, *end = keys + nr_bytes;

	(void)h;
	(void)t;
	if (strcmp(path, BACKEND "/multi-queue-max-queues") == 0)
		return copy_of("4", 1, len);
	for (; strncmp(path, FRONTEND "/", dir) == 0 && line < end; line++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		const char *is = memchr(line, '=', (size_t)((stop ? stop : end) - line));

		if (!stop)
			stop = end;
		if (is && strlen(path + dir) == (size_t)(is - line) &&
		    memcmp(path + dir, line, (size_t)(is - line)) == 0)
			return copy_of(is + 1, (size_t)(stop - is - 1), len);
		line = stop;
	}
	errno = ENOENT;
	return NULL;
}

int device_reason(struct device *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (!d->reason[0])
		vsnprintf(d->reason, sizeof(d->reason), fmt, args);
	va_end(args);
	return -1;
}

int journal_file_grow(struct device *d, unsigned int queues, uint32_t slots)
{
	(void)d;
	MUST(queues >= 1 && queues <= WIRE_MAX_QUEUES);
	MUST(slots >= 32 && slots <= 1024 && (slots & (slots - 1)) == 0);
	return 0;
}

/* What the class leads to otherwise; reading a frontend's keys does not. */
int hotplug_ready(struct device *d) { (void)d; abort(); }
int image_open(struct device *d) { (void)d; abort(); }
void image_close(struct device *d) { (void)d; abort(); }
bool medium_may_change(struct device *d) { (void)d; abort(); }
bool medium_announce(struct device *d, xs_transaction_t t) { (void)d; (void)t; abort(); }
bool medium_change(struct device *d) { (void)d; abort(); }
int journal_file_open(struct device *d) { (void)d; abort(); }
void device_resized(struct device *d) { (void)d; abort(); }
void device_trouble(struct device *d, const char *why) { (void)d; (void)why; abort(); }
const char *limit_refresh(struct device *d) { (void)d; abort(); }
struct wire_limit limit_to_tell(struct device *d) { (void)d; abort(); }
void limit_heard(struct device *d, uint32_t serial) { (void)d; (void)serial; abort(); }
void remote_probed(struct device *d, const struct wire_probed *p) { (void)d; (void)p; abort(); }
void remote_wanted(struct device *d) { (void)d; abort(); }

void journal_file_stats(const struct device *d, struct journal_stats *sum)
{
	(void)d;
	(void)sum;
	abort();
}


struct journal_head *journal_file_head(const struct device *d, unsigned int queue)
{
	(void)d;
	(void)queue;
	abort();
}

static void check_queue(const struct wire_vdisk *disk, unsigned int a)
{
	for (unsigned int b = 0; b < a; b++) {
		MUST(disk->queue[a].port != disk->queue[b].port);
		for (unsigned int i = 0; i < disk->nr_grefs * disk->nr_grefs; i++)
			MUST(disk->queue[a].gref[i / disk->nr_grefs] !=
			     disk->queue[b].gref[i % disk->nr_grefs]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_msg msg = { 0 };
	int fds[WIRE_MAX_FDS];

	keys = (const char *)data;
	nr_bytes = size;
	dev.reason[0] = '\0';
	if (vdisk_class.collect(&dev, &msg, fds)) {
		MUST(dev.reason[0]);
		for (const char *p = dev.reason; *p; p++)
			MUST((unsigned char)*p >= ' ');		/* what a guest wrote is escaped */
		return 0;
	}
	MUST(msg.vdisk.nr_queues >= 1 && msg.vdisk.nr_queues <= WIRE_MAX_QUEUES);
	MUST(msg.vdisk.nr_grefs >= 1 && msg.vdisk.nr_grefs <= WIRE_MAX_GREFS);
	MUST(msg.vdisk.abi == BLK_ABI_64 || msg.vdisk.abi == BLK_ABI_32);
	for (unsigned int q = 0; q < msg.vdisk.nr_queues; q++)
		check_queue(&msg.vdisk, q);
	return 0;
}
