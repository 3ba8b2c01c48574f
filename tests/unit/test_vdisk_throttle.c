/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_throttle.c - a disk's limits at its ring
 *
 * The rates are so low that no token comes while a test runs: what is in the buckets is what the
 * test has put there.
 */
#include "test_vdisk_harness.h"

#define SLOW	{ .iops = 1, .iops_burst = 1000, .bps = 1, .bps_burst = 1u << 30 }

static struct queue *queue(void)
{
	return &rig.disk.queue[0];
}

static void fill_buckets(int64_t requests, int64_t bytes)
{
	rig.disk.limit.requests.level = requests;
	rig.disk.limit.bytes.level = bytes;
	if (rig.lane.loop.timers) {
		struct loop_timer *timer = rig.lane.loop.timers;

		loop_timer_cancel(&rig.lane.loop, timer);
		timer->expired(timer);
	}
}

static uint32_t serial;

static void say(struct wire_limit limit)
{
	limit.serial = ++serial;
	throttle_set(&rig.disk, &limit);
}

static void set_slow(void)
{
	say((struct wire_limit)SLOW);
}

/* After it all that waits is done, so that the harness finds nothing under way. */
static void lift(void)
{
	say((struct wire_limit){ 0 });
	rig_run(&rig);
}

static void push(unsigned int nr, struct blk_req req)
{
	for (unsigned int i = 0; i < nr; i++)
		rig_push(&rig, &req);
}

static unsigned int answered(void)
{
	struct blk_rsp rsp;
	unsigned int nr = 0;

	rig_run(&rig);
	while (blk_front_pop(&rig.front, &rsp) == 1)
		nr++;
	return nr;
}

/* A ring that waits is neither looked at nor armed: a worker that has nothing else sleeps. */
static void expect_asleep(void)
{
	assert_true(queue()->throttled);
	assert_false(queue_pending(queue()));
	assert_false(queue_arm(queue()));
	assert_true(queue()->throttle.due_ns != 0);
	assert_ptr_equal(rig.lane.loop.timers, &queue()->throttle);
	assert_null(rig.lane.loop.timers->next);
}

static void test_throttle_takes_what_there_is_and_sleeps(void **state)
{
	(void)state;
	set_slow();
	push(30, rig_req(BLK_READ, 1, 0, 0, 1));
	assert_int_equal(answered(), 0);
	expect_asleep();
	for (int64_t tokens = 1; tokens <= 13; tokens += 6) {
		fill_buckets(tokens, 1 << 20);
		assert_int_equal(answered(), tokens);
		expect_asleep();
		assert_int_equal(rig.disk.limit.requests.level, 0);
	}
	assert_int_equal(rig.journal->stats.read_reqs, 1 + 7 + 13);
	lift();
	assert_false(queue()->throttled);
	assert_null(rig.lane.loop.timers);
	assert_int_equal(answered(), 9);
}

/* Bytes as they are, not as segments could have them; the last request may owe some. */
static void test_throttle_counts_the_bytes_that_are_moved(void **state)
{
	struct blk_req small = rig_req(BLK_WRITE, 1, 0, 0, 3);

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		small.seg[i].last_sect = 0;
	set_slow();
	push(4, rig_req(BLK_READ, 1, 0, 0, 4));
	fill_buckets(1000, 2 * 4 * BLK_PAGE + 1);
	assert_int_equal(answered(), 3);
	expect_asleep();
	assert_int_equal(rig.disk.limit.bytes.level, 1 - 4 * BLK_PAGE);
	fill_buckets(1000, 1);
	assert_int_equal(answered(), 1);
	push(20, small);
	fill_buckets(1000, 20 * 3 * 512);
	assert_int_equal(answered(), 20);
	assert_int_equal(rig.disk.limit.bytes.level, 0);
	assert_int_equal(rig.disk.limit.requests.level, 980);
	lift();
}

