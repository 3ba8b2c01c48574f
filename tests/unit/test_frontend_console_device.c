/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_console_device.c - frontend/console_device.c: a secondary console comes, goes, and
 * changes its backend, and no byte is lost or repeated
 */
#include "test_frontend_console.h"

#define DEVID		2
#define FRONT		"/local/domain/7/device/console/2"
#define BACK		"/local/domain/0/backend/console/7/2"

static void back_state(struct console_rig *r, unsigned int state)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", state);
	fake_write(r->os, BACK "/state", text);
}

static unsigned int front_state(struct console_rig *r)
{
	const char *text = fake_read(r->os, FRONT "/state");

	return text ? (unsigned int)strtoul(text, NULL, 10) : 0;
}

static uint32_t front_number(struct console_rig *r, const char *path)
{
	const char *text = fake_read(r->os, path);

	assert_non_null(text);
	return (uint32_t)strtoul(text, NULL, 10);
}

static void settle(struct console_rig *r)
{
	for (int i = 0; i < 4; i++) {
		fake_run(r->os, NULL);
		if (pv_console_wants_step(r->con))
			pv_console_step(r->con);
	}
}

static void attach(struct console_rig *r)
{
	back_state(r, XB_INITIALISING);
	fake_write(r->os, BACK "/online", "1");
	fake_write(r->os, FRONT "/backend", BACK);
	fake_write(r->os, FRONT "/backend-id", "0");
	fake_write(r->os, FRONT "/state", "1");
}

/* A good backend, by the step table, until both ends are Connected. */
static void serve(struct console_rig *r)
{
	for (int i = 0; i < 10 && pv_console_state(r->con) != PV_OPEN; i++) {
		struct xb_step step = xb_backend_step(front_number(r, BACK "/state"),
						      front_state(r), true);

		assert_int_not_equal(step.action, XB_VIOLATION);
		if (step.action == XB_CONNECT) {
			r->page = (void *)fake_page(r->os, front_number(r, FRONT "/ring-ref"));
			assert_non_null(r->page);
			assert_true(r->os->ports[front_number(r, FRONT "/port")]);
		}
		back_state(r, step.next);
		settle(r);
	}
	assert_int_equal(front_state(r), XB_CONNECTED);
	assert_int_equal(pv_console_state(r->con), PV_OPEN);
}

static int set_up(void **state)
{
	struct console_rig *r = aligned_alloc(16, (sizeof(*r) + 15) & ~(size_t)15);

	assert_non_null(r);
	memset(r, 0, sizeof(*r));
	r->os = fake_new();
	r->con = pv_console_init(r->memory, r->os, DEVID);
	*state = r;
	return 0;
}

static int set_up_open(void **state)
{
	set_up(state);
	attach(*state);
	pv_console_step(((struct console_rig *)*state)->con);
	serve(*state);
	return 0;
}

static int tear_down(void **state)
{
	struct console_rig *r = *state;

	fake_hold_all(r->os, false);
	pv_console_close(r->con);
	for (int i = 0; i < 8 && pv_console_state(r->con) != PV_CLOSED; i++) {
		pv_console_step(r->con);
		settle(r);
		if (fake_read(r->os, FRONT "/state"))
			back_state(r, XB_CLOSED);
		r->os->clock += 1000000000ull;
	}
	assert_int_equal(pv_console_state(r->con), PV_CLOSED);
	assert_int_equal(pv_console_fini(r->con), PV_OK);
	fake_free(r->os);
	free(r);
	return 0;
}

static void test_open_walks_the_common_path(void **state)
{
	struct console_rig *r = *state;

	assert_string_equal(r->os->states, "34");
	assert_int_equal(fake_granted(r->os), 1);
	assert_int_equal(fake_ports_open(r->os), 1);
	assert_int_equal(r->page->connection, STREAM_DISCONNECTED);	/* not ours to change */
	assert_int_equal(write_text(r->con, "hello"), 5);
	expect_output(r->page, "hello");
	page_type(r->page, "ok", 2);
	expect_input(r->con, "ok");
}

static void test_write_before_there_is_a_page_takes_nothing(void **state)
{
	struct console_rig *r = *state;
	char byte;

	assert_int_equal(write_text(r->con, "early"), 0);
	assert_int_equal(pv_console_read(r->con, &byte, 1), 0);
	assert_false(pv_console_pending(r->con));
	assert_false(pv_console_arm(r->con));
	pv_console_kick(r->con);
	attach(r);
	pv_console_step(r->con);
	serve(r);
	assert_true(pv_console_arm(r->con));	/* there is room now */
	assert_int_equal(write_text(r->con, "early"), 5);
	expect_output(r->page, "early");
}

static void test_write_before_the_backend_connects_waits_in_the_page(void **state)
{
	struct console_rig *r = *state;

	attach(r);
	pv_console_step(r->con);
	back_state(r, XB_INIT_WAIT);
	settle(r);
	assert_int_equal(pv_console_state(r->con), PV_OPENING);
	assert_int_equal(write_text(r->con, "boot"), 4);
	serve(r);
	assert_true(r->os->notified > 0);
	expect_output(r->page, "boot");
}

