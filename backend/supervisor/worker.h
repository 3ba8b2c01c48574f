/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the supervisor's picture of one worker; for worker.c, process.c and adopt.c alone
 *
 * A worker is in one of three situations: down (no process; it may be waiting to be started), up
 * (a process, perhaps not greeted yet), leaving (asked to finish; a successor follows if devices
 * still need one).
 */
#ifndef XPV_WORKER_H
#define XPV_WORKER_H

#include <sys/types.h>
#include <sys/un.h>

#include "supervisor.h"

#define WORKER_DEVICES 256

struct worker {
	struct supervisor *sup;
	struct worker *next;
	const struct device_class *class;
	unsigned int domid;
	struct loop_fd sock;		/* connected; fd -1: not */
	struct loop_fd process;		/* a pidfd; fd -1: down */
	pid_t pid;
	bool greeted;
	bool speaks_nbd;		/* disks that a server has can be attached */
	bool leaving;			/* WIRE_QUIT was sent */
	unsigned int deaths;		/* in a row, without progress between them */
	uint64_t progress;		/* of its devices, when it started */
	struct loop_timer respawn;
	struct loop_timer patience;	/* set while a greeting, an answer or its end is due */
	struct loop_deferred grave;
	uint32_t adopted[WORKER_DEVICES];	/* served before we came, not claimed yet */
	unsigned int nr_adopted;
	uint32_t broken[WORKER_DEVICES];	/* the same, and their guest broke the protocol */
	unsigned int nr_broken;
	uint32_t closing[WORKER_DEVICES];	/* told to detach, not heard of since */
	unsigned int nr_closing;
};

/* worker.c: what is said */
void worker_socket_ready(struct loop_fd *source);
/* Attaches what waits, if the worker is ready for it. */
void worker_send_waiting(struct worker *w);
/* A worker's patience timer: it owes an answer for too long. */
void worker_out_of_patience(struct loop_timer *timer);
/* Sets or cancels the timer, as the worker owes an answer or not. */
void worker_be_patient(struct worker *w);

/* process.c: who says it */
struct worker *worker_create(struct supervisor *sup, const struct device_class *class,
			     unsigned int domid);
/* Connects to the worker and takes its process; w->pid is known for a child, and for others the
 * kernel's word for who listens (a worker calls listen() itself for that). 0 or -errno. */
int worker_meet(struct worker *w);
/* How often its devices have answered, over all workers that they had. */
uint64_t worker_progress(const struct worker *w);
/* Takes a worker without a process off the list, and its name away; its memory goes after the
 * round of dispatches. */
void worker_bury(struct worker *w);
/* The guest's worker of the class, started if it is down; NULL: out of memory. */
struct worker *worker_for(struct supervisor *sup, const struct device_class *class,
			  unsigned int domid);
/* Asks a worker to finish; what it served and is still wanted goes to its successor. */
void worker_dismiss(struct worker *w);
/* Ends a worker that does not keep to the protocol. */
void worker_kill(struct worker *w, const char *why);

#endif
