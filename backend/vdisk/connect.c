/* SPDX-License-Identifier: MIT */
/*
 * connect.c - the connection around one ring
 *
 * queue_open() goes through the parts in the order in which they depend on each other: the journal,
 * the ring's pages, the memory for requests, the event channel. Whatever fails, queue_close()
 * undoes what was done.
 *
 * If the journal is about this very connection, a predecessor served it: the ring is taken up
 * where that one stopped, and what it had taken but not answered is done again. The guest's
 * notifications of the time between were lost, so the first act of the lane that serves it is to
 * look at the ring, and to notify the guest once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lane.h"
#include "log.h"

/* A port is free again only when the hypervisor has noticed that its last owner is gone. */
#define BIND_TRIES	200
#define BIND_PAUSE_NS	5000000

static int map_ring(struct queue *q, const struct wire_vdisk *conn, const uint32_t *grefs)
{
	uint32_t gref[WIRE_MAX_GREFS];
	uint32_t slots;

	if (conn->nr_grefs == 0 || conn->nr_grefs > WIRE_MAX_GREFS)
		return -EINVAL;
	slots = blk_ring_size(q->ring.abi, (size_t)conn->nr_grefs * BLK_PAGE);
	if (slots > DISK_MAX_SLOTS || slots > q->journal.head->nr_slots)
		return -EINVAL;
	memcpy(gref, grefs, sizeof(gref));
	q->ring_pages = xengnttab_map_domain_grant_refs(q->disk->env->xgt, conn->nr_grefs,
							q->disk->env->domid, gref,
							PROT_READ | PROT_WRITE);
	if (!q->ring_pages)
		return errno ? -errno : -EIO;
	q->nr_ring_pages = conn->nr_grefs;
	ring_back_init(&q->ring.ring, q->ring_pages, slots, 0, 0);
	return 0;
}

static int make_requests(struct queue *q)
{
	uint32_t slots = q->ring.ring.size;

	q->reqs = calloc(slots, sizeof(q->reqs[0]));
	q->buffers = mmap(NULL, (size_t)slots * DISK_BUFFER, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (q->buffers == MAP_FAILED)
		q->buffers = NULL;
	if (!q->reqs || !q->buffers)
		return -ENOMEM;
	return 0;
}

static int bind_port(struct queue *q, uint32_t remote)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_NS };
	int r = -1;

	for (int i = 0; i < BIND_TRIES; i++) {
		r = xenevtchn_bind_interdomain(q->lane->xce, q->disk->env->domid, remote);
		if (r >= 0 || errno != EINVAL)
			break;
		nanosleep(&pause, NULL);
	}
	if (r < 0)
		return errno ? -errno : -EIO;
	q->port = (evtchn_port_t)r;
	return 0;
}

static struct journal_ring identity(const struct wire_vdisk *conn, unsigned int index)
{
	return (struct journal_ring){ .gref0 = conn->queue[index].gref[0],
				      .port = conn->queue[index].port, .abi = conn->abi,
				      .nr_queues = conn->nr_queues };
}

int queue_open(struct queue *q, unsigned int index, const struct wire_vdisk *conn, char *why)
{
	const struct disk_env *env = q->disk->env;
	int rc;

	q->ring.abi = conn->abi == BLK_ABI_32 ? BLK_ABI_32 : BLK_ABI_64;
	request_take_all(&q->ready);
	request_take_all(&q->discards);
	request_take_all(&q->landed);
	request_take_all(&q->ended);
	throttle_init(q);
	rc = journal_open(&q->journal, q->disk->journal_fd, index, env->domid, q->disk->devid);
	if (rc)
		return open_failed(why, rc, "its journal");
	rc = map_ring(q, conn, conn->queue[index].gref);
	if (rc)
		return open_failed(why, rc, "mapping its ring");
	rc = make_requests(q);
	if (rc)
		return open_failed(why, rc, "memory for its requests");
	if (q->disk->persistent) {
		rc = grant_cache_init(&q->cache, env->xgt, env->domid, DISK_MAX_PERSISTENT);
		if (rc)
			return open_failed(why, rc, "memory for persistent grants");
	}
	rc = bind_port(q, conn->queue[index].port);
	return rc ? open_failed(why, rc, "binding its event channel") : 0;
}

bool queue_is_known(const struct queue *q, unsigned int index, const struct wire_vdisk *conn)
{
	const struct journal_ring ring = identity(conn, index);

	return journal_matches(&q->journal, &ring, q->ring.ring.size);
}

int queue_begin_or_resume(struct queue *q, unsigned int index, const struct wire_vdisk *conn,
			  bool resume)
{
	const struct journal_ring ring = identity(conn, index);
	uint32_t slots = q->ring.ring.size;
	struct meter *meter = journal_meter(q->journal.head);
	int rc;

	if (resume) {
		rc = queue_is_known(q, index, conn) ?
		     journal_recover(&q->journal, read_once(&q->ring.ring.shared->rsp_prod), slots,
				     &q->replay) : -EPROTO;
		if (rc)
			return rc;
		q->journal.head->stats.restarts += index == 0;	/* one a device */
		q->journal.head->stats.replayed += q->replay.nr;
	} else {
		journal_begin(&q->journal, &ring, slots);
	}
	ring_back_init(&q->ring.ring, q->ring_pages, slots, q->replay.req_cons,
		       q->replay.rsp_prod);
	if (resume)
		stopwatch_take_over(&q->watch, meter, q->replay.nr,
				    q->replay.nr > 0 || ring_back_pending(&q->ring.ring) != 0);
	else
		stopwatch_init(&q->watch, meter);
	for (uint32_t i = slots; i-- > 0; ) {
		if (q->journal.slots[i].state == JOURNAL_FREE)
			q->free_slot[q->nr_free++] = (uint16_t)i;
	}
	return 0;
}

void queue_start(struct queue *q)
{
	if (q->replay.nr > 0)
		log_info("%s: taking up %u requests that were not answered", q->disk->name,
			 q->replay.nr);
	for (unsigned int i = 0; i < q->replay.nr; i++)
		queue_replay(q, q->replay.slot[i]);
	xenevtchn_notify(q->lane->xce, q->port);
}

bool queue_idle(const struct queue *q)
{
	return q->nr_free == q->ring.ring.size;
}

void queue_close(struct queue *q, bool forget)
{
	throttle_end(q);		/* if its lane has ended without giving it back */
	if (q->journal.head && forget)
		journal_end(&q->journal);
	if (q->port)
		xenevtchn_unbind(q->lane->xce, q->port);
	q->port = 0;
	grant_cache_fini(&q->cache);
	if (q->ring_pages)
		xengnttab_unmap(q->disk->env->xgt, q->ring_pages, q->nr_ring_pages);
	q->ring_pages = NULL;
	if (q->buffers)
		munmap(q->buffers, (size_t)q->ring.ring.size * DISK_BUFFER);
	q->buffers = NULL;
	free(q->reqs);
	q->reqs = NULL;
	journal_close(&q->journal);
}
