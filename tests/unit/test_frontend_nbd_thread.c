/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_nbd_thread.c - the nbdkit plugin's thread: many threads, one disk, and all that may
 * happen to it meanwhile
 *
 * The Linux port's loop is replaced: guest_sleep() is called by the thread under test, and is where
 * its backend moves and where the test's orders are carried out.
 */
#include "test_frontend.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "nbdkit/disk_thread.h"

#define WORKERS	40	/* more than the ring has slots */
#define ALL	1000
#define QUEUES	3	/* of the disk that has several */

struct guest_blk {
	struct pv_blk *blk;
};

struct guest {
	struct fixture *f;
	struct guest_blk disk;
	struct disk_thread *thread;
	_Atomic unsigned int serve;			/* requests that are answered in a turn */
	_Atomic int on_ring;				/* requests that wait for that */
	unsigned int turn;
	_Atomic unsigned int served[QUEUES];
	_Atomic uint64_t bad_sector;			/* its requests fail */
	_Atomic bool lost;
	_Atomic bool patient;				/* sleeps as long as it is told to */
	void (*_Atomic order)(struct guest *g);		/* once, in the disk's thread */
};

struct pv_blk *guest_blk_core(struct guest_blk *disk)
{
	return disk->blk;
}

static unsigned int serve(struct guest *g, unsigned int max)
{
	struct fake_backend *be = &g->f->be;
	struct blk_req req;
	unsigned int n = 0;

	for (uint32_t i = 0, q = g->turn++; i < QUEUES; i++) {
		q = (q + 1) % QUEUES;	/* another one first each time */
		for (; n < max && be_pop_of(be, q, &req); n++) {
			bool bad = g->bad_sector >= req.sector && g->bad_sector < req.sector + 88;

			be_respond_on(be, q, req.id, req.op,
				      bad ? BLK_ERROR : be_execute(be, &req));
			g->served[q]++;
		}
	}
	g->on_ring = be->back.ring.shared ? ring_back_pending(&be->back.ring) : 0;
	return n;
}

int guest_sleep(struct guest *g, int timeout_ms, int fd)
{
	void (*order)(struct guest *) = atomic_exchange(&g->order, NULL);
	struct pollfd input = { .fd = fd, .events = POLLIN };
	int seen = 0;

	if (order)
		order(g);
	if (g->lost)
		return PV_EPORT;
	fake_run(g->f->os, g->f->blk);
	if (serve(g, g->serve))
		seen |= GUEST_EVENT;
	/* Else a short sleep, for the test's orders have no event. */
	if (poll(&input, 1, seen || !timeout_ms ? 0 : g->patient ? timeout_ms : 1) > 0)
		seen |= GUEST_INPUT;
	return seen;
}

static int set_up_several(void **state)
{
	struct pv_blk_options options = { .queues = QUEUES, .buffers = 6 };
	struct fixture *f;

	set_up(state);
	f = *state;
	assert_true(pv_blk_bytes(&options) <= sizeof(f->memory));
	f->blk = pv_blk_init(f->memory, f->os, FAKE_DEVID, &options);
	f->be = (struct fake_backend){ .os = f->os, .devid = FAKE_DEVID };
	be_key(&f->be, XS_B_MULTI_QUEUE_MAX_QUEUES, "4");
	be_open(&f->be, f->os, f->blk, SECTORS);
	return 0;
}

static int set_up_with(int (*set_up_disk)(void **state), void **state)
{
	struct guest *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	set_up_disk((void **)&g->f);
	g->disk.blk = g->f->blk;
	g->serve = ALL;
	g->bad_sector = UINT64_MAX;
	g->thread = disk_thread_start(g, &g->disk, PV_BLK_DEPTH);
	assert_non_null(g->thread);
	*state = g;
	return 0;
}

static int set_up_thread(void **state)
{
	return set_up_with(set_up_open, state);
}

static int set_up_thread_several(void **state)
{
	return set_up_with(set_up_several, state);
}

static int tear_down_thread(void **state)
{
	struct guest *g = *state;

	disk_thread_stop(g->thread);
	tear_down((void **)&g->f);
	free(g);
	return 0;
}

#define MESSAGES	3	/* of a piece, at most: the ring takes all of it or none */

static void wait_until_ring_is_full(struct guest *g)
{
	while (g->on_ring + MESSAGES <= PV_BLK_DEPTH)
		usleep(200);
}

static void obey(struct guest *g, void (*order)(struct guest *))
{
	g->order = order;
	while (g->order)
		usleep(200);
}

/*
 * Threads that use the disk
 */

struct worker {
	pthread_t thread;
	struct guest *g;
	unsigned int index;
	enum pv_blk_op op;
	uint64_t sector;
	uint64_t sectors;
	uint8_t *data;
	_Atomic bool back;
	enum pv_err rc;
};

