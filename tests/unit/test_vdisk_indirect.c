/* SPDX-License-Identifier: MIT */
/*
 * Requests whose segments stand in a page of the guest's, and discards: the whole data path, with
 * grant copies and with persistent mappings.
 */
#define RIG_SECTORS	262144u		/* 128 MiB: a discard of it is done in parts */
#include "test_vdisk_harness.h"

#include <sys/stat.h>

#define PAGES		BLK_MAX_PIECES
#define LIST		2000u		/* the page of the segments, among the pages of data */

/* The first nr pages of data, whole ones. */
static struct blk_req indirect(uint8_t op, uint64_t sector, unsigned int nr)
{
	struct blk_seg *segs = (struct blk_seg *)(void *)rig_data(LIST);
	struct blk_req req = { .op = BLK_INDIRECT, .indirect_op = op, .id = sector + nr,
			       .sector = sector, .nr_segs = (uint16_t)nr };

	for (unsigned int i = 0; i < nr && i < BLK_SEGS_PER_PAGE; i++)
		segs[i] = (struct blk_seg){ .gref = RIG_DATA + i, .last_sect = 7 };
	req.indirect_gref[0] = RIG_DATA + LIST;
	return req;
}

static void fill_pages(unsigned int nr, int salt)
{
	for (unsigned int i = 0; i < nr; i++)
		memset(rig_data(i), (int)i + salt, BLK_PAGE);
}

static void test_indirect_write_then_read_of_every_size(void **state)
{
	(void)state;
	for (unsigned int nr = 1; nr <= PAGES; nr += nr < 16 ? 1 : 60) {
		fill_pages(nr, 3);
		assert_int_equal(rig_do(&rig, indirect(BLK_WRITE, 8, nr)), BLK_OKAY);
		for (unsigned int i = 0; i < nr; i++)
			assert_true(is_full_of(rig.image + (1 + i) * BLK_PAGE, BLK_PAGE,
					       (int)i + 3));
		fill_pages(nr, 99);
		assert_int_equal(rig_do(&rig, indirect(BLK_READ, 8, nr)), BLK_OKAY);
		for (unsigned int i = 0; i < nr; i++)
			assert_true(is_full_of(rig_data(i), BLK_PAGE, (int)i + 3));
	}
	assert_true(rig.journal->stats.indirect_reqs > 0);
	assert_int_equal(rig.journal->stats.errors, 0);
}

/* A ring full of them, in one go. */
static void test_indirect_full_ring_is_answered(void **state)
{
	struct blk_rsp rsp;

	(void)state;
	fill_pages(PAGES, 1);
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		struct blk_req req = indirect(BLK_WRITE, i * PAGES * 8, PAGES);

		rig_push(&rig, &req);
	}
	rig_run(&rig);
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
		assert_int_equal(rsp.op, BLK_WRITE);
		assert_int_equal(rsp.status, BLK_OKAY);
	}
	for (size_t page = 0; page < RIG_SLOTS * PAGES; page++)
		assert_true(is_full_of(rig.image + page * BLK_PAGE, BLK_PAGE,
				       (int)(page % PAGES) + 1));
	assert_int_equal(rig_queue(&rig)->under_way, 0);
}

static void test_indirect_page_that_cannot_be_read_is_an_error(void **state)
{
	struct blk_req req;

	(void)state;
	fake.access[RIG_DATA + LIST - FAKE_FIRST] = FAKE_REVOKED;
	assert_int_equal(rig_do(&rig, indirect(BLK_WRITE, 0, 4)), BLK_ERROR);
	assert_true(is_full_of(rig.image, BLK_PAGE, 0));
	fake.access[RIG_DATA + LIST - FAKE_FIRST] = FAKE_READONLY;
	fill_pages(4, 9);
	assert_int_equal(rig_do(&rig, indirect(BLK_WRITE, 0, 4)), BLK_OKAY);
	assert_true(is_full_of(rig.image, BLK_PAGE, 9));
	req = indirect(BLK_WRITE, 0, 4);
	req.indirect_gref[0] = UINT32_MAX;
	assert_int_equal(rig_do(&rig, req), BLK_ERROR);
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 1, 0, 0, 1)), BLK_OKAY);
}

