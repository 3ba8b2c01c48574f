/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_stopwatch.c - which requests and which pauses are timed, and how much they weigh
 */
#include "test_vdisk_harness.h"

#include "loop.h"

#define SECOND ((uint64_t)1000000000)

static struct meter *meter(void)
{
	return journal_meter(rig.journal);
}

static uint64_t counted(enum meter_timed what)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum += meter()->timed[what].bucket[i];
	return sum;
}

static void read_times(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(rig_do(&rig, rig_req(BLK_READ, i, 0, 0, 1)), BLK_OKAY);
}

/* The guest asks for something that nobody takes. */
static void ask(void)
{
	const struct blk_req req = rig_req(BLK_READ, 7, 0, 0, 1);

	rig_push(&rig, &req);
}

/* ... which a worker takes, and then it dies. */
static void take(void)
{
	struct queue *q = rig_queue(&rig);
	struct blk_req req;

	ask();
	assert_int_equal(blk_back_pop(&q->ring, &req), 1);
	journal_take(&q->journal, q->free_slot[q->nr_free - 1], q->ring.ring.req_cons - 1, &req);
}

static void answered(void)
{
	struct blk_rsp rsp;

	rig_run(&rig);
	assert_int_equal(blk_front_pop(&rig.front, &rsp), 1);
}

/* A worker that begins to die, and has gone by this clock. */
static void die(uint64_t alive_ns, uint64_t gone_ns)
{
	rig_close(&rig, false);
	meter()->alive_ns = alive_ns;
	meter()->gone_ns = gone_ns;
}

static void test_stopwatch_idle_disk_has_each_request_timed(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		read_times(1);
		assert_false(queue_arm(rig_queue(&rig)));
	}
	assert_int_equal(counted(METER_READ), 40);
	assert_true(meter()->timed[METER_READ].max_ns > 0);
	assert_true(meter()->timed[METER_READ].max_ns < 100 * SECOND);
}

static void test_stopwatch_busy_disk_has_one_batch_of_many_timed(void **state)
{
	(void)state;
	read_times(1);			/* after a sleep: it stands for itself */
	assert_int_equal(counted(METER_READ), 1);
	read_times(METER_EVERY - 1);
	assert_int_equal(counted(METER_READ), 1);
	read_times(1);
	assert_int_equal(counted(METER_READ), 1 + METER_EVERY);
	read_times(9 * METER_EVERY);
	assert_int_equal(counted(METER_READ), 1 + 10 * METER_EVERY);
}

/* Sleeps in between neither replace a sample nor delay it. */
static void test_stopwatch_both_kinds_of_batches_add_up(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * METER_EVERY; i++) {
		read_times(2);
		assert_false(queue_arm(rig_queue(&rig)));
	}
	assert_int_equal(counted(METER_READ), 4 * METER_EVERY);
}

static void test_stopwatch_kinds_are_apart_and_errors_left_out(void **state)
{
	static const struct { uint8_t op; unsigned int segs; enum meter_timed as; } cases[] = {
		{ BLK_READ, 1, METER_READ }, { BLK_WRITE, 1, METER_WRITE },
		{ BLK_FLUSH, 0, METER_FLUSH }, { BLK_BARRIER, 1, METER_FLUSH },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = counted(cases[i].as);

		assert_false(queue_arm(rig_queue(&rig)));
		assert_int_equal(rig_do(&rig, rig_req(cases[i].op, i, 0, 0, cases[i].segs)),
				 BLK_OKAY);
		assert_int_equal(counted(cases[i].as), before + 1);
	}
	for (unsigned int op = 0; op < 256; op++) {
		assert_false(queue_arm(rig_queue(&rig)));
		assert_int_not_equal(rig_do(&rig, rig_req((uint8_t)op, op, 1u << 30, 0, 99)),
				     BLK_OKAY);
	}
	assert_int_equal(counted(METER_READ) + counted(METER_WRITE), 2);
	assert_int_equal(counted(METER_FLUSH), 2);
	assert_int_equal(counted(METER_DISCARD) + counted(METER_PAUSE), 0);
	assert_int_equal(rig_queue(&rig)->watch.running, 0);
}

