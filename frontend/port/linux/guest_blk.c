/* SPDX-License-Identifier: MIT */
/*
 * guest_blk.c - a synchronous vdisk for Linux programs
 *
 * A transfer of any size is cut into requests that go to the disk's queues in turn and keep their
 * rings full, and is over when the last of them is back; nothing of the caller's is in use after
 * that, whatever went wrong. A disk whose backend does not let go stays on the guest's list,
 * untouched, until the guest is closed.
 */
#include <stdlib.h>

#include "guest_private.h"

#define NS_PER_MS	1000000ull

/* Waits until the disk is in this state, has failed, or time is up. */
static int wait_state(struct guest_blk *disk, enum pv_state state, int timeout_ms)
{
	struct guest *g = disk->guest;
	uint64_t end = pvos_clock(&g->os) + (uint64_t)timeout_ms * NS_PER_MS;

	pv_blk_step(disk->blk);
	for (;;) {
		enum pv_state now = pv_blk_state(disk->blk);
		uint64_t clock = pvos_clock(&g->os);
		int rc, left;

		if (now == state)
			return PV_OK;
		if (now == PV_CLOSED)
			return pv_blk_error(disk->blk) ? pv_blk_error(disk->blk) : PV_EGONE;
		if (clock >= end)
			return PV_EBUSY;
		/* Pages that are held back are asked for every 100 ms. */
		left = (int)((end - clock) / NS_PER_MS) + 1;
		rc = guest_sleep(g, left < 100 ? left : 100, -1);
		if (rc < 0)
			return rc;
		if (rc & GUEST_INTERRUPTED)
			return PV_EGONE;
		if (pv_blk_wants_step(disk->blk))
			pv_blk_step(disk->blk);
	}
}

void guest_blk_free(struct guest_blk *disk)
{
	free(disk->blk);
	free(disk->reqs);
	free(disk->free);
	free(disk);
}

/* As many requests as its queues may have at a time. */
static size_t count_requests(const struct pv_blk_options *options)
{
	size_t queues = options && options->queues ? options->queues : 1;

	return (queues * PV_BLK_DEPTH) << (options ? options->ring_order : 0);
}

static struct guest_blk *make_disk(struct guest *g, uint32_t devid,
				   const struct pv_blk_options *options)
{
	size_t bytes = (pv_blk_bytes(options) + 15) & ~(size_t)15;
	struct guest_blk *disk = calloc(1, sizeof(*disk));
	void *memory = aligned_alloc(16, bytes);

	if (disk && memory) {
		disk->guest = g;
		disk->blk = pv_blk_init(memory, &g->os, devid, options);
		disk->nr_reqs = count_requests(options);
		disk->reqs = calloc(disk->nr_reqs, sizeof(*disk->reqs));
		disk->free = calloc(disk->nr_reqs, sizeof(struct pv_blk_req *));
		if (disk->reqs && disk->free)
			return disk;
		guest_blk_free(disk);
		return NULL;
	}
	free(memory);
	free(disk);
	return NULL;
}

int guest_blk_open(struct guest *g, uint32_t devid, int timeout_ms,
		   const struct pv_blk_options *options, struct guest_blk **out)
{
	struct guest_blk *disk = make_disk(g, devid, options);
	int rc;

	if (!disk)
		return PV_ENOMEM;
	disk->next = g->disks;
	g->disks = disk;
	rc = wait_state(disk, PV_OPEN, timeout_ms);
	if (!rc) {
		*out = disk;
		return PV_OK;
	}
	guest_blk_close(disk, timeout_ms);
	return rc == PV_EBUSY ? PV_ENOENT : rc;
}

int guest_blk_close(struct guest_blk *disk, int timeout_ms)
{
	struct guest_blk **p = &disk->guest->disks;

	pv_blk_close(disk->blk);
	wait_state(disk, PV_CLOSED, timeout_ms);
	while (pv_blk_poll(disk->blk))
		;
	if (pv_blk_fini(disk->blk) != PV_OK)
		return PV_EBUSY;
	while (*p != disk)
		p = &(*p)->next;
	*p = disk->next;
	guest_blk_free(disk);
	return PV_OK;
}

