/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_nbd.c - the pure parts of the nbdkit plugin: a transfer in pieces, and what a disk
 * is called in NBD
 */
#include "test_frontend.h"

#include <errno.h>

#include "nbdkit/disk_job.h"
#include "nbdkit/nbd_rules.h"

#define MAX	88

static uint8_t data[1000 * 512];

/* Sends the next piece, which is this one. */
static void expect_piece(struct disk_job *job, uint64_t sector, uint32_t sectors)
{
	struct pv_blk_req req;

	assert_true(disk_job_cut(job, MAX, &req));
	assert_int_equal(req.op, job->op);
	assert_int_equal(req.sector, sector);
	assert_int_equal(req.sectors, sectors);
	assert_null(req.buffer);
	disk_job_sent(job, &req);
}

static void expect_none(const struct disk_job *job)
{
	struct pv_blk_req req;

	assert_false(disk_job_cut(job, MAX, &req));
}

static void test_job_that_fits_is_one_piece(void **state)
{
	static const uint32_t sizes[] = { 1, 8, MAX - 1, MAX };
	struct disk_job job;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		disk_job_init(&job, PV_BLK_WRITE, 7, sizes[i], data);
		assert_false(disk_job_over(&job));
		expect_piece(&job, 7, sizes[i]);
		expect_none(&job);
		assert_false(disk_job_over(&job));
		disk_job_back(&job, PV_OK);
		assert_true(disk_job_over(&job));
		assert_int_equal(job.status, PV_OK);
	}
}

static void test_job_larger_is_cut_without_gap_or_overlap(void **state)
{
	struct disk_job job;

	(void)state;
	for (uint32_t total = 1; total <= 1000; total++) {
		uint64_t next = 1ull << 40;
		struct pv_blk_req req;
		uint32_t pieces = 0;

		disk_job_init(&job, PV_BLK_READ, next, total, data);
		for (; disk_job_cut(&job, MAX, &req); pieces++) {
			assert_int_equal(req.sector, next);
			assert_ptr_equal(req.data, data + (next - (1ull << 40)) * 512);
			assert_true(req.sectors > 0 && req.sectors <= MAX);
			next += req.sectors;
			disk_job_sent(&job, &req);
		}
		assert_int_equal(next, (1ull << 40) + total);
		assert_int_equal(pieces, (total + MAX - 1) / MAX);
		assert_int_equal(job.under_way, pieces);
		while (pieces--) {
			assert_false(disk_job_over(&job));
			disk_job_back(&job, PV_OK);
		}
		assert_true(disk_job_over(&job));
	}
}

static void test_job_piece_that_was_not_taken_is_cut_again(void **state)
{
	struct pv_blk_req first, second;
	struct disk_job job;

	(void)state;
	disk_job_init(&job, PV_BLK_READ, 3, 2 * MAX, data);
	assert_true(disk_job_cut(&job, MAX, &first));
	assert_true(disk_job_cut(&job, MAX, &second));
	assert_memory_equal(&first, &second, sizeof(first));
	/* By then the ring may take less. */
	assert_true(disk_job_cut(&job, 8, &second));
	assert_int_equal(second.sectors, 8);
	disk_job_sent(&job, &second);
	expect_piece(&job, 11, MAX);
	expect_piece(&job, 11 + MAX, MAX - 8);
	expect_none(&job);
}

static void test_job_flush_is_one_piece_without_data(void **state)
{
	struct pv_blk_req req;
	struct disk_job job;

	(void)state;
	disk_job_init(&job, PV_BLK_FLUSH, 0, 0, NULL);
	assert_true(disk_job_cut(&job, MAX, &req));
	assert_int_equal(req.op, PV_BLK_FLUSH);
	assert_int_equal(req.sectors, 0);
	assert_null(req.data);
	disk_job_sent(&job, &req);
	expect_none(&job);
	disk_job_back(&job, PV_ENOTSUP);
	assert_true(disk_job_over(&job));
	assert_int_equal(job.status, PV_ENOTSUP);
}

static void test_job_error_stops_cutting_and_waits_for_the_rest(void **state)
{
	struct disk_job job;

	(void)state;
	disk_job_init(&job, PV_BLK_WRITE, 0, 10 * MAX, data);
	expect_piece(&job, 0, MAX);
	expect_piece(&job, MAX, MAX);
	expect_piece(&job, 2 * MAX, MAX);
	disk_job_back(&job, PV_OK);
	disk_job_back(&job, PV_EIO);
	expect_none(&job);
	assert_false(disk_job_over(&job));
	disk_job_back(&job, PV_EGONE);
	assert_true(disk_job_over(&job));
	assert_int_equal(job.status, PV_EIO);	/* the first */
}

static void test_job_refused_is_over_when_nothing_is_under_way(void **state)
{
	struct disk_job job;

	(void)state;
	disk_job_init(&job, PV_BLK_WRITE, 0, 2 * MAX, data);
	disk_job_fail(&job, PV_EREADONLY);
	expect_none(&job);
	assert_true(disk_job_over(&job));
	assert_int_equal(job.status, PV_EREADONLY);

	disk_job_init(&job, PV_BLK_WRITE, 0, 2 * MAX, data);
	expect_piece(&job, 0, MAX);
	disk_job_fail(&job, PV_ERANGE);
	assert_false(disk_job_over(&job));
	disk_job_back(&job, PV_OK);
	assert_true(disk_job_over(&job));
	assert_int_equal(job.status, PV_ERANGE);
}

