/* SPDX-License-Identifier: MIT */
/*
 * lane.c - a lane's handles, its thread, and what passes between it and the main thread
 *
 * A thread is made after the worker has locked itself in, which is why the filter of system calls
 * permits clone() with a thread's flags, where there may be several lanes (worker/filter.c). Its
 * stack is small: nothing in a lane recurses, or keeps data on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "barrier.h"
#include "lane.h"
#include "log.h"

#define STACK_BYTES	(256u << 10)

static void count_notification(struct lane *lane, evtchn_port_t port)
{
	for (unsigned int i = 0; i < lane->nr_queues; i++) {
		struct journal_stats *stats = &lane->queues[i]->journal.head->stats;

		if (lane->queues[i]->port == port)
			write_once(&stats->notify_in, stats->notify_in + 1);
	}
}

static void give_up(struct lane *lane)
{
	lane->loop.stop = true;
	store_release(&lane->broken, true);
	if (lane->leader)
		lane_kick(lane->leader);
}

static void events_ready(struct loop_fd *source)
{
	struct lane *lane = container_of(source, struct lane, events);
	xenevtchn_port_or_error_t port = xenevtchn_pending(lane->xce);

	if (port < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		log_error("the event channels are gone: %s", strerror(errno));
		give_up(lane);
		return;
	}
	xenevtchn_unmask(lane->xce, (evtchn_port_t)port);
	count_notification(lane, (evtchn_port_t)port);
}

/* All that there is to do is done by lane_serve(). */
static void completions_ready(struct loop_fd *source)
{
	(void)source;
}

static void kicked(struct loop_fd *source)
{
	uint64_t kicks;

	if (read(source->fd, &kicks, sizeof(kicks)) < 0)
		return;		/* somebody else's kick woke us, and took it along */
}

void lane_kick(struct lane *lane)
{
	const uint64_t one = 1;

	if (write(lane->kicked.fd, &one, sizeof(one)) < 0)
		return;		/* it is full of kicks, and cannot miss one */
}

static int add_sources(struct lane *lane)
{
	int rc;

	lane->events = (struct loop_fd){ xenevtchn_fd(lane->xce), events_ready };
	if (fcntl(lane->events.fd, F_SETFL, fcntl(lane->events.fd, F_GETFL) | O_NONBLOCK))
		return -errno;
	rc = loop_add(&lane->loop, &lane->events);
	lane->kicked = (struct loop_fd){ eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), kicked };
	if (rc == 0)
		rc = lane->kicked.fd < 0 ? -errno : loop_add(&lane->loop, &lane->kicked);
	if (rc == 0 && lane->uring) {
		lane->completions = (struct loop_fd){ uring_fd(lane->uring), completions_ready };
		rc = loop_add(&lane->loop, &lane->completions);
	}
	return rc;
}

int lane_open(struct lane *lane, struct lane *leader, uint64_t spin_max_ns)
{
	int rc;

	*lane = (struct lane){ .loop = { .epfd = -1 }, .leader = leader, .kicked = { .fd = -1 },
			       .spin_max_ns = spin_max_ns, .spin_ns = spin_max_ns };
	pthread_mutex_init(&lane->lock, NULL);
	lane->xce = xenevtchn_open(NULL, 0);
	if (!lane->xce) {
		log_error("/dev/xen/evtchn: %s: load the module xen-evtchn", strerror(errno));
		return -ENODEV;
	}
	lane->uring = uring_create(leader ? URING_ENTRIES / 4 : URING_ENTRIES, &rc);
	if (!lane->uring && !leader)
		log_info("io_uring: %s: I/O is done in place, one request at a time",
			 strerror(-rc));
	rc = loop_init(&lane->loop);
	if (rc == 0)
		rc = add_sources(lane);
	if (rc)
		log_error("setting the event loop up: %s", strerror(-rc));
	return rc;
}

void lane_close(struct lane *lane)
{
	lane_stop(lane);
	uring_destroy(lane->uring);
	lane->uring = NULL;
	if (lane->xce)
		xenevtchn_close(lane->xce);
	lane->xce = NULL;
	if (lane->kicked.fd >= 0)
		close(lane->kicked.fd);
	lane->kicked.fd = -1;
	loop_fini(&lane->loop);
}

static void *run(void *arg)
{
	struct lane *lane = arg;

	if (lane_serve(lane) < 0)
		give_up(lane);
	return NULL;
}

static int start(struct lane *lane)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	err = pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (!err)
		err = pthread_create(&lane->thread, &attr, run, lane);
	pthread_attr_destroy(&attr);
	lane->running = !err;
	return err;
}

void lane_stop(struct lane *lane)
{
	if (!lane->running)
		return;
	store_release(&lane->stop, true);
	lane_kick(lane);
	pthread_join(lane->thread, NULL);
	lane->running = false;
}

struct lane *lane_started(struct lane *lane)
{
	int err = lane->leader && !lane->running ? start(lane) : 0;

	if (!err)
		return lane;
	log_warning("no thread can be made: %s: one serves several queues", strerror(err));
	return lane->leader;
}

void lane_hand_over(struct queue *q)
{
	struct lane *lane = q->lane;

	q->served = true;
	pthread_mutex_lock(&lane->lock);
	q->next_handed = lane->handed;
	write_once(&lane->handed, q);
	pthread_mutex_unlock(&lane->lock);
	lane_kick(lane);
}