/* XSA-361, XSA-318: a copy that was not done counts as not done, whichever of a batch it is. */
static void test_xsa361_indirect_copy_failures_hit_their_request_alone(void **state)
{
	struct blk_rsp rsp;

	(void)state;
	fake.access[RIG_DATA + LIST - FAKE_FIRST] = FAKE_READONLY;	/* copied, not mapped */
	for (unsigned int bad = 0; bad < DISK_BATCH; bad++) {
		for (unsigned int i = 0; i < DISK_BATCH; i++) {
			struct blk_req req = indirect(BLK_READ, 0, 2);

			req.id = i;
			rig_push(&rig, &req);
		}
		fake.fail_copy = bad + 1;
		fake.fail_copy_status = GNTST_general_error;
		rig_run(&rig);
		for (unsigned int i = 0; i < DISK_BATCH; i++) {
			assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
			assert_int_equal(rsp.status, rsp.id == bad ? BLK_ERROR : BLK_OKAY);
		}
	}
	fake.skip_copies = true;
	assert_int_equal(rig_do(&rig, indirect(BLK_READ, 0, 2)), BLK_ERROR);
	fake.skip_copies = false;
}

/* XSA-155: its segments are copied once, and only as many as it says: by the hypervisor, or from a
 * page that stays mapped. */
static void test_xsa155_indirect_segments_are_copied_once(void **state)
{
	unsigned int copies = fake.copies, calls = fake.copy_calls, mapped = fake.nr_mappings;
	unsigned int expected = rig.disk.persistent ? 0 : 1;
	struct blk_req req;

	(void)state;
	req = indirect(BLK_READ, 1u << 30, 7);		/* out of range: no data is moved */
	assert_int_equal(rig_do(&rig, req), BLK_ERROR);
	assert_int_equal(fake.copies - copies, expected);
	assert_int_equal(fake.copy_calls - calls, expected);
	req = indirect(BLK_READ, 0, PAGES + 1);
	assert_int_equal(rig_do(&rig, req), BLK_ERROR);
	assert_int_equal(fake.copies - copies, expected);
	assert_int_equal(fake.nr_mappings - mapped, 1 - expected);
}

/* What a dead worker had taken is done by its successor, from the guest's page as it is then. */
static void test_indirect_request_is_taken_up_by_a_successor(void **state)
{
	struct blk_req req = indirect(BLK_WRITE, 16, 40);
	struct blk_rsp rsp;

	(void)state;
	fill_pages(40, 50);
	rig_push(&rig, &req);
	assert_int_equal(blk_back_pop(&rig_queue(&rig)->ring, &req), 1);
	journal_take(&rig_queue(&rig)->journal, 0, rig_queue(&rig)->ring.ring.req_cons - 1,
		     &req);
	rig_close(&rig, false);
	rig_open(&rig);
	rig_run(&rig);
	assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
	assert_int_equal(rsp.id, 56);
	assert_int_equal(rsp.op, BLK_WRITE);
	assert_int_equal(rsp.status, BLK_OKAY);
	assert_true(is_full_of(rig.image + 2 * BLK_PAGE, BLK_PAGE, 50));
	assert_int_equal(rig.journal->stats.replayed, 1);
}

static void test_buffers_beyond_what_is_kept_give_their_memory_back(void **state)
{
	struct request *r;

	(void)state;
	fill_pages(PAGES, 7);
	assert_int_equal(rig_do(&rig, indirect(BLK_WRITE, 0, PAGES)), BLK_OKAY);
	r = &rig_queue(&rig)->reqs[rig_queue(&rig)->free_slot[rig_queue(&rig)->nr_free - 1]];
	assert_int_equal(r->touched, DISK_BUFFER);
	assert_int_equal(rig_queue(&rig)->touched, DISK_BUFFER);
	assert_int_equal(r->buf[5], 7);
	rig_queue(&rig)->touched += DISK_KEEP;		/* as if many were in use */
	assert_int_equal(rig_do(&rig, indirect(BLK_WRITE, 0, 1)), BLK_OKAY);
	assert_int_equal(r->touched, 0);
	assert_int_equal(rig_queue(&rig)->touched, DISK_KEEP);
	assert_int_equal(r->buf[5], 0);
}

static blkcnt_t blocks(void)
{
	struct stat st;

	assert_int_equal(fstat(rig.image_fd, &st), 0);
	return st.st_blocks;
}

