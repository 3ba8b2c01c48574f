/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_memory.c - a file in memory, through a mapping
 *
 * That something went through the mapping is shown by taking the descriptor away meanwhile: a
 * system call has nothing to work on then.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdisk/target.h"

#define PAGES	200u			/* more than three words of bits */
#define SIZE	(PAGES * BLK_PAGE)
#define STEPS	20000

static int file;			/* the test's own */
static struct target target;

static int set_up(void **state)
{
	(void)state;
	file = memfd_create("image", MFD_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, SIZE), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	target.ops->close(&target);
	close(file);
	return 0;
}

static void open_target(void)
{
	target_file_open(&target, dup(file), false);
	assert_true(target.fd >= 0);
	assert_true(target.in_memory);
}

static int move_at(enum target_op op, uint64_t off, void *data, size_t len)
{
	struct iovec iov = { data, len };
	struct target_io io = { .op = op, .iov = &iov, .nr_iov = 1, .off = off, .len = len };

	return target.ops->now(&target, &io, false);
}

static int discard_at(uint64_t off, uint64_t len, bool secure)
{
	struct target_io io = { .op = TARGET_DISCARD, .secure = secure, .off = off, .len = len };

	return target.ops->now(&target, &io, false);
}

/* The same, and there is no file that a system call could be about. */
static int move_mapped(enum target_op op, uint64_t off, void *data, size_t len)
{
	int fd = target.fd, rc;

	target.fd = -1;
	rc = move_at(op, off, data, len);
	target.fd = fd;
	return rc;
}

static uint64_t pages_there(void)
{
	struct stat st;

	assert_int_equal(fstat(file, &st), 0);
	return (uint64_t)st.st_blocks * 512 / BLK_PAGE;
}

static bool is_full_of(const uint8_t *p, size_t len, uint8_t c)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != c)
			return false;
	}
	return true;
}

static void put(uint64_t off, int c, size_t len)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	memset(data, c, len);
	assert_int_equal(pwrite(file, data, len, (off_t)off), (ssize_t)len);
	free(data);
}

static void test_memory_reading_a_hole_does_not_fill_it(void **state)
{
	static uint8_t data[SIZE];

	(void)state;
	open_target();
	memset(data, 0xee, sizeof(data));
	for (int i = 0; i < 2; i++)
		assert_int_equal(move_at(TARGET_READ, 0, data, sizeof(data)), 0);
	assert_true(is_full_of(data, sizeof(data), 0));
	assert_int_equal(pages_there(), 0);
	assert_int_equal(move_mapped(TARGET_READ, 0, data, BLK_PAGE), -EBADF);
}

static void test_memory_what_the_file_has_is_mapped(void **state)
{
	uint8_t data[3 * BLK_PAGE];

	(void)state;
	put(62 * BLK_PAGE, 1, 3 * BLK_PAGE);		/* across a word of bits */
	put(130 * BLK_PAGE + 100, 2, 200);
	open_target();
	assert_int_equal(move_mapped(TARGET_READ, 62 * BLK_PAGE, data, sizeof(data)), 0);
	assert_true(is_full_of(data, sizeof(data), 1));
	assert_int_equal(move_mapped(TARGET_READ, 130 * BLK_PAGE, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, 100, 0));
	assert_true(is_full_of(data + 100, 200, 2));
	/* what touches a page that is not there goes the other way */
	assert_int_equal(move_mapped(TARGET_READ, 61 * BLK_PAGE, data, 2 * BLK_PAGE), -EBADF);
	assert_int_equal(move_mapped(TARGET_READ, 65 * BLK_PAGE - 1, data, 2), -EBADF);
	assert_int_equal(pages_there(), 4);
}

static void test_memory_a_file_with_all_its_pages_is_mapped_at_once(void **state)
{
	uint8_t data[BLK_PAGE];

	(void)state;
	assert_int_equal(posix_fallocate(file, 0, SIZE), 0);
	open_target();
	assert_int_equal(move_mapped(TARGET_READ, SIZE - BLK_PAGE, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, BLK_PAGE, 0));
	memset(data, 9, sizeof(data));
	assert_int_equal(move_mapped(TARGET_WRITE, 0, data, BLK_PAGE), 0);
	memset(data, 0, sizeof(data));
	assert_int_equal(pread(file, data, BLK_PAGE, 0), BLK_PAGE);
	assert_true(is_full_of(data, BLK_PAGE, 9));
}

