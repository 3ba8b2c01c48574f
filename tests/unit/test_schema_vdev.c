/* SPDX-License-Identifier: MIT */
/*
 * test_schema_vdev.c - disk names and numbers, against xen-vbd-interface(7)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema.h"

static enum xs_err parse(const char *text, size_t len, uint32_t *vdev)
{
	char *copy = malloc(len ? len : 1);	/* of exactly this length, for the sanitizer */
	enum xs_err err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	err = xs_vdev_parse(copy, len, vdev);
	free(copy);
	return err;
}

static const struct {
	const char *name;
	uint32_t vdev;
} names[] = {
	{ "xvda", 51712 }, { "xvdb", 51728 }, { "xvda1", 51713 }, { "xvdp15", 202 << 8 | 255 },
	{ "xvda16", 1 << 28 | 16 }, { "xvdq", 1 << 28 | 16 << 8 }, { "xvdz", 1 << 28 | 25 << 8 },
	{ "xvdaa", 1 << 28 | 26 << 8 }, { "xvdtq37", 1 << 28 | 536 << 8 | 37 },
	{ "xvdzz", 1 << 28 | 701 << 8 }, { "xvdaaa", 1 << 28 | 702 << 8 },
	{ "xvdbgqcv255", (2u << 28) - 1 },
	{ "sda", 2048 }, { "sdb3", 2048 + 16 + 3 }, { "sdp15", 8 << 8 | 255 },
	{ "hda", 768 }, { "hdb63", 768 + 64 + 63 }, { "hdc", 5632 }, { "hdc2", 5634 },
	{ "hdd63", 22 << 8 | 64 | 63 },
};

static void test_vdev_names_have_the_documented_numbers(void **state)
{
	char buf[16];
	uint32_t vdev;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(parse(names[i].name, strlen(names[i].name), &vdev), XS_OK);
		assert_int_equal(vdev, names[i].vdev);
		assert_int_equal(xs_vdev_name(buf, sizeof(buf), vdev), strlen(names[i].name));
		assert_string_equal(buf, names[i].name);
	}
}

static void test_vdev_other_spellings_mean_the_same(void **state)
{
	static const struct {
		const char *text;
		uint32_t vdev;
	} rows[] = {
		{ "d0", 51712 }, { "d0p0", 51712 }, { "d1p2", 51730 },
		{ "d536p37", 1 << 28 | 536 << 8 | 37 }, { "51712", 51712 }, { "0xca00", 51712 },
		{ "0xCA00", 51712 }, { "0", 0 }, { "0x0", 0 }, { "536870911", (2u << 28) - 1 },
		{ "0x1fffffff", (2u << 28) - 1 },
	};
	uint32_t vdev;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text, strlen(rows[i].text), &vdev), XS_OK);
		assert_int_equal(vdev, rows[i].vdev);
	}
}

static void test_vdev_malformed_is_refused(void **state)
{
	static const char *const malformed[] = {
		"x", "xv", "xvd", "xvd1", "xvdA", "xvda0", "xvda01", "xvda1x", "xvda ", " xvda",
		"xvda-1", "xvdé", "d", "dp1", "d01", "d1p", "d1p01", "d1p1x", "d1x", "dx", "sd",
		"sd1",
		"hd", "hda0", "vda", "nvme0n1", "051712", "00", "0x", "0xg", "1x", "51712 ", "-1",
		"+1",
		"s", "h", "/dev/xvda",
	};
	static const char *const too_large[] = {
		"xvda256", "xvdbgqcw", "xvdzzzzz",
		"xvdaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"xvda99999999999999999999", "d1048576", "d0p256", "d4294967296", "d0p4294967296",
		"sdq", "sda16", "hde", "hda64", "536870912", "0x20000000", "0x100000000",
		"0xffffffffffffffffffff", "18446744073709551616",
	};
	uint32_t vdev = 7;

	(void)state;
	assert_int_equal(parse("", 0, &vdev), XS_EEMPTY);
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		assert_int_equal(parse(malformed[i], strlen(malformed[i]), &vdev), XS_ESYNTAX);
	for (size_t i = 0; i < sizeof(too_large) / sizeof(too_large[0]); i++)
		assert_int_equal(parse(too_large[i], strlen(too_large[i]), &vdev), XS_ERANGE);
	assert_int_equal(parse("xvda\0", 5, &vdev), XS_ESYNTAX);
	assert_int_equal(parse("0\0", 2, &vdev), XS_ESYNTAX);
	assert_int_equal(vdev, 7);
}

/* Every number below 2^17, and the whole of the extended encoding, a disk at a time. */
static void test_vdev_every_number_names_itself_only(void **state)
{
	uint32_t vdev, back;
	char buf[16];
	size_t len;

	(void)state;
	for (vdev = 0; vdev < 1u << 17; vdev++) {
		len = xs_vdev_name(buf, sizeof(buf), vdev);
		assert_true(len > 0);
		assert_int_equal(parse(buf, len, &back), XS_OK);
		assert_int_equal(back, vdev);
	}
	for (vdev = 1u << 28; vdev < 2u << 28; vdev += 251) {
		len = xs_vdev_name(buf, sizeof(buf), vdev);
		assert_int_equal(xs_vdev_parse(buf, len, &back), XS_OK);
		assert_int_equal(back, vdev);
	}
}

static void test_vdev_foreign_numbers_stay_numbers(void **state)
{
	static const uint32_t foreign[] = {
		0, 1, 767, 768 + 128, 2304, 5632 + 128, 203 << 8, 1 << 28, 1 << 28 | 15 << 8 | 15,
		2u << 28, UINT32_MAX,
	};
	char buf[16], decimal[16];

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		snprintf(decimal, sizeof(decimal), "%u", foreign[i]);
		assert_int_equal(xs_vdev_name(buf, sizeof(buf), foreign[i]), strlen(decimal));
		assert_string_equal(buf, decimal);
	}
}

static void test_vdev_name_is_whole_or_nothing_at_each_size(void **state)
{
	char buf[24];

	(void)state;
	for (size_t size = 0; size <= 12; size++) {
		memset(buf, '#', sizeof(buf));
		assert_int_equal(xs_vdev_name(buf, size, (2u << 28) - 1), size > 11 ? 11 : 0);
		assert_true(!size || size > 11 || !buf[0]);
		assert_int_equal(buf[size], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vdev_names_have_the_documented_numbers),
		cmocka_unit_test(test_vdev_other_spellings_mean_the_same),
		cmocka_unit_test(test_vdev_malformed_is_refused),
		cmocka_unit_test(test_vdev_every_number_names_itself_only),
		cmocka_unit_test(test_vdev_foreign_numbers_stay_numbers),
		cmocka_unit_test(test_vdev_name_is_whole_or_nothing_at_each_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
