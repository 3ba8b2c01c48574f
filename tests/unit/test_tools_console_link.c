/* SPDX-License-Identifier: MIT */
/*
 * test_tools_console_link.c - the client's end of a console's socket, with a worker by hand at the
 * other: what it asks, what it makes of the answers, and how it goes on with the next worker
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "console_client.h"
#include "test_tools.h"

struct rig {
	struct console_at at;
	struct console_link link;
	int listener, worker;
};

static int set_up(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/xpv-unit-%d.sock", (int)getpid());
	unlink(addr.sun_path);
	r->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(r->listener, 4), 0);
	r->at.dom.domid = 7;
	strcpy(r->at.socket, addr.sun_path);
	r->link = (struct console_link){ .at = &r->at, .fd = -1, .wants_write = true,
					 .scrollback = true };
	r->worker = -1;
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	link_close(&r->link);
	if (r->worker >= 0)
		close(r->worker);
	close(r->listener);
	unlink(r->at.socket);
	free(r);
	return 0;
}

static void connect_link(struct rig *r)
{
	assert_int_equal(link_open(&r->link), 0);
	r->worker = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(r->worker >= 0);
}

/* The next that the client has asked. */
static void expect_ask(struct rig *r, char type, const char *payload)
{
	char message[CONSOLE_PAYLOAD + 2];
	ssize_t n = recv(r->worker, message, sizeof(message) - 1, 0);

	assert_true(n >= 1);
	message[n] = '\0';
	assert_int_equal(message[0], type);
	if (payload)
		assert_string_equal(message + 1, payload);
}

static void expect_no_ask(struct rig *r)
{
	char byte;

	assert_int_equal(recv(r->worker, &byte, 1, MSG_PEEK), -1);
}

static void answer(struct rig *r, char type, const char *payload)
{
	char message[CONSOLE_PAYLOAD + 1];
	size_t len = strlen(payload);

	message[0] = type;
	memcpy(message + 1, payload, len);
	assert_int_equal(send(r->worker, message, len + 1, 0), len + 1);
}

static enum link_event says(struct rig *r, char type, const char *payload)
{
	answer(r, type, payload);
	return link_receive(&r->link);
}

static void expect_output(struct rig *r, const char *text)
{
	assert_int_equal(says(r, CONSOLE_OUTPUT, text), LINK_OUTPUT);
	assert_int_equal(r->link.out_len, strlen(text));
	assert_memory_equal(r->link.out, text, strlen(text));
}

/* A writer, as far as the first output. */
static void open_writer(struct rig *r)
{
	connect_link(r);
	expect_ask(r, CONSOLE_WRITE, NULL);
	assert_int_equal(says(r, CONSOLE_GRANTED, ""), LINK_NOTHING);
	expect_ask(r, CONSOLE_READ, "");
	assert_int_equal(says(r, CONSOLE_TAKEN, "100"), LINK_NOTHING);
	assert_int_equal(says(r, CONSOLE_POSITION, "5000"), LINK_NOTHING);
}

static void type(struct rig *r, const char *text)
{
	assert_int_equal(link_type(&r->link, text, strlen(text)), strlen(text));
	assert_true(link_send(&r->link));
}

static void lose_worker(struct rig *r)
{
	close(r->worker);
	r->worker = -1;
	assert_int_equal(link_receive(&r->link), LINK_BROKEN);
	link_close(&r->link);
}

static void test_reader_asks_to_read_only(void **state)
{
	struct rig *r = *state;

	r->link.wants_write = false;
	connect_link(r);
	expect_ask(r, CONSOLE_READ, "");
	expect_no_ask(r);
	assert_int_equal(says(r, CONSOLE_POSITION, "0"), LINK_NOTHING);
	expect_output(r, "boot\r\n");
}

static void test_without_scrollback_asks_for_none(void **state)
{
	struct rig *r = *state;

	r->link.scrollback = false;
	connect_link(r);
	expect_ask(r, CONSOLE_FROM, "0");
	expect_ask(r, CONSOLE_WRITE, NULL);
}

