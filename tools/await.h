/* SPDX-License-Identifier: MIT */
/*
 * await.h - waiting for a device's two ends, and for the user to lose patience
 */
#ifndef XPV_AWAIT_H
#define XPV_AWAIT_H

#include "device.h"

enum await_end {
	AWAIT_REACHED,		/* what was waited for */
	AWAIT_FAILED,		/* the backend gave a reason: view.error */
	AWAIT_TIMEOUT,
	AWAIT_INTERRUPTED,	/* SIGINT, SIGTERM or SIGHUP came, now or earlier */
	AWAIT_LOST		/* the store went away; errno */
};

typedef bool await_goal(const struct pair_view *view);

/* From here on a terminating signal interrupts one await_pair() and is otherwise put off: what is
 * half done can be undone. It stays so until the process ends. */
void await_signals(void);
/* The opposite, in a child that goes its own way. */
void await_signals_default(void);
/* Whether a signal has come that nobody has been told of; then it counts as told. */
bool await_interrupted(void);
/* Milliseconds from now, on the clock of the waits below. */
int64_t await_deadline(unsigned int seconds);
/* Sleeps until goal(view) holds. heed_error: a reason written by the backend ends it, too. */
enum await_end await_pair(struct xs_handle *xs, const struct device *dev, await_goal *goal,
			bool heed_error, int64_t deadline, struct pair_view *view);

/* The same for one value at a path: sleeps until it is not `value` any more. */
enum await_end await_value_gone(struct xs_handle *xs, const char *path, const char *value,
			     int64_t deadline);

#endif
