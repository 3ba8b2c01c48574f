/* SPDX-License-Identifier: MIT */
/*
 * target_file.c - a raw image file or a block device
 *
 * Data that is in the page cache is copied in place, by one system call: a read asks with
 * RWF_NOWAIT. What would wait goes through io_uring, as do writes and syncs, so that one slow
 * request holds up no other. Files on tmpfs know no RWF_NOWAIT, and need none: there, copying in
 * place is all there is (and handing it to io_uring would only move it to a kernel thread); what of
 * them has pages is not even asked for by system calls (target_memory.c).
 *
 * With O_DIRECT nothing is in the page cache, and all of it goes through io_uring.
 *
 * A discard makes a hole, which reads as zeros. A block device that cannot do that may still be
 * able to discard without promising what is read. Either is done in place: the worker is not
 * permitted to ask a ring for it, where nobody sees whether it makes a file longer. A secure one is
 * the device's own to do, or zeros over memory; it is not offered where there is neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "target.h"

static ssize_t move(struct target *t, const struct target_io *io, int flags)
{
	/* One piece needs no list of them to be copied in, checked and walked. */
	if (io->nr_iov == 1 && !flags)
		return io->op == TARGET_READ ?
		       pread(t->fd, io->iov[0].iov_base, io->iov[0].iov_len, (off_t)io->off) :
		       pwrite(t->fd, io->iov[0].iov_base, io->iov[0].iov_len, (off_t)io->off);
	if (io->op == TARGET_READ)
		return preadv2(t->fd, io->iov, io->nr_iov, (off_t)io->off, flags);
	return pwritev2(t->fd, io->iov, io->nr_iov, (off_t)io->off, flags);
}

/* Steps over what was moved; the iov is the I/O's own. */
static void advance(struct target_io *io, size_t moved)
{
	int first = 0;

	io->off += moved;
	io->len -= moved;
	while (first < io->nr_iov && moved >= io->iov[first].iov_len)
		moved -= io->iov[first++].iov_len;
	for (int i = first; i < io->nr_iov; i++)
		io->iov[i - first] = io->iov[i];
	io->nr_iov -= first;
	if (io->nr_iov > 0) {
		io->iov[0].iov_base = (char *)io->iov[0].iov_base + moved;
		io->iov[0].iov_len -= moved;
	}
}

/* Over what is in memory zeros are written first: a page that is only given back keeps its contents
 * until somebody else gets it, and a copy of it in the swap space is out of reach for both. */
static int erase_memory(const struct target *t, const struct target_io *io)
{
	static const char zeros[BLK_PAGE * 16];

	for (uint64_t done = 0; done < io->len; ) {
		size_t left = io->len - done < sizeof(zeros) ? (size_t)(io->len - done) :
							       sizeof(zeros);
		ssize_t r = pwrite(t->fd, zeros, left, (off_t)(io->off + done));

		if (r <= 0 && errno != EINTR)
			return r ? -errno : -EIO;
		done += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

static int erase(const struct target *t, const struct target_io *io)
{
	const uint64_t range[2] = { io->off, io->len };

	if (t->in_memory)
		return erase_memory(t, io);
	return ioctl(t->fd, BLKSECDISCARD, range) ? -errno : 0;
}

static int discard(const struct target *t, const struct target_io *io)
{
	const int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int r = io->secure ? erase(t, io) : 0;

	if (r || (io->secure && !t->in_memory))
		return r;
	do {
		r = fallocate(t->fd, hole, (off_t)io->off, (off_t)io->len);
		if (r && errno == EOPNOTSUPP)
			r = fallocate(t->fd, hole | FALLOC_FL_NO_HIDE_STALE, (off_t)io->off,
				      (off_t)io->len);
	} while (r && errno == EINTR);
	return r ? -errno : 0;
}

int target_file_now(struct target *t, struct target_io *io, bool wait)
{
	bool may_wait = wait || t->in_memory || !io->uring;
	ssize_t r;

	/* neither a guest's page nor a wait: it is started, on our own aligned memory */
	if (t->direct && !wait && (io->op == TARGET_READ || io->op == TARGET_WRITE))
		return -EAGAIN;
	if (io->op == TARGET_SYNC) {
		if (!may_wait)
			return -EAGAIN;
		return fdatasync(t->fd) ? -errno : 0;
	}
	if (io->op == TARGET_DISCARD)
		return discard(t, io);
	if (!may_wait && io->op == TARGET_WRITE)
		return -EAGAIN;
	while (io->len > 0) {
		r = move(t, io, may_wait ? 0 : RWF_NOWAIT);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EOPNOTSUPP && !may_wait ? -EAGAIN : -errno;
		if (r == 0)
			return -EIO;	/* the file is shorter than it was */
		advance(io, (size_t)r);
	}
	return 0;
}

int target_file_start(struct target *t, struct target_io *io)
{
	(void)t;
	return io->uring ? uring_queue(io->uring, io) : -EAGAIN;
}

void target_file_close(struct target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static const struct target_ops file_ops = {
	.now = target_file_now,
	.start = target_file_start,
	.close = target_file_close,
};

void target_file_open(struct target *t, int fd, bool direct)
{
	struct statfs fs;

	*t = (struct target){ .ops = &file_ops, .fd = fd, .direct = direct };
	if (fstatfs(fd, &fs) == 0)
		t->in_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	/* a ramfs cannot say where it has pages */
	if (t->in_memory && fs.f_type == TMPFS_MAGIC && !direct)
		target_memory_open(t);
}
