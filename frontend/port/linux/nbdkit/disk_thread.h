/* SPDX-License-Identifier: MIT */
/*
 * disk_thread.h - one disk, used by any number of threads at a time
 */
#ifndef XPV_DISK_THREAD_H
#define XPV_DISK_THREAD_H

#include "guest.h"

struct disk_thread;

/* What the disk was like a moment ago. */
struct disk_view {
	struct pv_blk_info info;
	enum pv_state state;
	const char *reason;	/* why it failed, or NULL; valid until the disk is closed */
};

/* Starts a thread that has the guest and its disk, which is open, to itself until
 * disk_thread_stop(). It sends up to so many requests at a time. NULL, and errno, if it cannot. */
struct disk_thread *disk_thread_start(struct guest *guest, struct guest_blk *disk,
				      size_t requests);
/* Ends the thread. No other may be in disk_thread_io(). */
void disk_thread_stop(struct disk_thread *t);

/* One transfer, of any size; returns when it is over. Several at a time share the ring. From any
 * thread; blocks while the backend is away. PV_EGONE: the disk will not come back. */
enum pv_err disk_thread_io(struct disk_thread *t, enum pv_blk_op op, uint64_t sector,
			   uint64_t sectors, void *data);
/* From any thread. */
void disk_thread_view(struct disk_thread *t, struct disk_view *view);

#endif
