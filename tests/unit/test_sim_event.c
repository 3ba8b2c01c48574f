/* SPDX-License-Identifier: MIT */
/*
 * The mask/pending protocol by itself: each step from each of a port's states, and its one rule,
 * that whoever makes a port pending and unmasked, and only he, has to queue its number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "event.h"

#define BOTH (SIM_PENDING | SIM_MASKED)

static void check(bool (*step)(struct sim_port *port), uint32_t from, uint32_t to, bool queue)
{
	struct sim_port port = { .word = from };

	assert_int_equal(step(&port), queue);
	assert_int_equal(port.word, to);
	assert_int_equal(sim_port_due(&port), to == SIM_PENDING);
}

static void test_raise_queues_only_from_idle(void **state)
{
	(void)state;
	check(sim_port_raise, 0, SIM_PENDING, true);
	check(sim_port_raise, SIM_PENDING, SIM_PENDING, false);
	check(sim_port_raise, SIM_MASKED, BOTH, false);
	check(sim_port_raise, BOTH, BOTH, false);
}

static void test_unmask_queues_only_what_waited(void **state)
{
	(void)state;
	check(sim_port_unmask, BOTH, SIM_PENDING, true);
	check(sim_port_unmask, SIM_MASKED, 0, false);
	check(sim_port_unmask, SIM_PENDING, SIM_PENDING, false);
	check(sim_port_unmask, 0, 0, false);
}

static void test_take_masks_and_clears(void **state)
{
	(void)state;
	for (uint32_t from = 0; from <= BOTH; from++) {
		struct sim_port port = { .word = from };

		sim_port_take(&port);
		assert_int_equal(port.word, SIM_MASKED);
	}
}

static void test_full_queue_is_counted_and_closed_queue_is_an_error(void **state)
{
	struct sim_header header = { 0 };
	uint32_t port, sent = 0;
	int ends[2];
	(void)state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	while (!header.overflow) {
		assert_int_equal(sim_queue_send(ends[1], &header, ++sent), 0);
		assert_true(sent < 1000000);
	}
	/* All but the last arrive, in order. */
	for (uint32_t i = 1; i < sent; i++) {
		assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
		assert_int_equal(port, i);
	}
	assert_int_equal(recv(ends[0], &port, sizeof(port), MSG_DONTWAIT), -1);
	close(ends[0]);
	assert_int_equal(sim_queue_send(ends[1], &header, 1), -EPIPE);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raise_queues_only_from_idle),
		cmocka_unit_test(test_unmask_queues_only_what_waited),
		cmocka_unit_test(test_take_masks_and_clears),
		cmocka_unit_test(test_full_queue_is_counted_and_closed_queue_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
