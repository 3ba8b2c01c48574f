/* SPDX-License-Identifier: MIT */
/*
 * test_nbd_target.c - a disk that a server has, with servers that behave in all ways
 *
 * What is under way is sent again to the next server, in order and until it is answered; what was
 * answered never is. After each test nothing is left of the target.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "log.h"
#include "test_nbd_server.h"
#include "vdisk/nbd.h"

#define DEVID 51712
#define MAX_IO 8

static struct loop loop;
static struct nbd_host host;
static struct target target;
static unsigned int wanted, probed;
static char trouble[WIRE_TEXT];
static struct wire_probed result;

static struct {
	struct target_io io;
	struct iovec iov;
	char buf[4096];
	bool done;
	int rc;
} ios[MAX_IO];

static void heard(struct nbd_host *h, const struct wire_msg *msg)
{
	assert_ptr_equal(h, &host);
	assert_int_equal(msg->devid, DEVID);
	if (msg->type == WIRE_LINK_WANTED)
		wanted++;
	if (msg->type == WIRE_TROUBLE)
		snprintf(trouble, sizeof(trouble), "%s", msg->result.text);
	if (msg->type == WIRE_PROBED) {
		probed++;
		result = msg->probed;
	}
}

static void io_done(struct target_io *io, int rc)
{
	size_t i = 0;

	while (&ios[i].io != io)
		i++;
	assert_false(ios[i].done);
	ios[i].done = true;
	ios[i].rc = rc;
}

static void start(unsigned int i, enum target_op op, uint64_t off)
{
	ios[i].done = false;
	ios[i].io = (struct target_io){ .op = op, .off = off, .done = io_done, .target = &target };
	if (op != TARGET_SYNC)
		ios[i].io.len = sizeof(ios[i].buf);
	if (op == TARGET_READ || op == TARGET_WRITE) {
		ios[i].io.nr_iov = 1;
		ios[i].iov = (struct iovec){ ios[i].buf, sizeof(ios[i].buf) };
		ios[i].io.iov = &ios[i].iov;
	}
	assert_int_equal(target.ops->now(&target, &ios[i].io, false), -EAGAIN);
	assert_int_equal(target.ops->start(&target, &ios[i].io), 0);
	assert_false(ios[i].done);		/* never from within */
}

/* Runs the loop until the condition holds. */
#define UNTIL(condition) do { \
	uint64_t end = loop_now() + UINT64_C(20000000000); \
	while (!(condition)) { \
		loop_once(&loop, 20); \
		if (loop_now() > end) \
			fail_msg("not in time: %s", #condition); \
	} \
} while (0)

static void open_target(unsigned int reconnect, bool readonly)
{
	const struct wire_vdisk conn = { .sectors = SERVER_BYTES / 512, .sector_size = 512,
					 .target = WIRE_NBD,
					 .reconnect = reconnect,
					 .flags = readonly ? WIRE_READONLY : 0 };

	assert_int_equal(target_nbd_open(&target, &host, DEVID, &conn, -1), 0);
	assert_int_equal(wanted, 1);
}

static void connect_to(struct server *s)
{
	target_nbd_link(&host, DEVID, server_start(s), "");
}

static int set_up(void **state)
{
	(void)state;
	log_init("test", LOG_ERROR);
	assert_int_equal(loop_init(&loop), 0);
	host = (struct nbd_host){ .loop = &loop, .domid = 1, .say = heard };
	wanted = probed = 0;
	trouble[0] = '\0';
	memset(server_data, 0, sizeof(server_data));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (target.ops)
		target.ops->close(&target);
	target.ops = NULL;
	nbd_probe_stop_all(&host);
	assert_null(host.targets);
	assert_null(host.probes);
	assert_null(loop.timers);
	loop_fini(&loop);
	return 0;
}

static void test_nbd_io_is_done(void **state)
{
	struct server s = { .bytes = SERVER_BYTES };

	(void)state;
	open_target(10, false);
	memset(ios[0].buf, 7, sizeof(ios[0].buf));
	start(0, TARGET_WRITE, 4096);		/* before there is a connection */
	connect_to(&s);
	UNTIL(ios[0].done);
	start(1, TARGET_SYNC, 0);
	start(2, TARGET_READ, 4096);
	UNTIL(ios[1].done && ios[2].done);
	assert_int_equal(ios[0].rc | ios[1].rc | ios[2].rc, 0);
	assert_memory_equal(ios[0].buf, ios[2].buf, sizeof(ios[0].buf));
	server_stop(&s);
	assert_int_equal(s.nr, 3);
	UNTIL(wanted == 2);
	assert_string_not_equal(trouble, "");
}

