/* SPDX-License-Identifier: MIT */
/*
 * test_tools_config.c - configuration files
 */
#include <fcntl.h>
#include <stdlib.h>

#include "config.h"
#include "test_tools.h"

static char path[] = "/tmp/test-config-XXXXXX";

static int load_for(struct config *config, enum config_use use, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return config_load(config, use, path, NULL, 0);
}

static int load(struct config *config, const char *text)
{
	return load_for(config, CONFIG_FOR_SIM, text);
}

static void test_config_load_minimal_file_has_defaults(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(load(&c, "name = \"g\"\n"), TOOL_OK);
	assert_string_equal(c.name, "g");
	assert_int_equal(c.memory_kb, 128 * 1024);
	assert_int_equal(c.vcpus, 1);
	assert_null(c.kernel);
	assert_int_equal(c.disk_count, 0);
	assert_int_equal(c.on_poweroff, ENDING_DESTROY);
	assert_int_equal(c.on_reboot, ENDING_RESTART);
	assert_int_equal(c.on_crash, ENDING_DESTROY);
	assert_int_equal(c.uuid[6] >> 4, 4);
	config_fini(&c);
}

static void test_config_load_full_file_is_read(void **state)
{
	static const uint8_t uuid[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
					  0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
	struct config c;

	(void)state;
	assert_int_equal(load(&c, "name='web1'\ntype=\"pvh\"\nmemory=64\nvcpus=2\n"
			      "uuid=\"01234567-89ab-cdef-0123-456789ABCDEF\"\n"
			      "kernel=\"/bin/sh\"\nextra=\"-c 'echo hi'\"\n"
			      "disk=[ 'format=raw,vdev=xvda,target=/a', '/b,raw,xvdb,r' ]\n"
			      "on_poweroff='preserve'\non_crash='restart'\non_reboot='destroy'\n"),
			 TOOL_OK);
	assert_string_equal(c.name, "web1");
	assert_int_equal(c.memory_kb, 64 * 1024);
	assert_int_equal(c.vcpus, 2);
	assert_memory_equal(c.uuid, uuid, 16);
	assert_int_equal(c.args.argc, 3);
	assert_string_equal(c.args.argv[0], c.kernel);
	assert_string_equal(c.args.argv[2], "echo hi");
	assert_int_equal(c.disk_count, 2);
	assert_string_equal(c.disks[1].target, "/b");
	assert_true(c.disks[1].readonly);
	assert_int_equal(c.on_poweroff, ENDING_PRESERVE);
	assert_int_equal(c.on_crash, ENDING_RESTART);
	assert_int_equal(c.on_reboot, ENDING_DESTROY);
	config_fini(&c);
}

static void test_config_load_extra_lines_win(void **state)
{
	char *const extra[] = { "memory=32", "name=\"other\"" };
	struct config c;

	(void)state;
	assert_int_equal(load(&c, "name=\"g\"\nmemory=64"), TOOL_OK);
	config_fini(&c);
	assert_int_equal(config_load(&c, CONFIG_FOR_SIM, path, extra, 2), TOOL_OK);
	assert_string_equal(c.name, "other");
	assert_int_equal(c.memory_kb, 32 * 1024);
	config_fini(&c);
}

static void test_config_load_mistakes_are_one_line(void **state)
{
	static const struct {
		const char *text, *part;
	} bad[] = {
		{ "name=\"g\"\n\nmemory=[\n\n}\n", ":5: config parsing error" },
		{ "name=\"g\"\nmemory==1\n", ":2: config parsing error" },
		{ "name=\"g\n", "config parsing error" },
		{ "memory=1\n", "no name" },
		{ "name=\"\"\n", "no name" },
		{ "name=[\"g\"]\n", ":1: parameter `name'" },
		{ "name=\"12\"\n", "number" },
		{ "name=\"-k\"\n", "begins with '-'" },
		{ "name=\"../g\"\n", "'/'" },
		{ "name=\"a b\"\n", "blanks" },
		{ "name=\"g\"\nmemory=\"much\"\n", ":2: parameter `memory'" },
		{ "name=\"g\"\nmemory=0\n", "minimum" },
		{ "name=\"g\"\nvcpus=1000\n", "maximum" },
		{ "name=\"g\"\nuuid=\"123\"\n", "uuid" },
		{ "name=\"g\"\nuuid=\"0123456789abcdef0123456789abcdeg\"\n", "uuid" },
		{ "name=\"g\"\nuuid=\"0123456789abcdef0123456789abcdef0\"\n", "uuid" },
		{ "name=\"g\"\ntype=\"xenix\"\n", "type" },
		{ "name=\"g\"\non_crash=\"rename-restart\"\n", "on_crash" },
		{ "name=\"g\"\nkernel=\"/nonexistent\"\n", "kernel" },
		{ "name=\"g\"\nkernel=\"/tmp\"\n", "Permission denied" },
		{ "name=\"g\"\nkernel=\"/etc/passwd\"\n", "Permission denied" },
		{ "name=\"g\"\nkernel=\"/bin/sh\"\nextra=\"'\"\n", "extra" },
		{ "name=\"g\"\ndisk=\"/a,raw,xvda,w\"\n", "should be a list" },
		{ "name=\"g\"\ndisk=[\"/a,raw,xvda,w\",\"/b,raw,xvda,w\"]\n", "two disks" },
		{ "name=\"g\"\ndisk=[\"/a,raw,xvda,w\",\"/b,qed,xvdb,w\"]\n", "none of raw" },
	};
	struct capture cap;
	struct config c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc;

		capture_begin(&cap, 2);
		rc = load(&c, bad[i].text);
		capture_end(&cap);
		config_fini(&c);
		assert_one_line(cap.text, bad[i].part);
		assert_int_equal(rc, TOOL_FAILED);
	}
}

