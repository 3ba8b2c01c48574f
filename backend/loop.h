/* SPDX-License-Identifier: MIT */
/*
 * loop.h - one thread, one wait: the event loop of the supervisor and of the workers
 *
 * Event sources are embedded in what owns them and found again with container_of. A source may be
 * removed at any time, also from inside a callback, also by another source's callback: events
 * already fetched for it are dropped, and what loop_defer() was given is freed only after the
 * round of dispatches is over. Not for interrupts or several threads.
 */
#ifndef XPV_LOOP_H
#define XPV_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

struct loop;

struct loop_fd {
	int fd;			/* -1: not watched */
	void (*ready)(struct loop_fd *source);	/* readable, or hung up */
};

struct loop_timer {
	uint64_t due_ns;	/* on CLOCK_MONOTONIC; 0: not set */
	void (*expired)(struct loop_timer *timer);
	struct loop_timer *next;
};

/* Something to be freed when nothing can refer to it any more. */
struct loop_deferred {
	void (*release)(struct loop_deferred *deferred);
	struct loop_deferred *next;
};

#define LOOP_BATCH 32

struct loop {
	int epfd;
	bool stop;
	struct loop_timer *timers;
	struct loop_deferred *deferred;
	struct loop_fd *fetched[LOOP_BATCH];	/* the round that is being dispatched */
	int nr_fetched;
};

/* 0 or -errno. */
int loop_init(struct loop *loop);
/* Idempotent. Sources stay their owners'. */
void loop_fini(struct loop *loop);

/* Watches source->fd until loop_del(). 0 or -errno. The fd stays the caller's. */
int loop_add(struct loop *loop, struct loop_fd *source);
/* The same, but ready() is called only when the other end is gone. */
int loop_add_hangup(struct loop *loop, struct loop_fd *source);
/* Calls ready() when the fd can be read, or written to, or neither: then, as always, when the other
 * end is gone. 0 or -errno. */
int loop_watch(struct loop *loop, struct loop_fd *source, bool input, bool output);
/* Also calls ready() when the fd can be written to, or not any more. 0 or -errno. */
int loop_watch_output(struct loop *loop, struct loop_fd *source, bool output);
/* Idempotent; sets source->fd to -1 and returns the fd, which the caller now closes. */
int loop_del(struct loop *loop, struct loop_fd *source);

/* (Re)sets a timer; it fires once. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* Calls release(deferred) once the running round of dispatches is over. */
void loop_defer(struct loop *loop, struct loop_deferred *deferred);

/* One round: waits (timeout_ms: -1 until something happens, 0 not at all), dispatches what is
 * ready, expired timers, and deferred releases. Returns the number of events, or -errno. */
int loop_once(struct loop *loop, int timeout_ms);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t loop_now(void);

#endif
