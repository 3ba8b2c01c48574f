/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_lanes.c - the queues of a disk, each served by a thread of its own
 *
 * The real lanes over test_vdisk_fakes.h: this thread is lane 0, and every queue has a guest's
 * processor, a thread that pushes requests and looks at their answers. So it is to be run under
 * the thread sanitizer too (make check-threads).
 */
#include <sched.h>

#include "test_vdisk_fakes.h"

#include "journal.h"
#include "vdisk/lane.h"

#define QUEUES		WIRE_MAX_QUEUES
#define DEVID		51712
#define SLOTS		32u
#define PORT(i)		(10 + (i))
#define RING(i)		(FAKE_FIRST + (i))
#define DATA(i)		(FAKE_FIRST + 16 + (i) * SLOTS)
#define SHARE		(SLOTS * 8u)		/* sectors of the disk that are a queue's own */
#define SECTORS		(QUEUES * SHARE)
#define ROUNDS		60u

/* One of the guest's processors. */
struct vcpu {
	unsigned int index;
	struct blk_front front;
	pthread_t thread;
	void (*run)(struct vcpu *v);
	unsigned int answered;
	bool done;			/* read by lane 0 */
};

static struct disk_env env;
static struct lane lanes[QUEUES];
static struct disk disk;
static struct wire_vdisk conn;
static struct vcpu vcpus[QUEUES];
static int image_fd, journal_fd;
static uint8_t *journal_map;

static struct journal_head *head(unsigned int i)
{
	return (void *)(journal_map + journal_section(i));
}

static void make_journal(void)
{
	const size_t size = journal_section(QUEUES);

	journal_fd = memfd_create("journal", MFD_CLOEXEC);
	assert_int_equal(ftruncate(journal_fd, (off_t)size), 0);
	journal_map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, journal_fd, 0);
	assert_true(journal_map != MAP_FAILED);
	for (unsigned int i = 0; i < QUEUES; i++)
		*head(i) = (struct journal_head){ .magic = JOURNAL_MAGIC,
						  .version = JOURNAL_VERSION,
						  .domid = FAKE_DOMID, .devid = DEVID,
						  .nr_slots = SLOTS };
}

static int set_up(void **state)
{
	(void)state;
	fake_init();
	log_init("test", LOG_ERROR);
	env = (struct disk_env){ .domid = FAKE_DOMID, .xgt = fake_xgt(), .lanes = lanes,
				 .nr_lanes = QUEUES };
	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(lane_open(&lanes[i], i ? &lanes[0] : NULL, 20000), 0);
	conn = (struct wire_vdisk){ .sectors = SECTORS, .sector_size = BLK_SECTOR,
				    .abi = BLK_ABI_64, .nr_queues = QUEUES, .nr_grefs = 1 };
	for (unsigned int i = 0; i < QUEUES; i++) {
		conn.queue[i] = (struct wire_queue){ PORT(i), { RING(i) } };
		vcpus[i] = (struct vcpu){ .index = i, .front.abi = BLK_ABI_64 };
		ring_front_init(&vcpus[i].front.ring, fake_page(RING(i)), SLOTS);
	}
	image_fd = memfd_create("image", MFD_CLOEXEC);
	assert_int_equal(ftruncate(image_fd, SECTORS * BLK_SECTOR), 0);
	make_journal();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned int i = QUEUES; i-- > 0; )
		lane_close(&lanes[i]);
	assert_int_equal(fake.nr_mappings, 0);
	assert_int_equal(fake.bound, 0);
	munmap(journal_map, journal_section(QUEUES));
	close(journal_fd);
	close(image_fd);
	fake_fini();
	return 0;
}

static void open_disk(void)
{
	char why[WIRE_TEXT] = "";

	if (disk_open(&disk, &env, DEVID, &conn, dup(image_fd), dup(journal_fd), why))
		fail_msg("disk_open: %s", why);
	disk_serve(&disk);
}

/* --- the guest's processors --- */

static struct blk_req request(const struct vcpu *v, uint8_t op, unsigned int n)
{
	struct blk_req req = { .op = op, .id = n, .sector = v->index * SHARE + n * 8,
			       .nr_segs = 1 };