static void test_nbd_unanswered_is_sent_again_answered_is_not(void **state)
{
	struct server first = { .mode = CUTS, .limit = 2, .bytes = SERVER_BYTES };
	struct server second = { .bytes = SERVER_BYTES };

	(void)state;
	open_target(10, false);
	connect_to(&first);
	for (unsigned int i = 0; i < 5; i++) {
		memset(ios[i].buf, (int)i + 1, sizeof(ios[i].buf));
		start(i, TARGET_WRITE, i * 4096u);
		if (i == 1)		/* answers on their way may be lost with a connection */
			UNTIL(ios[0].done && ios[1].done);
	}
	UNTIL(wanted == 2);
	server_stop(&first);
	assert_false(ios[2].done || ios[3].done || ios[4].done);
	connect_to(&second);
	UNTIL(ios[2].done && ios[3].done && ios[4].done);
	assert_string_equal(trouble, "");
	server_stop(&second);
	assert_int_equal(second.nr, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(second.asked[i].off, (i + 2) * 4096);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(ios[i].rc, 0);
		assert_int_equal(server_data[i * 4096], i + 1);
	}
}

static void test_nbd_a_discard_is_a_trim_and_sent_again(void **state)
{
	struct server first = { .mode = CUTS, .bytes = SERVER_BYTES };
	struct server second = { .bytes = SERVER_BYTES };

	(void)state;
	open_target(10, false);
	start(0, TARGET_DISCARD, 8192);		/* before there is a connection */
	connect_to(&first);
	UNTIL(wanted == 2);
	server_stop(&first);
	assert_false(ios[0].done);
	connect_to(&second);
	UNTIL(ios[0].done);
	start(1, TARGET_DISCARD, 0);
	UNTIL(ios[1].done);
	assert_int_equal(ios[0].rc | ios[1].rc, 0);
	server_stop(&second);
	assert_int_equal(second.nr, 2);
	assert_int_equal(first.asked[0].type, 4);
	assert_int_equal(second.asked[0].type, 4);
	assert_int_equal(second.asked[0].off, 8192);
	assert_int_equal(second.asked[1].type, 4);
}

static void test_nbd_a_server_is_asked_for_nothing_that_it_cannot(void **state)
{
	struct server s = { .bytes = SERVER_BYTES, .plain = true };

	(void)state;
	open_target(10, false);
	start(0, TARGET_DISCARD, 0);		/* nobody knows yet */
	start(1, TARGET_SYNC, 0);
	start(2, TARGET_READ, 0);
	connect_to(&s);
	UNTIL(ios[0].done && ios[1].done && ios[2].done);
	assert_int_equal(ios[0].rc, -EOPNOTSUPP);
	assert_int_equal(ios[1].rc, 0);
	assert_int_equal(ios[2].rc, 0);
	assert_int_equal(target.ops->now(&target, &ios[0].io, false), -EOPNOTSUPP);
	assert_int_equal(target.ops->now(&target, &ios[1].io, false), 0);
	assert_int_equal(wanted, 1);		/* it is no reason to connect again */
	server_stop(&s);
	assert_int_equal(s.nr, 1);
}

static void test_nbd_errors_are_the_requests(void **state)
{
	struct server s = { .mode = FAILS, .error = 28, .bytes = SERVER_BYTES };

	(void)state;
	open_target(10, false);
	connect_to(&s);
	start(0, TARGET_WRITE, 0);
	start(1, TARGET_READ, 0);
	start(2, TARGET_DISCARD, 0);
	UNTIL(ios[0].done && ios[1].done && ios[2].done);
	assert_int_equal(ios[0].rc, -ENOSPC);
	assert_int_equal(ios[1].rc, -ENOSPC);
	assert_int_equal(ios[2].rc, -ENOSPC);
	assert_int_equal(wanted, 1);		/* it is no reason to connect again */
	server_stop(&s);
}

static void test_nbd_a_server_that_shuts_down_has_not_answered(void **state)
{
	struct server first = { .mode = FAILS, .error = 108, .bytes = SERVER_BYTES };
	struct server second = { .bytes = SERVER_BYTES };

	(void)state;
	open_target(10, false);
	connect_to(&first);
	start(0, TARGET_READ, 0);
	UNTIL(wanted == 2);
	assert_false(ios[0].done);
	server_stop(&first);
	connect_to(&second);
	UNTIL(ios[0].done);
	assert_int_equal(ios[0].rc, 0);
	server_stop(&second);
}

