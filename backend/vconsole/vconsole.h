/* SPDX-License-Identifier: MIT */
/*
 * vconsole.h - the worker process around its consoles
 *
 *	main.c	options, handles, what the kernel tells
 *	link.c	what the supervisor tells, and is told
 */
#ifndef XPV_VCONSOLE_H
#define XPV_VCONSOLE_H

#include <sys/types.h>

#include "console.h"

#define MAX_CONSOLES	64

struct worker {
	struct console_env env;
	struct loop_fd listener, supervisor, events, grants;
	struct loop_timer orphan;	/* no console and no supervisor: nobody's worker */
	struct console *consoles[MAX_CONSOLES];
	unsigned int nr_consoles;
	bool no_sandbox;		/* for debugging */
	uid_t uid;			/* who to be, when started by root */
	gid_t gid;
};

/* link.c */
/* Accepts supervisors from now on; the listener is set. 0 or -errno. */
int link_start(struct worker *w);
/* end: what clients are told; NULL: that the service goes on elsewhere. */
void link_close(struct worker *w, const char *end);
/* After each round: tells of consoles that their guest has broken. */
void link_turn(struct worker *w);

#endif
