/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_outbox.c - a supervisor that is busy, gone, or another, is told everything once
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "vdisk/outbox.h"

#define MANY 1000u			/* more than a socket holds */

static struct loop loop;
static struct outbox box;
static int ends[2];

static void connect_again(void)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	outbox_open(&box, &loop, ends[0]);
}

static int set_up(void **state)
{
	(void)state;
	log_init("test", LOG_ERROR);
	assert_int_equal(loop_init(&loop), 0);
	memset(&box, 0, sizeof(box));
	connect_again();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	outbox_open(&box, &loop, -1);
	close(ends[0]);
	close(ends[1]);
	loop_fini(&loop);
	return 0;
}

static void send_from(uint32_t first, uint32_t nr)
{
	for (uint32_t i = first; i < first + nr; i++) {
		const struct wire_msg msg = { .type = WIRE_ATTACHED, .devid = i };

		outbox_send(&box, &msg);
	}
}

/* How many there are now; they go on from *next. */
static uint32_t hear(uint32_t *next)
{
	int fds[WIRE_MAX_FDS];
	struct wire_msg msg;
	uint32_t n = 0;

	for (; wire_receive(ends[1], &msg, fds) == 1; n++) {
		assert_int_equal(msg.type, WIRE_ATTACHED);
		assert_int_equal(msg.devid, (*next)++);
	}
	return n;
}

static void test_outbox_a_busy_supervisor_hears_everything_in_order(void **state)
{
	uint32_t next = 0;

	(void)state;
	send_from(0, MANY);
	assert_in_range(hear(&next), 1, MANY - 1);
	send_from(MANY, 3);			/* not before those that wait */
	for (int i = 0; next < MANY + 3 && i < 5000; i++) {
		loop_once(&loop, 2);
		hear(&next);
	}
	assert_int_equal(next, MANY + 3);
	assert_null(box.head);
	send_from(MANY + 3, 1);			/* and then at once again */
	assert_int_equal(hear(&next), 1);
}

static void test_outbox_another_supervisor_hears_nothing_of_the_last(void **state)
{
	uint32_t next = 7;

	(void)state;
	send_from(0, MANY);
	close(ends[0]);
	close(ends[1]);
	connect_again();
	send_from(7, 2);
	assert_int_equal(hear(&next), 2);
	for (int i = 0; i < 5; i++)
		loop_once(&loop, 1);
	assert_int_equal(hear(&next), 0);
}

static void test_outbox_nobody_is_told_nothing(void **state)
{
	(void)state;
	outbox_open(&box, &loop, -1);
	send_from(0, MANY);
	assert_null(box.head);
	connect_again();
	send_from(0, MANY);
	close(ends[1]);				/* it dies: what is left goes with it */
	for (int i = 0; box.head && i < 5000; i++)
		loop_once(&loop, 2);
	assert_null(box.head);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_outbox_a_busy_supervisor_hears_everything_in_order),
		TEST(test_outbox_another_supervisor_hears_nothing_of_the_last),
		TEST(test_outbox_nobody_is_told_nothing),
	};

	return cmocka_run_group_tests_name("vdisk_outbox", tests, NULL, NULL);
}