static void test_backend_restart_loses_and_repeats_nothing(void **state)
{
	struct console_rig *r = *state;
	char got[3];

	write_text(r->con, "abcdef");
	assert_int_equal(page_take(r->page, got, 3), 3);
	page_type(r->page, "xyz", 3);
	for (int round = 0; round < 3; round++) {
		back_state(r, XB_INITIALISING);
		settle(r);
		assert_int_equal(pv_console_state(r->con), PV_PAUSED);
		assert_int_equal(write_text(r->con, "!"), 1);
		serve(r);
	}
	assert_int_equal(fake_granted(r->os), 1);
	assert_int_equal(fake_ports_open(r->os), 1);
	expect_output(r->page, "def!!!");
	expect_input(r->con, "xyz");
}

static void test_backend_that_closes_ends_the_console(void **state)
{
	struct console_rig *r = *state;

	back_state(r, XB_CLOSING);
	settle(r);
	assert_int_equal(pv_console_error(r->con), PV_EGONE);
	assert_int_equal(write_text(r->con, "x"), PV_EGONE);
	back_state(r, XB_CLOSED);
	settle(r);
	assert_int_equal(pv_console_state(r->con), PV_CLOSED);
	assert_int_equal(fake_granted(r->os), 0);
}

static void test_jump_closes_the_device_with_a_reason(void **state)
{
	struct console_rig *r = *state;
	char byte;

	r->page->in_prod = 99999;
	assert_int_equal(pv_console_read(r->con, &byte, 1), PV_EBACKEND);
	assert_true(pv_console_wants_step(r->con));
	settle(r);
	assert_int_equal(front_state(r), XB_CLOSING);
	assert_string_equal(pv_console_reason(r->con), "the backend put in more than fits");
}

static void test_page_that_the_backend_holds_stays(void **state)
{
	struct console_rig *r = *state;

	fake_hold_all(r->os, true);
	pv_console_close(r->con);
	pv_console_step(r->con);
	back_state(r, XB_CLOSED);
	settle(r);
	assert_int_equal(pv_console_state(r->con), PV_CLOSING);
	assert_int_equal(fake_granted(r->os), 1);
	fake_hold_all(r->os, false);
	r->os->clock += 1000000000ull;
	settle(r);
	assert_int_equal(pv_console_state(r->con), PV_CLOSED);
	assert_int_equal(fake_granted(r->os), 0);
}

static void test_without_page_or_port_it_fails_with_a_reason(void **state)
{
	for (int what = 0; what < 2; what++) {
		struct console_rig *r;

		set_up((void **)&r);
		attach(r);
		*(what ? &r->os->ports_left : &r->os->grants_left) = 0;
		back_state(r, XB_INIT_WAIT);
		pv_console_step(r->con);
		settle(r);
		assert_int_equal(pv_console_error(r->con), PV_ENOMEM);
		assert_non_null(strstr(pv_console_reason(r->con), what ? "channel" : "page"));
		tear_down((void **)&r);
	}
	(void)state;
}

/* xenstore does not answer once, at each of its operations in turn: the console opens all the
 * same. */
static void test_store_that_fails_once_delays_only(void **state)
{
	for (int at = 0; at < 30; at++) {
		struct console_rig *r;

		set_up((void **)&r);
		attach(r);
		back_state(r, XB_INIT_WAIT);
		r->os->store_fails_in = at;
		for (int i = 0; i < 6; i++) {
			pv_console_step(r->con);
			r->os->clock += 200000000ull;
			settle(r);
		}
		r->os->store_fails_in = -1;
		serve(r);
		assert_int_equal(fake_granted(r->os), 1);
		assert_int_equal(fake_ports_open(r->os), 1);
		tear_down((void **)&r);
	}
	(void)state;
}

static void test_list_has_the_secondary_consoles(void **state)
{
	struct console_rig *r = *state;
	uint32_t ids[4];

	assert_int_equal(pv_console_list(r->os, ids, 4), 0);
	attach(r);
	assert_int_equal(pv_console_list(r->os, ids, 4), 1);
	assert_int_equal(ids[0], DEVID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_open, tear_down)
#define TEST_NEW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_walks_the_common_path),
		TEST_NEW(test_write_before_there_is_a_page_takes_nothing),
		TEST_NEW(test_write_before_the_backend_connects_waits_in_the_page),
		TEST(test_backend_restart_loses_and_repeats_nothing),
		TEST(test_backend_that_closes_ends_the_console),
		TEST(test_jump_closes_the_device_with_a_reason),
		TEST(test_page_that_the_backend_holds_stays),
		cmocka_unit_test(test_without_page_or_port_it_fails_with_a_reason),
		cmocka_unit_test(test_store_that_fails_once_delays_only),
		TEST_NEW(test_list_has_the_secondary_consoles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
