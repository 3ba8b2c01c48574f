/* SPDX-License-Identifier: MIT */
/*
 * test_schema_params.c - what the key params may name, and what is no such name
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "params.h"

static void test_target_files_are_what_they_are_called(void **state)
{
	static const struct {
		const char *text, *path;
		enum xs_target_kind kind;
	} rows[] = {
		{ "/srv/a.img", "/srv/a.img", XS_TARGET_FILE },
		{ "/srv/a.qcow2", "/srv/a.qcow2", XS_TARGET_FILE },
		{ "/null:1M", "/null:1M", XS_TARGET_FILE },
		{ "aio:/srv/a", "/srv/a", XS_TARGET_FILE },
		{ "aio/srv/a", "aio/srv/a", XS_TARGET_FILE },
		{ "", "", XS_TARGET_FILE },
		{ "qcow2:/srv/a,b", "/srv/a,b", XS_TARGET_QCOW2 },
		{ "vhd:/srv/a.vhd", "/srv/a.vhd", XS_TARGET_VHD },
		{ "vmdk:/srv/a.vmdk", "/srv/a.vmdk", XS_TARGET_VMDK },
		{ "iops=5,/srv/a.img", "/srv/a.img", XS_TARGET_FILE },
		{ "bps=8M@x,iops=5,qcow2:/srv/a", "/srv/a", XS_TARGET_QCOW2 },
		{ "iops=5", "iops=5", XS_TARGET_FILE },
		{ "iops=5,bps=", "bps=", XS_TARGET_FILE },
		{ "/srv/iops=5,a", "/srv/iops=5,a", XS_TARGET_FILE },
	};
	struct xs_target t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(xs_target_parse(rows[i].text, &t));
		assert_int_equal(t.kind, rows[i].kind);
		assert_string_equal(t.path, rows[i].path);
		assert_true(xs_target_is_file(t.kind));
	}
}

static void test_target_sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		enum xs_target_kind kind;
		uint64_t bytes;
	} rows[] = {
		{ "null:512", XS_TARGET_NULL, 512 },
		{ "null:128M", XS_TARGET_NULL, UINT64_C(128) << 20 },
		{ "ram:1K", XS_TARGET_RAM, 1024 },
		{ "ram:3G", XS_TARGET_RAM, UINT64_C(3) << 30 },
		{ "null:1048576T", XS_TARGET_NULL, UINT64_C(1) << 60 },
	};
	struct xs_target t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(xs_target_parse(rows[i].text, &t));
		assert_int_equal(t.kind, rows[i].kind);
		assert_int_equal(t.bytes, rows[i].bytes);
		assert_false(xs_target_is_file(t.kind));
	}
}

static void test_target_servers_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *host, *socket, *name;
		unsigned int port;
	} rows[] = {
		{ "nbd://a.example", "a.example", "", "", 10809 },
		{ "nbd://a.example/", "a.example", "", "", 10809 },
		{ "nbd://10.0.0.1:9/x/y", "10.0.0.1", "", "x/y", 9 },
		{ "nbd://[::1]:10810/disk%201", "::1", "", "disk 1", 10810 },
		{ "nbd://h/a%3Fb", "h", "", "a?b", 10809 },
		{ "nbd+unix:///?socket=/run/n", "", "/run/n", "", 0 },
		{ "nbd+unix://?socket=/run/n", "", "/run/n", "", 0 },
		{ "nbd+unix:///e?socket=/run/a%20b", "", "/run/a b", "e", 0 },
	};
	struct xs_target t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(xs_target_parse(rows[i].text, &t));
		assert_int_equal(t.kind, XS_TARGET_NBD);
		assert_string_equal(t.host, rows[i].host);
		assert_string_equal(t.socket, rows[i].socket);
		assert_string_equal(t.name, rows[i].name);
		assert_int_equal(t.port, rows[i].port);
	}
}

static void test_target_nonsense_is_refused_in_words(void **state)
{
	static char long_name[400] = "nbd://h/", long_socket[400] = "nbd+unix:///?socket=/";
	const struct {
		const char *text, *part;
	} rows[] = {
		{ "null:", "needs a size" }, { "null:M", "needs a size" },
		{ "ram:-1", "needs a size" }, { "ram:99999999999999999999", "needs a size" },
		{ "null:1m", "K, M, G or T" }, { "null:1MB", "K, M, G or T" },
		{ "null:0", "multiple of 512" }, { "ram:513", "multiple of 512" },
		{ "null:16777216T", "too large" }, { "null:2097152T", "too large" },
		{ "qcow2:a.qcow2", "begin with /" }, { "vmdk:", "begin with /" },
		{ "nbds://h/x", "TLS" }, { "nbds+unix:///?socket=/a", "TLS" },
		{ "nbd://", "nbd://HOST" }, { "nbd:///x", "nbd://HOST" },
		{ "nbd://[::1", "nbd://HOST" }, { "nbd://u@h/", "nbd://HOST" },
		{ "nbd://[::1]x/", "nbd://HOST" }, { "nbd://a b/", "nbd://HOST" },
		{ "nbd://h:0/", "port" }, { "nbd://h:65536/", "port" }, { "nbd://h:x/", "port" },
		{ "nbd://h/x?tls=1", "after the export" }, { "nbd://h/%zz", "malformed" },
		{ "nbd://h/%0a", "malformed" }, { "nbd://h/%4", "malformed" },
		{ long_name, "longer than 255" }, { long_socket, "longer than 107" },
		{ "nbd+unix:///x", "?socket=" }, { "nbd+unix://h/x?socket=/a", "?socket=" },
		{ "nbd+unix:///x?socket=a", "begin with /" },
		{ "nbd+unix:///x?socket=", "begin with /" },
	};
	struct xs_target t;

	(void)state;
	memset(long_name + strlen(long_name), 'x', 256);
	memset(long_socket + strlen(long_socket), 'x', 107);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *wrong = xs_target_parse(rows[i].text, &t);

		if (!wrong || !strstr(wrong, rows[i].part))
			fail_msg("%s: %s", rows[i].text, wrong ? wrong : "accepted");
	}
}

static void test_target_names_are_known(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < XS_TARGET_KINDS; i++)
		assert_non_null(xs_target_name(i));
	assert_null(xs_target_name(XS_TARGET_KINDS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target_files_are_what_they_are_called),
		cmocka_unit_test(test_target_sizes_have_units),
		cmocka_unit_test(test_target_servers_are_taken_apart),
		cmocka_unit_test(test_target_nonsense_is_refused_in_words),
		cmocka_unit_test(test_target_names_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
