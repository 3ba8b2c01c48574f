/* SPDX-License-Identifier: MIT */
/*
 * disk.c - the connection around a ring
 *
 * disk_open() goes through the parts in the order in which they depend on each other: the journal
 * (which waits until a killed predecessor is really gone), the ring's pages, the memory for
 * requests, the event channel. Whatever fails, disk_close() undoes what was done.
 *
 * If the journal is about this very connection, a predecessor served it: the ring is taken up
 * where that one stopped, and what it had taken but not answered is done again. The guest's
 * notifications of the time between were lost, so the first act is to look at the ring, and the
 * last of opening is to notify the guest once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"

/* A port is free again only when the hypervisor has noticed that its last owner is gone. */
#define BIND_TRIES	200
#define BIND_PAUSE_NS	5000000

static int fail(char *why, int rc, const char *what)
{
	snprintf(why, WIRE_TEXT, "%s: %s", what, strerror(-rc));
	return rc;
}

static int map_ring(struct disk *disk, const struct wire_vdisk *conn)
{
	uint32_t gref[WIRE_MAX_GREFS];
	uint32_t slots;

	if (conn->nr_grefs == 0 || conn->nr_grefs > WIRE_MAX_GREFS)
		return -EINVAL;
	slots = blk_ring_size(disk->ring.abi, (size_t)conn->nr_grefs * BLK_PAGE);
	if (slots > DISK_MAX_SLOTS || slots > disk->journal.head->nr_slots)
		return -EINVAL;
	memcpy(gref, conn->gref, sizeof(gref));
	disk->ring_pages = xengnttab_map_domain_grant_refs(disk->env->xgt, conn->nr_grefs,
							   disk->env->domid, gref,
							   PROT_READ | PROT_WRITE);
	if (!disk->ring_pages)
		return errno ? -errno : -EIO;
	disk->nr_ring_pages = conn->nr_grefs;
	ring_back_init(&disk->ring.ring, disk->ring_pages, slots, 0, 0);
	return 0;
}

static int make_requests(struct disk *disk)
{
	uint32_t slots = disk->ring.ring.size;

	disk->reqs = calloc(slots, sizeof(disk->reqs[0]));
	disk->buffers = mmap(NULL, (size_t)slots * DISK_BUFFER, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk->buffers == MAP_FAILED)
		disk->buffers = NULL;
	if (!disk->reqs || !disk->buffers)
		return -ENOMEM;
	return 0;
}

static int bind_port(struct disk *disk, uint32_t remote)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_NS };
	int r = -1;

	for (int i = 0; i < BIND_TRIES; i++) {
		r = xenevtchn_bind_interdomain(disk->env->xce, disk->env->domid, remote);
		if (r >= 0 || errno != EINVAL)
			break;
		nanosleep(&pause, NULL);
	}
	if (r < 0)
		return errno ? -errno : -EIO;
	disk->port = (evtchn_port_t)r;
	return 0;
}

/* Takes the ring up where the journal says, or begins a new connection. */
static int begin_or_recover(struct disk *disk, const struct wire_vdisk *conn,
			    struct journal_replay *replay)
{
	uint32_t slots = disk->ring.ring.size;
	int rc;

	*replay = (struct journal_replay){ 0 };
	if (journal_matches(&disk->journal, conn->gref[0], conn->port, conn->abi, slots)) {
		rc = journal_recover(&disk->journal,
				     read_once(&disk->ring.ring.shared->rsp_prod), slots, replay);
		if (rc)
			return rc;
		disk->journal.head->stats.restarts++;
		disk->journal.head->stats.replayed += replay->nr;
	} else {
		journal_begin(&disk->journal, conn->gref[0], conn->port, conn->abi, slots);
	}
	ring_back_init(&disk->ring.ring, disk->ring_pages, slots, replay->req_cons,
		       replay->rsp_prod);
	for (uint32_t i = slots; i-- > 0; ) {
		if (disk->journal.slots[i].state == JOURNAL_FREE)
			disk->free_slot[disk->nr_free++] = (uint16_t)i;
	}
	return 0;
}

static void replay_all(struct disk *disk, const struct journal_replay *replay)
{
	if (replay->nr > 0)
		log_info("%s: taking up %u requests that were not answered", disk->name,
			 replay->nr);
	for (unsigned int i = 0; i < replay->nr; i++)
		disk_replay(disk, replay->slot[i]);
}

static void describe(struct disk *disk, const struct wire_vdisk *conn)
{
	disk->geo = (struct blk_geometry){ .sectors = conn->sectors,
					   .sector_size = conn->sector_size,
					   .readonly = conn->flags & WIRE_READONLY,
					   .discard = conn->flags & WIRE_DISCARD };
	disk->ring.abi = conn->abi == BLK_ABI_32 ? BLK_ABI_32 : BLK_ABI_64;
	disk->persistent = conn->flags & WIRE_PERSISTENT;
	snprintf(disk->name, sizeof(disk->name), "guest %u vbd %u", disk->env->domid,
		 disk->devid);
}

int disk_open(struct disk *disk, struct disk_env *env, uint32_t devid,
	      const struct wire_vdisk *conn, int target_fd, int journal_fd, char *why)
{
	struct journal_replay replay;
	int rc;

	*disk = (struct disk){ .env = env, .devid = devid, .journal = { .fd = -1 } };
	request_take_all(&disk->ready);
	request_take_all(&disk->discards);
	request_take_all(&disk->landed);
	request_take_all(&disk->ended);
	describe(disk, conn);
	rc = target_open(&disk->target, env, devid, conn, target_fd);
	if (rc) {
		close(journal_fd);
		return fail(why, rc, "its target");
	}
	rc = journal_open(&disk->journal, journal_fd, env->domid, devid);
	if (rc)
		return fail(why, rc, "its journal");
	rc = map_ring(disk, conn);
	if (rc)
		return fail(why, rc, "mapping its ring");
	rc = make_requests(disk);
	if (rc)
		return fail(why, rc, "memory for its requests");
	if (disk->persistent) {
		rc = grant_cache_init(&disk->cache, env->xgt, env->domid, DISK_MAX_PERSISTENT);
		if (rc)
			return fail(why, rc, "memory for persistent grants");
	}
	rc = bind_port(disk, conn->port);
	if (rc)
		return fail(why, rc, "binding its event channel");
	rc = begin_or_recover(disk, conn, &replay);
	if (rc)
		return fail(why, rc, "its ring does not fit what was answered");
	replay_all(disk, &replay);
	xenevtchn_notify(env->xce, disk->port);
	return 0;
}

void disk_stop(struct disk *disk)
{
	disk->closing = true;
	disk->stopping = true;
}

bool disk_idle(const struct disk *disk)
{
	return disk->nr_free == disk->ring.ring.size;
}

void disk_close(struct disk *disk, bool forget)
{
	if (disk->journal.head && forget)
		journal_end(&disk->journal);
	if (disk->port)
		xenevtchn_unbind(disk->env->xce, disk->port);
	disk->port = 0;
	grant_cache_fini(&disk->cache);
	if (disk->ring_pages)
		xengnttab_unmap(disk->env->xgt, disk->ring_pages, disk->nr_ring_pages);
	disk->ring_pages = NULL;
	if (disk->buffers)
		munmap(disk->buffers, (size_t)disk->ring.ring.size * DISK_BUFFER);
	disk->buffers = NULL;
	free(disk->reqs);
	disk->reqs = NULL;
	journal_close(&disk->journal);
	if (disk->target.ops)
		disk->target.ops->close(&disk->target);
	disk->target.ops = NULL;
}
