/* SPDX-License-Identifier: MIT */
/*
 * target_null.c - a disk of zeros, for measuring everything but the disk
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "target.h"

static int null_now(struct target *t, struct target_io *io, bool wait)
{
	(void)t, (void)wait;
	for (int i = 0; i < io->nr_iov && io->op == TARGET_READ; i++)
		memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	return 0;
}

/* Never asked: nothing has to wait. */
static int null_start(struct target *t, struct target_io *io)
{
	(void)t, (void)io;
	return -EAGAIN;
}

static void null_close(struct target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static const struct target_ops null_ops = {
	.now = null_now,
	.start = null_start,
	.close = null_close,
};

void target_null_open(struct target *t, int fd)
{
	*t = (struct target){ .ops = &null_ops, .fd = fd, .in_memory = true };
}
