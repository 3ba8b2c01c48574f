/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_console.c - frontend/console.c: a primary console, what goes through its page, and
 * what its backend may do to it
 */
#include "test_frontend_console.h"

static int set_up(void **state)
{
	struct console_rig *r = aligned_alloc(16, (sizeof(*r) + 15) & ~(size_t)15);

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	r->os = fake_new();
	r->os->ports[CONSOLE_PORT] = true;	/* it was there before us, and stays */
	r->page = aligned_alloc(4096, 4096);
	assert_non_null(r->page);
	memset(r->page, 0, 4096);
	r->con = pv_console_init_primary(r->memory, r->os, r->page, CONSOLE_PORT);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct console_rig *r = *state;

	pv_console_close(r->con);
	pv_console_step(r->con);
	assert_int_equal(pv_console_state(r->con), PV_CLOSED);
	assert_int_equal(pv_console_fini(r->con), PV_OK);
	assert_true(r->os->ports[CONSOLE_PORT]);
	r->os->ports[CONSOLE_PORT] = false;
	assert_int_equal(r->os->store_ops, 0);
	fake_free(r->os);
	free(r->page);
	free(r);
	return 0;
}

static void test_primary_is_open_at_once(void **state)
{
	struct console_rig *r = *state;

	assert_int_equal(pv_console_state(r->con), PV_OPEN);
	assert_int_equal(pv_console_error(r->con), PV_OK);
	assert_null(pv_console_reason(r->con));
	assert_int_equal(pv_console_step(r->con), PV_OK);
	assert_false(pv_console_wants_step(r->con));
	assert_false(pv_console_arm(r->con));
	assert_int_equal(pv_console_state(r->con), PV_OPEN);
}

static void test_write_arrives_and_kick_notifies_once(void **state)
{
	struct console_rig *r = *state;

	assert_int_equal(write_text(r->con, "hel"), 3);
	assert_int_equal(write_text(r->con, "lo"), 2);
	assert_int_equal(r->os->notified, 0);
	assert_int_equal(pv_console_unsent(r->con), 5);
	pv_console_kick(r->con);
	pv_console_kick(r->con);
	assert_int_equal(r->os->notified, 1);
	expect_output(r->page, "hello");
	assert_int_equal(pv_console_unsent(r->con), 0);
}

static void test_read_takes_what_was_typed_and_kick_says_so(void **state)
{
	struct console_rig *r = *state;
	char byte;

	assert_false(pv_console_pending(r->con));
	assert_int_equal(pv_console_read(r->con, &byte, 1), 0);
	pv_console_kick(r->con);
	assert_int_equal(r->os->notified, 0);
	page_type(r->page, "ab", 2);
	assert_true(pv_console_pending(r->con));
	assert_true(pv_console_arm(r->con));
	assert_int_equal(pv_console_read(r->con, &byte, 1), 1);
	assert_int_equal(byte, 'a');
	assert_int_equal(r->page->in_cons, 1);
	pv_console_kick(r->con);
	assert_int_equal(r->os->notified, 1);
	expect_input(r->con, "b");
	assert_false(pv_console_pending(r->con));
}

static void test_every_byte_passes_untouched(void **state)
{
	struct console_rig *r = *state;
	uint8_t all[256], got[256];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	assert_int_equal(pv_console_write(r->con, all, 256), 256);
	assert_int_equal(page_take(r->page, got, 256), 256);
	assert_memory_equal(got, all, 256);
	assert_int_equal(page_type(r->page, all, 256), 256);
	assert_int_equal(pv_console_read(r->con, got, 256), 256);
	assert_memory_equal(got, all, 256);
}

