/* SPDX-License-Identifier: MIT */
/*
 * test_tools_console_log.c - which lines of a console's log are shown, and what users call a time
 */
#include <stdlib.h>

#include "console_log.h"
#include "test_tools.h"
#include "tool.h"

static char dir[] = "/tmp/xpv-unit-XXXXXX", path[64];

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	char old[80];

	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/guest-g.log", dir);
	snprintf(old, sizeof(old), "%s.1", path);
	write_file(old, "[2026-01-01 10:00:00] one\n[2026-01-01 11:00:00] two\nof two\n");
	write_file(path, "[2026-01-01 12:00:00] three\n[2026-01-02 09:00:00] four");
	return 0;
}

static int tear_down(void **state)
{
	char old[80];

	(void)state;
	snprintf(old, sizeof(old), "%s.1", path);
	unlink(old);
	unlink(path);
	return rmdir(dir);
}

static void expect(const char *stamp, const char *want)
{
	struct capture c;

	capture_begin(&c, STDOUT_FILENO);
	assert_int_equal(console_log_print(path, stamp, false), TOOL_OK);
	assert_string_equal(capture_end(&c), want);
}

static void test_print_shows_both_parts_in_order(void **state)
{
	(void)state;
	expect("", "[2026-01-01 10:00:00] one\n[2026-01-01 11:00:00] two\nof two\n"
	       "[2026-01-01 12:00:00] three\n[2026-01-02 09:00:00] four");
}

static void test_print_since_begins_with_the_first_that_is_late_enough(void **state)
{
	(void)state;
	expect("2026-01-01 11", "[2026-01-01 11:00:00] two\nof two\n"
	       "[2026-01-01 12:00:00] three\n[2026-01-02 09:00:00] four");
	expect("2026-01-01 11:00:01", "[2026-01-01 12:00:00] three\n[2026-01-02 09:00:00] four");
	expect("2026-01-02", "[2026-01-02 09:00:00] four");
	expect("2027", "");
}

static void test_print_without_stamps_refuses_since(void **state)
{
	struct capture c;
	char old[80];

	(void)state;
	snprintf(old, sizeof(old), "%s.1", path);
	unlink(old);
	write_file(path, "no stamp\n[nor here] x\n");
	expect("", "no stamp\n[nor here] x\n");
	capture_begin(&c, STDERR_FILENO);
	assert_int_equal(console_log_print(path, "2026", false), TOOL_FAILED);
	assert_one_line(capture_end(&c), "no time stamps");
}

static void test_print_of_no_log_says_so(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c, STDERR_FILENO);
	assert_int_equal(console_log_print("/nowhere/guest-x.log", "", false), TOOL_FAILED);
	assert_one_line(capture_end(&c), "guest-x.log: No such file");
}

static void test_since_takes_what_users_call_a_time(void **state)
{
	static const struct { const char *text, *want; } good[] = {
		{ "2026-01-31 23:59:59", "2026-01-31 23:59:59" }, { "2026-01", "2026-01" },
		{ "2026", "2026" }, { "07:30", "2026-03-04 07:30" },
		{ "90s", "2026-03-04 05:04:37" }, { "5m", "2026-03-04 05:01:07" },
		{ "2h", "2026-03-04 03:06:07" }, { "4d", "2026-02-28 05:06:07" },
	};
	static const char *const bad[] = {
		"", "s", "5", "5x", "-5m", "24:00", "12:60", "1:2:3", "2026-1-1", "20x6",
		"2026-01-31 23:59:59Z", "99999999999999999999d",
	};
	struct tm tm = { .tm_year = 126, .tm_mon = 2, .tm_mday = 4, .tm_hour = 5, .tm_min = 6,
			 .tm_sec = 7 };
	char stamp[CONSOLE_STAMP];

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(console_log_since(good[i].text, mktime(&tm), stamp));
		assert_string_equal(stamp, good[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (console_log_since(bad[i], mktime(&tm), stamp))
			fail_msg("'%s' is taken for %s", bad[i], stamp);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_print_shows_both_parts_in_order),
		TEST(test_print_since_begins_with_the_first_that_is_late_enough),
		TEST(test_print_without_stamps_refuses_since),
		cmocka_unit_test(test_print_of_no_log_says_so),
		cmocka_unit_test(test_since_takes_what_users_call_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
