/* SPDX-License-Identifier: MIT */
/*
 * guest_private.h - what guest.c and guest_blk.c share
 */
#ifndef XPV_GUEST_PRIVATE_H
#define XPV_GUEST_PRIVATE_H

#include "guest.h"
#include "linux_os.h"

struct guest {
	struct pv_os os;
	struct guest_options options;
	int signal_fd;
	bool interrupted;
	unsigned int calls;
	struct guest_blk *disks;
};

struct guest_blk {
	struct pv_blk *blk;		/* in memory of its own, which goes with it */
	struct guest *guest;
	struct guest_blk *next;
	uint32_t queue;			/* that the next request goes to */
	size_t nr_reqs;
	struct pv_blk_req **free;	/* nr_reqs places */
	struct pv_blk_req *reqs;
};

void guest_blk_free(struct guest_blk *disk);

/* What has to happen even to a program that never sleeps: steps what needs it, and now and then
 * looks for watches and signals. As guest_sleep() returns. */
int guest_look(struct guest *g, struct pv_blk *const *blks, size_t nr);

#endif