static void test_memory_what_is_written_becomes_mapped(void **state)
{
	uint8_t data[2 * BLK_PAGE];

	(void)state;
	open_target();
	memset(data, 7, sizeof(data));
	assert_int_equal(move_mapped(TARGET_WRITE, 512, data, 512), -EBADF);
	assert_int_equal(move_at(TARGET_WRITE, 512, data, 512), 0);
	memset(data, 8, sizeof(data));
	assert_int_equal(move_mapped(TARGET_WRITE, 1024, data, 512), 0);
	assert_int_equal(move_mapped(TARGET_READ, 0, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, 512, 0));
	assert_true(is_full_of(data + 512, 512, 7));
	assert_true(is_full_of(data + 1024, 512, 8));
	assert_int_equal(pages_there(), 1);
}

static void test_memory_discard_gives_pages_back_for_good(void **state)
{
	uint8_t data[4 * BLK_PAGE];

	(void)state;
	put(0, 3, sizeof(data));
	open_target();
	assert_int_equal(discard_at(BLK_PAGE, 2 * BLK_PAGE, false), 0);
	assert_int_equal(pages_there(), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(move_at(TARGET_READ, 0, data, sizeof(data)), 0);
	assert_int_equal(pages_there(), 2);
	assert_true(is_full_of(data, BLK_PAGE, 3));
	assert_true(is_full_of(data + BLK_PAGE, 2 * BLK_PAGE, 0));
	assert_true(is_full_of(data + 3 * BLK_PAGE, BLK_PAGE, 3));
	/* a part of a page: the rest of it stays */
	assert_int_equal(discard_at(3 * BLK_PAGE, 512, true), 0);
	assert_int_equal(move_at(TARGET_READ, 3 * BLK_PAGE, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, 512, 0));
	assert_true(is_full_of(data + 512, BLK_PAGE - 512, 3));
}

/* The host's own doing: an error for what is gone, and nothing else. */
static void test_memory_a_file_cut_short_fails_what_is_gone(void **state)
{
	uint8_t data[2 * BLK_PAGE];

	(void)state;
	assert_int_equal(target_memory_init(), 0);	/* in place of cmocka's own */
	put(0, 4, SIZE);
	open_target();
	assert_int_equal(ftruncate(file, 10 * BLK_PAGE), 0);
	assert_int_equal(move_at(TARGET_READ, 50 * BLK_PAGE, data, BLK_PAGE), -EIO);
	assert_int_equal(move_at(TARGET_READ, 9 * BLK_PAGE, data, 2 * BLK_PAGE), -EIO);
	for (int i = 0; i < 3; i++)		/* a signal that was left is not blocked */
		assert_int_equal(move_at(TARGET_READ, 20 * BLK_PAGE, data, BLK_PAGE), -EIO);
	memset(data, 0, sizeof(data));
	assert_int_equal(move_mapped(TARGET_READ, 8 * BLK_PAGE, data, 2 * BLK_PAGE), 0);
	assert_true(is_full_of(data, sizeof(data), 4));
	/* as with any file, a write makes it longer again */
	memset(data, 5, sizeof(data));
	assert_int_equal(move_at(TARGET_WRITE, 20 * BLK_PAGE, data, BLK_PAGE), 0);
	assert_int_equal(move_at(TARGET_READ, 20 * BLK_PAGE, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, BLK_PAGE, 5));
}

/* A hole that the host has made: zeros, as from any file. */
static void test_memory_a_hole_made_by_the_host_reads_as_zeros(void **state)
{
	uint8_t data[BLK_PAGE];

	(void)state;
	put(0, 4, SIZE);
	open_target();
	assert_int_equal(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BLK_PAGE,
				   BLK_PAGE), 0);
	assert_int_equal(move_at(TARGET_READ, BLK_PAGE, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, BLK_PAGE, 0));
}