static void test_nbd_a_server_that_hangs_is_connected_to_again(void **state)
{
	struct server first = { .mode = HANGS, .limit = 1, .bytes = SERVER_BYTES };
	struct server second = { .bytes = SERVER_BYTES };

	(void)state;
	open_target(2, false);
	connect_to(&first);
	start(0, TARGET_READ, 0);
	UNTIL(ios[0].done);
	start(1, TARGET_READ, 4096);
	UNTIL(wanted == 2);			/* after half the time */
	assert_false(ios[1].done);
	assert_string_equal(trouble, "its server: it does not answer");
	server_stop(&first);
	connect_to(&second);
	UNTIL(ios[1].done);
	assert_int_equal(ios[1].rc, 0);
	server_stop(&second);
}

static void test_nbd_io_fails_when_nobody_comes_and_works_again(void **state)
{
	struct server s = { .bytes = SERVER_BYTES };
	uint64_t begun = loop_now();

	(void)state;
	open_target(1, false);
	start(0, TARGET_WRITE, 0);
	UNTIL(ios[0].done);
	assert_int_equal(ios[0].rc, -ETIMEDOUT);
	assert_in_range(loop_now() - begun, 900000000, 10000000000);
	begun = loop_now();
	start(1, TARGET_READ, 0);		/* at once, from now on */
	UNTIL(ios[1].done);
	assert_int_equal(ios[1].rc, -ETIMEDOUT);
	assert_true(loop_now() - begun < 900000000);
	connect_to(&s);
	do {					/* until the handshake is over */
		loop_once(&loop, 20);
		start(2, TARGET_READ, 0);
		UNTIL(ios[2].done);
	} while (ios[2].rc && loop_now() - begun < UINT64_C(20000000000));
	assert_int_equal(ios[2].rc, 0);
	server_stop(&s);
}

/* What a server without a cache needs not be asked when it is there, it is not asked either when it
 * comes back. */
static void test_nbd_flush_waits_for_a_server_that_has_nothing_to_flush(void **state)
{
	struct server s = { .bytes = SERVER_BYTES, .plain = true };

	(void)state;
	open_target(10, false);
	start(0, TARGET_WRITE, 0);
	start(1, TARGET_SYNC, 0);		/* whether it has is not known yet */
	start(2, TARGET_READ, 0);
	connect_to(&s);
	UNTIL(ios[0].done && ios[1].done && ios[2].done);
	assert_int_equal(ios[0].rc, 0);
	assert_int_equal(ios[1].rc, 0);
	assert_int_equal(ios[2].rc, 0);
	server_stop(&s);
	assert_int_equal(s.nr, 2);
}

static void test_nbd_less_than_there_was_is_refused(void **state)
{
	struct server small = { .bytes = SERVER_BYTES - 512 }, readonly = {
		.bytes = SERVER_BYTES, .readonly = true };
	struct server large = { .bytes = SERVER_BYTES + 512 };

	(void)state;
	open_target(20, false);
	start(0, TARGET_READ, 0);
	connect_to(&small);
	UNTIL(wanted == 2);
	assert_non_null(strstr(trouble, "65024 bytes now, and the disk has 65536"));
	server_stop(&small);
	assert_int_equal(small.nr, 0);
	connect_to(&readonly);
	UNTIL(wanted == 3);
	assert_non_null(strstr(trouble, "can only be read now"));
	server_stop(&readonly);
	connect_to(&large);
	UNTIL(ios[0].done);
	assert_int_equal(ios[0].rc, 0);
	assert_string_equal(trouble, "");
	server_stop(&large);
}

static void test_nbd_nonsense_is_a_lost_connection(void **state)
{
	static const enum server_mode modes[] = { GARBAGE, REFUSES, LIES };
	struct server good = { .bytes = SERVER_BYTES };

	(void)state;
	open_target(20, false);
	start(0, TARGET_READ, 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct server s = { .mode = modes[i], .bytes = SERVER_BYTES };

		connect_to(&s);
		UNTIL(wanted == i + 2);
		assert_string_not_equal(trouble, "");
		server_stop(&s);
		assert_false(ios[0].done);
	}
	connect_to(&good);
	UNTIL(ios[0].done);
	assert_int_equal(ios[0].rc, 0);
	server_stop(&good);
}

