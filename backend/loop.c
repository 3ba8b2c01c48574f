/* SPDX-License-Identifier: MIT */
/*
 * loop.c - epoll, a sorted list of timers, and a sweep
 *
 * The one hard thing is removal during dispatch. epoll hands out pointers to sources; a callback
 * may remove any of them, its own included. loop_del() therefore also strikes the source from the
 * round in progress, and memory is given back only by the sweep at the end of the round.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

uint64_t loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int loop_init(struct loop *loop)
{
	*loop = (struct loop){ .epfd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epfd < 0 ? -errno : 0;
}

static void sweep(struct loop *loop)
{
	while (loop->deferred) {
		struct loop_deferred *d = loop->deferred;

		loop->deferred = d->next;
		d->release(d);
	}
}

void loop_fini(struct loop *loop)
{
	sweep(loop);
	if (loop->epfd >= 0)
		close(loop->epfd);
	loop->epfd = -1;
}

static int add(struct loop *loop, struct loop_fd *source, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epfd, EPOLL_CTL_ADD, source->fd, &ev) ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_fd *source)
{
	return add(loop, source, EPOLLIN);
}

int loop_add_hangup(struct loop *loop, struct loop_fd *source)
{
	return add(loop, source, 0);	/* EPOLLHUP comes unasked */
}

int loop_watch(struct loop *loop, struct loop_fd *source, bool input, bool output)
{
	struct epoll_event ev = { .events = (input ? (uint32_t)EPOLLIN : 0) |
					    (output ? (uint32_t)EPOLLOUT : 0),
				  .data.ptr = source };

	return epoll_ctl(loop->epfd, EPOLL_CTL_MOD, source->fd, &ev) ? -errno : 0;
}

int loop_watch_output(struct loop *loop, struct loop_fd *source, bool output)
{
	return loop_watch(loop, source, true, output);
}

int loop_del(struct loop *loop, struct loop_fd *source)
{
	int fd = source->fd;

	if (fd < 0)
		return -1;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, fd, NULL);
	source->fd = -1;
	for (int i = 0; i < loop->nr_fetched; i++) {
		if (loop->fetched[i] == source)
			loop->fetched[i] = NULL;
	}
	return fd;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	for (struct loop_timer **p = &loop->timers; *p; p = &(*p)->next) {
		if (*p == timer) {
			*p = timer->next;
			break;
		}
	}
	timer->due_ns = 0;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
	struct loop_timer **p = &loop->timers;

	loop_timer_cancel(loop, timer);
	timer->due_ns = loop_now() + delay_ns;
	while (*p && (*p)->due_ns <= timer->due_ns)
		p = &(*p)->next;
	timer->next = *p;
	*p = timer;
}

void loop_defer(struct loop *loop, struct loop_deferred *deferred)
{
	deferred->next = loop->deferred;
	loop->deferred = deferred;
}

/* How long epoll may wait, given the timers: rounded up, so that no timer spins. */
static int wait_ms(const struct loop *loop, int timeout_ms)
{
	uint64_t now, left;

	if (!loop->timers || timeout_ms == 0)
		return timeout_ms;
	now = loop_now();
	left = loop->timers->due_ns > now ? loop->timers->due_ns - now : 0;
	left = (left + 999999) / 1000000;
	if (timeout_ms >= 0 && left > (uint64_t)timeout_ms)
		return timeout_ms;
	return left > 3600000 ? 3600000 : (int)left;
}

/* Only timers that were due when the round began: one that sets itself anew cannot starve fds. */
static void run_timers(struct loop *loop)
{
	uint64_t now = loop->timers ? loop_now() : 0;

	while (loop->timers && loop->timers->due_ns <= now) {
		struct loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		timer->due_ns = 0;
		timer->expired(timer);
	}
}

int loop_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event ev[LOOP_BATCH];
	int n = epoll_wait(loop->epfd, ev, LOOP_BATCH, wait_ms(loop, timeout_ms));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		loop->fetched[i] = ev[i].data.ptr;
	loop->nr_fetched = n;
	for (int i = 0; i < n; i++) {
		struct loop_fd *source = loop->fetched[i];

		if (source)
			source->ready(source);
	}
	loop->nr_fetched = 0;
	run_timers(loop);
	sweep(loop);
	return n;
}
