/* SPDX-License-Identifier: MIT */
/*
 * test_schema_parse.c - each parser, to its last branch
 *
 * Every text is parsed from an allocation of exactly its length, so that a sanitizer sees a read
 * past its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema.h"

#define UNTOUCHED 0xdeadbeefcafeull

static enum xs_err parse_bytes(const struct xs_key *key, const char *text, size_t len,
			       uint64_t *out)
{
	char *copy = malloc(len ? len : 1);
	enum xs_err err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	*out = UNTOUCHED;
	err = key ? xs_parse_key(key, copy, len, out) : xs_parse_u64(copy, len, out);
	free(copy);
	return err;
}

static void expect(const struct xs_key *key, const char *text, uint64_t value)
{
	uint64_t out;

	assert_int_equal(parse_bytes(key, text, strlen(text), &out), XS_OK);
	assert_int_equal(out, value);
	if (key)
		assert_int_equal(xs_parse_key(key, text, strlen(text), NULL), XS_OK);
}

static void refuse_bytes(const struct xs_key *key, const char *text, size_t len, enum xs_err why)
{
	uint64_t out;

	assert_int_equal(parse_bytes(key, text, len, &out), why);
	assert_int_equal(out, UNTOUCHED);
}

static void refuse(const struct xs_key *key, const char *text, enum xs_err why)
{
	refuse_bytes(key, text, strlen(text), why);
}

static void test_u64_digits_only(void **state)
{
	static const char *const bad[] = {
		" 1", "1 ", "+1", "-1", "0x1", "1a", "1.0", "1\n", "a", "\xff", ":", "/",
		"184467440737095516150x",
	};

	(void)state;
	expect(NULL, "0", 0);
	expect(NULL, "9", 9);
	expect(NULL, "4294967296", 4294967296ull);
	refuse(NULL, "", XS_EEMPTY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(NULL, bad[i], XS_ESYNTAX);
	refuse_bytes(NULL, "1\0", 2, XS_ESYNTAX);
	refuse_bytes(NULL, "\0", 1, XS_ESYNTAX);
}

static void test_u64_overflow_is_out_of_range(void **state)
{
	(void)state;
	expect(NULL, "18446744073709551614", UINT64_MAX - 1);
	expect(NULL, "18446744073709551615", UINT64_MAX);
	refuse(NULL, "18446744073709551616", XS_ERANGE);
	refuse(NULL, "18446744073709551620", XS_ERANGE);
	refuse(NULL, "99999999999999999999", XS_ERANGE);
	refuse(NULL, "184467440737095516150", XS_ERANGE);
	refuse(NULL, "000000000000000000001", XS_ERANGE);	/* 21 digits */
}

static void test_numbers_have_their_types_range(void **state)
{
	(void)state;
	expect(xs_key(XS_B_SECTORS), "1", 1);
	expect(xs_key(XS_B_SECTORS), "0", 0);
	refuse(xs_key(XS_B_SECTORS), "-1", XS_ESYNTAX);
	expect(xs_key(XS_B_SECTORS), "18014398509481983", INT64_MAX >> 9);
	refuse(xs_key(XS_B_SECTORS), "18014398509481984", XS_ERANGE);
	expect(xs_key(XS_B_ONLINE), "0", 0);
	expect(xs_key(XS_B_ONLINE), "1", 1);
	refuse(xs_key(XS_B_ONLINE), "2", XS_ERANGE);
	refuse(xs_key(XS_B_ONLINE), "yes", XS_ESYNTAX);
	expect(xs_key(XS_F_STATE), "8", XB_RECONFIGURED);
	refuse(xs_key(XS_F_STATE), "9", XS_ERANGE);
	refuse(xs_key(XS_F_STATE), "Connected", XS_ESYNTAX);
	expect(xs_key(XS_F_BACKEND_ID), "32751", 0x7fef);
	refuse(xs_key(XS_F_BACKEND_ID), "32752", XS_ERANGE);
	expect(xs_key(XS_F_RING_REF), "0", 0);
	expect(xs_key(XS_F_RING_REF), "4294967295", UINT32_MAX);
	refuse(xs_key(XS_F_RING_REF), "4294967296", XS_ERANGE);
	refuse(xs_key(XS_F_EVENT_CHANNEL), "0", XS_ERANGE);
	expect(xs_key(XS_F_EVENT_CHANNEL), "1", 1);
	refuse(xs_key(XS_F_EVENT_CHANNEL), "", XS_EEMPTY);
	refuse(xs_key(XS_F_MULTI_QUEUE_NUM_QUEUES), "0", XS_ERANGE);	/* CVE-2026-45890 */
	refuse(xs_key(XS_F_MULTI_QUEUE_NUM_QUEUES), "257", XS_ERANGE);
	refuse(xs_key(XS_F_RING_PAGE_ORDER), "5", XS_ERANGE);
}