	req.seg[0] = (struct blk_seg){ DATA(v->index) + n, 0, 7, 0 };
	if (op == BLK_FLUSH)
		req = (struct blk_req){ .op = op, .id = n };
	return req;
}

static void push(struct vcpu *v, const struct blk_req *req)
{
	blk_front_push(&v->front, req);
	if (ring_front_publish(&v->front.ring))
		fake_event(PORT(v->index));
}

static void publish_all(struct vcpu *v, uint8_t op)
{
	for (unsigned int n = 0; n < SLOTS; n++) {
		const struct blk_req req = request(v, n % 8 == 7 ? BLK_FLUSH : op, n);

		push(v, &req);
	}
}

/* The answers to nr requests, which must all be well. */
static void await(struct vcpu *v, unsigned int nr)
{
	struct blk_rsp rsp;

	for (unsigned int got = 0; got < nr; ) {
		int rc = blk_front_pop(&v->front, &rsp);

		if (rc < 0 || (rc > 0 && rsp.status != BLK_OKAY))
			abort();		/* cmocka's are for its own thread */
		if (rc > 0)
			got++;
		else
			sched_yield();
	}
	v->answered += nr;
}

/* What a page is full of, and a sector of the disk. */
static void fill(const struct vcpu *v, unsigned int round)
{
	for (unsigned int n = 0; n < SLOTS; n++)
		memset(fake_page(DATA(v->index) + n), (int)(v->index * 64 + n + round), BLK_PAGE);
}

static void check(const struct vcpu *v, unsigned int round)
{
	for (unsigned int n = 0; n < SLOTS; n++) {
		const uint8_t *page = fake_page(DATA(v->index) + n);
		const uint8_t want = (uint8_t)(v->index * 64 + n + round);

		for (unsigned int b = 0; n % 8 != 7 && b < BLK_PAGE; b++) {
			if (page[b] != want)
				abort();
		}
	}
}

/* Writes its share of the disk, and reads it again, a ring full at a time. */
static void write_and_verify(struct vcpu *v)
{
	for (unsigned int round = 0; round < ROUNDS; round++) {
		fill(v, round);
		publish_all(v, BLK_WRITE);
		await(v, SLOTS);
		for (unsigned int n = 0; n < SLOTS; n++) {
			if (n % 8 != 7)
				memset(fake_page(DATA(v->index) + n), 0xee, BLK_PAGE);
		}
		publish_all(v, BLK_READ);
		await(v, SLOTS);
		check(v, round);
	}
}

static void *vcpu_main(void *arg)
{
	struct vcpu *v = arg;

	v->run(v);
	store_release(&v->done, true);
	lane_kick(&lanes[0]);		/* where the test may be asleep */
	return NULL;
}

static void start_vcpus(void (*run)(struct vcpu *v))
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		vcpus[i].run = run;
		vcpus[i].done = false;
		assert_int_equal(pthread_create(&vcpus[i].thread, NULL, vcpu_main, &vcpus[i]), 0);
	}
}

static bool vcpus_done(void)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		if (!load_acquire(&vcpus[i].done))
			return false;
	}
	return true;
}

static void join_vcpus(void)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		pthread_join(vcpus[i].thread, NULL);
}

/* --- lane 0, in the main thread, until something has come true --- */

static bool (*until)(void);

static bool turn(struct lane *lane)
{
	(void)lane;
	return !until();
}

static void serve_until(bool (*cond)(void))
{
	until = cond;
	lanes[0].turn = turn;
	assert_int_equal(lane_serve(&lanes[0]), 0);
	assert_true(cond());
}

static bool given_back(void)
{
	return disk_given_back(&disk);
}

static void stop_and_close(bool forget)
{
	disk_stop(&disk);
	serve_until(given_back);
	disk_close(&disk, forget);
}

/* --- the tests --- */

