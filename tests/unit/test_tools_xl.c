/* SPDX-License-Identifier: MIT */
/*
 * test_tools_xl.c - running xl, here a script that stands first on the PATH
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "test_tools.h"
#include "xl.h"

static char dir[] = "/tmp/test-xl-XXXXXX";

/* Makes `xl` a shell script; it finds its folder in $DIR. */
static void fake_xl(const char *script)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/xl", dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
}

static void assert_file(const char *name, const char *expected)
{
	char path[64], text[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	assert_string_equal(text, expected);
}

static int run(struct capture *c, const char *text)
{
	char *const argv[] = { "xl", "create", "-p", XL_TEXT, NULL };
	int rc;

	capture_begin(c, STDERR_FILENO);
	rc = xl_run("g", argv, text);
	capture_end(c);
	return rc;
}

static void test_xl_run_passes_arguments_and_text(void **state)
{
	struct capture c;

	(void)state;
	fake_xl("echo \"$*\" >$DIR/args; cat \"$3\" >$DIR/text; echo much; echo more >&2");
	assert_int_equal(run(&c, "name=\"g\"\ndisk=[]\n"), TOOL_OK);
	assert_string_equal(c.text, "");
	assert_file("args", "create -p /dev/fd/3\n");
	assert_file("text", "name=\"g\"\ndisk=[]\n");
}

static void test_xl_run_inherits_no_descriptor(void **state)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 7);
	struct capture c;

	(void)state;
	assert_int_equal(fd, 7);
	fake_xl("[ -e /proc/$$/fd/3 ] && [ ! -e /proc/$$/fd/7 ]");
	assert_int_equal(run(&c, NULL), TOOL_OK);
	close(fd);
}

static void test_xl_run_verbose_shows_what_it_says(void **state)
{
	struct capture c;

	(void)state;
	fake_xl("echo much; echo more >&2");
	tool_verbose = true;
	assert_int_equal(run(&c, NULL), TOOL_OK);
	tool_verbose = false;
	assert_string_equal(c.text, "much\nmore\n");
}

static void test_xl_run_failure_is_one_line_and_a_log(void **state)
{
	struct capture c;

	(void)state;
	fake_xl("echo Parsing config; echo 'libxl: error: libxl_x.c:12:f: Domain 3:no luck'; "
		"echo 'libxl: error: libxl_y.c:9:g: so it goes'; exit 3");
	assert_int_equal(run(&c, NULL), TOOL_FAILED);
	assert_one_line(c.text, "g: xl create: Domain 3:no luck (status 3)");
	assert_non_null(strstr(c.text, "log/xl.log"));
	assert_file("log/xl.log", "xl create -p /dev/fd/3 \nParsing config\n"
		    "libxl: error: libxl_x.c:12:f: Domain 3:no luck\n"
		    "libxl: error: libxl_y.c:9:g: so it goes\n\n");
}

static void test_xl_run_killed_is_a_failure(void **state)
{
	struct capture c;

	(void)state;
	fake_xl("kill -9 $$");
	assert_int_equal(run(&c, NULL), TOOL_FAILED);
	assert_one_line(c.text, "it gives no reason (status 137)");
}

static void test_xl_run_without_xl_names_the_package(void **state)
{
	char buf[XS_PATH_MAX], tiny[8];
	struct capture c;

	(void)state;
	assert_true(xl_find(buf, sizeof(buf), "xl"));
	assert_false(xl_find(buf, sizeof(buf), "no-such-program"));
	assert_false(xl_find(tiny, sizeof(tiny), "xl"));	/* it does not fit */
	capture_begin(&c, STDERR_FILENO);
	assert_int_equal(xl_need(buf, sizeof(buf), "no-such-program"), TOOL_FAILED);
	assert_one_line(capture_end(&c), "xen-utils");
}

static void test_xl_reason_is_the_first_error(void **state)
{
	static const struct {
		const char *said, *reason;
	} cases[] = {
		{ "", "it gives no reason" },
		{ "\n\n", "it gives no reason" },
		{ "Parsing config from /dev/fd/3\nNeither kernel nor bootloader specified\n",
		  "Neither kernel nor bootloader specified" },
		{ "warming up\nxc: error: panic: xg_dom_core.c:690: xc_dom_find_loader: no loader",
		  "panic: xg_dom_core.c:690: xc_dom_find_loader: no loader" },
		{ "libxl: error: libxl_dom.c:1:f: \033[31mred\n", "\\x1b[31mred" },
		{ "libxl: error: a file.c: is not skipped: here",
		  "a file.c: is not skipped: here" },
		{ "libxl: error: ", "" },
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(xl_reason(buf, sizeof(buf), cases[i].said), cases[i].reason);
}

static int set_up(void **state)
{
	char path[512];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s:%s", dir, getenv("PATH"));
	return setenv("PATH", path, 1) || setenv("DIR", dir, 1) || setenv("XPV_RUNDIR", dir, 1);
}

static int tear_down(void **state)
{
	static const char *const names[] = { "xl", "args", "text", "log/xl.log" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/log", dir);
	rmdir(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xl_run_passes_arguments_and_text),
		cmocka_unit_test(test_xl_run_inherits_no_descriptor),
		cmocka_unit_test(test_xl_run_verbose_shows_what_it_says),
		cmocka_unit_test(test_xl_run_failure_is_one_line_and_a_log),
		cmocka_unit_test(test_xl_run_killed_is_a_failure),
		cmocka_unit_test(test_xl_run_without_xl_names_the_package),
		cmocka_unit_test(test_xl_reason_is_the_first_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