static struct pv_blk_info disk_of(uint64_t sectors, uint32_t sector_size, uint32_t physical)
{
	return (struct pv_blk_info){ .sectors = sectors, .sector_size = sector_size,
				     .physical_sector_size = physical };
}

static void test_nbd_block_sizes_are_what_nbdkit_accepts(void **state)
{
	static const uint32_t logical[] = { 512, 1024, 2048, 4096 };
	static const uint32_t physical[][2] = {
		{ 512, 4096 }, { 4096, 4096 }, { 8192, 8192 }, { 65536, 65536 },
		{ 12288, 4096 }, { 0xffffffff, 4096 }, { 1u << 31, 4096 },
	};
	struct nbd_sizes sizes;

	(void)state;
	for (size_t i = 0; i < sizeof(logical) / sizeof(logical[0]); i++) {
		for (size_t k = 0; k < sizeof(physical) / sizeof(physical[0]); k++) {
			struct pv_blk_info info = disk_of(8, logical[i], physical[k][0]);

			nbd_block_sizes(&info, &sizes);
			assert_int_equal(sizes.minimum, logical[i]);
			assert_int_equal(sizes.preferred, physical[k][1]);
			assert_true(sizes.preferred >= sizes.minimum);
			assert_true(sizes.maximum >= sizes.preferred);
			assert_int_equal(sizes.maximum % sizes.minimum, 0);
		}
	}
}

static void test_nbd_size_is_in_bytes_or_refused(void **state)
{
	struct pv_blk_info info = disk_of(8, 512, 512);

	(void)state;
	assert_int_equal(nbd_size(&info), 4096);
	info.sectors = INT64_MAX / 512;
	assert_true(nbd_size(&info) == INT64_MAX / 512 * 512);
	info.sectors++;
	assert_int_equal(nbd_size(&info), -1);
	info.sectors = UINT64_MAX;
	assert_int_equal(nbd_size(&info), -1);
}

static void test_nbd_requests_are_whole_sectors(void **state)
{
	struct pv_blk_info small = disk_of(8, 512, 512), large = disk_of(8, 4096, 4096);

	(void)state;
	assert_true(nbd_is_aligned(&small, 512, 1024));
	assert_true(nbd_is_aligned(&large, 1ull << 50, 4096));
	assert_false(nbd_is_aligned(&small, 1, 512));
	assert_false(nbd_is_aligned(&small, 512, 511));
	assert_false(nbd_is_aligned(&large, 512, 4096));
	assert_false(nbd_is_aligned(&large, 4096, 512));
	assert_true(nbd_is_aligned(&large, 0, 0));	/* a flush */
}

static void test_nbd_errors_are_what_clients_expect(void **state)
{
	(void)state;
	assert_int_equal(nbd_errno(PV_OK, PV_BLK_READ), 0);
	assert_int_equal(nbd_errno(PV_ERANGE, PV_BLK_READ), EINVAL);
	assert_int_equal(nbd_errno(PV_ERANGE, PV_BLK_WRITE), ENOSPC);
	assert_int_equal(nbd_errno(PV_EALIGN, PV_BLK_WRITE), EINVAL);
	assert_int_equal(nbd_errno(PV_EREADONLY, PV_BLK_WRITE), EROFS);
	assert_int_equal(nbd_errno(PV_ENOTSUP, PV_BLK_FLUSH), EOPNOTSUPP);
	assert_int_equal(nbd_errno(PV_EGONE, PV_BLK_READ), ESHUTDOWN);
	for (int err = -1; err >= PV_EPORT; err--)
		assert_true(nbd_errno((enum pv_err)err, PV_BLK_READ) > 0);
	assert_int_equal(nbd_errno(PV_EIO, PV_BLK_READ), EIO);
	assert_int_equal(nbd_errno(PV_EBACKEND, PV_BLK_READ), EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job_that_fits_is_one_piece),
		cmocka_unit_test(test_job_larger_is_cut_without_gap_or_overlap),
		cmocka_unit_test(test_job_piece_that_was_not_taken_is_cut_again),
		cmocka_unit_test(test_job_flush_is_one_piece_without_data),
		cmocka_unit_test(test_job_error_stops_cutting_and_waits_for_the_rest),
		cmocka_unit_test(test_job_refused_is_over_when_nothing_is_under_way),
		cmocka_unit_test(test_nbd_block_sizes_are_what_nbdkit_accepts),
		cmocka_unit_test(test_nbd_size_is_in_bytes_or_refused),
		cmocka_unit_test(test_nbd_requests_are_whole_sectors),
		cmocka_unit_test(test_nbd_errors_are_what_clients_expect),
	};

	return cmocka_run_group_tests_name("frontend nbd", tests, NULL, NULL);
}
