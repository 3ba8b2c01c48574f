/* SPDX-License-Identifier: MIT */
/*
 * test_schema_path.c - paths, built in buffers of every size, and taken apart again
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema.h"

enum builder {
	BACKEND, FRONTEND, ERROR, FRONTEND_ERROR, BACKEND_ROOT, DEVICE_ROOT, PRIMARY_CONSOLE, KEY,
	KEY_PATH, U64,
	BUILDERS
};

static size_t build(enum builder what, char *buf, size_t size)
{
	switch (what) {
	case BACKEND:
		return xs_backend_path(buf, size, 0, XS_KIND_VBD, 32751, 51712);
	case FRONTEND:
		return xs_frontend_path(buf, size, 7, XS_CLASS_VDISK, 268439552);
	case ERROR:
		return xs_error_path(buf, size, 3, XS_KIND_QDISK, 1, 51712);
	case FRONTEND_ERROR:
		return xs_frontend_error_path(buf, size, 1, XS_CLASS_VDISK, 51712);
	case BACKEND_ROOT:
		return xs_backend_root(buf, size, XS_KIND_VBD);
	case PRIMARY_CONSOLE:
		return xs_primary_console_path(buf, size, 32751);
	case DEVICE_ROOT:
		return xs_device_root(buf, size, XS_CLASS_VDISK);
	case KEY:
		return xs_key_name(buf, size, XS_F_QUEUE_RING_REF_N, 12, 3);
	case KEY_PATH:
		return xs_key_path(buf, size, "/d", XS_F_RING_REF_N, 15, 0);
	default:
		return xs_format_u64(buf, size, UINT64_MAX);
	}
}

static const char *const built[BUILDERS] = {
	[BACKEND] = "/local/domain/0/backend/vbd/32751/51712",
	[FRONTEND] = "/local/domain/7/device/vbd/268439552",
	[ERROR] = "/local/domain/3/error/backend/qdisk/1/51712/error",
	[FRONTEND_ERROR] = "/local/domain/1/error/device/vbd/51712/error",
	[BACKEND_ROOT] = "backend/vbd",
	[DEVICE_ROOT] = "device/vbd",
	[PRIMARY_CONSOLE] = "/local/domain/32751/console",
	[KEY] = "queue-12/ring-ref3",
	[KEY_PATH] = "/d/ring-ref15",
	[U64] = "18446744073709551615",
};

static void test_build_is_whole_or_nothing_at_each_size(void **state)
{
	char buf[128];

	(void)state;
	for (unsigned int what = 0; what < BUILDERS; what++) {
		size_t len = strlen(built[what]);

		for (size_t size = 0; size < len + 3; size++) {
			memset(buf, '#', sizeof(buf));
			if (size <= len) {
				assert_int_equal(build(what, buf, size), 0);
				assert_true(!size || !buf[0]);
			} else {
				assert_int_equal(build(what, buf, size), len);
				assert_string_equal(buf, built[what]);
			}
			assert_int_equal(buf[size], '#');
		}
	}
}

static void test_build_without_kind_or_type_has_no_path(void **state)
{
	char buf[128];

	(void)state;
	assert_int_equal(xs_backend_path(buf, sizeof(buf), 0, XS_KIND_COUNT, 1, 2), 0);
	assert_string_equal(buf, "");
	assert_int_equal(xs_device_root(buf, sizeof(buf), XS_CLASS_COUNT), 0);
}

static void test_format_u64_numbers(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} rows[] = {
		{ 0, "0" }, { 1, "1" }, { 9, "9" }, { 10, "10" }, { 99, "99" }, { 100, "100" },
		{ 1000000007, "1000000007" }, { UINT32_MAX, "4294967295" },
		{ 9999999999999999999ull, "9999999999999999999" },
		{ 10000000000000000000ull, "10000000000000000000" },
	};
	char buf[24];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(xs_format_u64(buf, sizeof(buf), rows[i].value),
				 strlen(rows[i].text));
		assert_string_equal(buf, rows[i].text);
	}
}

static void test_split_takes_built_paths_apart(void **state)
{
	static const struct {
		const char *path, *rest;
		enum xs_kind kind;
	} rows[] = {
		{ "/local/domain/0/backend/vbd/3/51712", "", XS_KIND_VBD },
		{ "/local/domain/32751/backend/vbd/3/51712/state", "state", XS_KIND_VBD },
		{ "/local/domain/0/backend/qdisk/3/51712/state", "state", XS_KIND_QDISK },
		{ "/local/domain/0/backend/console/3/51712/state", "state", XS_KIND_CONSOLE },
		{ "backend/vbd/3/51712", "", XS_KIND_VBD },
		{ "backend/qdisk/3/51712", "", XS_KIND_QDISK },
		{ "backend/vbd/3/51712/state", "state", XS_KIND_VBD },
		{ "backend/vbd/3/51712/a/b", "a/b", XS_KIND_VBD },
	};
	enum xs_kind kind;
	unsigned int fe, devid;
	const char *rest;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kind = XS_KIND_COUNT;
		fe = devid = 0;
		assert_true(xs_split_backend_path(rows[i].path, &kind, &fe, &devid, &rest));
		assert_int_equal(kind, rows[i].kind);
		assert_int_equal(fe, 3);
		assert_int_equal(devid, 51712);
		assert_string_equal(rest, rows[i].rest);
	}
	assert_true(xs_split_backend_path("backend/vbd/0/4294967295", &kind, &fe, &devid, &rest));
	assert_int_equal(fe, 0);
	assert_int_equal(devid, UINT32_MAX);
}

static void test_split_refuses_what_is_no_device(void **state)
{
	static const char *const bad[] = {
		"", "/", "backend", "backend/", "backend/vbd", "backend/vbd/", "backend/vbd/3",
		"backend/vbd/3/", "backend/vbd/3/x", "backend/vbd/3/51712/", "backend/vbd/3/51712x",
		"backend/vbd/03/51712", "backend/vbd/3/051712", "backend/vbd/32752/1",
		"backend/vbd/3/4294967296", "backend/vbd/-1/1", "backend/vbd/+1/1",
		"backend/vbd//1",
		"backend/vif/3/0", "backend/vbdx/3/1", "backend/qdiskx/3/1",
		"backend/common/3/1", "backend//3/1",
		"local/domain/0/backend/vbd/3/1", "/local/domain/00/backend/vbd/3/1",
		"/local/domain//backend/vbd/3/1", "/local/domain/0backend/vbd/3/1",
		"/local/domain/32752/backend/vbd/3/1", "/local/domain/0/device/vbd/1",
		"/backend/vbd/3/1", "/local/domain/0",
	};
	enum xs_kind kind = XS_KIND_COUNT;
	unsigned int fe = 77, devid = 88;
	const char *rest = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(xs_split_backend_path(bad[i], &kind, &fe, &devid, &rest));
	assert_int_equal(kind, XS_KIND_COUNT);
	assert_int_equal(fe, 77);
	assert_int_equal(devid, 88);
	assert_null(rest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_is_whole_or_nothing_at_each_size),
		cmocka_unit_test(test_build_without_kind_or_type_has_no_path),
		cmocka_unit_test(test_format_u64_numbers),
		cmocka_unit_test(test_split_takes_built_paths_apart),
		cmocka_unit_test(test_split_refuses_what_is_no_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