static void test_each_queue_is_served_by_its_lane(void **state)
{
	(void)state;
	open_disk();
	for (unsigned int i = 0; i < QUEUES; i++) {
		assert_ptr_equal(disk.queue[i].lane, &lanes[i]);
		assert_int_equal(lanes[i].running, i > 0);
	}
	start_vcpus(write_and_verify);
	serve_until(vcpus_done);
	join_vcpus();
	stop_and_close(true);
	for (unsigned int i = 0; i < QUEUES; i++) {
		assert_int_equal(vcpus[i].answered, 2 * SLOTS * ROUNDS);
		assert_int_equal(head(i)->stats.write_reqs, SLOTS / 8 * 7 * ROUNDS);
		assert_int_equal(head(i)->stats.flush_reqs, SLOTS / 8 * 2 * ROUNDS);
		assert_false(head(i)->connected);
	}
}

static void test_one_lane_serves_all_queues_where_there_is_no_other(void **state)
{
	(void)state;
	env.nr_lanes = 1;
	conn.flags = WIRE_PERSISTENT;
	open_disk();
	start_vcpus(write_and_verify);
	serve_until(vcpus_done);
	join_vcpus();
	stop_and_close(true);
	assert_false(lanes[1].running);
}

/* One that never has enough, beside those that ask for one thing at a time. */
static struct {
	unsigned int turns, greedy, most, modest, late;
} shares;

static unsigned int take_answers(struct vcpu *v)
{
	struct blk_rsp rsp;
	unsigned int n = 0;

	while (blk_front_pop(&v->front, &rsp) > 0) {
		assert_int_equal(rsp.status, BLK_OKAY);
		n++;
	}
	return n;
}

static bool ask_again(void)
{
	struct vcpu *greedy = &vcpus[0];
	unsigned int n;

	if (shares.turns > 200)
		return true;
	n = take_answers(greedy);
	shares.greedy += n;
	shares.most = n > shares.most ? n : shares.most;
	while (ring_front_room(&greedy->front.ring) > 0) {
		const struct blk_req req = request(greedy, BLK_WRITE, 0);

		push(greedy, &req);
	}
	for (unsigned int i = 1; i < QUEUES; i++) {
		const struct blk_req req = request(&vcpus[i], BLK_READ, 0);

		n = take_answers(&vcpus[i]);
		shares.modest += n;
		shares.late += shares.turns > 0 && n != 1;
		push(&vcpus[i], &req);
	}
	return ++shares.turns > 200;
}

/* Whoever has one request on its ring has its answer after one turn, in which nobody else got more
 * than one batch. */
static void test_a_greedy_queue_takes_turns_with_the_others(void **state)
{
	(void)state;
	memset(&shares, 0, sizeof(shares));
	env.nr_lanes = 1;
	open_disk();
	serve_until(ask_again);
	assert_int_equal(shares.late, 0);
	assert_int_equal(shares.modest, 200 * (QUEUES - 1));
	assert_int_equal(shares.most, DISK_BATCH);
	assert_int_equal(shares.greedy, 200 * DISK_BATCH);
	stop_and_close(true);
}

static bool failed(void)
{
	return disk_failed(&disk) != NULL;
}

static void break_queue_2(struct vcpu *v)
{
	write_and_verify(v);
	if (v->index != 2)
		return;
	for (unsigned int i = 0; i < QUEUES; i++) {	/* who waits then, waits in vain */
		while (i != 2 && !load_acquire(&vcpus[i].done))
			sched_yield();
	}
	store_release(&v->front.ring.shared->req_prod, v->front.ring.req_prod + SLOTS + 1);
	fake_event(PORT(2));
}

/* The device is stopped, and not only the ring that was broken. */
static void test_a_violation_on_one_queue_stops_all(void **state)
{
	unsigned int before[QUEUES];

	(void)state;
	open_disk();
	start_vcpus(break_queue_2);
	serve_until(failed);
	serve_until(vcpus_done);
	join_vcpus();
	assert_non_null(strstr(disk_failed(&disk), "producer index"));
	for (unsigned int i = 0; i < QUEUES; i++) {
		const struct blk_req req = request(&vcpus[i], BLK_READ, 0);

		before[i] = head(i)->req_cons;
		push(&vcpus[i], &req);
		fake_event(PORT(i));
	}
	usleep(50000);
	stop_and_close(true);
	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(head(i)->req_cons, before[i]);
}

