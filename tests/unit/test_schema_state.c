/* SPDX-License-Identifier: MIT */
/*
 * test_schema_state.c - the state tables, pair by pair
 *
 * What holds for single cells; test_schema_model.c is about where they lead together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema.h"

typedef struct xb_step step_fn(unsigned int mine, unsigned int peer, bool flag);

static step_fn *const sides[] = { xb_backend_step, xb_frontend_step };

#define EACH_CELL(side, flag, mine, peer)			\
	for (unsigned int side = 0; side < 2; side++)		\
		for (unsigned int flag = 0; flag < 2; flag++)	\
			for (unsigned int mine = 0; mine < XB_STATE_COUNT; mine++)	\
				for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)

static void test_step_each_pair_stays_in_the_table(void **state)
{
	(void)state;
	EACH_CELL(side, flag, mine, peer) {
		struct xb_step step = sides[side](mine, peer, flag);

		assert_true(step.next > XB_UNKNOWN && step.next < XB_RECONFIGURING);
		assert_true(step.action < XB_ACTION_COUNT);
	}
}

static void test_step_out_of_range_is_a_violation_that_closes(void **state)
{
	static const unsigned int wild[] = { XB_STATE_COUNT, 255, 256, INT32_MAX, UINT32_MAX };

	(void)state;
	EACH_CELL(side, flag, mine, peer) {
		for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
			struct xb_step a = sides[side](mine, wild[i], flag);
			struct xb_step b = sides[side](wild[i], peer, flag);

			assert_int_equal(a.action, XB_VIOLATION);
			assert_int_equal(a.next, XB_CLOSING);
			assert_int_equal(b.action, XB_VIOLATION);
			assert_int_equal(b.next, XB_CLOSING);
		}
	}
}

/* Neither side is ever in these states of its own accord: they have no row. */
static void test_step_own_state_without_row_is_a_violation(void **state)
{
	static const unsigned int rowless[] = { XB_UNKNOWN, XB_RECONFIGURING, XB_RECONFIGURED };

	(void)state;
	for (size_t i = 0; i < sizeof(rowless) / sizeof(rowless[0]); i++)
		EACH_CELL(side, flag, mine, peer)
			assert_int_equal(sides[side](rowless[i], peer, flag).action, XB_VIOLATION);
}

/* A peer may write any state at any time; none of them may bring the device down as if it were
 * a breach, for peers skip states. Only what is no state at all is one. */
static void test_step_no_valid_peer_state_is_a_violation(void **state)
{
	(void)state;
	for (unsigned int mine = XB_INITIALISING; mine <= XB_CLOSED; mine++)
		for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
			for (unsigned int flag = 0; flag < 2; flag++) {
				if (mine != XB_INITIALISED)	/* a backend's row is optional */
					assert_int_not_equal(
						xb_backend_step(mine, peer, flag).action,
						XB_VIOLATION);
				if (mine != XB_INIT_WAIT)
					assert_int_not_equal(
						xb_frontend_step(mine, peer, flag).action,
						XB_VIOLATION);
			}
}

static void test_step_connected_peer_gone_or_closed_disconnects(void **state)
{
	static const unsigned int gone[] = { XB_UNKNOWN, XB_CLOSED };

	(void)state;
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int flag = 0; flag < 2; flag++)
			for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
				struct xb_step step = sides[side](XB_CONNECTED, gone[i], flag);

				assert_int_equal(step.action, XB_DISCONNECT);
				assert_int_equal(step.next, XB_CLOSED);
			}
}

static void test_step_closing_peer_gone_or_closed_closes(void **state)
{
	(void)state;
	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int flag = 0; flag < 2; flag++) {
			assert_int_equal(sides[side](XB_CLOSING, XB_UNKNOWN, flag).next, XB_CLOSED);
			assert_int_equal(sides[side](XB_CLOSING, XB_CLOSED, flag).next, XB_CLOSED);
		}
}

static void test_step_only_a_wanted_device_publishes_or_connects(void **state)
{
	(void)state;
	EACH_CELL(side, flag, mine, peer) {
		enum xb_action action = sides[side](mine, peer, flag).action;

		if (!flag)
			assert_true(action != XB_PUBLISH && action != XB_CONNECT &&
				    action != XB_RESET);
		else
			assert_int_not_equal(action, XB_REMOVE);
	}
}

static void test_step_connects_only_to_a_peer_that_has_published(void **state)
{
	(void)state;
	EACH_CELL(side, flag, mine, peer) {
		struct xb_step step = sides[side](mine, peer, flag);

		if (step.action != XB_CONNECT)
			continue;
		assert_int_equal(step.next, XB_CONNECTED);
		assert_true(peer == XB_CONNECTED || (side == 0 && peer == XB_INITIALISED));
		assert_true(mine != XB_CONNECTED && mine < XB_CLOSING);
	}
}

/* Nothing enters Connected by the way, without the work that belongs to it. */
static void test_step_becomes_connected_by_connecting_only(void **state)
{
	(void)state;
	EACH_CELL(side, flag, mine, peer) {
		struct xb_step step = sides[side](mine, peer, flag);

		if (step.next == XB_CONNECTED && mine != XB_CONNECTED)
			assert_int_equal(step.action, XB_CONNECT);
	}
}

/* Any other backend may be about to map the frontend's pages, or has them mapped. */
static void test_step_frontend_frees_only_before_and_after_its_backend(void **state)
{
	(void)state;
	for (unsigned int mine = 0; mine < XB_STATE_COUNT; mine++)
		for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
			for (unsigned int wanted = 0; wanted < 2; wanted++) {
				enum xb_action action = xb_frontend_step(mine, peer, wanted).action;

				if (action == XB_RESET || action == XB_REMOVE)
					assert_true(peer == XB_UNKNOWN || peer == XB_INITIALISING ||
						    peer == XB_CLOSED);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_step_each_pair_stays_in_the_table),
		cmocka_unit_test(test_step_out_of_range_is_a_violation_that_closes),
		cmocka_unit_test(test_step_own_state_without_row_is_a_violation),
		cmocka_unit_test(test_step_no_valid_peer_state_is_a_violation),
		cmocka_unit_test(test_step_connected_peer_gone_or_closed_disconnects),
		cmocka_unit_test(test_step_closing_peer_gone_or_closed_closes),
		cmocka_unit_test(test_step_only_a_wanted_device_publishes_or_connects),
		cmocka_unit_test(test_step_connects_only_to_a_peer_that_has_published),
		cmocka_unit_test(test_step_becomes_connected_by_connecting_only),
		cmocka_unit_test(test_step_frontend_frees_only_before_and_after_its_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
