/* SPDX-License-Identifier: MIT */
/*
 * test_tools_limit.c - limits in words, and what the schema takes for one
 */
#include "test_tools.h"

#include "limit.h"

static void test_limits_words_are_taken_and_said_again(void **state)
{
	static const struct { const char *word, *text; } rows[] = {
		{ "iops=1", "iops=1" }, { "iops=500@2000", "iops=500@2000" },
		{ "iops=1000000000", "iops=1000000000" }, { "iops=none", "none" },
		{ "iops=2048", "iops=2048" },
		{ "bps=4096", "bps=4K" }, { "bps=4097@512", "bps=4097@512" },
		{ "bps=8M", "bps=8M" }, { "bps=8192K@16M", "bps=8M@16M" },
		{ "bps=1T", "bps=1T" }, { "bps=1024T", "bps=1024T" }, { "bps=none", "none" },
	};
	char why[192], text[96];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct limits limits = { 0 };

		assert_int_equal(limits_take(&limits, rows[i].word, strlen(rows[i].word), why,
					     sizeof(why)), 1);
		assert_string_equal(limits_text(&limits, text, sizeof(text)), rows[i].text);
		assert_int_equal(limits.of[LIMIT_IOPS].said, rows[i].word[0] == 'i');
		assert_int_equal(limits.of[LIMIT_BPS].said, rows[i].word[0] == 'b');
	}
}

static void test_limits_bad_words_say_what_is_accepted(void **state)
{
	static const char *const bad[] = {
		"iops=", "iops=0", "iops=x", "iops=-1", "iops=+1", "iops= 1", "iops=1K", "iops=5@",
		"iops=5@0", "iops=@5", "iops=5@5@5", "iops=1000000001", "iops=none@5",
		"iops=99999999999999999999", "iops=nonesuch", "bps=", "bps=4095", "bps=8M@511",
		"bps=1025T", "bps=99999999T", "bps=K", "bps=8MB", "bps=8M@", "bps=1.5M",
	};
	char why[192];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct limits limits = { 0 };

		assert_int_equal(limits_take(&limits, bad[i], strlen(bad[i]), why,
					     sizeof(why)), -1);
		assert_non_null(strstr(why, "must be a number from"));
		assert_non_null(strstr(why, bad[i]));
	}
}

/* A word among others ends where it is said to. */
static void test_limits_other_words_are_left(void **state)
{
	static const char *const others[] = { "", "iops", "iop=5", "Iops=5", "xiops=5", "none" };
	struct limits limits = { 0 };
	char why[192];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(limits_take(&limits, others[i], strlen(others[i]), why,
					     sizeof(why)), 0);
	assert_int_equal(limits_take(&limits, "iops=5,x@9", 6, why, sizeof(why)), 1);
	assert_int_equal(limits.of[LIMIT_IOPS].rate, 5);
	assert_int_equal(limits.of[LIMIT_IOPS].burst, 0);
	assert_int_equal(limits_take(&limits, "iops=5", 4, why, sizeof(why)), 0);
}

/* What anybody could have written into the store. */
static void test_limits_keys_take_plain_numbers_in_range_only(void **state)
{
	static const struct { enum xs_key_id id; const char *text; bool good; } rows[] = {
		{ XS_B_LIMIT_IOPS, "1", true }, { XS_B_LIMIT_IOPS, "1000000000", true },
		{ XS_B_LIMIT_IOPS, "0", false }, { XS_B_LIMIT_IOPS, "1000000001", false },
		{ XS_B_LIMIT_IOPS, "-1", false }, { XS_B_LIMIT_IOPS, "", false },
		{ XS_B_LIMIT_IOPS, "18446744073709551617", false },
		{ XS_B_LIMIT_IOPS, "1e3", false }, { XS_B_LIMIT_IOPS, "0x10", false },
		{ XS_B_LIMIT_IOPS_BURST, "0", false }, { XS_B_LIMIT_IOPS_BURST, "7", true },
		{ XS_B_LIMIT_BPS, "4096", true }, { XS_B_LIMIT_BPS, "4095", false },
		{ XS_B_LIMIT_BPS, "8M", false }, { XS_B_LIMIT_BPS, "1125899906842624", true },
		{ XS_B_LIMIT_BPS, "1125899906842625", false },
		{ XS_B_LIMIT_BPS_BURST, "511", false }, { XS_B_LIMIT_BPS_BURST, "512", true },
		{ XS_B_PAUSED, "1", true }, { XS_B_PAUSED, "2", false },
		{ XS_B_PAUSED, "yes", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(xs_parse(rows[i].id, rows[i].text, strlen(rows[i].text), NULL) ==
				 XS_OK, rows[i].good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_words_are_taken_and_said_again),
		cmocka_unit_test(test_limits_bad_words_say_what_is_accepted),
		cmocka_unit_test(test_limits_other_words_are_left),
		cmocka_unit_test(test_limits_keys_take_plain_numbers_in_range_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
