/* SPDX-License-Identifier: MIT */
/*
 * test_tools_disk.c - disk specifications, and the images that they name
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "disk.h"
#include "test_tools.h"

static void check_spec(const char *spec, const char *vdev, uint32_t devid, const char *target,
		       bool readonly)
{
	struct disk disk;

	assert_int_equal(disk_parse(&disk, &spec, 1), TOOL_OK);
	assert_string_equal(disk.vdev, vdev);
	assert_int_equal(disk.devid, devid);
	assert_string_equal(disk.target, target);
	assert_int_equal(disk.readonly, readonly);
	disk_fini(&disk);
}

static void test_disk_parse_forms_of_xl_are_understood(void **state)
{
	(void)state;
	check_spec("format=raw,vdev=xvdb,access=rw,target=/srv/b.img", "xvdb", 51728, "/srv/b.img",
		   false);
	check_spec("/srv/b.img,raw,xvdb,rw", "xvdb", 51728, "/srv/b.img", false);
	check_spec("/srv/b.img,,xvda,r", "xvda", 51712, "/srv/b.img", true);
	check_spec("vdev=xvda1,access=ro,target=/a b,c=d", "xvda1", 51713, "/a b,c=d", true);
	check_spec("phy:/dev/vg/lv,hda,w", "hda", 768, "/dev/vg/lv", false);
	check_spec("file:/x.img,xvdq,w", "xvdq", 268439552, "/x.img", false);
	check_spec("vdev=xvda,cdrom,target=/cd.iso", "xvda", 51712, "/cd.iso", true);
}

static void test_disk_parse_drive_may_be_empty(void **state)
{
	static const char *const specs[] = { "vdev=xvdd,cdrom", "vdev=xvdd,devtype=cdrom,target=",
					     ",,xvdd:cdrom,r", "vdev=xvdd,cdrom,access=rw" };
	struct disk disk;

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		assert_int_equal(disk_parse(&disk, &specs[i], 1), TOOL_OK);
		assert_true(disk.cdrom && disk.readonly);
		assert_string_equal(disk.target, "");
		assert_false(xs_target_is_file(disk.kind));
		disk_fini(&disk);
	}
}

static void test_disk_parse_several_parts_are_one(void **state)
{
	static const char *const parts[] = { "/b.img", "raw", "xvdb", "ro" };
	static const char *const keys[] = { "vdev=xvdb", "access=ro", "target=/b.img" };
	struct disk disk;

	(void)state;
	assert_int_equal(disk_parse(&disk, parts, 4), TOOL_OK);
	assert_string_equal(disk.target, "/b.img");
	assert_true(disk.readonly);
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, keys, 3), TOOL_OK);
	assert_int_equal(disk.devid, 51728);
	disk_fini(&disk);
}

static void test_disk_parse_relative_target_becomes_absolute(void **state)
{
	static const char *const spec = "vdev=xvda,target=b.img";
	char cwd[1024], expected[1100];
	struct disk disk;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(expected, sizeof(expected), "%s/b.img", cwd);
	assert_int_equal(disk_parse(&disk, &spec, 1), TOOL_OK);
	assert_string_equal(disk.target, expected);
	disk_fini(&disk);
}

static void test_disk_parse_flags_have_xl_defaults(void **state)
{
	static const char *const plain = "vdev=xvda,target=/b", *const all =
		"vdev=xvda,direct-io-safe,no-discard,untrusted,target=/b", *const ro =
		"vdev=xvda,access=ro,target=/b";
	struct disk disk;

	(void)state;
	assert_int_equal(disk_parse(&disk, &plain, 1), TOOL_OK);
	assert_true(disk.trusted && disk.discard && !disk.direct_io_safe && !disk.cdrom);
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, &all, 1), TOOL_OK);
	assert_true(!disk.trusted && !disk.discard && disk.direct_io_safe);
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, &ro, 1), TOOL_OK);
	assert_false(disk.discard);
	disk_fini(&disk);
}

static void test_disk_parse_targets_of_all_kinds(void **state)
{
	static const struct {
		const char *spec, *target;
		enum xs_target_kind kind;
	} rows[] = {
		{ "vdev=xvda,target=/b", "/b", XS_TARGET_FILE },
		{ "vdev=xvda,format=qcow2,target=/b", "qcow2:/b", XS_TARGET_QCOW2 },
		{ "/b,qcow2,xvda,w", "qcow2:/b", XS_TARGET_QCOW2 },
		{ "vdev=xvda,format=vhd,target=/b", "vhd:/b", XS_TARGET_VHD },
		{ "vdev=xvda,format=vmdk,target=/b", "vmdk:/b", XS_TARGET_VMDK },
		{ "/b.vmdk,vmdk,xvda,w", "vmdk:/b.vmdk", XS_TARGET_VMDK },
		{ "/vmdk,raw,xvda,w", "/vmdk", XS_TARGET_FILE },
		{ "vdev=xvda,target=/vmdk,vmdk", "/vmdk,vmdk", XS_TARGET_FILE },
		{ "vdev=xvda,target=null:1M", "null:1M", XS_TARGET_NULL },
		{ "null:1M,raw,xvda,w", "null:1M", XS_TARGET_NULL },
		{ "vdev=xvda,target=ram:1G", "ram:1G", XS_TARGET_RAM },
		{ "vdev=xvda,target=nbd://h/e", "nbd://h/e", XS_TARGET_NBD },
		{ "format=raw,vdev=xvda,target=nbd+unix:///?socket=/s", "nbd+unix:///?socket=/s",
		  XS_TARGET_NBD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct disk disk;

		assert_int_equal(disk_parse(&disk, &rows[i].spec, 1), TOOL_OK);
		assert_string_equal(disk.target, rows[i].target);
		assert_int_equal(disk.kind, rows[i].kind);
		assert_string_equal(disk.vdev, "xvda");
		assert_false(disk.direct || disk.backing || disk.reconnect);
		disk_fini(&disk);
	}
}

static void test_disk_parse_words_of_xpv(void **state)
{
	static const char *const words[] = {
		"vdev=xvda,direct,target=/b",
		"vdev=xvda,format=qcow2,backing,reconnect=7,target=/b",
		"direct,no-direct,vdev=xvda,target=/direct,direct",
		"vdev=xvda,iops=500@2000,bps=8M,target=/b,iops=7",
		"sector-size=4096,vdev=xvda,physical-sector-size=65536,target=/sector-size=1",
	};
	struct disk disk;

	(void)state;
	assert_int_equal(disk_parse(&disk, &words[0], 1), TOOL_OK);
	assert_true(disk.direct);
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, &words[1], 1), TOOL_OK);
	assert_true(disk.backing && disk.reconnect == 7);
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, &words[2], 1), TOOL_OK);
	assert_false(disk.direct || disk.sector_size || disk.physical_sector_size);
	assert_string_equal(disk.target, "/direct,direct");
	assert_false(disk.limits.of[LIMIT_IOPS].said || disk.limits.of[LIMIT_BPS].said);
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, &words[3], 1), TOOL_OK);
	assert_int_equal(disk.limits.of[LIMIT_IOPS].rate, 500);
	assert_int_equal(disk.limits.of[LIMIT_IOPS].burst, 2000);
	assert_int_equal(disk.limits.of[LIMIT_BPS].rate, 8u << 20);
	assert_int_equal(disk.limits.of[LIMIT_BPS].burst, 0);
	assert_string_equal(disk.target, "/b,iops=7");
	disk_fini(&disk);
	assert_int_equal(disk_parse(&disk, &words[4], 1), TOOL_OK);
	assert_int_equal(disk.sector_size, 4096);
	assert_int_equal(disk.physical_sector_size, 65536);
	assert_string_equal(disk.target, "/sector-size=1");
	disk_fini(&disk);
}

/* They survive a reboot in what libxl keeps of the disk: said again, they must read the same. */
static void test_disk_words_are_said_again_for_block_xpv(void **state)
{
	static const struct { const char *spec, *words; } rows[] = {
		{ "vdev=xvda,target=/b", "" },
		{ "vdev=xvda,no-direct,untrusted,target=/b", "" },
		{ "vdev=xvda,direct,target=/b", "direct" },
		{ "bps=64K@1M,vdev=xvda,iops=3,target=/b", "iops=3,bps=64K@1M" },
		{ "vdev=xvda,physical-sector-size=65536,iops=3,sector-size=4096,direct,target=/b",
		  "iops=3,direct,sector-size=4096,physical-sector-size=65536" },
	};
	struct disk all = { .direct = true, .backing = true, .reconnect = 86400,
			    .sector_size = 4096, .physical_sector_size = 65536,
			    .limits.of = { { true, 1000000000, 999999999 },
					   { true, (UINT64_C(1) << 50) - 1, 9876543210123 } } };
	char longest[DISK_WORDS];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char words[DISK_WORDS], again[256], twice[DISK_WORDS];
		const char *const spec = again;
		struct disk disk;

		assert_int_equal(disk_parse(&disk, &rows[i].spec, 1), TOOL_OK);
		assert_string_equal(disk_words_text(&disk, words), rows[i].words);
		disk_fini(&disk);
		snprintf(again, sizeof(again), "%s%svdev=xvda,target=/b", words,
			 *words ? "," : "");
		assert_int_equal(disk_parse(&disk, &spec, 1), TOOL_OK);
		assert_string_equal(disk_words_text(&disk, twice), words);
		disk_fini(&disk);
	}
	assert_string_equal(disk_words_text(&all, longest),
			    "iops=1000000000@999999999,bps=1125899906842623@9876543210123,direct,"
			    "backing,reconnect=86400,sector-size=4096,physical-sector-size=65536");
}