static void test_memory_what_a_file_has_grown_by_is_reached(void **state)
{
	uint8_t data[BLK_PAGE];

	(void)state;
	put(0, 1, BLK_PAGE);
	open_target();
	assert_int_equal(ftruncate(file, 2 * SIZE), 0);
	put(SIZE + BLK_PAGE, 6, BLK_PAGE);
	/* before it is known */
	assert_int_equal(move_at(TARGET_READ, SIZE + BLK_PAGE, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, BLK_PAGE, 6));
	assert_int_equal(move_at(TARGET_WRITE, SIZE - 512, data, 1024), 0);
	target.ops->grown(&target);
	assert_int_equal(move_mapped(TARGET_READ, SIZE + BLK_PAGE, data, BLK_PAGE), 0);
	assert_int_equal(move_mapped(TARGET_READ, SIZE, data, 512), 0);
	assert_true(is_full_of(data, 512, 6));
	assert_int_equal(move_mapped(TARGET_READ, 0, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, BLK_PAGE, 1));
	assert_int_equal(move_at(TARGET_READ, 2 * SIZE, data, BLK_PAGE), -EIO);
}

static void test_memory_a_file_opened_for_reading_is_not_written(void **state)
{
	char path[64];
	uint8_t data[BLK_PAGE];

	(void)state;
	put(0, 2, BLK_PAGE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	target_file_open(&target, open(path, O_RDONLY | O_CLOEXEC), false);
	assert_int_equal(move_mapped(TARGET_READ, 0, data, BLK_PAGE), 0);
	assert_true(is_full_of(data, BLK_PAGE, 2));
	assert_int_equal(move_at(TARGET_WRITE, 0, data, BLK_PAGE), -EBADF);
}

static void test_memory_an_empty_file_is_an_empty_disk(void **state)
{
	uint8_t data[512];

	(void)state;
	assert_int_equal(ftruncate(file, 0), 0);
	open_target();
	assert_int_equal(move_at(TARGET_READ, 0, data, sizeof(data)), -EIO);
}

/* Any mixture of sizes, pieces and operations is as in an array, and takes no page more than were
 * written. */
static void test_memory_is_an_array_of_bytes(void **state)
{
	static uint8_t model[SIZE], data[SIZE];
	static bool written[PAGES];
	unsigned int seed = 20231, nr_written = 0;

	(void)state;
	open_target();
	for (int step = 0; step < STEPS; step++) {
		uint64_t off = (uint64_t)rand_r(&seed) % (SIZE / 512) * 512;
		uint64_t max = SIZE - off < 40 * 512 ? SIZE - off : 40 * 512;
		uint64_t len = ((uint64_t)rand_r(&seed) % (max / 512) + 1) * 512, cut;
		enum target_op op = (enum target_op)(rand_r(&seed) % 3);
		struct iovec iov[2];
		struct target_io io = { .op = op, .iov = iov, .nr_iov = 2, .off = off, .len = len };

		if (op == TARGET_SYNC) {
			assert_int_equal(discard_at(off, len, false), 0);
			memset(model + off, 0, len);
			continue;
		}
		cut = (uint64_t)rand_r(&seed) % len;
		iov[0] = (struct iovec){ data, cut };
		iov[1] = (struct iovec){ data + cut, len - cut };
		for (uint64_t i = 0; op == TARGET_WRITE && i < len; i++)
			model[off + i] = data[i] = (uint8_t)rand_r(&seed);
		assert_int_equal(target.ops->now(&target, &io, false), 0);
		if (op == TARGET_READ)
			assert_memory_equal(data, model + off, len);
		for (uint64_t at = off; op == TARGET_WRITE && at < off + len; at += 512) {
			nr_written += !written[at / BLK_PAGE];
			written[at / BLK_PAGE] = true;
		}
		assert_true(pages_there() <= nr_written);
	}
	assert_int_equal(pread(file, data, SIZE, 0), SIZE);
	assert_memory_equal(data, model, SIZE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_memory_reading_a_hole_does_not_fill_it),
		TEST(test_memory_what_the_file_has_is_mapped),
		TEST(test_memory_a_file_with_all_its_pages_is_mapped_at_once),
		TEST(test_memory_what_is_written_becomes_mapped),
		TEST(test_memory_discard_gives_pages_back_for_good),
		TEST(test_memory_a_file_cut_short_fails_what_is_gone),
		TEST(test_memory_a_hole_made_by_the_host_reads_as_zeros),
		TEST(test_memory_what_a_file_has_grown_by_is_reached),
		TEST(test_memory_a_file_opened_for_reading_is_not_written),
		TEST(test_memory_an_empty_file_is_an_empty_disk),
		TEST(test_memory_is_an_array_of_bytes),
	};

	return cmocka_run_group_tests_name("vdisk_memory", tests, NULL, NULL);
}
