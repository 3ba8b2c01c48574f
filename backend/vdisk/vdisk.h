/* SPDX-License-Identifier: MIT */
/*
 * vdisk.h - the worker process around its disks
 *
 *	main.c	options, handles, what the kernel tells
 *	link.c	what the supervisor tells, and is told
 *	serve.c	when to work, when to look, when to sleep
 */
#ifndef XPV_VDISK_H
#define XPV_VDISK_H

#include <sys/types.h>

#include "disk.h"
#include "loop.h"
#include "nbd.h"

#define MAX_DISKS	256

struct worker {
	struct loop loop;
	struct disk_env env;
	struct lane lane;
	struct nbd_host nbd;
	struct loop_fd listener, supervisor, events, grants, completions;
	struct loop_timer orphan;	/* no disk and no supervisor: nobody's worker */
	struct disk *disks[MAX_DISKS];
	unsigned int nr_disks;
	bool quitting;			/* finish what is under way, keep the journals */
	bool no_sandbox;		/* for debugging */
	uid_t uid;			/* who to be, when started by root */
	gid_t gid;
	uint64_t spin_max_ns, spin_ns;	/* how long to look before sleeping: at most, now */
};

/* link.c */
/* Accepts supervisors from now on; the listener is set. 0 or -errno. */
int link_start(struct worker *w);
void link_close(struct worker *w);
/* Says that a disk has failed, to whoever listens. */
void link_tell_failed(struct worker *w, const struct disk *disk);
/* Closes the disks that are to be closed and have nothing under way, and says so; also that limits
 * are in force. */
void link_finish_disks(struct worker *w);

/* serve.c */
/* Serves until the loop is stopped or nothing is left of a quitting worker. 0 or -errno. */
int serve(struct worker *w);

#endif
