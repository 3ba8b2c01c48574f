/* SPDX-License-Identifier: MIT */
/*
 * test_format_header.c - what the first bytes of an image may say, and what they get it refused for
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/header.h"

static uint8_t head[HEADER_BYTES];
static bool elsewhere;

static void put_big(unsigned int at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		head[at + i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static void put_little(unsigned int at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		head[at + i] = (uint8_t)(value >> (8 * i));
}

static const char *refuse(enum xs_target_kind kind, size_t len, const char *text)
{
	return header_refuse(kind, head, len, text, strlen(text), &elsewhere);
}

static void check_refused(enum xs_target_kind kind, size_t len, const char *text,
			  const char *part, bool is_elsewhere)
{
	const char *why = refuse(kind, len, text);

	if (!why || !strstr(why, part))
		fail_msg("'%s', not '%s'", why ? why : "accepted", part);
	assert_int_equal(elsewhere, is_elsewhere);
}

static int blank(void **state)
{
	(void)state;
	memset(head, 0, sizeof(head));
	return 0;
}

static void qcow2(unsigned int version)
{
	memcpy(head, "QFI\xfb", 4);
	put_big(4, version, 4);
}

static void test_header_qcow2_whole_is_accepted(void **state)
{
	(void)state;
	for (unsigned int version = 2; version <= 3; version++) {
		qcow2(version);
		assert_null(refuse(XS_TARGET_QCOW2, sizeof(head), ""));
	}
}

static void test_header_qcow2_others_are_refused(void **state)
{
	(void)state;
	check_refused(XS_TARGET_QCOW2, sizeof(head), "", "no qcow2", false);
	qcow2(3);
	check_refused(XS_TARGET_QCOW2, 103, "", "no qcow2", false);
	qcow2(4);
	check_refused(XS_TARGET_QCOW2, sizeof(head), "", "version", false);
	qcow2(3);
	put_big(8, 1, 8);
	check_refused(XS_TARGET_QCOW2, sizeof(head), "", "backing file", true);
	put_big(8, UINT64_C(1) << 63, 8);
	check_refused(XS_TARGET_QCOW2, sizeof(head), "", "backing file", true);
	put_big(8, 0, 8);
	put_big(72, 4, 8);
	check_refused(XS_TARGET_QCOW2, sizeof(head), "", "another file", true);
	qcow2(2);		/* which has no such field */
	assert_null(refuse(XS_TARGET_QCOW2, sizeof(head), ""));
}

static void test_header_vhd(void **state)
{
	(void)state;
	check_refused(XS_TARGET_VHD, sizeof(head), "", "no dynamic VHD", false);
	memcpy(head, "conectix", 8);
	put_big(60, 3, 4);
	assert_null(refuse(XS_TARGET_VHD, sizeof(head), ""));
	check_refused(XS_TARGET_VHD, 511, "", "no dynamic VHD", false);
	put_big(60, 4, 4);
	check_refused(XS_TARGET_VHD, sizeof(head), "", "parent", true);
}

static void test_header_vmdk(void **state)
{
	(void)state;
	check_refused(XS_TARGET_VMDK, sizeof(head), "", "no vmdk", false);
	memcpy(head, "KDMV", 4);
	check_refused(XS_TARGET_VMDK, sizeof(head), "", "other files", true);
	put_little(12, 1, 8);
	assert_null(refuse(XS_TARGET_VMDK, sizeof(head), "# Disk DescriptorFile\nCID=1\n"));
	check_refused(XS_TARGET_VMDK, sizeof(head), "CID=1\nparentFileNameHint=\"/x\"\n", "parent",
		      true);
	memcpy(head, "# Disk DescriptorFile", 21);
	check_refused(XS_TARGET_VMDK, sizeof(head), "", "other files", true);
}

static void test_header_vmdk_text_stays_in_range(void **state)
{
	size_t len;

	(void)state;
	assert_int_equal(header_vmdk_text(head, sizeof(head), &len), 0);
	memcpy(head, "KDMV", 4);
	put_little(28, 1, 8);
	put_little(36, 20, 8);
	assert_int_equal(header_vmdk_text(head, sizeof(head), &len), 512);
	assert_int_equal(len, 10240);
	assert_int_equal(header_vmdk_text(head, 100, &len), 0);
	put_little(36, UINT64_MAX, 8);
	assert_int_equal(header_vmdk_text(head, sizeof(head), &len), 512);
	assert_int_equal(len, HEADER_TEXT);
	put_little(28, UINT64_MAX, 8);
	assert_int_equal(header_vmdk_text(head, sizeof(head), &len), 0);
}

static void test_header_raw_is_no_format(void **state)
{
	(void)state;
	check_refused(XS_TARGET_FILE, sizeof(head), "", "not known", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_header_qcow2_whole_is_accepted, blank),
		cmocka_unit_test_setup(test_header_qcow2_others_are_refused, blank),
		cmocka_unit_test_setup(test_header_vhd, blank),
		cmocka_unit_test_setup(test_header_vmdk, blank),
		cmocka_unit_test_setup(test_header_vmdk_text_stays_in_range, blank),
		cmocka_unit_test_setup(test_header_raw_is_no_format, blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
