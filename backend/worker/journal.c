/* SPDX-License-Identifier: MIT */
/*
 * journal.c - the stores that make a killed worker's requests recoverable
 *
 * Every function that stores is a few lines, because its order is the point: the release stores
 * keep the compiler (and weaker processors than x86) from moving a mark before what it marks. No
 * fence is needed against the crash itself: a killed thread's stores have all happened, up to the
 * instruction where it stopped, and are seen in order by whoever maps the file next.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "replay.h"

#define LOCK_TRIES	500
#define LOCK_PAUSE_NS	10000000

/* A POSIX lock belongs to the process, not to the description that came by the socket, and the
 * kernel drops it when the last thread that shares the file table has gone. */
int journal_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

static int map_section(struct journal *j, int fd, unsigned int queue)
{
	const size_t at = journal_section(queue), stride = journal_section(1);
	struct stat st;
	size_t bytes;
	void *map;

	if (fstat(fd, &st))
		return -errno;
	if ((size_t)st.st_size < at + JOURNAL_SLOTS)
		return -EINVAL;
	bytes = (size_t)st.st_size - at < stride ? (size_t)st.st_size - at : stride;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)at);
	if (map == MAP_FAILED)
		return -errno;
	j->head = map;
	j->slots = (struct journal_slot *)(void *)((char *)map + JOURNAL_SLOTS);
	j->bytes = bytes;
	return 0;
}

int journal_open(struct journal *j, int fd, unsigned int queue, uint32_t domid, uint32_t devid)
{
	int rc;

	*j = (struct journal){ 0 };
	rc = map_section(j, fd, queue);
	if (rc == 0 && (j->head->magic != JOURNAL_MAGIC || j->head->version != JOURNAL_VERSION ||
			j->head->domid != domid || j->head->devid != devid ||
			journal_bytes(j->head->nr_slots) > j->bytes))
		rc = -EINVAL;
	if (rc)
		journal_close(j);
	return rc;
}

void journal_close(struct journal *j)
{
	if (j->head)
		munmap(j->head, j->bytes);
	*j = (struct journal){ 0 };
}

void journal_begin(struct journal *j, const struct journal_ring *ring, uint32_t nr_slots)
{
	journal_end(j);
	for (uint32_t i = 0; i < nr_slots; i++)
		j->slots[i].state = JOURNAL_FREE;
	j->head->ring = *ring;
	j->head->req_cons = 0;
	j->head->rsp_prod = 0;
	store_release(&j->head->connected, 1);	/* pairs with the acquire in journal_matches */
}

void journal_end(struct journal *j)
{
	write_once(&j->head->connected, 0);
	compiler_barrier();
}

bool journal_matches(const struct journal *j, const struct journal_ring *ring,
		     uint32_t nr_slots)
{
	const struct journal_head *h = j->head;

	return load_acquire(&h->connected) && memcmp(&h->ring, ring, sizeof(*ring)) == 0 &&
	       h->nr_slots >= nr_slots;
}

/* How many answers were being published when the predecessor died. */
static uint32_t answered(const struct journal *j)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < j->head->nr_slots; i++)
		n += j->slots[i].state == JOURNAL_ANSWERED;
	return n;
}

int journal_recover(struct journal *j, uint32_t shared_rsp_prod, uint32_t nr_slots,
		    struct journal_replay *out)
{
	uint32_t published = shared_rsp_prod - j->head->rsp_prod;

	*out = (struct journal_replay){ .req_cons = j->head->req_cons,
					.rsp_prod = shared_rsp_prod };
	if (published > answered(j) ||
	    out->req_cons - shared_rsp_prod > nr_slots)
		return -EPROTO;
	/* before any slot is freed, or a crash in here would leave more published than answered */
	store_release(&j->head->rsp_prod, shared_rsp_prod);
	compiler_barrier();
	for (uint32_t i = 0; i < nr_slots; i++) {
		struct journal_slot *s = &j->slots[i];
		unsigned int at;

		if (s->state == JOURNAL_FREE)
			continue;
		if ((s->state == JOURNAL_TAKEN && (int32_t)(s->req_index - out->req_cons) >= 0) ||
		    (s->state == JOURNAL_ANSWERED &&
		     (int32_t)(s->rsp_index - shared_rsp_prod) < 0)) {
			s->state = JOURNAL_FREE;
			continue;
		}
		for (at = out->nr++; at > 0; at--) {	/* by age: few, and nearly sorted */
			if ((int32_t)(j->slots[out->slot[at - 1]].req_index - s->req_index) < 0)
				break;
			out->slot[at] = out->slot[at - 1];
		}
		out->slot[at] = (uint16_t)i;
	}
	return out->nr == out->req_cons - shared_rsp_prod ? 0 : -EPROTO;
}

void journal_take(struct journal *j, unsigned int slot, uint32_t index, const struct blk_req *req)
{
	struct journal_slot *s = &j->slots[slot];

	s->req = *req;
	s->req_index = index;
	store_release(&s->state, JOURNAL_TAKEN);
	store_release(&j->head->req_cons, index + 1);
}

void journal_answer(struct journal *j, unsigned int slot, uint32_t rsp_index, int status)
{
	struct journal_slot *s = &j->slots[slot];

	s->rsp_index = rsp_index;
	s->status = status;
	store_release(&s->state, JOURNAL_ANSWERED);
	compiler_barrier();		/* the response goes into the ring only now */
}

void journal_published(struct journal *j, uint32_t rsp_prod)
{
	store_release(&j->head->rsp_prod, rsp_prod);
}

void journal_free(struct journal *j, unsigned int slot)
{
	store_release(&j->slots[slot].state, JOURNAL_FREE);
}
