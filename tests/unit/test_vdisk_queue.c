/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_queue.c - requests through the real queue, over a guest that does what it likes
 *
 * What is asked for and what comes back: data, verdicts, padding, order, notifications; and how a
 * disk is given up, taken over or refused. Pages that cannot be reached are test_vdisk_grants.c.
 */
#include "test_vdisk_harness.h"

static void test_queue_write_then_read_moves_the_data(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		memset(rig_data(i), (int)i + 1, BLK_PAGE);
	assert_int_equal(rig_do(&rig, rig_req(BLK_WRITE, 1, 0, 0, 8)), BLK_OKAY);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(is_full_of(rig.image + i * BLK_PAGE, BLK_PAGE, (int)i + 1));
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 2, 8, 20, 7)), BLK_OKAY);
	for (unsigned int i = 0; i < 7; i++)
		assert_memory_equal(rig_data(20 + i), rig.image + (i + 1) * BLK_PAGE, BLK_PAGE);
	assert_int_equal(rig_do(&rig, rig_req(BLK_FLUSH, 3, 0, 0, 0)), BLK_OKAY);
	assert_int_equal(rig_do(&rig, rig_req(BLK_BARRIER, 4, 0, 1, 1)), BLK_OKAY);
	assert_true(is_full_of(rig.image, BLK_PAGE, 2));
}

/* Parts of pages, the same page twice, and a gap that stays as it was. */
static void test_queue_partial_segments_touch_only_their_sectors(void **state)
{
	struct blk_req req = rig_req(BLK_WRITE, 1, 10, 0, 3);

	(void)state;
	memset(rig.image, 0x77, RIG_IMAGE);
	for (unsigned int i = 0; i < 8; i++)
		memset(rig_data(0) + i * 512, (int)i, 512);
	memset(rig_data(1), 0x11, BLK_PAGE);
	req.seg[0] = (struct blk_seg){ RIG_DATA, 7, 7, 0 };
	req.seg[1] = (struct blk_seg){ RIG_DATA + 1, 2, 3, 0 };
	req.seg[2] = (struct blk_seg){ RIG_DATA, 0, 0, 0 };
	assert_int_equal(rig_do(&rig, req), BLK_OKAY);
	assert_true(is_full_of(rig.image, 10 * 512, 0x77));
	assert_true(is_full_of(rig.image + 10 * 512, 512, 7));
	assert_true(is_full_of(rig.image + 11 * 512, 1024, 0x11));
	assert_true(is_full_of(rig.image + 13 * 512, 512, 0));
	assert_true(is_full_of(rig.image + 14 * 512, RIG_IMAGE - 14 * 512, 0x77));
	req.op = BLK_READ;
	memset(rig_data(0), 0xee, 2 * BLK_PAGE);
	assert_int_equal(rig_do(&rig, req), BLK_OKAY);
	assert_true(is_full_of(rig_data(0) + 512, 6 * 512, 0xee));
	assert_true(is_full_of(rig_data(1), 1024, 0xee));
	assert_true(is_full_of(rig_data(1) + 1024, 1024, 0x11));
	assert_true(is_full_of(rig_data(1) + 2048, 2048, 0xee));
}

static void test_xsa142_queue_readonly_disk_is_never_changed(void **state)
{
	(void)state;
	memset(rig.image, 0x77, RIG_IMAGE);
	memset(rig_data(0), 0x11, BLK_PAGE);
	for (uint8_t op = BLK_WRITE; op <= BLK_FLUSH; op++)
		assert_int_equal(rig_do(&rig, rig_req(op, op, 0, 0, 1)), BLK_ERROR);
	assert_int_equal(rig_do(&rig, rig_req(BLK_FLUSH, 9, 0, 0, 0)), BLK_OKAY);
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 10, 0, 0, 1)), BLK_OKAY);
	assert_true(is_full_of(rig_data(0), BLK_PAGE, 0x77));
	assert_true(is_full_of(rig.image, RIG_IMAGE, 0x77));
}

/* XSA-216: behind an answer, good or bad, there is nothing of ours in the slot. */
static void test_xsa216_queue_answers_have_zero_padding(void **state)
{
	size_t slot = rig.front.abi == BLK_ABI_64 ? 112 : 108;
	size_t size = rig.front.abi == BLK_ABI_64 ? 16 : 12;

	(void)state;
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		uint8_t *p = (uint8_t *)fake_page(RIG_RING) + RING_HEADER + i * slot;
		uint8_t before[112];

		memset(p, 0xff, slot);
		/* operations that succeed, fail and are unknown */
		rig_do(&rig, rig_req((uint8_t)(i % 8), UINT64_MAX, i % 3 ? 0 : 1u << 20, 0, 1));
		assert_int_equal(p[9], 0);
		for (size_t b = 12; b < size; b++)
			assert_int_equal(p[b], 0);
		/* the rest of the slot is the request, as the guest wrote it */
		memcpy(before, p, slot);
		assert_true(is_full_of(before, 8, 0xff));
	}
}