static void test_throttle_flushes_are_free_and_bad_requests_are_not(void **state)
{
	(void)state;
	set_slow();
	fill_buckets(10, 4 * BLK_PAGE);
	push(20, rig_req(BLK_FLUSH, 1, 0, 0, 0));
	push(3, rig_req(BLK_BARRIER, 1, 0, 0, 0));
	assert_int_equal(answered(), 23);
	assert_int_equal(rig.disk.limit.requests.level, 10);
	push(1, rig_req(77, 1, 0, 0, 0));		/* no such operation */
	push(1, rig_req(BLK_READ, 1, 1u << 20, 0, 4));	/* beyond the end */
	push(1, rig_req(BLK_FLUSH, 1, 0, 0, 1));	/* with data */
	push(1, rig_req(BLK_BARRIER, 1, 0, 0, 1));
	assert_int_equal(answered(), 4);
	assert_int_equal(rig.disk.limit.requests.level, 6);
	assert_int_equal(rig.disk.limit.bytes.level, 2 * BLK_PAGE);
	lift();
}

/* The guest broke the protocol: it is found out when something would be taken. */
static void test_throttle_impossible_index_is_found(void **state)
{
	(void)state;
	set_slow();
	fill_buckets(1, BLK_PAGE);
	rig.front.ring.shared->req_prod += 33;
	rig_run(&rig);
	assert_non_null(strstr(disk_failed(&rig.disk), "producer index"));
	rig.front.ring.shared->req_prod -= 33;
	reconnect();
}

static void test_throttle_paused_disk_takes_nothing(void **state)
{
	(void)state;
	say((struct wire_limit){ .paused = 1 });
	assert_true(rig.disk.limit_due);
	assert_int_equal(rig.disk.limit_answer, serial);
	assert_false(throttle_in_force(&rig.disk));	/* its lane has not heard of it */
	rig_run(&rig);
	assert_true(throttle_in_force(&rig.disk));
	push(20, rig_req(BLK_READ, 1, 0, 0, 1));
	assert_int_equal(answered(), 0);
	assert_false(queue_pending(queue()));
	assert_false(queue_arm(queue()));
	assert_null(rig.lane.loop.timers);		/* nothing to wake up for */
	lift();
	assert_int_equal(answered(), 20);
}

/* What was taken ends; only then is a pause in force. */
static void test_throttle_pause_waits_for_what_is_under_way(void **state)
{
	(void)state;
	rig.disk.queue[0].nr_free--;		/* as if a request were with the target */
	say((struct wire_limit){ .paused = 1 });
	rig_run(&rig);
	assert_false(throttle_in_force(&rig.disk));
	rig.disk.queue[0].nr_free++;
	rig_run(&rig);
	assert_true(throttle_in_force(&rig.disk));
	lift();
}

/* A supervisor that was started again counts from the beginning, and says other things. */
static void test_throttle_same_number_again_is_news(void **state)
{
	(void)state;
	set_slow();
	rig_run(&rig);
	assert_true(throttle_in_force(&rig.disk));
	push(3, rig_req(BLK_READ, 1, 0, 0, 1));
	assert_int_equal(answered(), 0);
	expect_asleep();
	serial--;
	lift();					/* and does not wait for the timer any more */
	assert_null(rig.lane.loop.timers);
	assert_int_equal(answered(), 3);
	rig.disk.queue[0].nr_free--;		/* as if a request were with the target */
	serial--;
	say((struct wire_limit){ .paused = 1 });
	assert_false(throttle_in_force(&rig.disk));
	rig_run(&rig);
	assert_false(throttle_in_force(&rig.disk));
	rig.disk.queue[0].nr_free++;
	lift();
}

/* The limits come with the disk, whose buckets are empty then; a timer does not outlive it. */
static void test_throttle_comes_with_the_disk(void **state)
{
	(void)state;
	rig.conn.limit = (struct wire_limit)SLOW;
	reconnect();
	assert_true(rig.disk.limit_due);
	push(9, rig_req(BLK_READ, 1, 0, 0, 1));
	assert_int_equal(answered(), 0);
	expect_asleep();
	rig_close(&rig, false);
	assert_null(rig.lane.loop.timers);
	rig.conn.limit = (struct wire_limit){ 0 };
	rig_open(&rig);
	assert_int_equal(answered(), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_throttle_takes_what_there_is_and_sleeps),
		BOTH(test_throttle_counts_the_bytes_that_are_moved),
		COPY(test_throttle_flushes_are_free_and_bad_requests_are_not),
		COPY(test_throttle_impossible_index_is_found),
		COPY(test_throttle_paused_disk_takes_nothing),
		COPY(test_throttle_pause_waits_for_what_is_under_way),
		COPY(test_throttle_same_number_again_is_news),
		BOTH(test_throttle_comes_with_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
