/* SPDX-License-Identifier: MIT */
/*
 * test_schema_check_pair.c - `xpv check`: states that do not fit, and who holds a device up
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_schema_check.h"

static void test_check_says_who_has_to_move(void **state)
{
	static const struct {
		const char *backend, *frontend, *severity, *path, *words;
	} rows[] = {
		{ "1", "1", "error", BE, "the backend has to move, and does not" },
		{ "2", "3", "error", BE, "(backend InitWait, frontend Initialised)" },
		{ "4", "6", "error", BE, "the backend has to move" },
		{ "2", "1", "notice", FE, "waits for the guest's driver" },
		{ "4", "3", "error", FE, "the guest's driver has to move" },
		{ "5", "5", "error", FE, "the guest's driver has to move" },
		{ "6", "4", "error", FE, "the guest's driver has to move" },
		{ "6", "6", "notice", FE, "the guest has closed the device" },
		{ "2", "7", "error", BE, "the states do not fit together" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		set_states(rows[i].backend, rows[i].frontend);
		expect(rows[i].severity, rows[i].path, rows[i].words);
		assert_int_equal(waits, 1);
	}
}

static void finish_connecting(void)
{
	set_states("4", "4");
}

static void test_check_device_on_the_move_gets_a_second_look(void **state)
{
	(void)state;
	set_states("2", "3");
	while_waiting = finish_connecting;
	expect_nothing();
	assert_int_equal(waits, 1);
}

static void test_check_reasons_come_before_guesses(void **state)
{
	static const char error[] = "/local/domain/0/error/backend/vbd/3/51712/error";

	(void)state;
	set_states("6", "1");
	node_set(error, "2 cannot open /srv/a.img\n");
	expect("error", error, "the backend says: 2 cannot open /srv/a.img\\x0a");
	set_states("4", "4");
	expect("notice", error, "the backend says");
	node_remove(error);
	node_set("/local/domain/3/error/device/vbd/51712/error", "12 no memory");
	expect("notice", "/local/domain/3/error/device/vbd/51712/error",
	       "the guest says: '12 no memory'");
}

static void test_check_hotplug_script_is_named(void **state)
{
	(void)state;
	set_states("2", "1");
	node_set(BE "/script", "/etc/xen/scripts/block");
	expect("error", BE "/hotplug-status", "/etc/xen/scripts/block has not ended");
	node_set(BE "/hotplug-status", "error");
	node_set(BE "/hotplug-error", "losetup failed");
	expect("error", BE "/hotplug-status", "ended with error: losetup failed");
	node_set(BE "/hotplug-status", "connected");
	expect("notice", FE, "waits for the guest's driver");
}

static void test_check_detach_names_the_holder(void **state)
{
	(void)state;
	node_set(BE "/online", "0");
	set_states("5", "4");
	expect("error", FE, "the guest does not let go");
	set_states("5", "6");
	expect("error", BE, "the backend does not close");
	set_states("6", "6");
	expect("error", BE, "its nodes are still there");
	set_states("6", "1");
	expect("error", BE, "its nodes are still there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_check_says_who_has_to_move, setup),
		cmocka_unit_test_setup(test_check_device_on_the_move_gets_a_second_look, setup),
		cmocka_unit_test_setup(test_check_reasons_come_before_guesses, setup),
		cmocka_unit_test_setup(test_check_hotplug_script_is_named, setup),
		cmocka_unit_test_setup(test_check_detach_names_the_holder, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