static void test_writer_reads_only_when_it_may_write(void **state)
{
	struct rig *r = *state;
	char message[256];
	ssize_t n;

	r->link.take = true;
	connect_link(r);
	n = recv(r->worker, message, sizeof(message), 0);
	assert_true(n > 2 && message[0] == CONSOLE_WRITE && message[1] == 1);
	assert_non_null(memmem(message, (size_t)n, "(pid ", 5));
	expect_no_ask(r);
	assert_int_equal(says(r, CONSOLE_BUSY, "eve \033[2J\n"), LINK_BUSY);
	assert_string_equal(r->link.text, "eve \\x1b[2J\\x0a");
	expect_no_ask(r);
}

static void test_input_waits_until_it_is_granted_and_counted(void **state)
{
	struct rig *r = *state;

	connect_link(r);
	expect_ask(r, CONSOLE_WRITE, NULL);
	type(r, "early");
	expect_no_ask(r);
	says(r, CONSOLE_GRANTED, "");
	expect_ask(r, CONSOLE_READ, "");
	assert_true(link_send(&r->link));
	expect_no_ask(r);
	says(r, CONSOLE_TAKEN, "3");
	assert_true(link_wants_out(&r->link));
	assert_true(link_send(&r->link));
	expect_ask(r, CONSOLE_INPUT, "early");
	assert_false(link_all_taken(&r->link));
	says(r, CONSOLE_TAKEN, "6");
	assert_false(link_all_taken(&r->link));
	says(r, CONSOLE_TAKEN, "8");
	assert_true(link_all_taken(&r->link));
}

static void test_next_worker_gets_what_was_not_taken_and_where_we_were(void **state)
{
	struct rig *r = *state;

	open_writer(r);
	expect_output(r, "0123456789");
	type(r, "abcdef");
	expect_ask(r, CONSOLE_INPUT, "abcdef");
	says(r, CONSOLE_TAKEN, "102");
	lose_worker(r);
	assert_int_equal(link_type(&r->link, "gh", 2), 2);
	connect_link(r);
	expect_ask(r, CONSOLE_FROM, "@5010");
	expect_ask(r, CONSOLE_WRITE, NULL);
	says(r, CONSOLE_GRANTED, "");
	expect_ask(r, CONSOLE_READ, "");
	/* The last one had put one more before the guest than it could tell. */
	says(r, CONSOLE_TAKEN, "103");
	assert_true(link_send(&r->link));
	expect_ask(r, CONSOLE_INPUT, "defgh");
	says(r, CONSOLE_TAKEN, "108");
	assert_true(link_all_taken(&r->link));
}

static void test_skipped_output_is_told_and_counted(void **state)
{
	struct rig *r = *state;

	open_writer(r);
	assert_int_equal(says(r, CONSOLE_SKIPPED, "700"), LINK_NOTICE);
	assert_non_null(strstr(r->link.text, "700 bytes"));
	expect_output(r, "x");
	assert_int_equal(r->link.position, 5701);
}

static void test_lost_writing_is_not_asked_for_again(void **state)
{
	struct rig *r = *state;

	open_writer(r);
	type(r, "abc");
	expect_ask(r, CONSOLE_INPUT, "abc");
	assert_int_equal(says(r, CONSOLE_LOST, "eve"), LINK_LOST);
	assert_string_equal(r->link.text, "eve");
	assert_true(link_all_taken(&r->link));
	link_type(&r->link, "more", 4);
	assert_false(link_wants_out(&r->link));
	lose_worker(r);
	connect_link(r);
	expect_ask(r, CONSOLE_FROM, "@5000");
	expect_ask(r, CONSOLE_READ, "");
	expect_no_ask(r);
}