static void test_choice_is_the_words_index(void **state)
{
	const struct xs_key *mode = xs_key(XS_B_MODE), *protocol = xs_key(XS_F_PROTOCOL);

	(void)state;
	expect(mode, "r", 0);
	expect(mode, "w", 1);
	expect(protocol, "x86_32-abi", 0);
	expect(protocol, "x86_64-abi", 1);
	expect(protocol, "arm-abi", 2);
	refuse(mode, "", XS_EEMPTY);
	refuse(mode, "rw", XS_ERANGE);
	refuse(mode, "r|w", XS_ERANGE);
	refuse(mode, "|", XS_ERANGE);
	refuse(mode, "W", XS_ERANGE);
	refuse_bytes(mode, "r\0", 2, XS_ERANGE);
	refuse_bytes(mode, "w\0", 2, XS_ERANGE);
	refuse(protocol, "x86_64", XS_ERANGE);
	refuse(protocol, "x86_64-abi ", XS_ERANGE);
	refuse(protocol, "x86_64-abi|", XS_ERANGE);
}

static void test_choice_may_be_nothing_if_listed(void **state)
{
	const struct xs_key *status = xs_key(XS_B_HOTPLUG_STATUS);

	(void)state;
	expect(status, "connected", 0);
	expect(status, "error", 1);
	expect(status, "busy", 2);
	expect(status, "", 3);
	refuse_bytes(status, "\0", 1, XS_ERANGE);
	refuse(status, "connecte", XS_ERANGE);
}

static void test_text_has_no_control_bytes(void **state)
{
	const struct xs_key *params = xs_key(XS_B_PARAMS), *dev = xs_key(XS_B_DEV);
	char longest[XS_VALUE_MAX + 1];

	(void)state;
	expect(params, "/srv/a disk~.img", 16);
	expect(params, "", 0);
	expect(params, "\x80\xc3\xa9\xff", 4);
	refuse(params, "\x1f", XS_ESYNTAX);
	refuse(params, "a\n", XS_ESYNTAX);
	refuse(params, "\x1b[2J", XS_ESYNTAX);
	refuse(params, "a\x7f", XS_ESYNTAX);
	refuse_bytes(params, "a\0b", 3, XS_ESYNTAX);
	refuse(dev, "", XS_EEMPTY);
	memset(longest, 'x', sizeof(longest));
	refuse_bytes(dev, longest, 65, XS_ERANGE);
	refuse_bytes(params, longest, XS_VALUE_MAX + 1, XS_ERANGE);
}

/* The stock scripts write several lines. */
static void test_message_is_anything_but_nul(void **state)
{
	const struct xs_key *key = xs_key(XS_B_HOTPLUG_ERROR);
	char longest[XS_VALUE_MAX + 1];

	(void)state;
	expect(key, "Device /dev/x is mounted,\nand so cannot be mounted now.", 55);
	expect(key, "\x1b[2J\t\x7f\xff", 7);
	expect(key, "", 0);
	refuse_bytes(key, "a\0b", 3, XS_ESYNTAX);
	memset(longest, 'x', sizeof(longest));
	refuse_bytes(key, longest, sizeof(longest), XS_ERANGE);
}

