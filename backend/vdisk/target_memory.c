/* SPDX-License-Identifier: MIT */
/*
 * target_memory.c - a file on a filesystem in memory, moved through a mapping
 *
 * There nothing waits for a device, and a system call costs more than the copy that it is asked
 * for: so data is copied straight between the guest's pages and the file's.
 *
 * Only where the file has pages. To touch a hole would fill it, also by reading, and a file system
 * that is full has no answer to that but a signal. So a map of bits says which pages are known to
 * be there: what the file has when it is opened, and what was written since. All else goes the way
 * of any file (target_file.c), and what succeeds there makes pages known. A bit that is wrong, as
 * after somebody on the host has punched a hole, costs memory, never data.
 *
 * The file can be cut short at any time, by who has it on the host. What then happens to a copy is
 * SIGBUS; it is left, and the system call that is tried in its place says what is wrong.
 *
 * A file that has grown gets a further map of all of it; lanes may still be using the one before,
 * so all stay until the target is closed. That is address space and the bits, not memory twice.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "barrier.h"
#include "target.h"

#define WORD_BITS	64u

struct map {
	struct map *before;		/* what was in force until the file grew */
	char *base;
	size_t len;			/* bytes */
	bool writable;
	uint64_t present[];		/* a bit a page; by all lanes, atomically */
};

/* Where this thread's copy is left to. */
static _Thread_local sigjmp_buf *volatile leave;

static void copy_faulted(int signal)
{
	(void)signal;
	if (leave)
		siglongjmp(*leave, 1);
	abort();			/* not a copy of ours: there is nothing to go on with */
}

int target_memory_init(void)
{
	/* not masked while it is handled, because it is left by a jump */
	const struct sigaction act = { .sa_handler = copy_faulted, .sa_flags = SA_NODEFER };

	return sigaction(SIGBUS, &act, NULL) ? -errno : 0;
}

/* The pages of [off, off + len), a word of bits at a time: sets *mask to those of word `w`. False:
 * there are none in it, nor in those after it. */
static bool pages_in_word(uint64_t off, uint64_t len, uint64_t w, uint64_t *mask)
{
	const uint64_t begin = off / BLK_PAGE, end = (off + len + BLK_PAGE - 1) / BLK_PAGE;
	const uint64_t base = w * WORD_BITS;

	if (end <= base)
		return false;
	*mask = ~UINT64_C(0);
	if (begin > base)
		*mask <<= begin - base;
	if (end - base < WORD_BITS)
		*mask &= ~(~UINT64_C(0) << (end - base));
	return true;
}

static uint64_t first_word(uint64_t off)
{
	return off / BLK_PAGE / WORD_BITS;
}

static bool is_present(const struct map *m, uint64_t off, uint64_t len)
{
	uint64_t mask;

	for (uint64_t w = first_word(off); pages_in_word(off, len, w, &mask); w++) {
		if (~read_once(&m->present[w]) & mask)
			return false;
	}
	return true;
}

/* No order with what is done to the file is needed: see the head of this file. */
static void set_present(struct map *m, uint64_t off, uint64_t len)
{
	uint64_t mask;

	for (uint64_t w = first_word(off); pages_in_word(off, len, w, &mask); w++)
		set_bits(&m->present[w], mask);
}

static void set_absent(struct map *m, uint64_t off, uint64_t len)
{
	uint64_t mask;

	for (uint64_t w = first_word(off); pages_in_word(off, len, w, &mask); w++)
		clear_bits(&m->present[w], mask);
}

/* What of the file has pages now. One that has all is not searched: its pages count as holes there
 * until they are first written to. */
static void find_present(const struct target *t, struct map *m, const struct stat *st)
{
	off_t at = 0, hole;

	if ((uint64_t)st->st_blocks * 512 >= m->len) {
		set_present(m, 0, m->len);
		return;
	}
	while ((at = lseek(t->fd, at, SEEK_DATA)) >= 0 && (uint64_t)at < m->len) {
		hole = lseek(t->fd, at, SEEK_HOLE);
		if (hole <= at)
			return;
		if ((uint64_t)hole > m->len)
			hole = (off_t)m->len;
		set_present(m, (uint64_t)at, (uint64_t)(hole - at));
		at = hole;
	}
}

/* Read-only if that is how it was opened. NULL: there is no mapping to be had. */
static struct map *map_file(const struct target *t)
{
	struct map *m = NULL;
	struct stat st;
	size_t words;

	if (fstat(t->fd, &st) || st.st_size <= 0 || (uint64_t)st.st_size > SIZE_MAX / 2)
		return NULL;
	words = (size_t)st.st_size / BLK_PAGE / WORD_BITS + 1;
	m = calloc(1, sizeof(*m) + words * sizeof(m->present[0]));
	if (!m)
		return NULL;
	m->len = (size_t)st.st_size;
	m->base = mmap(NULL, m->len, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	m->writable = m->base != MAP_FAILED;
	if (!m->writable)
		m->base = mmap(NULL, m->len, PROT_READ, MAP_SHARED, t->fd, 0);
	if (m->base == MAP_FAILED) {
		free(m);
		return NULL;
	}
	find_present(t, m, &st);
	return m;
}

/* False: the file has lost pages, and perhaps some of the data was moved. */
static bool copy(const struct map *m, const struct target_io *io)
{
	char *at = m->base + io->off;
	sigjmp_buf here;

	if (sigsetjmp(here, 0)) {
		leave = NULL;
		return false;
	}
	leave = &here;
	for (int i = 0; i < io->nr_iov; i++) {
		void *data = io->iov[i].iov_base;
		size_t len = io->iov[i].iov_len;

		if (io->op == TARGET_READ)
			memcpy(data, at, len);
		else
			memcpy(at, data, len);
		at += len;
	}
	leave = NULL;
	return true;
}

static int memory_now(struct target *t, struct target_io *io, bool wait)
{
	struct map *m = load_acquire((struct map **)&t->state);
	const uint64_t off = io->off, len = io->len;
	const bool inside = off <= m->len && len <= m->len - off;
	const bool mapped = io->op == TARGET_READ || (io->op == TARGET_WRITE && m->writable);
	int rc;

	if (mapped && inside && is_present(m, off, len) && copy(m, io))
		return 0;
	if (io->op == TARGET_DISCARD && inside)
		set_absent(m, off, len);
	rc = target_file_now(t, io, wait);
	if (io->op == TARGET_WRITE && inside && rc == 0)
		set_present(m, off, len);
	return rc;
}

static void memory_grown(struct target *t)
{
	struct map *m = map_file(t);

	if (!m)				/* what is new goes the way of any file */
		return;
	m->before = t->state;
	store_release((struct map **)&t->state, m);
}

static void memory_close(struct target *t)
{
	for (struct map *m = t->state, *before; m; m = before) {
		before = m->before;
		munmap(m->base, m->len);
		free(m);
	}
	t->state = NULL;
	target_file_close(t);
}

static const struct target_ops memory_ops = {
	.now = memory_now,
	.start = target_file_start,
	.close = memory_close,
	.grown = memory_grown,
};

void target_memory_open(struct target *t)
{
	t->state = map_file(t);
	if (t->state)
		t->ops = &memory_ops;
}
