/* SPDX-License-Identifier: MIT */
/*
 * disk.c - the device around its queues
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

static void describe(struct disk *disk, const struct wire_vdisk *conn)
{
	disk->geo = (struct blk_geometry){ .sectors = conn->sectors,
					   .sector_size = conn->sector_size,
					   .readonly = conn->flags & WIRE_READONLY,
					   .discard = conn->flags & WIRE_DISCARD,
					   .discard_secure = conn->flags & WIRE_SECURE };
	disk->persistent = conn->flags & WIRE_PERSISTENT;
	snprintf(disk->name, sizeof(disk->name), "guest %u vbd %u", disk->env->domid,
		 disk->devid);
}

int disk_open(struct disk *disk, struct disk_env *env, struct lane *lane, uint32_t devid,
	      const struct wire_vdisk *conn, int target_fd, int journal_fd, char *why)
{
	int rc;

	*disk = (struct disk){ .env = env, .devid = devid,
			       .limit_lock = PTHREAD_MUTEX_INITIALIZER };
	describe(disk, conn);
	rc = target_open(&disk->target, env, devid, conn, target_fd);
	if (rc) {
		close(journal_fd);
		snprintf(why, WIRE_TEXT, "its target: %s", strerror(-rc));
		return rc;
	}
	throttle_set(disk, &conn->limit);
	disk->nr_queues = 1;
	return queue_open(&disk->queue[0], disk, lane, conn, journal_fd, why);
}

void disk_stop(struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		disk->queue[i].closing = true;
		stopwatch_stop(&disk->queue[i].watch);
	}
	disk->stopping = true;
}

bool disk_idle(const struct disk *disk)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		if (!queue_idle(&disk->queue[i]))
			return false;
	}
	return true;
}

void disk_close(struct disk *disk, bool forget)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++)
		queue_close(&disk->queue[i], forget);
	disk->nr_queues = 0;
	if (disk->target.ops)
		disk->target.ops->close(&disk->target);
	disk->target.ops = NULL;
}