static void write_all(struct vcpu *v)
{
	publish_all(v, BLK_WRITE);
	await(v, SLOTS);
}

/* As at a restart: what was taken is answered, what was not is still on the ring, and the next
 * worker finds where each queue was. */
static void test_a_successor_takes_every_queue_up_where_it_was(void **state)
{
	(void)state;
	open_disk();
	for (unsigned int round = 1; round <= 30; round++) {
		for (unsigned int i = 0; i < QUEUES; i++)
			fill(&vcpus[i], round);
		start_vcpus(write_all);
		usleep(round * 37 % 600);
		stop_and_close(false);
		for (unsigned int i = 0; i < QUEUES; i++)
			assert_int_equal(head(i)->connected, 1);
		open_disk();
		assert_int_equal(head(0)->stats.restarts, round);
		serve_until(vcpus_done);
		join_vcpus();
	}
	stop_and_close(true);
	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(head(i)->stats.write_reqs, SLOTS / 8 * 7 * 30);
}

/* With another number of queues it is another connection, though queue 0's names are the same. */
static void test_another_number_of_queues_begins_anew(void **state)
{
	(void)state;
	open_disk();
	start_vcpus(write_all);
	serve_until(vcpus_done);
	join_vcpus();
	stop_and_close(false);
	conn.nr_queues = 2;
	for (unsigned int i = 0; i < QUEUES; i++)
		ring_front_init(&vcpus[i].front.ring, fake_page(RING(i)), SLOTS);
	open_disk();
	assert_int_equal(head(0)->stats.restarts, 0);
	assert_int_equal(head(1)->req_cons, 0);
	stop_and_close(true);
}

static void read_until_it_is_there(struct vcpu *v)
{
	struct blk_rsp rsp = { .status = BLK_ERROR };

	while (rsp.status != BLK_OKAY) {
		const struct blk_req req = request(v, BLK_READ, 0);

		push(v, &req);
		while (blk_front_pop(&v->front, &rsp) == 0)
			sched_yield();
	}
}

static bool first_done(void)
{
	return load_acquire(&vcpus[0].done);
}

static void test_a_resize_reaches_every_lane(void **state)
{
	(void)state;
	conn.sectors = SHARE;		/* queue 0's */
	open_disk();
	start_vcpus(read_until_it_is_there);
	serve_until(first_done);
	assert_false(load_acquire(&vcpus[3].done));
	disk_resize(&disk, SECTORS);
	serve_until(vcpus_done);
	join_vcpus();
	disk_resize(&disk, SHARE);	/* never smaller */
	assert_int_equal(disk.sectors, SECTORS);
	stop_and_close(true);
}

static void test_queues_that_cannot_be_are_refused(void **state)
{
	static const uint32_t numbers[] = { 0, QUEUES + 1, UINT32_MAX };
	char why[WIRE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		conn.nr_queues = numbers[i];
		assert_int_equal(disk_open(&disk, &env, DEVID, &conn, dup(image_fd),
					   dup(journal_fd), why), -EINVAL);
		disk_close(&disk, false);
	}
	conn.nr_queues = QUEUES;		/* the last of which has no page */
	conn.queue[QUEUES - 1].gref[0] = FAKE_FIRST + FAKE_PAGES;
	assert_int_equal(disk_open(&disk, &env, DEVID, &conn, dup(image_fd), dup(journal_fd), why),
			 -EINVAL);
	disk_close(&disk, false);
	disk_close(&disk, false);		/* idempotent */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_each_queue_is_served_by_its_lane),
		TEST(test_one_lane_serves_all_queues_where_there_is_no_other),
		TEST(test_a_greedy_queue_takes_turns_with_the_others),
		TEST(test_a_violation_on_one_queue_stops_all),
		TEST(test_a_successor_takes_every_queue_up_where_it_was),
		TEST(test_another_number_of_queues_begins_anew),
		TEST(test_a_resize_reaches_every_lane),
		TEST(test_queues_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