static void test_disk_parse_bad_specs_are_one_line(void **state)
{
	static const struct {
		const char *spec, *part;
	} bad[] = {
		{ "vdev=xvda,acces=ro,target=/b", "unknown key 'acces'" },
		{ "vdev=xvda,x=1,target=/b", "unknown key 'x'" },
		{ "vdev=xvda", "no target" },
		{ "target=/b", "no vdev" },
		{ "vdev=,target=/b", "not a virtual disk" },
		{ "vdev=sdzz,target=/b", "not a virtual disk" },
		{ "vdev=xvda,access=w!,target=/b", "unknown value for access" },
		{ "vdev=xvda,format=zip,target=/b", "unknown value for format" },
		{ "vdev=xvda,format=qed,target=/b", "none of raw, qcow2, vhd and vmdk" },
		{ "vdev=xvda,format=qcow,target=/b", "none of raw, qcow2, vhd and vmdk" },
		{ "vdev=xvda,target=qcow2:/b", "write format=qcow2" },
		{ "vdev=xvda,format=qcow2,target=vhd:/b", "write format=vhd" },
		{ "vdev=xvda,format=qcow2,target=null:1M", "no file is format=raw" },
		{ "vdev=xvda,format=vmdk,target=ram:1M", "no file is format=raw" },
		{ "vdev=xvda,target=null:1X", "K, M, G or T" },
		{ "vdev=xvda,target=ram:", "needs a size" },
		{ "vdev=xvda,target=nbds://h/x", "TLS" },
		{ "vdev=xvda,target=nbd://", "nbd://HOST" },
		{ "nbd://h/x,raw,xvda,w", "target=nbd://" },
		{ "vdev=xvda,reconnect=x,target=nbd://h/", "no number of seconds" },
		{ "vdev=xvda,reconnect=0,target=nbd://h/", "from 1 to 86400" },
		{ "vdev=xvda,reconnect=5,target=/b", "leave it out" },
		{ "vdev=xvda,iops=0,target=/b", "'iops=0': its rate must be a number from 1" },
		{ "vdev=xvda,bps=8M@x,target=/b", "'bps=8M@x': its burst must be" },
		{ "vdev=xvda,direct,target=null:1M", "'direct' is for" },
		{ "vdev=xvda,sector-size=520,target=/b", "one of 512, 1024, 2048, 4096" },
		{ "vdev=xvda,sector-size=,target=/b", "no sector size" },
		{ "vdev=xvda,sector-size=8192,target=/b", "no sector size" },
		{ "vdev=xvda,physical-sector-size=0,target=/b", "no sector size" },
		{ "vdev=xvda,sector-size=4096,physical-sector-size=512,target=/b", "is less" },
		{ "vdev=xvda,sector-size=4096,target=null:513K", "not a multiple of sector-size" },
		{ "vdev=xvda,direct,format=qcow2,target=/b", "'direct' is for" },
		{ "vdev=xvda,backing,target=/b", "'backing' is for" },
		{ "vdev=xvda,format=raw,format=vhd,target=/b", "respecified" },
		{ "/b,raw,xvda,rw,more", "too many positional" },
		{ "vdev=xvda,backend=storage,target=/b", "driver domain" },
		{ "vdev=xvda,backendtype=qdisk,target=/b", "backendtype" },
		{ "vdev=xvda,script=block-nbd,target=/b", "script=" },
		{ "vdev=xvda,specification=virtio,target=/b", "virtio" },
		{ "vdev=xvda,colo,target=/b", "colo" },
		{ "vdev=xvda,cdrom,script=block-nbd", "format" },
		{ "vdev=xvda,cdrom,direct", "'direct' is for" },
		{ "vdev=xvda,target=/a\001b", "control characters" },
		{ "", "no vdev" },
	};
	struct capture c;
	struct disk disk;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc;

		capture_begin(&c, 2);
		rc = disk_parse(&disk, &bad[i].spec, 1);
		capture_end(&c);
		disk_fini(&disk);
		assert_one_line(c.text, bad[i].part);
		assert_int_equal(rc, TOOL_FAILED);
	}
}

