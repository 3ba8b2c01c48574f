/* SPDX-License-Identifier: MIT */
/*
 * disk.c - the device around its queues
 *
 * Everything here is the main thread's, and done while no lane has the disk's queues, but for the
 * flags that lane.h lists.
 *
 * The journal of queue 0 says what the whole connection is: it is begun last and ended first, so
 * that a successor that finds it connected finds the others so too, and one that does not begins
 * all of them anew.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lane.h"

static void describe(struct disk *disk, const struct wire_vdisk *conn)
{
	disk->geo = (struct blk_geometry){ .sector_size = conn->sector_size,
					   .readonly = conn->flags & WIRE_READONLY,
					   .discard = conn->flags & WIRE_DISCARD,
					   .discard_secure = conn->flags & WIRE_SECURE };
	disk->sectors = conn->sectors;
	disk->persistent = conn->flags & WIRE_PERSISTENT;
	snprintf(disk->name, sizeof(disk->name), "guest %u vbd %u", disk->env->domid,
		 disk->devid);
}

int open_failed(char *why, int rc, const char *what)
{
	snprintf(why, WIRE_TEXT, "%s: %s", what, strerror(-rc));
	return rc;
}

/* libnbd is one thread's: all queues of a disk that a server has are served by the main thread. */
static struct lane *choose_lane(const struct disk_env *env, unsigned int index,
				const struct wire_vdisk *conn)
{
	if (conn->target == WIRE_NBD)
		return &env->lanes[0];
	return lane_started(&env->lanes[index % env->nr_lanes]);
}

static int open_queues(struct disk *disk, const struct wire_vdisk *conn, char *why)
{
	int rc = 0;

	for (unsigned int i = 0; i < conn->nr_queues && rc == 0; i++) {
		struct queue *q = &disk->queue[i];

		*q = (struct queue){ .disk = disk, .lane = choose_lane(disk->env, i, conn) };
		disk->nr_queues++;
		rc = queue_open(q, i, conn, why);
	}
	return rc;
}

int disk_open(struct disk *disk, struct disk_env *env, uint32_t devid,
	      const struct wire_vdisk *conn, int target_fd, int journal_fd, char *why)
{
	bool resume;
	int rc;

	*disk = (struct disk){ .env = env, .devid = devid, .journal_fd = journal_fd,
			       .limit_lock = PTHREAD_MUTEX_INITIALIZER };
	describe(disk, conn);
	rc = target_open(&disk->target, env, devid, conn, target_fd);
	if (rc)
		return open_failed(why, rc, "its target");
	if (conn->nr_queues == 0 || conn->nr_queues > WIRE_MAX_QUEUES)
		return open_failed(why, -EINVAL, "its number of queues");
	rc = journal_lock(journal_fd);
	if (rc)
		return open_failed(why, rc, "its journal");
	throttle_set(disk, &conn->limit);
	rc = open_queues(disk, conn, why);
	if (rc)
		return rc;
	resume = queue_is_known(&disk->queue[0], 0, conn);
	for (unsigned int i = conn->nr_queues; i-- > 0 && rc == 0; )
		rc = queue_begin_or_resume(&disk->queue[i], i, conn, resume);
	return rc ? open_failed(why, rc, "its ring does not fit what was answered") : 0;
}

void disk_serve(struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++)
		lane_hand_over(&disk->queue[i]);
}

void disk_stop(struct disk *disk)
{
	write_once(&disk->closing, true);
	write_once(&disk->stopping, true);
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		stopwatch_stop(&disk->queue[i].watch);
		lane_kick(disk->queue[i].lane);
	}
}

const char *disk_failed(struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues && !disk->failed; i++) {
		if (load_acquire(&disk->queue[i].broken))
			disk->failed = disk->queue[i].failed;
	}
	return disk->failed;
}

bool disk_given_back(const struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		if (load_acquire(&disk->queue[i].served))
			return false;
	}
	return true;
}

void disk_resize(struct disk *disk, uint64_t sectors)
{
	if (sectors <= disk->sectors)
		return;
	if (disk->target.ops->grown)
		disk->target.ops->grown(&disk->target);
	write_once(&disk->sectors, sectors);
}

void disk_close(struct disk *disk, bool forget)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++)
		queue_close(&disk->queue[i], forget);
	disk->nr_queues = 0;
	if (disk->journal_fd >= 0)
		close(disk->journal_fd);
	disk->journal_fd = -1;
	if (disk->target.ops)
		disk->target.ops->close(&disk->target);
	disk->target.ops = NULL;
}
