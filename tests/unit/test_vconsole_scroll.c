/* SPDX-License-Identifier: MIT */
/*
 * test_vconsole_scroll.c - a console's worker dies at every single store; and where one goes on
 *
 * The worker is a child process that is single-stepped by ptrace while it takes output and puts
 * input. Whenever an instruction has changed the page or the scrollback, the child could have been
 * killed just there; so a successor is run on a copy of what it left. Everything that the guest has
 * put out has to be in the scrollback, and everything that was typed in the page, once.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vconsole/console.h"

#define PORT	5

struct world {
	struct stream_console page;
	_Alignas(4096) struct scroll_head head;
	_Alignas(4096) uint8_t ring[SCROLL_MIN];
};

static const char printed[] = "Linux version 6.1\r\nbooting, and booting, and booting more\r\n";
static const char typed[] = "root\npassword\n";

#define PRINTED	((uint32_t)sizeof(printed) - 1)
#define TYPED	((uint32_t)sizeof(typed) - 1)

static struct console over(struct world *w)
{
	return (struct console){ .page = &w->page, .head = &w->head, .bytes = w->ring,
				 .size = sizeof(w->ring) };
}

static void put_out(struct world *w, uint32_t at)
{
	struct stream_out guest;

	stream_out_init(&guest, stream_console_out(&w->page), at);
	assert_int_equal(stream_put(&guest, printed, PRINTED), PRINTED);
	stream_out_publish(&guest);
}

/* A worker that was there before has brought both streams to these positions. */
static void world_init(struct world *w, uint64_t out, uint64_t in)
{
	memset(w, 0, sizeof(*w));
	w->head = (struct scroll_head){ .size = sizeof(w->ring), .port = PORT, .base = out,
					.out_pos = out, .in_pos = in, .pty_pos = out };
	w->page.out_cons = w->page.out_prod = (uint32_t)out;
	w->page.in_cons = w->page.in_prod = (uint32_t)in;
	put_out(w, (uint32_t)out);
}

/* All that a worker does, from its first look at the page. in: where the input began. */
static void work(struct world *w, uint64_t in)
{
	struct console c = over(w);

	scroll_resume(&c, PORT);
	while (scroll_take(&c) > 0)
		continue;
	scroll_put(&c, (const uint8_t *)typed + (w->head.in_pos - in),
		   TYPED - (uint32_t)(w->head.in_pos - in));
}

static void check(const struct world *w, uint64_t out, uint64_t in)
{
	assert_int_equal(w->head.base, out);	/* nothing was given up */
	assert_int_equal(w->head.pty_pos, out);
	assert_int_equal(w->head.out_pos, out + PRINTED);
	assert_int_equal(w->page.out_cons, (uint32_t)(out + PRINTED));
	for (uint32_t i = 0; i < PRINTED; i++)
		assert_int_equal(w->ring[(out + i) % sizeof(w->ring)], printed[i]);
	assert_int_equal(w->head.in_pos, in + TYPED);
	assert_int_equal(w->page.in_prod, (uint32_t)(in + TYPED));
	for (uint32_t i = 0; i < TYPED; i++)
		assert_int_equal(w->page.in[(in + i) % STREAM_CONSOLE_IN], typed[i]);
}

static pid_t start(struct world *w, uint64_t in)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		work(w, in);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* How often the child could have been killed to some effect. */
static unsigned int follow(struct world *w, uint64_t out, uint64_t in)
{
	struct world *last = aligned_alloc(4096, sizeof(*last));
	struct world *left = aligned_alloc(4096, sizeof(*left));
	pid_t pid = start(w, in);
	unsigned int deaths = 0;
	int status;

	assert_true(last && left);
	*last = *w;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	while (WIFSTOPPED(status)) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (memcmp((const uint8_t *)last, (const uint8_t *)w, sizeof(*w)) == 0)
			continue;
		*last = *left = *w;
		work(left, in);
		check(left, out, in);
		deaths++;
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	free(last);
	free(left);
	return deaths;
}

static void test_death_at_every_store_loses_and_repeats_nothing(void **state)
{
	/* where the page's streams wrap, where the scrollback does, and where the counters do */
	static const uint64_t starts[][2] = {
		{ 0, 0 }, { 2040, 1020 }, { SCROLL_MIN - 7, 1023 },
		{ 0xfffffff8u, 0xfffffffcu }, { 0x7fffffffffffu, 0x7ffffffffff8u },
	};
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(w != MAP_FAILED);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		world_init(w, starts[i][0], starts[i][1]);
		/* each of the two streams has three stores that count, if no other shows */
		assert_true(follow(w, starts[i][0], starts[i][1]) >= 6);
		check(w, starts[i][0], starts[i][1]);
	}
	munmap(w, sizeof(*w));
}

