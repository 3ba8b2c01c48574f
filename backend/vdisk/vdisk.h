/* SPDX-License-Identifier: MIT */
/*
 * vdisk.h - the worker process around its disks
 *
 *	main.c	options, handles, what the kernel tells
 *	link.c	what the supervisor tells, and is told
 *	outbox.h	... in order
 *	lane.h	the threads, and what each serves its queues with
 */
#ifndef XPV_VDISK_H
#define XPV_VDISK_H

#include <sys/types.h>

#include "lane.h"
#include "nbd.h"
#include "outbox.h"

#define MAX_DISKS	256

struct worker {
	struct disk_env env;
	struct lane lane[WIRE_MAX_QUEUES];	/* the first is this thread's */
	unsigned int max_lanes;
	struct nbd_host nbd;
	struct loop_fd listener, supervisor, grants;
	struct outbox outbox;		/* to the supervisor */
	struct loop_timer orphan;	/* no disk and no supervisor: nobody's worker */
	struct disk *disks[MAX_DISKS];
	unsigned int nr_disks;
	bool quitting;			/* finish what is under way, keep the journals */
	bool no_sandbox;		/* for debugging */
	uid_t uid;			/* who to be, when started by root */
	gid_t gid;
	uint64_t spin_max_ns;		/* how long a lane looks before it sleeps, at most */
};

/* link.c */
/* Accepts supervisors from now on; the listener is set. 0 or -errno. */
int link_start(struct worker *w);
void link_close(struct worker *w);
/* True: nothing is under way on any disk. With all lanes stopped. */
bool link_idle(const struct worker *w);
/* After each round of the first lane's: tells of disks that have failed, and of limits that are in
 * force; closes disks that are to be closed and were given back. False: nothing is left of a
 * quitting worker, or a lane is broken. */
bool link_turn(struct lane *lane);

#endif