static void test_worker_that_takes_nothing_makes_nobody_wait(void **state)
{
	struct rig *r = *state;
	char page[CONSOLE_TYPED];
	size_t sent = 0;

	open_writer(r);
	memset(page, 'p', sizeof(page));
	for (int i = 0; i < 4000; i++) {	/* until the socket is full */
		link_type(&r->link, page, link_room(&r->link));
		assert_true(link_send(&r->link));
		if (link_wants_out(&r->link))
			break;
		sent += r->link.typed_len;
		answer(r, CONSOLE_TAKEN, "");	/* no number */
		r->link.typed_len = r->link.sent = 0;
	}
	assert_true(link_wants_out(&r->link));
	assert_int_equal(link_type(&r->link, "x", 1), 0);
	assert_true(sent > 0);
}

static void test_end_says_why(void **state)
{
	struct rig *r = *state;

	open_writer(r);
	assert_int_equal(says(r, CONSOLE_END, "the guest has gone"), LINK_END);
	assert_string_equal(r->link.text, "the guest has gone");
}

static void test_what_makes_no_sense_breaks_the_connection(void **state)
{
	static const char numbers[] = { CONSOLE_POSITION, CONSOLE_SKIPPED, CONSOLE_TAKEN };
	static const char *const bad[] = { "", "-1", "12x", "99999999999999999999999" };
	struct rig *r = *state;
	char large[CONSOLE_PAYLOAD + 2] = { CONSOLE_OUTPUT };

	open_writer(r);
	for (size_t i = 0; i < sizeof(numbers); i++)
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			assert_int_equal(says(r, numbers[i], bad[j]), LINK_BROKEN);
	assert_int_equal(send(r->worker, large, sizeof(large), 0), sizeof(large));
	assert_int_equal(link_receive(&r->link), LINK_BROKEN);
	/* What a newer worker says, or nothing, harms nobody. */
	assert_int_equal(says(r, 'z', "hello"), LINK_NOTHING);
	assert_int_equal(says(r, CONSOLE_OUTPUT, ""), LINK_NOTHING);
	assert_int_equal(link_receive(&r->link), LINK_NOTHING);
}

/* More is said to be taken than was sent; or less than before. */
static void test_counts_that_jump_lose_no_more_than_there_is(void **state)
{
	struct rig *r = *state;

	open_writer(r);
	type(r, "abc");
	says(r, CONSOLE_TAKEN, "18446744073709551615");
	assert_true(link_all_taken(&r->link));
	says(r, CONSOLE_TAKEN, "5");
	type(r, "def");
	assert_int_equal(r->link.typed_len, 3);
	says(r, CONSOLE_TAKEN, "6");
	assert_int_equal(r->link.typed_len, 2);
}

static void test_no_socket_and_no_terminal_is_an_error(void **state)
{
	struct rig *r = *state;

	strcpy(r->at.socket, "/tmp/xpv-unit-none.sock");
	assert_int_equal(link_open(&r->link), -ENOENT);
	r->at.socket[0] = '\0';
	assert_int_equal(link_open(&r->link), -ENOENT);
	strcpy(r->at.tty, "/dev/null");
	assert_true(link_open(&r->link) < 0);
	unlink("/tmp/xpv-unit-none.sock");
	snprintf(r->at.socket, sizeof(r->at.socket), "/tmp/xpv-unit-%d.sock", (int)getpid());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_asks_to_read_only),
		TEST(test_without_scrollback_asks_for_none),
		TEST(test_writer_reads_only_when_it_may_write),
		TEST(test_input_waits_until_it_is_granted_and_counted),
		TEST(test_next_worker_gets_what_was_not_taken_and_where_we_were),
		TEST(test_skipped_output_is_told_and_counted),
		TEST(test_lost_writing_is_not_asked_for_again),
		TEST(test_worker_that_takes_nothing_makes_nobody_wait),
		TEST(test_end_says_why),
		TEST(test_what_makes_no_sense_breaks_the_connection),
		TEST(test_counts_that_jump_lose_no_more_than_there_is),
		TEST(test_no_socket_and_no_terminal_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
