/* SPDX-License-Identifier: MIT */
/*
 * pread.c - the same I/O by pread and pwrite, in one thread and without a backend
 *
 * What a system call on the file costs where the data is wanted: no frontend, ring or second
 * process. A queue depth changes nothing here but the number of pages that take turns.
 *
 * `pread --prepare FILE BYTES` makes the file that all contestants work on: every page carries its
 * number, and none is a hole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

struct plain {
	int fd;
	char *pages;
	uint16_t done[BENCH_MAX_QD];
	unsigned int nr_done;
};

static int plain_open(struct bench *b)
{
	size_t bytes = b->qd * bench_bytes(b);
	struct plain *p = calloc(1, sizeof(*p));
	struct stat st;

	if (!p)
		return bench_error("out of memory; free some");
	b->state = p;
	p->fd = -1;
	p->pages = aligned_alloc(BENCH_PAGE, bytes);
	if (!p->pages)
		return bench_error("out of memory; free some");
	memset(p->pages, 0, bytes);
	p->fd = open(b->target, (b->write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (p->fd < 0 || fstat(p->fd, &st))
		return bench_error("cannot open %s: %s; make it with --prepare", b->target,
				   strerror(errno));
	if ((uint64_t)st.st_size < b->blocks * bench_bytes(b))
		return bench_error("%s has only %lld bytes; say --size", b->target,
				   (long long)st.st_size);
	return 0;
}

static void *plain_page(struct bench *b, unsigned int tag, unsigned int i)
{
	struct plain *p = b->state;

	return p->pages + tag * bench_bytes(b) + (size_t)i * BENCH_PAGE;
}

static int plain_submit(struct bench *b, unsigned int tag, uint64_t block)
{
	struct plain *p = b->state;
	void *pages = plain_page(b, tag, 0);
	size_t bytes = bench_bytes(b);
	off_t at = (off_t)(block * bytes);
	ssize_t r = b->write ? pwrite(p->fd, pages, bytes, at) : pread(p->fd, pages, bytes, at);

	if (r != (ssize_t)bytes)
		return bench_error("%s: block %llu: %s", b->target, (unsigned long long)block,
				   r < 0 ? strerror(errno) : "only a part of it was moved");
	p->done[p->nr_done++] = (uint16_t)tag;
	return 0;
}

static void plain_kick(struct bench *b)
{
	(void)b;
}

static int plain_collect(struct bench *b, uint16_t *tags)
{
	struct plain *p = b->state;
	unsigned int n = p->nr_done;

	memcpy(tags, p->done, n * sizeof(tags[0]));
	p->nr_done = 0;
	return (int)n;
}

static bool plain_pending(struct bench *b)
{
	return ((struct plain *)b->state)->nr_done > 0;
}

static int plain_sleep(struct bench *b)
{
	(void)b;
	return 0;		/* nothing is ever under way */
}

static void plain_close(struct bench *b)
{
	struct plain *p = b->state;

	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->pages);
	free(p);
}

static const struct contestant plain = {
	.name = "pread",
	.operand = "FILE",
	.open = plain_open,
	.page = plain_page,
	.submit = plain_submit,
	.kick = plain_kick,
	.collect = plain_collect,
	.pending = plain_pending,
	.sleep = plain_sleep,
	.close = plain_close,
};

static int prepare(const char *path, const char *size)
{
	uint64_t page[BENCH_PAGE / sizeof(uint64_t)] = { 0 };
	uint64_t blocks = strtoull(size, NULL, 10) / BENCH_PAGE;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (; fd >= 0 && page[0] < blocks; page[0]++) {
		if (write(fd, page, sizeof(page)) == sizeof(page))
			continue;
		close(fd);
		fd = -1;
	}
	if (fd < 0 || fsync(fd) || close(fd)) {
		bench_error("cannot make %s: %s; is there room?", path, strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--prepare"))
		return prepare(argv[2], argv[3]);
	return bench_main(&plain, argc, argv);
}
