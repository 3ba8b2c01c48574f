/* SPDX-License-Identifier: MIT */
/*
 * test_ring_stress.c - two threads, a ring of four slots, a million messages, real sleeping
 *
 * Each end sleeps in poll() on an eventfd, with no time-out that would hide a lost wake-up: if a
 * notification is lost, both sleep, and the watchdog says so. The ends are given different paces,
 * so that each is at times the one that waits.
 *
 * A missing fence loses a wake-up once in very many times. So the moment that matters is also tried
 * on its own: one end arms just while the other publishes, at all distances of a few nanoseconds,
 * and one of the two must notice the other.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ring.h"

#define SLOTS		4u
#define LOST_MS		30000		/* no message in so long: a wake-up was lost */

struct msg {
	uint32_t serial, check[5];
};

RING_DEFINE(msg, struct msg, struct msg);

struct link {
	_Alignas(64) uint8_t page[RING_HEADER + SLOTS * sizeof(struct msg)];
	struct ring_front front;
	struct ring_back back;
	int to_back, to_front;		/* event channels */
	uint64_t notified_back, notified_front;
	uint32_t messages;
	uint32_t pace;			/* the backend naps after so many, 0: never */
	const char *failed;		/* the first reason; both threads write it */
};

static void notify(int fd, uint64_t *count)
{
	uint64_t one = 1;

	++*count;
	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static bool going(struct link *l, uint32_t done)
{
	return done < l->messages && !read_once(&l->failed);
}

static void give_up(struct link *l, const char *why)
{
	if (!read_once(&l->failed))
		write_once(&l->failed, why);
}

/* False: nothing came, for much longer than anything takes. */
static bool wait_for(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t n;

	return poll(&pfd, 1, LOST_MS) == 1 && read(fd, &n, sizeof(n)) == sizeof(n);
}

static struct msg make(uint32_t serial)
{
	struct msg m = { .serial = serial };

	for (uint32_t i = 0; i < 5; i++)
		m.check[i] = (serial + i) * 2654435761u;
	return m;
}

static bool intact(const struct msg *m, uint32_t serial)
{
	struct msg want = make(serial);

	return memcmp(m, &want, sizeof(want)) == 0;
}

static void *backend(void *arg)
{
	struct link *l = arg;
	uint32_t done = 0;
	struct msg m;
	int rc;

	while (going(l, done)) {
		while ((rc = msg_back_pop(&l->back, &m)) > 0) {
			if (!intact(&m, done++))
				give_up(l, "a request is torn, lost or out of order");
			msg_back_push(&l->back, &m);
			if (l->pace && done % l->pace == 0)
				usleep(1);
		}
		if (rc < 0)
			give_up(l, "the backend found the ring broken");
		if (ring_back_publish(&l->back))
			notify(l->to_front, &l->notified_front);
		if (done < l->messages && !ring_back_arm(&l->back) && !wait_for(l->to_back))
			give_up(l, "the backend was not woken");
	}
	return NULL;
}

static void frontend(struct link *l)
{
	uint32_t sent = 0, done = 0;
	struct msg m;
	int rc;

	while (going(l, done)) {
		while (sent < l->messages && ring_front_room(&l->front) > 0) {
			m = make(sent++);
			msg_front_push(&l->front, &m);
		}
		if (ring_front_publish(&l->front))
			notify(l->to_back, &l->notified_back);
		while ((rc = msg_front_pop(&l->front, &m)) > 0) {
			if (!intact(&m, done++))
				give_up(l, "a response is torn, lost or out of order");
		}
		if (rc < 0)
			give_up(l, "the frontend found the ring broken");
		if (done < l->messages && (sent == l->messages || !ring_front_room(&l->front)) &&
		    !ring_front_arm(&l->front) && !wait_for(l->to_front))
			give_up(l, "the frontend was not woken");
	}
}

static void run(uint32_t start, uint32_t messages, uint32_t pace)
{
	struct link *l = aligned_alloc(64, (sizeof(*l) + 63) & ~(size_t)63);
	struct ring_shared *shared;
	pthread_t thread;

	assert_non_null(l);
	assert_int_equal(msg_size(sizeof(l->page)), SLOTS);
	memset(l, 0, sizeof(*l));
	l->messages = messages;
	l->pace = pace;
	l->to_back = eventfd(0, EFD_CLOEXEC);
	l->to_front = eventfd(0, EFD_CLOEXEC);
	assert_true(l->to_back >= 0 && l->to_front >= 0);
	ring_front_init(&l->front, l->page, SLOTS);
	shared = l->front.shared;
	*shared = (struct ring_shared){ start, start + 1, start, start + 1, { 0 } };
	l->front.req_prod = l->front.req_published = l->front.rsp_cons = start;
	ring_back_init(&l->back, l->page, SLOTS, start, start);

	assert_int_equal(pthread_create(&thread, NULL, backend, l), 0);
	frontend(l);
	pthread_join(thread, NULL);
	if (l->failed)
		fail_msg("%s", l->failed);
	/* A notification that nobody asked for would be one too many. */
	assert_true(l->notified_back <= messages && l->notified_front <= messages);
	assert_int_equal(shared->rsp_prod, start + messages);
	close(l->to_back);
	close(l->to_front);
	free(l);
}

static void test_ring_two_threads_no_message_or_wakeup_is_lost(void **state)
{
	(void)state;
	run(0, 1000000, 0);
}

static void test_ring_two_threads_across_the_wrap_nothing_is_lost(void **state)
{
	(void)state;
	run(0u - 50000, 100000, 997);
}

/* --- arming against publishing --- */

#define RACE_SECONDS 1

struct race {
	struct link l;
	bool front_arms;
	uint32_t go, done;		/* rounds begun, and ended by the arming thread */
	bool armed_saw, stop;
};

static void spin_until(const uint32_t *counter, uint32_t n, const bool *stop)
{
	for (unsigned int i = 1; read_once(counter) != n && !read_once(stop); i++) {
		cpu_relax();
		if (i % 4096 == 0)
			sched_yield();
	}
}

static void *armer(void *arg)
{
	struct race *race = arg;

	for (uint32_t n = 1; ; n++) {
		spin_until(&race->go, n, &race->stop);
		if (read_once(&race->stop))
			return NULL;
		(void)load_acquire(&race->go);	/* pairs with the release in one_race */
		race->armed_saw = race->front_arms ? ring_front_arm(&race->l.front) :
				  ring_back_arm(&race->l.back);
		store_release(&race->done, n);	/* pairs with the acquire in one_race */
	}
}

/* True: the publisher was told to notify, or the armer saw what was published. */
static bool one_race(struct race *race, uint32_t n)
{
	bool notify;

	store_release(&race->go, n);
	for (uint32_t i = 0; i < n % 64; i++)
		cpu_relax();
	notify = race->front_arms ? ring_back_publish(&race->l.back) :
		 ring_front_publish(&race->l.front);
	spin_until(&race->done, n, &race->stop);
	(void)load_acquire(&race->done);
	return notify || race->armed_saw;
}

static void race(bool front_arms)
{
	static struct race r;
	time_t end = time(NULL) + RACE_SECONDS;
	pthread_t thread;
	bool fine = true;

	memset(&r, 0, sizeof(r));
	r.front_arms = front_arms;
	ring_front_init(&r.l.front, r.l.page, SLOTS);
	ring_back_init(&r.l.back, r.l.page, SLOTS, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, armer, &r), 0);
	for (uint32_t n = 1; fine && (n % 1024 || time(NULL) < end); n++) {
		struct msg m = make(n);

		msg_front_push(&r.l.front, &m);
		if (front_arms) {
			ring_front_publish(&r.l.front);
			msg_back_pop(&r.l.back, &m);
			msg_back_push(&r.l.back, &m);
			fine = one_race(&r, n);
		} else {
			fine = one_race(&r, n);
			msg_back_pop(&r.l.back, &m);
			msg_back_push(&r.l.back, &m);
			ring_back_publish(&r.l.back);
		}
		msg_front_pop(&r.l.front, &m);
	}
	write_once(&r.stop, true);
	pthread_join(thread, NULL);
	assert_true(fine);
}

static void test_ring_back_arms_while_front_publishes_one_notices(void **state)
{
	(void)state;
	race(false);
}

static void test_ring_front_arms_while_back_publishes_one_notices(void **state)
{
	(void)state;
	race(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_two_threads_no_message_or_wakeup_is_lost),
		cmocka_unit_test(test_ring_two_threads_across_the_wrap_nothing_is_lost),
		cmocka_unit_test(test_ring_back_arms_while_front_publishes_one_notices),
		cmocka_unit_test(test_ring_front_arms_while_back_publishes_one_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