static void test_queue_full_ring_is_answered_in_batches_with_one_notification(void **state)
{
	unsigned int notified = fake.notified;
	struct blk_rsp rsp;

	(void)state;
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		struct blk_req req = rig_req(BLK_READ, i, 0, i, 1);

		rig_push(&rig, &req);
	}
	rig_run(&rig);
	assert_int_equal(fake.notified - notified, 1);
	assert_true(fake.copy_calls <= RIG_SLOTS / DISK_BATCH);
	for (unsigned int i = 0; i < RIG_SLOTS; i++)
		assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
	assert_int_equal(rig.journal->stats.read_reqs, RIG_SLOTS);
	assert_int_equal(rig.journal->stats.read_bytes, RIG_SLOTS * BLK_PAGE);
	assert_int_equal(rig.journal->stats.batches, RIG_SLOTS / DISK_BATCH);
}

/* XSA-86: what was taken before is answered, nothing is taken after, the first reason stays. */
static void test_xsa86_queue_impossible_index_stops_the_disk(void **state)
{
	static const uint32_t jumps[] = { 33, 1u << 31, UINT32_MAX, 0x10000 };

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		uint32_t at = rig.front.ring.req_prod;

		assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 1, 0, 0, 1)), BLK_OKAY);
		rig.front.ring.shared->req_prod = at + 1 + jumps[i];
		rig_run(&rig);
		assert_non_null(strstr(disk_failed(&rig.disk), "producer index"));
		assert_false(queue_pending(rig_queue(&rig)));
		assert_false(queue_arm(rig_queue(&rig)));
		queue_fail(rig_queue(&rig), "another reason");
		assert_non_null(strstr(disk_failed(&rig.disk), "producer index"));
		rig.front.ring.shared->req_prod = at + 2;	/* too late to be good */
		rig_run(&rig);
		assert_int_equal(rig_queue(&rig)->ring.ring.req_cons, at + 1);
		assert_true(queue_idle(rig_queue(&rig)));

		reconnect();
	}
}

/* Lines that are logged while f() runs, which are not shown. */
static unsigned int lines_of(void (*f)(void))
{
	int shown = dup(STDERR_FILENO), log = memfd_create("log", MFD_CLOEXEC);
	unsigned int lines = 0;
	char buf[4096];
	ssize_t n;

	log_init("test", LOG_WARNING);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	f();
	assert_int_equal(dup2(shown, STDERR_FILENO), STDERR_FILENO);
	log_init("test", LOG_ERROR);
	assert_int_equal(lseek(log, 0, SEEK_SET), 0);
	while ((n = read(log, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
	close(log);
	close(shown);
	return lines;
}

static void break_and_reconnect(void)
{
	for (unsigned int i = 0; i < 50; i++) {
		for (unsigned int n = 0; n < 15; n++)
			assert_int_equal(rig_do(&rig, rig_req(77, n, 0, 0, 1)), BLK_EOPNOTSUPP);
		rig.front.ring.shared->req_prod = 0x12345678;
		rig_run(&rig);
		assert_non_null(disk_failed(&rig.disk));
		reconnect();
	}
}

/* XSA-180: a connection is soon made anew, and no reason to begin counting lines anew. */
static void test_xsa180_queue_reconnecting_does_not_flood_the_log(void **state)
{
	uint64_t begin = loop_now();
	unsigned int lines = lines_of(break_and_reconnect);

	(void)state;
	assert_in_range(lines, 1, 11 * (1 + (loop_now() - begin) / UINT64_C(5000000000)));
}

/* --- a target that answers when the test says so --- */

static struct target_io *kept[RIG_SLOTS];
static unsigned int nr_kept;

static int later(struct target *t, struct target_io *io, bool wait)
{
	(void)t, (void)io, (void)wait;
	return -EAGAIN;
}

static int keep(struct target *t, struct target_io *io)
{
	(void)t;
	kept[nr_kept++] = io;
	return 0;
}

/* Until one of them is answered, an index that cannot be is not looked at: it would keep the lane
 * from whatever brings the answers. */
static void test_xsa86_queue_without_a_free_slot_waits_for_answers(void **state)
{
	static const struct target_ops slow = { .now = later, .start = keep };
	const struct target_ops *file = rig.disk.target.ops;
	struct blk_rsp rsp;

	(void)state;
	rig.disk.target.ops = &slow;
	nr_kept = 0;
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		struct blk_req req = rig_req(BLK_READ, i, 0, i, 1);

		rig_push(&rig, &req);
	}
	rig_run(&rig);
	assert_int_equal(nr_kept, RIG_SLOTS);
	rig.front.ring.shared->req_prod = 0x12345678;
	assert_false(queue_pending(rig_queue(&rig)));
	assert_false(queue_arm(rig_queue(&rig)));
	assert_null(disk_failed(&rig.disk));
	kept[7]->done(kept[7], 0);
	rig_run(&rig);
	assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
	assert_int_equal(rsp.id, 7);
	assert_non_null(strstr(disk_failed(&rig.disk), "producer index"));
	for (unsigned int i = 0; i < RIG_SLOTS; i++) {
		if (i != 7)
			kept[i]->done(kept[i], 0);
	}
	rig_run(&rig);
	assert_true(queue_idle(rig_queue(&rig)));
	rig.disk.target.ops = file;
}

static void test_queue_scribbled_rsp_prod_and_events_change_nothing(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct blk_req req = rig_req(BLK_READ, i, 0, 0, 1);
		struct blk_rsp rsp;

		rig_push(&rig, &req);
		rig.front.ring.shared->rsp_prod = i * 2654435761u;
		rig.front.ring.shared->req_event = i * 40503u;
		rig.front.ring.shared->rsp_event = i * 97u;
		rig_run(&rig);
		assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
		assert_int_equal(rsp.id, i);
	}
}

static void test_queue_image_that_shrank_is_an_error_not_a_fault(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(rig.image_fd, 4 * BLK_PAGE), 0);
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 1, 24, 0, 3)), BLK_ERROR);
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 2, 56, 0, 1)), BLK_ERROR);
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 3, 0, 0, 1)), BLK_OKAY);
	assert_int_equal(ftruncate(rig.image_fd, RIG_IMAGE), 0);
}