static void test_write_to_a_full_page_returns_and_arm_tells_of_room(void **state)
{
	struct console_rig *r = *state;
	char text[PV_CONSOLE_OUT + 100], got[PV_CONSOLE_OUT];

	memset(text, 'x', sizeof(text));
	assert_int_equal(pv_console_write(r->con, text, sizeof(text)), PV_CONSOLE_OUT);
	assert_int_equal(pv_console_write(r->con, "y", 1), 0);
	assert_int_equal(pv_console_unsent(r->con), PV_CONSOLE_OUT);
	assert_false(pv_console_arm(r->con));
	assert_int_equal(page_take(r->page, got, 1), 1);
	assert_true(pv_console_arm(r->con));
	assert_int_equal(pv_console_write(r->con, "y", 1), 1);
	assert_false(pv_console_arm(r->con));
	assert_int_equal(page_take(r->page, got, sizeof(got)), PV_CONSOLE_OUT);
	assert_int_equal(got[PV_CONSOLE_OUT - 1], 'y');
	assert_false(pv_console_arm(r->con));	/* room that nobody waits for */
}

/* Pieces of all lengths, both ways, with counters that pass 2^32 on the way. */
static void test_streams_are_equal_across_the_wrap(void **state)
{
	struct console_rig *r = *state;
	uint32_t sent = 0, came = 0, typed = 0, was_read = 0;

	r->page->out_cons = r->page->out_prod = UINT32_MAX - 10000;
	r->page->in_cons = r->page->in_prod = UINT32_MAX - 7000;
	r->con = pv_console_init_primary(r->memory, r->os, r->page, CONSOLE_PORT);
	for (unsigned int turn = 1; turn < 400; turn++) {
		uint8_t buf[256];
		size_t n = turn * 37 % sizeof(buf);
		int rc;

		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)((sent + i) * 31 >> 2);
		rc = pv_console_write(r->con, buf, n);
		assert_true(rc >= 0 && (size_t)rc <= n);
		sent += (uint32_t)rc;
		n = page_take(r->page, buf, turn * 53 % sizeof(buf));
		for (size_t i = 0; i < n; i++, came++)
			assert_int_equal(buf[i], (uint8_t)(came * 31 >> 2));
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = (uint8_t)((typed + i) * 17 >> 3);
		typed += (uint32_t)page_type(r->page, buf, turn * 29 % sizeof(buf));
		rc = pv_console_read(r->con, buf, turn * 41 % sizeof(buf));
		assert_true(rc >= 0);
		for (int i = 0; i < rc; i++, was_read++)
			assert_int_equal(buf[i], (uint8_t)(was_read * 17 >> 3));
	}
	assert_true(sent > 20000 && typed > 20000);
	assert_true(r->page->out_prod < 100000 && r->page->in_prod < 100000);
}

/* A boot loader has used it; some of what it wrote, and of what was typed, was not taken. */
static void test_primary_goes_on_where_the_page_was_left(void **state)
{
	struct console_rig *r = *state;

	write_text(r->con, "boot loader\n");
	page_type(r->page, "kernel\n", 7);
	expect_output(r->page, "boot loader\n");
	write_text(r->con, "bye\n");
	r->con = pv_console_init_primary(r->memory, r->os, r->page, CONSOLE_PORT);
	write_text(r->con, "hello\n");
	expect_output(r->page, "bye\nhello\n");
	expect_input(r->con, "kernel\n");
}

/*
 * A backend that is not good
 */

/* The console is given up, at once for its user, and the reason stays. */
static void expect_given_up(struct console_rig *r, const char *part_of_reason)
{
	char buf[8];

	assert_int_equal(pv_console_error(r->con), PV_EBACKEND);
	assert_true(pv_console_wants_step(r->con));
	assert_true(pv_console_arm(r->con));
	assert_int_equal(pv_console_write(r->con, "x", 1), PV_EBACKEND);
	assert_int_equal(pv_console_read(r->con, buf, sizeof(buf)), PV_EBACKEND);
	pv_console_step(r->con);
	assert_int_equal(pv_console_state(r->con), PV_CLOSED);
	assert_false(pv_console_wants_step(r->con));
	assert_false(pv_console_arm(r->con));
	assert_false(pv_console_pending(r->con));
	assert_int_equal(pv_console_unsent(r->con), 0);
	assert_int_equal(pv_console_error(r->con), PV_EBACKEND);
	if (!strstr(pv_console_reason(r->con), part_of_reason))
		fail_msg("reason: %s", pv_console_reason(r->con));
	/* The page may say what it likes now. */
	memset(r->page, 0, 4096);
	page_type(r->page, "abc", 3);
	assert_int_equal(pv_console_read(r->con, buf, sizeof(buf)), PV_EBACKEND);
	assert_int_equal(pv_console_write(r->con, "x", 1), PV_EBACKEND);
	assert_int_equal(r->page->out_prod, 0);
	assert_int_equal(r->os->logged, 1);
}