size_t guest_blk_requests(const struct guest_blk *disk)
{
	return disk->nr_reqs;
}

struct pv_blk *guest_blk_core(struct guest_blk *disk)
{
	return disk->blk;
}

#define CHUNK_SECTORS	256

/* A request of any size, in work. */
struct transfer {
	struct pv_blk_req whole;
	size_t done, total;		/* sectors submitted, and in all */
	bool more;			/* something is still to be submitted */
	int error;			/* the first */
	size_t nr_free;			/* requests of the disk's that are not under way */
};

/* Submits to the queue whose turn it is, or to the next that has room. */
static enum pv_err submit(struct guest_blk *disk, struct pv_blk_req *req, uint32_t queues)
{
	uint32_t tries = 0;
	enum pv_err err;

	do {
		disk->queue = disk->queue + 1 < queues ? disk->queue + 1 : 0;
		err = pv_blkq_submit(pv_blk_queue(disk->blk, disk->queue), req);
	} while (err == PV_EAGAIN && ++tries < queues);
	return err;
}

/* Puts on the rings whatever they take; in a request as much as lets several fit at a time. */
static void submit_all(struct guest_blk *disk, struct transfer *t)
{
	struct pv_blk_info info;
	uint32_t most;

	pv_blk_info(disk->blk, &info);
	most = info.max_sectors < CHUNK_SECTORS ? info.max_sectors : CHUNK_SECTORS;
	while (t->more && t->nr_free) {
		struct pv_blk_req *req = disk->free[t->nr_free - 1];
		size_t left = t->total - t->done;
		enum pv_err err;

		*req = t->whole;
		req->sector += t->done;
		if (req->data)
			req->data = (char *)req->data + t->done * 512;
		req->sectors = (uint32_t)(left < most ? left : most);
		err = submit(disk, req, info.queues);
		if (err == PV_EAGAIN)
			break;
		if (err) {
			t->error = t->error ? t->error : (int)err;
			t->more = false;
			break;
		}
		t->nr_free--;
		t->done += req->sectors;
		t->more = t->done < t->total;
	}
	pv_blk_kick(disk->blk);
}

static bool collect(struct guest_blk *disk, struct transfer *t)
{
	struct pv_blk_req *req;
	bool any = false;

	while ((req = pv_blk_poll(disk->blk))) {
		disk->free[t->nr_free++] = req;
		if (!t->error)
			t->error = req->status;
		any = true;
	}
	t->more &= !t->error;
	return any;
}

static int transfer(struct guest_blk *disk, const struct pv_blk_req *whole, size_t total)
{
	struct transfer t = { .whole = *whole, .total = total, .more = true };
	int rc;

	for (; t.nr_free < disk->nr_reqs; t.nr_free++)
		disk->free[t.nr_free] = &disk->reqs[t.nr_free];
	for (;;) {
		submit_all(disk, &t);
		if (!t.more && t.nr_free == disk->nr_reqs)
			return t.error;
		if (collect(disk, &t))
			rc = guest_look(disk->guest, &disk->blk, 1);
		else
			rc = guest_wait(disk->guest, &disk->blk, 1, 1000);
		if (rc < 0 || (rc & GUEST_INTERRUPTED))
			pv_blk_abort(disk->blk);
	}
}

int guest_blk_io(struct guest_blk *disk, enum pv_blk_op op, uint64_t lba, void *data, size_t nr)
{
	struct pv_blk_req whole = { .op = op, .sector = lba, .data = data };

	return nr ? transfer(disk, &whole, nr) : PV_OK;
}

int guest_blk_flush(struct guest_blk *disk)
{
	struct pv_blk_req whole = { .op = PV_BLK_FLUSH };

	return transfer(disk, &whole, 0);
}
