/* SPDX-License-Identifier: MIT */
/*
 * test_tools_words.c - a line of text as a shell's words
 *
 * The expected words are what a POSIX shell makes of the same text when nothing is expanded.
 */
#include "test_tools.h"
#include "words.h"

struct example {
	const char *text;
	const char *words[6];	/* after argv[0] */
};

static const struct example good[] = {
	{ "", { NULL } },
	{ " \t\n ", { NULL } },
	{ "a", { "a" } },
	{ "  read xvda 0\t8 ", { "read", "xvda", "0", "8" } },
	{ "'a b' \"c d\"", { "a b", "c d" } },
	{ "a'b'\"c\"d", { "abcd" } },
	{ "'' x \"\"", { "", "x", "" } },
	{ "a\\ b", { "a b" } },
	{ "\\\\ \\' \\\"", { "\\", "'", "\"" } },
	{ "'a\\b'", { "a\\b" } },
	{ "\"a\\b \\\" \\\\ \\$\"", { "a\\b \" \\ $" } },
	{ "$HOME `id` $(id) *", { "$HOME", "`id`", "$(id)", "*" } },
	{ "a;b|c>d&", { "a;b|c>d&" } },
	{ "\"it's\" 'say \"x\"'", { "it's", "say \"x\"" } },
};

static void test_words_split_good_text_gives_words(void **state)
{
	struct words words;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = 0;

		assert_int_equal(words_split(&words, "prog", good[i].text), WORDS_OK);
		assert_string_equal(words.argv[0], "prog");
		for (; good[i].words[n]; n++) {
			assert_true(n + 1 < words.argc);
			assert_string_equal(words.argv[n + 1], good[i].words[n]);
		}
		assert_int_equal(words.argc, n + 1);
		assert_null(words.argv[words.argc]);
		words_fini(&words);
	}
}

static void test_words_split_open_quotation_is_error(void **state)
{
	static const char *const bad[] = { "'", "\"", "a 'b", "a \"b c", "'a' \"", "\"a'" };
	struct words words;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(words_split(&words, "prog", bad[i]), WORDS_QUOTE);
		words_fini(&words);
	}
}

static void test_words_split_last_backslash_is_error(void **state)
{
	static const char *const bad[] = { "\\", "a \\", "\"a\\" };
	struct words words;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(words_split(&words, "prog", bad[i]), WORDS_BACKSLASH);
		words_fini(&words);
	}
}

static void test_words_fini_twice_is_harmless(void **state)
{
	struct words words;

	(void)state;
	assert_int_equal(words_split(&words, "prog", "a b"), WORDS_OK);
	words_fini(&words);
	words_fini(&words);
	assert_null(words.argv);
}

static void test_words_strerror_every_error_has_text(void **state)
{
	(void)state;
	for (int err = WORDS_OK; err <= WORDS_MEMORY; err++)
		assert_true(strlen(words_strerror((enum words_err)err)) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_split_good_text_gives_words),
		cmocka_unit_test(test_words_split_open_quotation_is_error),
		cmocka_unit_test(test_words_split_last_backslash_is_error),
		cmocka_unit_test(test_words_fini_twice_is_harmless),
		cmocka_unit_test(test_words_strerror_every_error_has_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