static void *use(void *arg)
{
	struct worker *w = arg;

	w->rc = disk_thread_io(w->g->thread, w->op, w->sector, w->sectors, w->data);
	w->back = true;
	return NULL;
}

/* Starts one that transfers these sectors. */
static void begin(struct worker *w, struct guest *g, enum pv_blk_op op, uint64_t sector,
		  uint64_t sectors)
{
	*w = (struct worker){ .g = g, .op = op, .sector = sector, .sectors = sectors };
	w->data = sectors ? malloc(sectors * 512) : NULL;
	if (w->data)
		memset(w->data, (int)(sector % 251 + 1), sectors * 512);
	assert_int_equal(pthread_create(&w->thread, NULL, use, w), 0);
}

static enum pv_err end(struct worker *w)
{
	pthread_join(w->thread, NULL);
	free(w->data);
	return w->rc;
}

static enum pv_err io(struct guest *g, enum pv_blk_op op, uint64_t sector, uint64_t sectors)
{
	struct worker w;

	begin(&w, g, op, sector, sectors);
	return end(&w);
}

/* What stands at this byte of the disk, whoever writes it. */
static uint8_t pattern(uint64_t byte)
{
	return (uint8_t)(byte ^ byte / 512 * 7);
}

/* Its part of the disk, over and over, in sizes from one sector to many requests. */
static void *write_and_read_back(void *arg)
{
	struct worker *w = arg;
	uint64_t room = SECTORS / WORKERS * 4;		/* four share it */
	unsigned int seed = w->index;

	for (int round = 0; !w->rc && round < 60; round++) {
		uint64_t at, n;

		seed = seed * 1103515245 + 12345;
		at = seed / 65536 % room;
		n = 1 + seed / 256 % (room - at);
		at += w->index / 4 * room;
		for (uint64_t i = 0; i < n * 512; i++)
			w->data[i] = pattern(at * 512 + i);
		w->rc = disk_thread_io(w->g->thread, PV_BLK_WRITE, at, n, w->data);
		memset(w->data, 0, n * 512);
		if (!w->rc)
			w->rc = disk_thread_io(w->g->thread, PV_BLK_READ, at, n, w->data);
		for (uint64_t i = 0; !w->rc && i < n * 512; i++)
			if (w->data[i] != pattern(at * 512 + i))
				w->rc = PV_EIO;
	}
	if (!w->rc)
		w->rc = disk_thread_io(w->g->thread, PV_BLK_FLUSH, 0, 0, NULL);
	return NULL;
}

/*
 * Tests
 */

static void test_thread_many_at_once_all_get_their_data(void **state)
{
	struct guest *g = *state;
	struct worker workers[WORKERS];

	g->serve = 5;		/* so that the ring stays full */
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .g = g, .index = i,
					      .data = malloc((size_t)SECTORS * 512) };
		assert_non_null(workers[i].data);
		assert_int_equal(pthread_create(&workers[i].thread, NULL, write_and_read_back,
						&workers[i]), 0);
	}
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_int_equal(end(&workers[i]), PV_OK);
}

static void test_thread_spreads_requests_over_queues(void **state)
{
	struct guest *g = *state;

	test_thread_many_at_once_all_get_their_data(state);
	for (int q = 0; q < QUEUES; q++)
		assert_true(g->served[q] > 500);
}

static void test_thread_stalled_backend_then_full_ring(void **state)
{
	struct guest *g = *state;
	struct worker workers[WORKERS];

	g->serve = 0;
	for (unsigned int i = 0; i < WORKERS; i++)
		begin(&workers[i], g, PV_BLK_WRITE, i, 1);
	wait_until_ring_is_full(g);
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_false(workers[i].back);
	g->serve = ALL;
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_int_equal(end(&workers[i]), PV_OK);
}

/* One that sleeps through it would take a second each. */
static void test_thread_wakes_for_each_transfer(void **state)
{
	struct guest *g = *state;
	time_t start = time(NULL);

	g->patient = true;
	for (int i = 0; i < 30; i++)
		assert_int_equal(io(g, PV_BLK_READ, 0, 1), PV_OK);
	assert_true(time(NULL) - start < 15);
}

static void test_thread_error_is_only_theirs_who_asked(void **state)
{
	struct guest *g = *state;
	struct worker good, beyond, bad;

	g->bad_sector = 2000;
	begin(&good, g, PV_BLK_WRITE, 0, 1000);
	begin(&beyond, g, PV_BLK_WRITE, SECTORS - 256, 400);	/* its first piece fits */
	begin(&bad, g, PV_BLK_READ, 1500, 1500);
	assert_int_equal(end(&good), PV_OK);
	assert_int_equal(end(&beyond), PV_ERANGE);
	assert_int_equal(end(&bad), PV_EIO);
	assert_int_equal(io(g, PV_BLK_READ, 0, 1000), PV_OK);
	assert_int_equal(io(g, PV_BLK_READ, SECTORS, 1), PV_ERANGE);
}