static void test_resume_own_counters_overwritten_goes_on_from_what_is_written_down(void **state)
{
	static struct world w;
	struct console c;

	(void)state;
	world_init(&w, 70000, 300);
	w.page.out_cons -= 100;		/* as if we had died before publishing */
	w.page.in_prod -= 100;
	c = over(&w);
	scroll_resume(&c, PORT);
	assert_int_equal(w.page.out_cons, 70000);
	assert_int_equal(w.page.in_prod, 300);
	assert_int_equal(scroll_take(&c), PRINTED);
}

static void test_resume_other_server_was_here_goes_on_after_it(void **state)
{
	static struct world w;
	struct console c;

	(void)state;
	world_init(&w, 70000, 300);
	w.page.out_cons += 40;		/* it has taken that much, and we never saw it */
	c = over(&w);
	scroll_resume(&c, PORT);
	assert_int_equal(w.head.out_pos, 70040);
	assert_int_equal(scroll_tail(&c), 70040);
	assert_int_equal(w.head.pty_pos, 70040);
	assert_int_equal(scroll_take(&c), PRINTED - 40);
}

static void test_resume_other_connection_begins_anew(void **state)
{
	static struct world w;
	struct console c;

	(void)state;
	world_init(&w, 70000, 300);
	w.page = (struct stream_console){ .out_cons = 3, .out_prod = 3 };
	put_out(&w, 3);
	c = over(&w);
	scroll_resume(&c, PORT + 1);
	assert_int_equal(w.head.port, PORT + 1);
	assert_int_equal(w.head.out_pos, 3);
	assert_int_equal(scroll_tail(&c), 3);
	assert_int_equal(w.head.in_pos, 0);
	assert_int_equal(scroll_take(&c), PRINTED);
}

static void test_tail_after_overflow_leaves_out_what_may_be_half_copied(void **state)
{
	static struct world w;
	struct console c;
	const uint8_t *bytes;
	uint64_t lost = 0;
	uint32_t at = 0;

	(void)state;
	world_init(&w, 0, 0);
	c = over(&w);
	scroll_resume(&c, PORT);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(scroll_take(&c) > 0, true);
		while (scroll_take(&c) > 0)
			continue;
		at += PRINTED;
		put_out(&w, at);
	}
	assert_int_equal(scroll_tail(&c), at - (SCROLL_MIN - STREAM_CONSOLE_OUT));
	assert_int_equal(scroll_catch_up(&c, 10, &lost), scroll_tail(&c));
	assert_int_equal(lost, scroll_tail(&c) - 10);
	assert_int_equal(scroll_catch_up(&c, at - 1, &lost), at - 1);
	assert_int_equal(scroll_at(&c, at - 1, 100, &bytes), 1);
	assert_int_equal(*bytes, '\n');
	assert_int_equal(scroll_at(&c, at, 100, &bytes), 0);
	assert_int_equal(scroll_catch_up(&c, UINT64_MAX, &lost), at);
}

static void test_take_impossible_counter_is_broken_and_changes_nothing(void **state)
{
	static struct world w;
	struct console c;

	(void)state;
	world_init(&w, 0xfffffff0u, 0);
	c = over(&w);
	scroll_resume(&c, PORT);
	w.page.out_prod = (uint32_t)0xfffffff0u + STREAM_CONSOLE_OUT + 1;
	assert_int_equal(scroll_take(&c), STREAM_EBROKEN);
	assert_int_equal(w.head.out_pos, 0xfffffff0u);
	assert_int_equal(w.page.out_cons, 0xfffffff0u);
	w.page.in_cons = 1;
	assert_int_equal(scroll_put(&c, (const uint8_t *)"x", 1), STREAM_EBROKEN);
	assert_int_equal(w.head.in_pos, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_death_at_every_store_loses_and_repeats_nothing),
		cmocka_unit_test(
			test_resume_own_counters_overwritten_goes_on_from_what_is_written_down),
		cmocka_unit_test(test_resume_other_server_was_here_goes_on_after_it),
		cmocka_unit_test(test_resume_other_connection_begins_anew),
		cmocka_unit_test(test_tail_after_overflow_leaves_out_what_may_be_half_copied),
		cmocka_unit_test(test_take_impossible_counter_is_broken_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