static void test_path_is_a_node_name(void **state)
{
	static const char *const bad[] = {
		"/", "local", "//", "/a//b", "/a/", "/a b", "/a.b", "/a\n", "/\x80", "/a:b", "@a",
		"/a[", "/a`", "/a{", "/a^",
	};
	const struct xs_key *key = xs_key(XS_F_BACKEND);
	char longest[XS_PATH_MAX + 1];

	(void)state;
	expect(key, "/local/domain/0/backend/vbd/1/51712", 35);
	expect(key, "/Az09-_@", 8);
	refuse(key, "", XS_EEMPTY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(key, bad[i], XS_ESYNTAX);
	refuse_bytes(key, "/a\0", 3, XS_ESYNTAX);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	refuse_bytes(key, longest, sizeof(longest), XS_ERANGE);
}

static void test_parse_by_id_is_parse_by_key(void **state)
{
	uint64_t out = UNTOUCHED;

	(void)state;
	assert_int_equal(xs_parse(XS_B_INFO, "4", 1, &out), XS_OK);
	assert_int_equal(out, 4);
	assert_int_equal(xs_parse(XS_B_INFO, "x", 1, &out), XS_ESYNTAX);
	assert_int_equal(out, 4);
}

static void test_defaults_have_their_meaning(void **state)
{
	(void)state;
	assert_int_equal(xs_default(XS_F_TRUSTED), 1);
	assert_int_equal(xs_default(XS_B_DISCARD_ENABLE), 1);
	assert_int_equal(xs_default(XS_B_ONLINE), 0);
	assert_int_equal(xs_default(XS_F_MULTI_QUEUE_NUM_QUEUES), 1);
	assert_int_equal(xs_default(XS_B_SECTORS), 0);
#ifdef __x86_64__
	assert_int_equal(xs_default(XS_F_PROTOCOL), 1);
#endif
}

static void test_describe_says_what_is_accepted(void **state)
{
	static const struct {
		enum xs_key_id id;
		const char *text;
	} rows[] = {
		{ XS_F_RING_PAGE_ORDER, "a number from 0 to 4" },
		{ XS_B_ONLINE, "0 or 1" },
		{ XS_B_STATE, "a xenbus state from 0 to 8" },
		{ XS_F_BACKEND_ID, "a domain id from 0 to 32751" },
		{ XS_F_RING_REF, "a grant reference from 0 to 4294967295" },
		{ XS_F_EVENT_CHANNEL, "an event channel port from 1 to 4294967295" },
		{ XS_B_MODE, "one of r, w" },
		{ XS_B_HOTPLUG_STATUS, "one of connected, error, busy, or nothing" },
		{ XS_B_DEV, "1 to 64 bytes of text without control characters" },
		{ XS_B_HOTPLUG_ERROR, "a message of at most 4096 bytes" },
		{ XS_B_FRONTEND, "an absolute xenstore path of at most 256 bytes" },
	};
	char buf[80];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		xs_describe(xs_key(rows[i].id), buf, sizeof(buf));
		assert_string_equal(buf, rows[i].text);
		/* Cut at every size, always terminated, never past the end. */
		for (size_t size = 0; size <= strlen(rows[i].text); size++) {
			memset(buf, '#', sizeof(buf));
			xs_describe(xs_key(rows[i].id), buf, size);
			assert_int_equal(buf[size], '#');
			if (!size)
				continue;
			assert_int_equal(strlen(buf), size - 1);
			assert_memory_equal(buf, rows[i].text, size - 1);
		}
	}
}

static void test_strerror_has_a_phrase_for_each_code(void **state)
{
	(void)state;
	for (unsigned int err = 0; err <= XS_ECOUNT; err++)
		assert_memory_equal(xs_strerror(err), "is ", 3);
	assert_string_equal(xs_strerror(XS_EEMPTY), "is empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64_digits_only),
		cmocka_unit_test(test_u64_overflow_is_out_of_range),
		cmocka_unit_test(test_numbers_have_their_types_range),
		cmocka_unit_test(test_choice_is_the_words_index),
		cmocka_unit_test(test_choice_may_be_nothing_if_listed),
		cmocka_unit_test(test_text_has_no_control_bytes),
		cmocka_unit_test(test_message_is_anything_but_nul),
		cmocka_unit_test(test_path_is_a_node_name),
		cmocka_unit_test(test_parse_by_id_is_parse_by_key),
		cmocka_unit_test(test_defaults_have_their_meaning),
		cmocka_unit_test(test_describe_says_what_is_accepted),
		cmocka_unit_test(test_strerror_has_a_phrase_for_each_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
