/* SPDX-License-Identifier: MIT */
/*
 * test_loop.c - the event loop: who is called, in what order, and who is not any more
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"

#define SOURCES (LOOP_BATCH + 8)
#define MS 1000000ull

struct source {
	struct loop_fd fd;
	struct loop_deferred grave;
	unsigned int calls;
	struct source *victim;		/* removed by our callback */
	bool free_victim;
};

static struct loop loop;
static struct source *source[SOURCES];
static bool victims[SOURCES];
static unsigned int released;

static void release(struct loop_deferred *deferred)
{
	released++;
	free(container_of(deferred, struct source, grave));
}

static void ready(struct loop_fd *fd)
{
	struct source *s = container_of(fd, struct source, fd);

	s->calls++;
	if (!s->victim)
		return;
	close(loop_del(&loop, &s->victim->fd));
	if (s->free_victim) {
		for (int i = 0; i < SOURCES; i++)
			victims[i] |= source[i] == s->victim;
		memset(&s->victim->fd, 0xaa, sizeof(s->victim->fd));
		s->victim->grave.release = release;
		loop_defer(&loop, &s->victim->grave);
	}
	s->victim = NULL;
}

/* A source that is readable from the beginning and stays so. */
static struct source *make(void)
{
	struct source *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->fd = (struct loop_fd){ eventfd(1, EFD_CLOEXEC), ready };
	assert_int_equal(loop_add(&loop, &s->fd), 0);
	return s;
}

static int set_up(void **state)
{
	(void)state;
	released = 0;
	memset(source, 0, sizeof(source));
	memset(victims, 0, sizeof(victims));
	return loop_init(&loop);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < SOURCES; i++) {
		if (source[i] && source[i]->fd.fd >= 0)
			close(loop_del(&loop, &source[i]->fd));
		free(source[i]);
	}
	loop_fini(&loop);
	loop_fini(&loop);
	return 0;
}

static void test_loop_ready_source_is_called_once_a_round(void **state)
{
	(void)state;
	source[0] = make();
	assert_int_equal(loop_once(&loop, 0), 1);
	assert_int_equal(loop_once(&loop, -1), 1);
	assert_int_equal(source[0]->calls, 2);
}

static void test_loop_nothing_ready_returns_zero_in_time(void **state)
{
	uint64_t before = loop_now();

	(void)state;
	assert_int_equal(loop_once(&loop, 0), 0);
	assert_int_equal(loop_once(&loop, 5), 0);
	assert_true(loop_now() - before >= 4 * MS);
}

static void test_loop_more_sources_than_a_round_none_starves(void **state)
{
	(void)state;
	for (int i = 0; i < SOURCES; i++)
		source[i] = make();
	for (int n = 0; n < 4; n++)
		assert_int_equal(loop_once(&loop, 0), LOOP_BATCH);
	for (int i = 0; i < SOURCES; i++)
		assert_true(source[i]->calls >= 1);
}

/* Whoever is called first removes the other, whose event was fetched already. */
static void test_loop_source_removed_by_another_is_not_called(void **state)
{
	(void)state;
	source[0] = make();
	source[1] = make();
	source[0]->victim = source[1];
	source[1]->victim = source[0];
	assert_int_equal(loop_once(&loop, 0), 2);
	assert_int_equal(source[0]->calls + source[1]->calls, 1);
	assert_true((source[0]->fd.fd < 0) != (source[1]->fd.fd < 0));
}

static void test_loop_source_removed_by_itself_is_not_called_again(void **state)
{
	(void)state;
	source[0] = make();
	source[0]->victim = source[0];
	assert_int_equal(loop_once(&loop, 0), 1);
	assert_int_equal(loop_once(&loop, 0), 0);
	assert_int_equal(source[0]->calls, 1);
	assert_int_equal(loop_del(&loop, &source[0]->fd), -1);
}

/* XSA-350's kind of fault: the memory of a source goes while its event is under way. */
static void test_xsa350_loop_source_freed_in_dispatch_is_never_touched(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		source[i] = make();
	for (int i = 0; i < 10; i += 2) {
		source[i]->victim = source[i + 1];
		source[i + 1]->victim = source[i];
		source[i]->free_victim = source[i + 1]->free_victim = true;
	}
	assert_int_equal(loop_once(&loop, 0), 10);
	assert_int_equal(released, 5);
	for (int i = 0; i < 10; i++) {
		if (victims[i])
			source[i] = NULL;	/* freed */
	}
	assert_int_equal(loop_once(&loop, 0), 5);
}

static void test_loop_descriptor_reused_in_the_same_round_is_not_confused(void **state)
{
	int fd;

	(void)state;
	source[0] = make();
	fd = loop_del(&loop, &source[0]->fd);
	source[0]->fd.fd = fd;
	assert_int_equal(loop_add(&loop, &source[0]->fd), 0);
	assert_int_equal(loop_once(&loop, 0), 1);
	assert_int_equal(source[0]->calls, 1);
}

static void test_loop_add_of_a_bad_descriptor_is_an_error(void **state)
{
	struct loop_fd bad = { .fd = -1, .ready = ready };

	(void)state;
	assert_int_equal(loop_add(&loop, &bad), -EBADF);
	assert_int_equal(loop_del(&loop, &bad), -1);
}