static void test_stopwatch_shows_where_the_ring_stands(void **state)
{
	(void)state;
	read_times(3);
	assert_int_equal(meter()->req_prod, 3);
	assert_int_equal(meter()->mapped_pages, rig_queue(&rig)->cache.pages);
}

/* --- pauses --- */

static void test_pause_of_an_idle_disk_ends_when_it_is_served(void **state)
{
	(void)state;
	read_times(1);
	die(loop_now() - 3000 * SECOND, loop_now() - SECOND);
	rig_open(&rig);
	assert_int_equal(counted(METER_PAUSE), 1);
	assert_in_range(meter()->last_pause_ns, SECOND, 60 * SECOND);
	assert_int_equal(meter()->gone_ns, 0);
	read_times(1);
	assert_int_equal(counted(METER_PAUSE), 1);
}

static void test_pause_lasts_until_what_waits_is_answered(void **state)
{
	(void)state;
	ask();
	die(loop_now() - 3000 * SECOND, loop_now() - SECOND);
	rig_open(&rig);
	assert_int_equal(counted(METER_PAUSE), 0);
	answered();
	assert_int_equal(counted(METER_PAUSE), 1);
	assert_in_range(meter()->last_pause_ns, SECOND, 60 * SECOND);
}

static void test_pause_begins_with_the_last_sign_of_life_if_work_was_left(void **state)
{
	(void)state;
	take();
	die(loop_now() - 100 * SECOND, loop_now() - SECOND);
	rig_open(&rig);
	answered();
	assert_int_equal(counted(METER_PAUSE), 1);
	assert_in_range(meter()->last_pause_ns, 100 * SECOND, 160 * SECOND);
	assert_int_equal(counted(METER_READ), 0);	/* that one's time is the pause's */
}

static void test_pause_of_two_deaths_in_a_row_is_one(void **state)
{
	(void)state;
	take();
	die(loop_now() - 100 * SECOND, loop_now() - 99 * SECOND);
	rig_open(&rig);
	rig_close(&rig, false);
	rig_open(&rig);
	answered();
	assert_int_equal(counted(METER_PAUSE), 1);
	assert_in_range(meter()->last_pause_ns, 100 * SECOND, 160 * SECOND);
}

/* What a worker that means harm, or a supervisor that was not there, has left. */
static void test_pause_without_a_beginning_is_not_counted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t when = i ? UINT64_MAX : 0;

		die(when, when);
		rig_open(&rig);
		ask();
		answered();
		take();
		die(when, when);
		rig_open(&rig);
		answered();
	}
	assert_int_equal(counted(METER_PAUSE), 0);
}

static void test_pause_begins_when_a_worker_is_asked_to_end(void **state)
{
	(void)state;
	read_times(1);
	assert_int_equal(meter()->gone_ns, 0);
	disk_stop(&rig.disk);
	assert_in_range(meter()->gone_ns, loop_now() - 60 * SECOND, loop_now());
	rig_close(&rig, false);
	rig_open(&rig);
	assert_int_equal(counted(METER_PAUSE), 1);
}

static void test_pause_is_none_between_two_connections(void **state)
{
	(void)state;
	read_times(1);
	disk_stop(&rig.disk);
	reconnect();
	assert_int_equal(meter()->gone_ns, 0);
	read_times(1);
	assert_int_equal(counted(METER_PAUSE), 0);
	assert_int_equal(counted(METER_READ), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_stopwatch_idle_disk_has_each_request_timed),
		COPY(test_stopwatch_busy_disk_has_one_batch_of_many_timed),
		COPY(test_stopwatch_both_kinds_of_batches_add_up),
		COPY(test_stopwatch_kinds_are_apart_and_errors_left_out),
		BOTH(test_stopwatch_shows_where_the_ring_stands),
		COPY(test_pause_of_an_idle_disk_ends_when_it_is_served),
		COPY(test_pause_lasts_until_what_waits_is_answered),
		COPY(test_pause_begins_with_the_last_sign_of_life_if_work_was_left),
		COPY(test_pause_of_two_deaths_in_a_row_is_one),
		COPY(test_pause_without_a_beginning_is_not_counted),
		COPY(test_pause_begins_when_a_worker_is_asked_to_end),
		COPY(test_pause_is_none_between_two_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