/* A folder of images of all kinds. */
static char dir[] = "/tmp/test-image-XXXXXX";

static const char *file(const char *name, off_t size, mode_t mode)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static void check_image(const char *path, bool readonly, const char *part)
{
	struct capture c;
	struct image image;
	int rc;

	capture_begin(&c, 2);
	rc = image_check(path, readonly, 512, &image);
	capture_end(&c);
	if (!part) {
		assert_string_equal(c.text, "");
		assert_int_equal(rc, TOOL_OK);
		return;
	}
	assert_one_line(c.text, part);
	assert_int_equal(rc, TOOL_FAILED);
}

static void test_image_check_good_files_pass(void **state)
{
	(void)state;
	check_image(file("a", 512, 0600), false, NULL);
	check_image(file("a", 1 << 20, 0400), true, NULL);
}

static void test_image_check_bad_files_are_refused(void **state)
{
	char path[64];

	(void)state;
	check_image("/nonexistent/b", false, "no such file");
	check_image("/etc/passwd/b", false, "no such file");
	check_image(dir, false, "directory");
	check_image("/dev/null", false, "neither a file nor a block device");
	check_image(file("a", 0, 0600), false, "empty");
	check_image(file("a", 511, 0600), false, "not a multiple of 512");
	check_image(file("a", 513, 0600), false, "truncate -s %512");
	check_image(file("a", 512, 0400), false, "access=ro");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_image(path, true, "neither a file nor a block device");
	unlink(path);
}