static void test_queue_barrier_waits_for_all_and_holds_back_the_rest(void **state)
{
	struct blk_rsp rsp;

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		struct blk_req req = rig_req(i % 3 == 1 ? BLK_BARRIER : BLK_WRITE, i, 0, i,
					     i == 7 ? 0 : 1);

		if (i == 7)
			req.op = BLK_BARRIER;
		memset(rig_data(i), (int)i + 1, BLK_PAGE);
		rig_push(&rig, &req);
	}
	rig_run(&rig);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
		assert_int_equal(rsp.id, i);
		assert_int_equal(rsp.status, BLK_OKAY);
	}
	assert_true(is_full_of(rig.image, BLK_PAGE, 10));
	assert_null(rig_queue(&rig)->barrier);
}

/* --- what cannot be opened leaves nothing behind --- */

static void expect_refused(const char *part)
{
	assert_true(rig_try_open(&rig) < 0);
	if (!strstr(rig.why, part))
		fail_msg("why: %s", rig.why);
	rig_close(&rig, false);
	disk_close(&rig.disk, false);	/* idempotent */
}

static void test_queue_open_failures_say_why_and_leave_nothing(void **state)
{
	(void)state;
	rig_close(&rig, true);
	fake.access[RIG_RING - FAKE_FIRST] = FAKE_REVOKED;
	expect_refused("mapping its ring");
	fake.access[RIG_RING - FAKE_FIRST] = FAKE_READONLY;
	expect_refused("mapping its ring");
	fake.access[RIG_RING - FAKE_FIRST] = FAKE_READWRITE;
	for (uint32_t nr = 0; nr < 64; nr += 17) {
		rig.conn.nr_grefs = nr;		/* 0, and more than the journal has slots for */
		expect_refused("mapping its ring");
	}
	rig.conn.nr_grefs = UINT32_MAX;
	expect_refused("mapping its ring");
	rig.conn.nr_grefs = 1;
	fake.refuse_bind = true;
	expect_refused("event channel");
	fake.refuse_bind = false;
	rig.journal->devid++;
	expect_refused("journal");
	rig.journal->devid--;
	rig_open(&rig);
}

/* The successor of a worker whose guest has scribbled over rsp_prod meanwhile. */
static void test_xsa86_queue_takeover_of_a_scribbled_ring_is_refused(void **state)
{
	(void)state;
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 1, 0, 0, 1)), BLK_OKAY);
	rig_close(&rig, false);
	rig.front.ring.shared->rsp_prod = 7;
	expect_refused("does not fit");
	rig.front.ring.shared->rsp_prod = 1;
	rig_open(&rig);
	assert_int_equal(rig_do(&rig, rig_req(BLK_READ, 2, 0, 0, 1)), BLK_OKAY);
	assert_int_equal(rig.journal->stats.restarts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_queue_write_then_read_moves_the_data),
		BOTH(test_queue_partial_segments_touch_only_their_sectors),
		READ(test_xsa142_queue_readonly_disk_is_never_changed),
		BOTH(test_xsa216_queue_answers_have_zero_padding),
		COPY(test_queue_full_ring_is_answered_in_batches_with_one_notification),
		BOTH(test_xsa86_queue_impossible_index_stops_the_disk),
		COPY(test_xsa180_queue_reconnecting_does_not_flood_the_log),
		BOTH(test_xsa86_queue_without_a_free_slot_waits_for_answers),
		BOTH(test_queue_scribbled_rsp_prod_and_events_change_nothing),
		BOTH(test_queue_image_that_shrank_is_an_error_not_a_fault),
		BOTH(test_queue_barrier_waits_for_all_and_holds_back_the_rest),
		BOTH(test_queue_open_failures_say_why_and_leave_nothing),
		BOTH(test_xsa86_queue_takeover_of_a_scribbled_ring_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
