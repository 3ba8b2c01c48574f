/* SPDX-License-Identifier: MIT */
/*
 * dial.h - a connection to a server, made without waiting for it
 */
#ifndef XPV_DIAL_H
#define XPV_DIAL_H

#include "loop.h"
#include "params.h"

struct supervisor;

struct dial {
	struct loop_fd answer;		/* fd -1: nobody dials */
	struct loop_timer limit;
	struct supervisor *sup;
	int pid;
	/* fd is the callee's; -1: it failed, and why is one line. From the event loop. */
	void (*done)(struct dial *d, int fd, const char *why);
};

/* Begins, and gives up an attempt that is under way. Before the first use *d is zero but for
 * done and answer.fd, which is -1. 0 or -errno. */
int dial_start(struct dial *d, struct supervisor *sup, const struct xs_target *to);
/* Idempotent. */
void dial_cancel(struct dial *d);

#endif