static void become_larger(struct guest *g)
{
	be_key(&g->f->be, XS_B_SECTORS, "5000");
	be_set_state(&g->f->be, XB_CONNECTED);
}

static void test_thread_view_follows_the_disk(void **state)
{
	struct guest *g = *state;
	struct disk_view view;

	disk_thread_view(g->thread, &view);
	assert_int_equal(view.state, PV_OPEN);
	assert_int_equal(view.info.sectors, SECTORS);
	assert_null(view.reason);
	obey(g, become_larger);
	for (int i = 0; i < 1000 && view.info.sectors == SECTORS; i++) {
		usleep(1000);
		disk_thread_view(g->thread, &view);
	}
	assert_int_equal(view.info.sectors, 5000);
}

static void start_over(struct guest *g)
{
	be_set_state(&g->f->be, XB_INIT_WAIT);
}

static void go_on(struct guest *g)
{
	be_step_until_open(&g->f->be, g->f->blk);
}

static void test_thread_backend_starts_over_and_nothing_is_lost(void **state)
{
	struct guest *g = *state;
	struct worker workers[WORKERS];

	g->serve = 0;
	for (unsigned int i = 0; i < WORKERS / 2; i++)
		begin(&workers[i], g, PV_BLK_WRITE, i * 90, 89);
	wait_until_ring_is_full(g);
	obey(g, start_over);
	for (unsigned int i = WORKERS / 2; i < WORKERS; i++)
		begin(&workers[i], g, PV_BLK_READ, i * 90, 89);
	usleep(5000);
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_false(workers[i].back);
	obey(g, go_on);
	g->serve = ALL;
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_int_equal(end(&workers[i]), PV_OK);
}

static void break_protocol(struct guest *g)
{
	be_respond(&g->f->be, 4711, BLK_READ, BLK_OKAY);
}

static void test_thread_broken_backend_ends_all_transfers(void **state)
{
	struct guest *g = *state;
	struct worker workers[WORKERS];
	struct disk_view view;

	g->serve = 0;
	for (unsigned int i = 0; i < WORKERS; i++)
		begin(&workers[i], g, PV_BLK_READ, 0, 89);
	wait_until_ring_is_full(g);
	obey(g, break_protocol);
	for (unsigned int i = 0; i < WORKERS; i++) {
		enum pv_err rc = end(&workers[i]);

		assert_true(rc == PV_EBACKEND || rc == PV_EGONE);
	}
	assert_int_equal(io(g, PV_BLK_READ, 0, 1), PV_EGONE);
	disk_thread_view(g->thread, &view);
	assert_true(view.state == PV_CLOSING || view.state == PV_CLOSED);
	assert_non_null(view.reason);
}

static void test_thread_lost_hypervisor_ends_all_transfers(void **state)
{
	struct guest *g = *state;
	struct worker workers[WORKERS];
	struct disk_view view;

	g->serve = 0;
	for (unsigned int i = 0; i < WORKERS; i++)
		begin(&workers[i], g, i % 2 ? PV_BLK_READ : PV_BLK_WRITE, 0, 500);
	wait_until_ring_is_full(g);
	g->lost = true;
	for (unsigned int i = 0; i < WORKERS; i++)
		assert_int_equal(end(&workers[i]), PV_EGONE);
	assert_int_equal(io(g, PV_BLK_READ, 0, 1), PV_EGONE);
	assert_int_equal(io(g, PV_BLK_FLUSH, 0, 0), PV_EGONE);
	disk_thread_view(g->thread, &view);
	assert_int_not_equal(view.state, PV_OPEN);
}

static void test_thread_starts_and_stops_without_work(void **state)
{
	(void)state;
}

#define THREAD_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_thread, tear_down_thread)

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREAD_TEST(test_thread_many_at_once_all_get_their_data),
		cmocka_unit_test_setup_teardown(test_thread_spreads_requests_over_queues,
						set_up_thread_several, tear_down_thread),
		THREAD_TEST(test_thread_stalled_backend_then_full_ring),
		THREAD_TEST(test_thread_wakes_for_each_transfer),
		THREAD_TEST(test_thread_error_is_only_theirs_who_asked),
		THREAD_TEST(test_thread_view_follows_the_disk),
		THREAD_TEST(test_thread_backend_starts_over_and_nothing_is_lost),
		THREAD_TEST(test_thread_broken_backend_ends_all_transfers),
		THREAD_TEST(test_thread_lost_hypervisor_ends_all_transfers),
		THREAD_TEST(test_thread_starts_and_stops_without_work),
	};

	return cmocka_run_group_tests_name("frontend nbd thread", tests, NULL, NULL);
}