static void test_input_that_jumps_gives_the_console_up(void **state)
{
	static const uint32_t jumps[] = { PV_CONSOLE_IN + 1, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct console_rig *r;
		char buf[PV_CONSOLE_IN];

		set_up((void **)&r);
		r->page->in_prod = r->page->in_cons + jumps[i];
		assert_true(pv_console_pending(r->con));
		memset(buf, 'z', sizeof(buf));
		assert_int_equal(pv_console_read(r->con, buf, sizeof(buf)), PV_EBACKEND);
		assert_int_equal(buf[0], 'z');
		expect_given_up(r, "put in more than fits");
		tear_down((void **)&r);
	}
	(void)state;
}

static void test_output_taken_that_was_not_there_gives_the_console_up(void **state)
{
	static const uint32_t jumps[] = { 4, PV_CONSOLE_OUT, 0x80000000, 3 - PV_CONSOLE_OUT - 1 };

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		struct console_rig *r;

		set_up((void **)&r);
		write_text(r->con, "abc");
		r->page->out_cons += jumps[i];
		assert_int_equal(write_text(r->con, "d"), PV_EBACKEND);
		expect_given_up(r, "took more than there was");
		tear_down((void **)&r);
	}
	(void)state;
}

static void test_own_counters_rewritten_are_not_believed(void **state)
{
	struct console_rig *r = *state;

	write_text(r->con, "abc");
	page_type(r->page, "xyz", 3);
	expect_input(r->con, "xyz");
	r->page->out_prod = 77777;
	r->page->in_cons = 88888;
	assert_int_equal(write_text(r->con, "d"), 1);
	assert_int_equal(r->page->out_prod, 4);
	expect_output(r->page, "abcd");
	page_type(r->page, "", 0);
	r->page->in[3] = '!';
	r->page->in_prod = 4;
	expect_input(r->con, "!");
	assert_int_equal(r->page->in_cons, 4);
}

static void test_arm_with_a_full_page_notices_a_jump(void **state)
{
	struct console_rig *r = *state;
	char text[PV_CONSOLE_OUT + 1] = "";

	pv_console_write(r->con, text, sizeof(text));
	assert_false(pv_console_arm(r->con));
	r->page->out_cons -= 1;
	assert_true(pv_console_arm(r->con));
	assert_int_equal(pv_console_write(r->con, text, 1), PV_EBACKEND);
	expect_given_up(r, "took more than there was");
}

static void test_closed_console_takes_nothing(void **state)
{
	struct console_rig *r = *state;
	char byte;

	pv_console_close(r->con);
	assert_int_equal(write_text(r->con, "x"), PV_EGONE);
	assert_int_equal(pv_console_read(r->con, &byte, 1), PV_EGONE);
	assert_int_equal(pv_console_fini(r->con), PV_EBUSY);
	assert_true(pv_console_wants_step(r->con));
	pv_console_step(r->con);
	assert_int_equal(pv_console_fini(r->con), PV_OK);
	assert_null(pv_console_reason(r->con));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_primary_is_open_at_once),
		TEST(test_write_arrives_and_kick_notifies_once),
		TEST(test_read_takes_what_was_typed_and_kick_says_so),
		TEST(test_every_byte_passes_untouched),
		TEST(test_write_to_a_full_page_returns_and_arm_tells_of_room),
		TEST(test_streams_are_equal_across_the_wrap),
		TEST(test_primary_goes_on_where_the_page_was_left),
		cmocka_unit_test(test_input_that_jumps_gives_the_console_up),
		cmocka_unit_test(test_output_taken_that_was_not_there_gives_the_console_up),
		TEST(test_own_counters_rewritten_are_not_believed),
		TEST(test_arm_with_a_full_page_notices_a_jump),
		TEST(test_closed_console_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