static void test_discard_makes_a_hole_that_reads_as_zeros(void **state)
{
	struct blk_req req = { .op = BLK_DISCARD, .id = 1, .sector = 8, .nr_sectors = 16 };
	blkcnt_t before;

	(void)state;
	memset(rig.image, 0x33, 4 * BLK_PAGE);
	before = blocks();
	assert_int_equal(rig_do(&rig, req), BLK_OKAY);
	/* first of all: looking at a hole by way of a mapping fills it */
	assert_int_equal(before - blocks(), 2 * BLK_PAGE / 512);
	assert_true(is_full_of(rig.image, BLK_PAGE, 0x33));
	assert_true(is_full_of(rig.image + BLK_PAGE, 2 * BLK_PAGE, 0));
	assert_true(is_full_of(rig.image + 3 * BLK_PAGE, BLK_PAGE, 0x33));
	assert_int_equal(rig.journal->stats.discard_reqs, 1);
	assert_int_equal(rig.journal->stats.discard_bytes, 2 * BLK_PAGE);
	req.flag = BLK_DISCARD_SECURE;
	assert_int_equal(rig_do(&rig, req), BLK_EOPNOTSUPP);
}

/* In memory: the pages are written over before they are given back. */
static void test_secure_discard_where_offered_is_done(void **state)
{
	struct blk_req req = { .op = BLK_DISCARD, .id = 1, .sector = 9, .nr_sectors = 16,
			       .flag = BLK_DISCARD_SECURE };

	(void)state;
	memset(rig.image, 0x33, 4 * BLK_PAGE);
	assert_int_equal(rig_do(&rig, req), BLK_OKAY);
	assert_true(is_full_of(rig.image, 9 * 512, 0x33));
	assert_true(is_full_of(rig.image + 9 * 512, 16 * 512, 0));
	assert_true(is_full_of(rig.image + 25 * 512, 7 * 512, 0x33));
	req.sector = 0;
	req.nr_sectors = RIG_SECTORS;
	assert_int_equal(rig_do(&rig, req), BLK_OKAY);
	assert_int_equal(blocks(), 0);
	req.sector = 1;
	assert_int_equal(rig_do(&rig, req), BLK_ERROR);
}

static void test_large_discard_lets_others_go_between_its_parts(void **state)
{
	struct blk_req all = { .op = BLK_DISCARD, .id = 1, .nr_sectors = RIG_SECTORS };
	struct blk_req read = rig_req(BLK_READ, 2, RIG_SECTORS - 8, 0, 1);
	struct blk_rsp rsp;

	(void)state;
	memset(rig.image, 0x44, BLK_PAGE);
	memset(rig.image + RIG_IMAGE - BLK_PAGE, 0x44, BLK_PAGE);
	rig_push(&rig, &all);
	rig_push(&rig, &read);
	rig_run(&rig);
	assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
	assert_int_equal(rsp.id, 2);
	assert_true(is_full_of(rig_data(0), BLK_PAGE, 0x44));
	assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
	assert_int_equal(rsp.id, 1);
	assert_int_equal(rsp.op, BLK_DISCARD);
	assert_int_equal(rsp.status, BLK_OKAY);
	assert_int_equal(blocks(), 0);
}

static int set_up_copy_discard(void **state)
{
	(void)state;
	return set_up_with(BLK_ABI_64, WIRE_DISCARD);
}

static int set_up_copy_secure(void **state)
{
	(void)state;
	return set_up_with(BLK_ABI_64, WIRE_DISCARD | WIRE_SECURE);
}

#define SEC(f) { #f ", with secure discard", f, set_up_copy_secure, tear_down, NULL }
#define DISC(f) { #f ", with discard", f, set_up_copy_discard, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_indirect_write_then_read_of_every_size),
		BOTH(test_indirect_full_ring_is_answered),
		BOTH(test_indirect_page_that_cannot_be_read_is_an_error),
		BOTH(test_xsa361_indirect_copy_failures_hit_their_request_alone),
		BOTH(test_xsa155_indirect_segments_are_copied_once),
		BOTH(test_indirect_request_is_taken_up_by_a_successor),
		COPY(test_buffers_beyond_what_is_kept_give_their_memory_back),
		DISC(test_discard_makes_a_hole_that_reads_as_zeros),
		SEC(test_secure_discard_where_offered_is_done),
		DISC(test_large_discard_lets_others_go_between_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
