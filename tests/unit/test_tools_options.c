/* SPDX-License-Identifier: MIT */
/*
 * test_tools_options.c - a verb's command line
 */
#include "test_tools.h"
#include "tool.h"

static struct {
	bool flag;
	unsigned int seconds, count;
	const char *text;
} got;

static const struct opt opts[] = {
	{ "flag", 'f', OPT_FLAG, &got.flag },
	{ "timeout", 0, OPT_SECONDS, &got.seconds },
	{ "name", 'n', OPT_TEXT, &got.text },
	{ "count", 'c', OPT_COUNT, &got.count },
	{ NULL, 0, OPT_FLAG, NULL },
};

/* Parses up to six words after the verb; true: *first is the first operand. */
static bool parse(const char *const words[], char **argv, int *first, char *printed, int fd)
{
	struct capture c;
	int argc = 1;
	bool ok;

	memset(&got, 0, sizeof(got));
	tool_verbose = false;
	argv[0] = (char *)"verb";
	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	argv[argc] = NULL;
	capture_begin(&c, fd);
	ok = tool_options(argc, argv, "xpv verb\n\nHelp.\n", opts, first);
	capture_end(&c);
	snprintf(printed, 256, "%.255s", c.text);
	return ok;
}

static void test_options_mixed_with_operands_are_found(void **state)
{
	static const char *const words[] = { "a", "-f", "b", "--timeout", "7", "-nx", "-c3",
					      NULL };
	char *argv[9], printed[256];
	int first;

	(void)state;
	assert_true(parse(words, argv, &first, printed, 2));
	assert_true(got.flag);
	assert_int_equal(got.seconds, 7);
	assert_int_equal(got.count, 3);
	assert_string_equal(got.text, "x");
	assert_string_equal(argv[first], "a");
	assert_string_equal(argv[first + 1], "b");
	assert_string_equal(printed, "");
}

static void test_options_double_dash_ends_them(void **state)
{
	static const char *const words[] = { "--", "-f", NULL };
	char *argv[8], printed[256];
	int first;

	(void)state;
	assert_true(parse(words, argv, &first, printed, 2));
	assert_false(got.flag);
	assert_string_equal(argv[first], "-f");
}

static void test_options_verbose_is_known_to_all(void **state)
{
	static const char *const words[] = { "-v", NULL };
	char *argv[8], printed[256];
	int first;

	(void)state;
	assert_true(parse(words, argv, &first, printed, 2));
	assert_true(tool_verbose);
	tool_verbose = false;
}

static void test_options_help_is_printed(void **state)
{
	static const char *const forms[] = { "-h", "--help" };
	char *argv[8], printed[256];
	int first;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *const words[] = { forms[i], NULL };

		assert_false(parse(words, argv, &first, printed, 1));
		assert_int_equal(first, TOOL_OK);
		assert_string_equal(printed, "usage: xpv verb\n\nHelp.\n");
	}
}

static void test_options_mistakes_are_one_line(void **state)
{
	static const struct {
		const char *words[3], *part;
	} bad[] = {
		{ { "-z" }, "-z: no such option" },
		{ { "--zap" }, "--zap: no such option" },
		{ { "--flag=1" }, "takes no argument" },
		{ { "--timeout" }, "--timeout needs an argument" },
		{ { "-n" }, "-n needs an argument" },
		{ { "--timeout", "x" }, "not a number of seconds" },
		{ { "--timeout", "-1" }, "not a number of seconds" },
		{ { "--timeout", "86401" }, "not a number of seconds" },
		{ { "-c", "0" }, "--count 0: not a number, 1 to" },
		{ { "--count", "1000001" }, "not a number" },
		{ { "-c", "2x" }, "not a number" },
	};
	char *argv[8], printed[256];
	int first;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(parse(bad[i].words, argv, &first, printed, 2));
		assert_int_equal(first, TOOL_USAGE);
		assert_one_line(printed, bad[i].part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_mixed_with_operands_are_found),
		cmocka_unit_test(test_options_double_dash_ends_them),
		cmocka_unit_test(test_options_verbose_is_known_to_all),
		cmocka_unit_test(test_options_help_is_printed),
		cmocka_unit_test(test_options_mistakes_are_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