/* --- timers --- */

static struct loop_timer timer[4];
static int order[8], fired;

static void expired(struct loop_timer *t)
{
	order[fired++ % 8] = (int)(t - timer);
}

static void again(struct loop_timer *t)
{
	expired(t);
	loop_timer_set(&loop, t, 0);
}

static void cancels_next(struct loop_timer *t)
{
	expired(t);
	loop_timer_cancel(&loop, t + 1);
}

static void reset_timers(void)
{
	memset(timer, 0, sizeof(timer));
	fired = 0;
	for (int i = 0; i < 4; i++)
		timer[i].expired = expired;
}

static void run_for(uint64_t ns)
{
	uint64_t end = loop_now() + ns;

	while (loop_now() < end)
		loop_once(&loop, 1);
}

static void test_loop_timers_fire_once_in_order_of_time(void **state)
{
	(void)state;
	reset_timers();
	loop_timer_set(&loop, &timer[2], 6 * MS);
	loop_timer_set(&loop, &timer[0], 2 * MS);
	loop_timer_set(&loop, &timer[1], 4 * MS);
	run_for(15 * MS);
	assert_int_equal(fired, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(order[i], i);
		assert_int_equal(timer[i].due_ns, 0);
	}
}

static void test_loop_timer_set_anew_moves_and_cancelled_is_silent(void **state)
{
	(void)state;
	reset_timers();
	loop_timer_set(&loop, &timer[0], 1 * MS);
	loop_timer_set(&loop, &timer[1], 2 * MS);
	loop_timer_set(&loop, &timer[2], 3 * MS);
	loop_timer_set(&loop, &timer[0], 5 * MS);	/* from the head to the tail */
	loop_timer_cancel(&loop, &timer[1]);
	loop_timer_cancel(&loop, &timer[1]);
	run_for(12 * MS);
	assert_int_equal(fired, 2);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 0);
	assert_null(loop.timers);
}

static void test_loop_timer_is_never_early(void **state)
{
	uint64_t before = loop_now();

	(void)state;
	reset_timers();
	loop_timer_set(&loop, &timer[0], 3 * MS);
	while (!fired)
		loop_once(&loop, -1);
	assert_true(loop_now() - before >= 3 * MS);
}

static void test_loop_timer_that_sets_itself_starves_nobody(void **state)
{
	(void)state;
	reset_timers();
	source[0] = make();
	timer[0].expired = again;
	loop_timer_set(&loop, &timer[0], 0);
	for (int i = 0; i < 5; i++)
		loop_once(&loop, 1);
	assert_int_equal(source[0]->calls, 5);
	assert_in_range(fired, 1, 5);
	loop_timer_cancel(&loop, &timer[0]);
}

static void test_loop_timer_cancelled_by_the_one_before_is_silent(void **state)
{
	(void)state;
	reset_timers();
	timer[0].expired = cancels_next;
	loop_timer_set(&loop, &timer[0], 0);
	loop_timer_set(&loop, &timer[1], 0);
	run_for(3 * MS);
	assert_int_equal(fired, 1);
}

/* --- deferred --- */

struct chain {
	struct loop_deferred d;
	int left;
};

static void release_chain(struct loop_deferred *d)
{
	struct chain *c = container_of(d, struct chain, d);

	released++;
	if (c->left-- > 0)
		loop_defer(&loop, d);
}

static void test_loop_deferred_by_a_release_is_released_too(void **state)
{
	struct chain c = { { release_chain, NULL }, 3 };

	(void)state;
	loop_defer(&loop, &c.d);
	assert_int_equal(released, 0);
	loop_once(&loop, 0);
	assert_int_equal(released, 4);
	assert_null(loop.deferred);
}

static void test_loop_fini_releases_what_was_deferred(void **state)
{
	struct chain c = { { release_chain, NULL }, 0 };

	(void)state;
	loop_defer(&loop, &c.d);
	loop_fini(&loop);
	assert_int_equal(released, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_loop_ready_source_is_called_once_a_round),
		TEST(test_loop_nothing_ready_returns_zero_in_time),
		TEST(test_loop_more_sources_than_a_round_none_starves),
		TEST(test_loop_source_removed_by_another_is_not_called),
		TEST(test_loop_source_removed_by_itself_is_not_called_again),
		TEST(test_xsa350_loop_source_freed_in_dispatch_is_never_touched),
		TEST(test_loop_descriptor_reused_in_the_same_round_is_not_confused),
		TEST(test_loop_add_of_a_bad_descriptor_is_an_error),
		TEST(test_loop_timers_fire_once_in_order_of_time),
		TEST(test_loop_timer_set_anew_moves_and_cancelled_is_silent),
		TEST(test_loop_timer_is_never_early),
		TEST(test_loop_timer_that_sets_itself_starves_nobody),
		TEST(test_loop_timer_cancelled_by_the_one_before_is_silent),
		TEST(test_loop_deferred_by_a_release_is_released_too),
		TEST(test_loop_fini_releases_what_was_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