static void test_config_load_unused_names_are_warned_of(void **state)
{
	struct capture cap;
	struct config c;

	(void)state;
	capture_begin(&cap, 2);
	assert_int_equal(load(&c, "name=\"g\"\n# vif=1\n vif = [ 'mac=x',\n 'y' ]; pae=1\n"
			      "extra=\"a=b; boot=c\"\n"), TOOL_OK);
	capture_end(&cap);
	config_fini(&c);
	assert_non_null(strstr(cap.text, ":3: 'vif' is not used here\n"));
	assert_non_null(strstr(cap.text, ":4: 'pae' is not used here\n"));
	assert_null(strstr(cap.text, "boot"));
	assert_null(strstr(cap.text, "mac"));
	assert_null(strstr(cap.text, "extra"));
}

static void test_config_load_bad_files_are_one_line(void **state)
{
	static const char *const paths[] = { "/nonexistent", "/tmp", path };
	static const char *const parts[] = { "No such file", "directory", "zero byte" };
	FILE *f = fopen(path, "we");
	struct capture cap;
	struct config c;

	(void)state;
	assert_int_equal(fwrite("name=\"g\"\0\n", 1, 10, f), 10);
	fclose(f);
	for (size_t i = 0; i < 3; i++) {
		capture_begin(&cap, 2);
		assert_int_equal(config_load(&c, CONFIG_FOR_SIM, paths[i], NULL, 0), TOOL_FAILED);
		capture_end(&cap);
		config_fini(&c);
		assert_one_line(cap.text, parts[i]);
	}
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void test_config_load_for_xl_leaves_the_rest_to_xl(void **state)
{
	static const char text[] = "name=\"g\"\nkernel=\"/boot/vmlinuz\"\nvif=['bridge=br0']\n"
				   "on_crash=\"coredump-destroy\"\n"
				   "disk=['/a,raw,xvda,rw']\n";
	struct config config;
	struct capture c;
	int rc;

	(void)state;
	capture_begin(&c, STDERR_FILENO);
	rc = load_for(&config, CONFIG_FOR_XL, text);
	assert_string_equal(capture_end(&c), "");
	assert_int_equal(rc, TOOL_OK);
	assert_int_equal(config.disk_count, 1);
	assert_false(config.hvm);
	assert_non_null(strstr(config.text, "coredump-destroy"));
	config_fini(&config);
}

static void test_config_load_for_xl_refuses_what_reads_disks_in_dom0(void **state)
{
	static const struct {
		const char *text, *part;	/* NULL: it is accepted */
	} cases[] = {
		{ "bootloader='pygrub'", "bootloader=" },
		{ "bootloader=''\nkernel='/k'", NULL },
		{ "type='hvm'\ndisk=['/a,raw,hda,rw']", "emulates" },
		{ "builder='hvm'\ndisk=['/a,raw,xvda,rw']", "emulates" },
		{ "builder='hvm'\ntype='pvh'\nkernel='/k'\ndisk=['/a,raw,xvda,rw']", NULL },
		{ "type='hvm'\nkernel='/k'\ndisk=['/a,raw,xvda,rw']", NULL },
		{ "type='hvm'\ndisk=[]", NULL },
		{ "type='hvm'", NULL },
		{ "disk='/a,raw,xvda,rw'", "disk" },
		{ "disk=['/a,qed,xvda,rw']", "none of raw" },
	};
	struct config config;
	struct capture c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc;

		snprintf(text, sizeof(text), "name='g'\n%s\n", cases[i].text);
		capture_begin(&c, STDERR_FILENO);
		rc = load_for(&config, CONFIG_FOR_XL, text);
		config_fini(&config);
		capture_end(&c);
		assert_int_equal(rc, cases[i].part ? TOOL_FAILED : TOOL_OK);
		if (cases[i].part)
			assert_one_line(c.text, cases[i].part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_load_minimal_file_has_defaults),
		cmocka_unit_test(test_config_load_full_file_is_read),
		cmocka_unit_test(test_config_load_extra_lines_win),
		cmocka_unit_test(test_config_load_mistakes_are_one_line),
		cmocka_unit_test(test_config_load_unused_names_are_warned_of),
		cmocka_unit_test(test_config_load_bad_files_are_one_line),
		cmocka_unit_test(test_config_load_for_xl_leaves_the_rest_to_xl),
		cmocka_unit_test(test_config_load_for_xl_refuses_what_reads_disks_in_dom0),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
