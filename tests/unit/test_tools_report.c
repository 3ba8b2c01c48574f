/* SPDX-License-Identifier: MIT */
/*
 * test_tools_report.c - what the user reads: one line, printable, bounded
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "test_tools.h"
#include "tool.h"

static void test_escape_plain_text_is_kept(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(tool_escape(buf, sizeof(buf), "a ~b", 4), "a ~b");
	assert_string_equal(tool_escape(buf, sizeof(buf), "", 0), "");
}

static void test_escape_other_bytes_become_hex(void **state)
{
	char buf[64];

	(void)state;
	tool_escape(buf, sizeof(buf), "a\n\x1b[31m\xff\0z", 10);
	assert_string_equal(buf, "a\\x0a\\x1b[31m\\xff\\x00z");
}

/* At every size the result is terminated, fits, and is a prefix of the whole but for the dots. */
static void test_escape_every_size_is_bounded(void **state)
{
	static const char text[] = "abc\ndefgh\x80ijkl";
	char whole[64], buf[64];

	(void)state;
	tool_escape(whole, sizeof(whole), text, sizeof(text) - 1);
	for (size_t size = 1; size < sizeof(buf); size++) {
		size_t len;

		memset(buf, '#', sizeof(buf));
		tool_escape(buf, size, text, sizeof(text) - 1);
		len = strlen(buf);
		assert_true(len < size);
		assert_int_equal(buf[size], '#');
		if (size > strlen(whole)) {
			assert_string_equal(buf, whole);
			continue;
		}
		if (size > 3)
			assert_string_equal(buf + len - 3, "...");
		assert_memory_equal(buf, whole, len > 3 ? len - 3 : 0);
	}
}

static void test_error_hostile_text_is_one_line(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c, 2);
	assert_int_equal(tool_error("xvda: %s; do this", "bad\n\x1b[2Jthing\r"), TOOL_FAILED);
	capture_end(&c);
	assert_string_equal(c.text, "xpv: xvda: bad\\x0a\\x1b[2Jthing\\x0d; do this\n");
}

static void test_error_long_text_is_bounded(void **state)
{
	struct capture c;
	char text[5000];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture_begin(&c, 2);
	tool_error("%s", text);
	capture_end(&c);
	assert_one_line(c.text, "...");
	assert_true(strlen(c.text) < 1200);
}

static void test_usage_points_at_help(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c, 2);
	assert_int_equal(tool_usage("list", "one at most"), TOOL_USAGE);
	capture_end(&c);
	assert_string_equal(c.text, "xpv: list: one at most; see 'xpv list -h'\n");
}

static void test_note_is_silent_unless_verbose(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c, 2);
	tool_note("quiet");
	tool_verbose = true;
	tool_note("loud");
	tool_verbose = false;
	capture_end(&c);
	assert_string_equal(c.text, "xpv: loud\n");
}

static void test_json_hostile_text_is_escaped(void **state)
{
	struct json_object *obj = json_object_new_object();
	struct capture c;

	(void)state;
	json_object_object_add(obj, "k", tool_json_text("\xff\"\n"));
	capture_begin(&c, 1);
	assert_int_equal(tool_json(obj), TOOL_OK);
	capture_end(&c);
	assert_string_equal(c.text, "{\n  \"k\": \"\\\\xff\\\"\\\\x0a\"\n}\n");
}

static void test_flush_full_disk_is_an_error(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), saved, rc;
	struct capture c;

	(void)state;
	if (full < 0)
		skip();
	fflush(stdout);
	saved = dup(1);
	capture_begin(&c, 2);
	dup2(full, 1);
	puts("lost");
	rc = tool_flush();
	clearerr(stdout);
	dup2(saved, 1);
	capture_end(&c);
	close(saved);
	close(full);
	assert_int_equal(rc, TOOL_FAILED);
	assert_one_line(c.text, "No space left");
}

static void test_runpath_too_long_is_refused(void **state)
{
	struct capture c;
	char buf[16];

	(void)state;
	setenv("XPV_RUNDIR", "/tmp/x", 1);
	assert_true(tool_runpath(buf, sizeof(buf), "xpvd"));
	assert_string_equal(buf, "/tmp/x/xpvd");
	capture_begin(&c, 2);
	assert_false(tool_runpath(buf, sizeof(buf), "xpvd.socket"));
	capture_end(&c);
	assert_one_line(c.text, "shorter XPV_RUNDIR");
	setenv("XPV_RUNDIR", "", 1);
	assert_string_equal(tool_rundir(), "/run/xpv");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape_plain_text_is_kept),
		cmocka_unit_test(test_escape_other_bytes_become_hex),
		cmocka_unit_test(test_escape_every_size_is_bounded),
		cmocka_unit_test(test_error_hostile_text_is_one_line),
		cmocka_unit_test(test_error_long_text_is_bounded),
		cmocka_unit_test(test_usage_points_at_help),
		cmocka_unit_test(test_note_is_silent_unless_verbose),
		cmocka_unit_test(test_json_hostile_text_is_escaped),
		cmocka_unit_test(test_flush_full_disk_is_an_error),
		cmocka_unit_test(test_runpath_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
