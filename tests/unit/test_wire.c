/* SPDX-License-Identifier: MIT */
/*
 * test_wire.c - packets between supervisor and worker, also such as neither would send
 *
 * After each test the process has as many descriptors open as before it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire.h"

static int pair[2];
static unsigned int open_before;

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	open_before = open_fds();
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_fds(), open_before);
	return 0;
}

/* A raw packet, of any length, with any number of descriptors. */
static void send_raw(const void *data, size_t len, unsigned int nr_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 16)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[16];

	for (unsigned int i = 0; i < 16; i++)
		fds[i] = pair[0];
	if (nr_fds) {
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nr_fds);
		control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int) * nr_fds),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * nr_fds);
	}
	assert_int_equal(sendmsg(pair[0], &mh, 0), (ssize_t)len);
}

static void assert_no_fds(const int fds[WIRE_MAX_FDS])
{
	for (int i = 0; i < WIRE_MAX_FDS; i++)
		assert_int_equal(fds[i], -1);
}

static void test_wire_message_with_fds_arrives_whole(void **state)
{
	int pipes[2], fds[WIRE_MAX_FDS];
	struct wire_msg sent = { .type = WIRE_ATTACH, .devid = 51712 }, got;
	char c = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sent.vdisk); i++)
		((uint8_t *)&sent.vdisk)[i] = (uint8_t)i;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(wire_send(pair[0], &sent, pipes, 2), 0);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(wire_receive(pair[1], &got, fds), 1);
	assert_memory_equal(&got, &sent, sizeof(got));
	for (int i = 0; i < 2; i++)
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fds[1], "x", 1), 1);	/* they are the pipe's ends, in order */
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	close(fds[0]);
	close(fds[1]);
}

static void test_wire_message_with_fewer_fds_fills_the_rest(void **state)
{
	struct wire_msg msg = { .type = WIRE_HELLO };
	int fds[WIRE_MAX_FDS] = { 7, 7 };

	(void)state;
	assert_int_equal(wire_send(pair[0], &msg, NULL, 0), 0);
	assert_int_equal(wire_receive(pair[1], &msg, fds), 1);
	assert_no_fds(fds);
	send_raw(&msg, sizeof(msg), 1);
	assert_int_equal(wire_receive(pair[1], &msg, fds), 1);
	assert_true(fds[0] >= 0);
	assert_int_equal(fds[1], -1);
	close(fds[0]);
}

static void test_wire_packet_of_a_wrong_size_is_refused_and_its_fds_closed(void **state)
{
	static const size_t sizes[] = { 1, 4, sizeof(struct wire_msg) - 1,
					sizeof(struct wire_msg) + 1, 4096 };
	static const char bytes[4096];
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned int nr = 0; nr <= 2; nr++) {
			send_raw(bytes, sizes[i], nr);
			assert_int_equal(wire_receive(pair[1], &msg, fds), -EPROTO);
			assert_no_fds(fds);
			assert_int_equal(open_fds(), open_before + 2);
		}
	}
}

static void test_wire_more_fds_than_allowed_are_refused_and_closed(void **state)
{
	static const struct wire_msg msg = { .type = WIRE_HELLO };
	struct wire_msg got;
	int fds[WIRE_MAX_FDS];

	(void)state;
	for (unsigned int nr = WIRE_MAX_FDS + 1; nr <= 16; nr++) {
		send_raw(&msg, sizeof(msg), nr);
		assert_int_equal(wire_receive(pair[1], &got, fds), -EPROTO);
		assert_no_fds(fds);
		assert_int_equal(open_fds(), open_before + 2);
	}
}

/* Indistinguishable from the end, but what came with it must not stay. */
static void test_wire_empty_packet_with_fds_leaks_none(void **state)
{
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];

	(void)state;
	send_raw(NULL, 0, 2);
	assert_true(wire_receive(pair[1], &msg, fds) <= 0);
	assert_no_fds(fds);
	assert_int_equal(open_fds(), open_before + 2);
}

static void test_wire_nothing_there_is_eagain_and_the_end_is_zero(void **state)
{
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];

	(void)state;
	assert_int_equal(wire_receive(pair[1], &msg, fds), -EAGAIN);
	close(pair[0]);
	assert_int_equal(wire_receive(pair[1], &msg, fds), 0);
	assert_no_fds(fds);
	assert_int_equal(wire_send(pair[1], &msg, NULL, 0), -EPIPE);	/* and no signal */
	pair[0] = dup(pair[1]);
}

static void test_wire_peer_that_does_not_read_never_blocks_us(void **state)
{
	struct wire_msg msg = { .type = WIRE_FAILED };
	int fds[WIRE_MAX_FDS], rc, sent = 0;

	(void)state;
	while ((rc = wire_send(pair[0], &msg, NULL, 0)) == 0 && sent < 1000000)
		sent++;
	assert_int_equal(rc, -EAGAIN);
	while (sent-- > 0)
		assert_int_equal(wire_receive(pair[1], &msg, fds), 1);
	assert_int_equal(wire_receive(pair[1], &msg, fds), -EAGAIN);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_wire_message_with_fds_arrives_whole),
		TEST(test_wire_message_with_fewer_fds_fills_the_rest),
		TEST(test_wire_packet_of_a_wrong_size_is_refused_and_its_fds_closed),
		TEST(test_wire_more_fds_than_allowed_are_refused_and_closed),
		TEST(test_wire_empty_packet_with_fds_leaks_none),
		TEST(test_wire_nothing_there_is_eagain_and_the_end_is_zero),
		TEST(test_wire_peer_that_does_not_read_never_blocks_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