static void test_image_same_links_are_one_image(void **state)
{
	char symbolic[64], hard[64];
	struct image a, b;
	const char *path = file("a", 512, 0600);

	(void)state;
	snprintf(symbolic, sizeof(symbolic), "%s/symbolic", dir);
	snprintf(hard, sizeof(hard), "%s/hard", dir);
	assert_int_equal(symlink(path, symbolic), 0);
	assert_int_equal(link(path, hard), 0);
	assert_true(image_identify(path, &a));
	assert_true(image_identify(symbolic, &b));
	assert_true(image_same(&a, &b));
	assert_true(image_identify(hard, &b));
	assert_true(image_same(&a, &b));
}

static void test_image_same_other_files_are_not(void **state)
{
	struct image a, b;

	(void)state;
	assert_true(image_identify(file("a", 512, 0600), &a));
	assert_true(image_identify(file("b", 512, 0600), &b));
	assert_false(image_same(&a, &b));
	assert_false(image_identify("/nonexistent", &a));
}

static void test_image_overlaps_parts_of_one_file(void **state)
{
	static const struct {
		uint64_t start, end;
		bool same, overlaps;
	} parts[] = {
		{ 0, UINT64_MAX, true, true },
		{ 0, 512, false, true },
		{ 512, UINT64_MAX, false, true },
	};
	struct image whole, part, other;

	(void)state;
	assert_true(image_identify(file("a", 1024, 0600), &whole));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = whole;
		part.start = parts[i].start;
		part.end = parts[i].end;
		assert_int_equal(image_same(&whole, &part), parts[i].same);
		assert_int_equal(image_overlaps(&whole, &part), parts[i].overlaps);
		assert_int_equal(image_overlaps(&part, &whole), parts[i].overlaps);
	}
	other = whole;
	other.end = 512;	/* what the last part has not */
	assert_false(image_overlaps(&other, &part));
	assert_false(image_overlaps(&part, &other));
	assert_true(image_identify(file("b", 1024, 0600), &other));
	assert_false(image_overlaps(&whole, &other));
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "a", "b", "symbolic", "hard" };
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disk_parse_forms_of_xl_are_understood),
		cmocka_unit_test(test_disk_parse_drive_may_be_empty),
		cmocka_unit_test(test_disk_parse_several_parts_are_one),
		cmocka_unit_test(test_disk_parse_relative_target_becomes_absolute),
		cmocka_unit_test(test_disk_parse_flags_have_xl_defaults),
		cmocka_unit_test(test_disk_parse_targets_of_all_kinds),
		cmocka_unit_test(test_disk_parse_words_of_xpv),
		cmocka_unit_test(test_disk_words_are_said_again_for_block_xpv),
		cmocka_unit_test(test_disk_parse_bad_specs_are_one_line),
		cmocka_unit_test(test_image_check_good_files_pass),
		cmocka_unit_test(test_image_check_bad_files_are_refused),
		cmocka_unit_test(test_image_same_links_are_one_image),
		cmocka_unit_test(test_image_same_other_files_are_not),
		cmocka_unit_test(test_image_overlaps_parts_of_one_file),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