static void test_nbd_abandoned_io_fails_at_once(void **state)
{
	struct server s = { .mode = HANGS, .bytes = SERVER_BYTES };

	(void)state;
	open_target(60, false);
	start(0, TARGET_WRITE, 0);
	target.ops->abandon(&target);
	UNTIL(ios[0].done);
	assert_int_equal(ios[0].rc, -ETIMEDOUT);
	connect_to(&s);
	server_stop(&s);
}

/* As a worker that ends: nothing is called back, and no memory is touched any more. */
static void test_nbd_closed_with_io_under_way(void **state)
{
	struct server s = { .mode = HANGS, .bytes = SERVER_BYTES };

	(void)state;
	open_target(60, false);
	connect_to(&s);
	start(0, TARGET_READ, 0);
	start(1, TARGET_WRITE, 0);
	loop_once(&loop, 50);
	loop_once(&loop, 50);
	target.ops->close(&target);
	target.ops = NULL;
	assert_false(ios[0].done || ios[1].done);
	server_stop(&s);
}

static void test_nbd_a_new_supervisor_is_asked_again(void **state)
{
	(void)state;
	open_target(60, false);
	target_nbd_ask_again(&host);
	assert_int_equal(wanted, 2);
}

static void test_nbd_probe_says_what_there_is(void **state)
{
	struct server s = { .bytes = 1000000, .readonly = true };

	(void)state;
	nbd_probe_start(&host, DEVID, server_start(&s), "x");
	UNTIL(probed == 1);
	assert_int_equal(result.rc, 0);
	assert_int_equal(result.bytes, 1000000);
	assert_true(result.readonly);
	server_stop(&s);
}

static void test_nbd_probe_says_in_what_units_it_discards(void **state)
{
	static const struct { bool plain, readonly; uint32_t preferred, discards; } cases[] = {
		{ false, false, 0, 1 }, { false, false, 65536, 65536 },
		{ true, false, 65536, 0 }, { false, true, 65536, 0 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server s = { .bytes = SERVER_BYTES, .plain = cases[i].plain,
				    .readonly = cases[i].readonly,
				    .preferred = cases[i].preferred };

		nbd_probe_start(&host, DEVID, server_start(&s), "");
		UNTIL(probed == i + 1);
		assert_int_equal(result.rc, 0);
		assert_int_equal(result.discards, cases[i].discards);
		server_stop(&s);
	}
}

static void test_nbd_probe_says_why_not(void **state)
{
	static const enum server_mode modes[] = { GARBAGE, REFUSES, SILENT, SERVES };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct server s = { .mode = modes[i] };		/* of no size */

		nbd_probe_start(&host, DEVID, server_start(&s), "");
		UNTIL(probed == i + 1);
		assert_true(result.rc < 0);
		assert_string_not_equal(result.text, "");
		server_stop(&s);
	}
}

static void test_nbd_probe_refuses_a_server_of_small_requests(void **state)
{
	static const struct { uint32_t most; bool refused; } cases[] = {
		{ 65536, true }, { (1u << 20) - 4096, true }, { 1u << 20, false },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server s = { .bytes = SERVER_BYTES, .most = cases[i].most };

		nbd_probe_start(&host, DEVID, server_start(&s), "");
		UNTIL(probed == i + 1);
		assert_int_equal(result.rc, cases[i].refused ? -EINVAL : 0);
		assert_int_equal(!!strstr(result.text, "as large as 1 MiB"), cases[i].refused);
		server_stop(&s);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nbd_io_is_done),
		TEST(test_nbd_unanswered_is_sent_again_answered_is_not),
		TEST(test_nbd_a_discard_is_a_trim_and_sent_again),
		TEST(test_nbd_a_server_is_asked_for_nothing_that_it_cannot),
		TEST(test_nbd_errors_are_the_requests),
		TEST(test_nbd_a_server_that_shuts_down_has_not_answered),
		TEST(test_nbd_a_server_that_hangs_is_connected_to_again),
		TEST(test_nbd_io_fails_when_nobody_comes_and_works_again),
		TEST(test_nbd_flush_waits_for_a_server_that_has_nothing_to_flush),
		TEST(test_nbd_less_than_there_was_is_refused),
		TEST(test_nbd_nonsense_is_a_lost_connection),
		TEST(test_nbd_abandoned_io_fails_at_once),
		TEST(test_nbd_closed_with_io_under_way),
		TEST(test_nbd_a_new_supervisor_is_asked_again),
		TEST(test_nbd_probe_says_what_there_is),
		TEST(test_nbd_probe_says_in_what_units_it_discards),
		TEST(test_nbd_probe_refuses_a_server_of_small_requests),
		TEST(test_nbd_probe_says_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
