/* SPDX-License-Identifier: MIT */
/*
 * target.c - which target a disk has
 *
 * That is the supervisor's to say, and nothing in the descriptor is looked at to guess it. One that
 * is no file comes with a descriptor of /dev/null, so that a disk always has two.
 */
#include <errno.h>
#include <unistd.h>

#include "disk.h"
#include "nbd.h"

int target_open(struct target *t, const struct disk_env *env, uint32_t devid,
		const struct wire_vdisk *conn, int fd)
{
	int rc = -EINVAL;

	switch (conn->target) {
	case WIRE_FILE:
		target_file_open(t, fd, conn->flags & WIRE_DIRECT);
		return 0;
	case WIRE_NULL:
		target_null_open(t, fd);
		return 0;
	case WIRE_NBD:
		if (env->nbd)
			rc = target_nbd_open(t, env->nbd, devid, conn, fd);
		break;
	default:
		break;
	}
	if (rc)
		close(fd);
	return rc;
}
