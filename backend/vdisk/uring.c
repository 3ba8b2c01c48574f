/* SPDX-License-Identifier: MIT */
/*
 * uring.c - asynchronous I/O for the targets, on memory that is ours
 *
 * A started I/O is one contiguous buffer. Short transfers are continued here, so that done() hears
 * of a request once and as a whole. Submissions are gathered and told to the kernel by one call a
 * batch; completions are read from shared memory without any.
 *
 * A filter of system calls does not see what is asked for through a ring. So the ring itself takes
 * nothing but what is queued here, from before its first request on, and cannot be changed.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "target.h"

struct uring {
	struct io_uring ring;
	unsigned int queued;
	unsigned int under_way;		/* queued, and not reaped yet */
};

/* By its general entry point: liburing 2.3 declares the particular ones without exporting them. */
static int restrict_and_enable(struct io_uring *ring)
{
	struct io_uring_restriction permitted[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC },
	};
	int r = io_uring_register((unsigned int)ring->ring_fd, IORING_REGISTER_RESTRICTIONS,
				  permitted, sizeof(permitted) / sizeof(permitted[0]));

	if (r == 0)
		r = io_uring_register((unsigned int)ring->ring_fd, IORING_REGISTER_ENABLE_RINGS,
				      NULL, 0);
	if (r)
		io_uring_queue_exit(ring);
	return r;
}

struct uring *uring_create(unsigned int entries, int *rc)
{
	struct uring *u = calloc(1, sizeof(*u));

	*rc = u ? io_uring_queue_init(entries, &u->ring,
				      IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED) : -ENOMEM;
	if (*rc == 0)
		*rc = restrict_and_enable(&u->ring);
	if (*rc) {
		free(u);
		return NULL;
	}
	io_uring_ring_dontfork(&u->ring);
	return u;
}

void uring_destroy(struct uring *u)
{
	if (!u)
		return;
	io_uring_queue_exit(&u->ring);
	free(u);
}

int uring_fd(const struct uring *u)
{
	return u->ring.ring_fd;
}

int uring_queue(struct uring *u, struct target_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	char *buf = io->nr_iov ? (char *)io->iov[0].iov_base + io->moved : NULL;

	if (!sqe) {
		uring_flush(u);
		sqe = io_uring_get_sqe(&u->ring);
	}
	if (!sqe)
		return -EAGAIN;
	switch (io->op) {
	case TARGET_READ:
		io_uring_prep_read(sqe, io->target->fd, buf, (unsigned int)(io->len - io->moved),
				   io->off + io->moved);
		break;
	case TARGET_WRITE:
		io_uring_prep_write(sqe, io->target->fd, buf, (unsigned int)(io->len - io->moved),
				    io->off + io->moved);
		break;
	case TARGET_SYNC:
		io_uring_prep_fsync(sqe, io->target->fd, IORING_FSYNC_DATASYNC);
		break;
	case TARGET_DISCARD:		/* a ring that took these could make files longer */
		return -EOPNOTSUPP;
	}
	io_uring_sqe_set_data(sqe, io);
	u->queued++;
	u->under_way++;
	return 0;
}

void uring_flush(struct uring *u)
{
	int r;

	if (u->queued == 0)
		return;
	r = io_uring_submit(&u->ring);
	if (r > 0)
		u->queued -= (unsigned int)r < u->queued ? (unsigned int)r : u->queued;
}

bool uring_queued(const struct uring *u)
{
	return u->queued > 0;
}

/* 0: the I/O is complete; 1: its rest was queued again; -errno. */
static int continue_io(struct uring *u, struct target_io *io, int res)
{
	int rc;

	if (res == -EINTR || res == -EAGAIN)
		res = 0;
	else if (res < 0)
		return res;
	else if (io->op == TARGET_SYNC)
		return 0;
	else if (res == 0)
		return -EIO;		/* the file is shorter than it was */
	io->moved += (uint64_t)res;
	if (io->op != TARGET_SYNC && io->moved >= io->len)
		return 0;
	rc = uring_queue(u, io);
	return rc ? rc : 1;
}

unsigned int uring_reap(struct uring *u)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	if (u->under_way == 0)
		return 0;
	while (io_uring_peek_cqe(&u->ring, &cqe) == 0) {
		struct target_io *io = io_uring_cqe_get_data(cqe);
		int rc = continue_io(u, io, cqe->res);

		io_uring_cqe_seen(&u->ring, cqe);
		u->under_way--;
		if (rc <= 0)
			io->done(io, rc);
		n++;
	}
	uring_flush(u);
	return n;
}
