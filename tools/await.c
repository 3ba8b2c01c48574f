/* SPDX-License-Identifier: MIT */
/*
 * await.c - waiting for a device's two ends, and for the user to lose patience
 *
 * Everything is learnt from watches: no polling, no guessing how long a backend may take. A watch
 * fires once when it is set, and again after each change; the view is read anew each time, so
 * that no event can be missed and none needs to be understood.
 *
 * Signals are blocked except while the process sleeps in ppoll(): an interrupted attach can undo
 * what it has written, and never dies in between.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "await.h"

static volatile sig_atomic_t caught;

static void note_signal(int sig)
{
	caught = sig;
}

static const int ending[] = { SIGINT, SIGTERM, SIGHUP };

void await_signals(void)
{
	struct sigaction act = { .sa_handler = note_signal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction old;

		/* What nohup, or a shell's background, has set to be ignored stays so. */
		if (!sigaction(ending[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(ending[i], &act, NULL);
		sigaddset(&set, ending[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void await_signals_default(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		signal(ending[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

/* Each signal interrupts one wait: what is then waited for is the undoing. */
static bool take_signal(void)
{
	bool came = caught;

	caught = 0;
	return came;
}

/* The signals as they are for the rest of the process: let in. */
static void open_set(sigset_t *set)
{
	sigprocmask(SIG_BLOCK, NULL, set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigdelset(set, ending[i]);
}

bool await_interrupted(void)
{
	const struct timespec none = { .tv_sec = 0 };
	sigset_t set;

	open_set(&set);
	ppoll(NULL, 0, &none, &set);
	return take_signal();
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

int64_t await_deadline(unsigned int seconds)
{
	return now_ms() + seconds * INT64_C(1000);
}

/* Sleeps until something is to be read, or the deadline, or a signal. */
static enum await_end sleep_until(int fd, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t left = deadline - now_ms();
	struct timespec ts;
	sigset_t set;
	int r;

	if (take_signal())
		return AWAIT_INTERRUPTED;
	if (left <= 0)
		return AWAIT_TIMEOUT;
	ts.tv_sec = left / 1000;
	ts.tv_nsec = left % 1000 * 1000000;
	open_set(&set);
	r = ppoll(&pfd, 1, &ts, &set);
	if (r > 0)
		return AWAIT_REACHED;
	if (r == 0)
		return AWAIT_TIMEOUT;
	return take_signal() ? AWAIT_INTERRUPTED : AWAIT_LOST;
}

/* Takes all events that are there; false if the store has gone. */
static bool drain(struct xs_handle *xs)
{
	char **event;

	while ((event = xs_check_watch(xs)))
		free(event);
	return errno == EAGAIN;
}

static enum await_end wait_watched(struct xs_handle *xs, const struct device *dev,
				  await_goal *goal, bool heed_error, int64_t deadline,
				  struct pair_view *view)
{
	enum await_end end;

	for (;;) {
		pair_read(xs, dev, view);
		if (heed_error && *view->error)
			return AWAIT_FAILED;
		if (goal(view))
			return AWAIT_REACHED;
		end = sleep_until(xs_fileno(xs), deadline);
		if (end != AWAIT_REACHED)
			return end;
		if (!drain(xs))
			return AWAIT_LOST;
	}
}

enum await_end await_pair(struct xs_handle *xs, const struct device *dev, await_goal *goal,
			bool heed_error, int64_t deadline, struct pair_view *view)
{
	static const char token[] = "pair";
	char state[2][XS_PATH_MAX];
	const char *paths[] = { state[0], state[1], dev->error };
	enum await_end end = AWAIT_LOST;
	int err;
	size_t n;

	xs_key_path(state[0], sizeof(state[0]), dev->backend, XS_B_STATE, 0, 0);
	xs_key_path(state[1], sizeof(state[1]), dev->frontend, XS_F_STATE, 0, 0);
	for (n = 0; n < sizeof(paths) / sizeof(paths[0]); n++)
		if (!xs_watch(xs, paths[n], token))
			break;
	if (n == sizeof(paths) / sizeof(paths[0]))
		end = wait_watched(xs, dev, goal, heed_error, deadline, view);
	err = errno;
	while (n--)
		xs_unwatch(xs, paths[n], token);
	errno = err;
	return end;
}

enum await_end await_value_gone(struct xs_handle *xs, const char *path, const char *value,
			     int64_t deadline)
{
	enum await_end end = AWAIT_LOST;
	char *now = NULL;
	bool same = true;

	if (!xs_watch(xs, path, path))
		return AWAIT_LOST;
	while (same) {
		now = store_read(xs, XBT_NULL, path);
		same = now && !strcmp(now, value);
		free(now);
		end = same ? sleep_until(xs_fileno(xs), deadline) : AWAIT_REACHED;
		if (end != AWAIT_REACHED)
			break;
		if (!drain(xs))
			return AWAIT_LOST;
	}
	xs_unwatch(xs, path, path);
	return end;
}
