/* SPDX-License-Identifier: MIT */
/*
 * target.h - what a virtual disk is kept in
 *
 * A target is one struct of functions. It is asked twice: first whether the I/O can be done now,
 * without waiting for a device; if not, the I/O is started, and done() is called some time later,
 * from target_reap() in the same thread. Only started I/O needs memory that is ours (never a
 * guest's page, see worker/map.h).
 */
#ifndef XPV_VDISK_TARGET_H
#define XPV_VDISK_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "blk_abi.h"

struct uring;

enum target_op { TARGET_READ, TARGET_WRITE, TARGET_SYNC, TARGET_DISCARD };

struct target_io {
	enum target_op op;
	bool secure;			/* DISCARD: nothing of what was there can be read again */
	int nr_iov;
	struct iovec *iov;		/* the caller's; changed as the I/O goes on */
	uint64_t off;
	uint64_t len;			/* sum of the iov's lengths; DISCARD: without; SYNC: 0 */
	uint64_t moved;			/* of a started I/O: so much is done */
	/* A started I/O has ended: rc is 0 or -errno, never a short count. */
	void (*done)(struct target_io *io, int rc);
	struct target *target;
	struct uring *uring;		/* the asking thread's; NULL: done in place, may wait */
};

struct target_ops {
	/* 0: done; -EAGAIN: it might wait, start it (never with `wait`); -errno: failed. */
	int (*now)(struct target *t, struct target_io *io, bool wait);
	/* 0: done() will be called; -EAGAIN: not at the moment; -errno: not started. */
	int (*start)(struct target *t, struct target_io *io);
	void (*close)(struct target *t);
	/* Nobody waits for answers any more: what cannot be done soon is to fail. May be NULL. */
	void (*abandon)(struct target *t);
	/* There is more of it than there was. The main thread's; others go on. May be NULL. */
	void (*grown)(struct target *t);
};

struct target {
	const struct target_ops *ops;
	int fd;
	bool in_memory;		/* on a filesystem in memory: nothing waits for a device */
	bool direct;		/* past the page cache: data has to pass through aligned memory */
	void *state;		/* target_nbd.c's, target_memory.c's */
};

struct disk_env;
struct wire_vdisk;

/* target.c: whichever of them the supervisor says. fd is the target's from here on, also on
 * failure. 0 or -errno. */
int target_open(struct target *t, const struct disk_env *env, uint32_t devid,
		const struct wire_vdisk *conn, int fd);

/* target_file.c: a raw file or block device. fd is the target's from here on. direct: it was opened
 * with O_DIRECT. */
void target_file_open(struct target *t, int fd, bool direct);
int target_file_now(struct target *t, struct target_io *io, bool wait);
int target_file_start(struct target *t, struct target_io *io);
void target_file_close(struct target *t);

/* target_memory.c: an open file on a filesystem in memory, which stays as it is if it cannot be
 * mapped. */
void target_memory_open(struct target *t);
/* Before the first of them is read, and before the process is confined: its mappings can lose
 * pages. 0 or -errno. */
int target_memory_init(void);

/* target_null.c: zeros; what is written is forgotten. fd is only kept. */
void target_null_open(struct target *t, int fd);

/* uring.c: an io_uring for whatever targets the queues of one thread have */
#define URING_ENTRIES 256

/* entries: how many submissions it gathers. NULL and *rc = -errno if the kernel (or its
 * administrator) does not permit it. */
struct uring *uring_create(unsigned int entries, int *rc);
void uring_destroy(struct uring *u);
/* Becomes readable when there is something to reap. */
int uring_fd(const struct uring *u);
/* Queues the rest of the I/O; seen by the kernel at uring_flush(). 0 or -EAGAIN (ring full). */
int uring_queue(struct uring *u, struct target_io *io);
/* Tells the kernel about all that was queued. */
void uring_flush(struct uring *u);
/* True: the kernel was too busy to take it all; flush again soon. */
bool uring_queued(const struct uring *u);
/* Calls done() for what has ended. Returns how many. No system call if there is nothing. */
unsigned int uring_reap(struct uring *u);

#endif
