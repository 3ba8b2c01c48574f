/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_soak.c - a frontend and a good backend in random order, for many seeds
 *
 * In each turn one thing happens: a watch is delivered, the backend takes a step of its table,
 * serves, or starts over with another offer of rings; the toolstack detaches, removes or attaches;
 * the owner closes, submits or polls; pages are held; xenstore fails; time passes. Meanwhile every
 * request must come back exactly once, and what was read must be what was last written. At the end
 * everybody behaves: then the device must open, work, close, and leave nothing behind.
 * FRONTEND_SEEDS=n and FRONTEND_SEED=first choose others.
 */
#include "test_frontend.h"

#define TURNS	600
#define REGION	16		/* sectors that belong to one request's index */
#define QUEUES	3

struct world {
	struct fixture *f;
	struct pv_blk_options options;
	void *memory;			/* of the device, of exactly its size */
	uint64_t random;
	bool attached, online, restarting;
	bool out[PV_BLK_DEPTH];		/* the request is with the frontend */
	uint8_t version[PV_BLK_DEPTH];	/* what its region holds; 0: zeros */
	bool unsure[PV_BLK_DEPTH];	/* a write failed: may or may not have happened */
	unsigned int done, opened;
};

static unsigned int pick(struct world *w, unsigned int n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned int)((w->random >> 11) % n);
}

static void offer(struct world *w)
{
	static const char *const orders[] = { NULL, "0", "1", "2", "4" };
	static const char *const queues[] = { NULL, "1", "2", "3", "4" };

	be_key(&w->f->be, XS_B_MAX_RING_PAGE_ORDER, orders[pick(w, 5)]);
	be_key(&w->f->be, XS_B_MULTI_QUEUE_MAX_QUEUES, queues[pick(w, 5)]);
}

static void attach(struct world *w)
{
	uint8_t *disk = w->f->be.disk;

	if (w->attached)
		return;
	w->f->be.disk = NULL;
	be_attach(&w->f->be, w->f->os, FAKE_DEVID, SECTORS);
	if (disk) {
		free(w->f->be.disk);
		w->f->be.disk = disk;	/* the same image again */
	}
	offer(w);
	w->attached = w->online = true;
}

static void detach(struct world *w)
{
	if (!w->attached || !w->online)
		return;
	w->online = false;
	be_key(&w->f->be, XS_B_ONLINE, "0");
	if (w->f->be.state != XB_CLOSED)
		be_set_state(&w->f->be, XB_CLOSING);
}

static void remove_device(struct world *w, bool force)
{
	bool closed = w->f->be.state == XB_CLOSED && !w->online &&
		      (fe_state(&w->f->be) == XB_CLOSED || fe_state(&w->f->be) == XB_INITIALISING);

	if (!w->attached || !(force || closed))
		return;
	be_remove(&w->f->be);
	w->attached = false;
}

static void backend_step(struct world *w)
{
	/* A backend that started over cannot tell a frontend that has not noticed yet from one that
	 * has connected already; it has to wait until the old connection's state is gone. */
	w->restarting &= w->attached && fe_state(&w->f->be) == XB_CONNECTED;
	if (w->attached && !w->restarting)
		be_step(&w->f->be, w->online);
}

static void backend_restarts(struct world *w)
{
	if (!w->attached || !w->online || w->f->be.state == XB_CLOSED)
		return;
	be_drop(&w->f->be);
	offer(w);
	be_set_state(&w->f->be, XB_INITIALISING);
	w->restarting = true;
}

static void deliver(struct world *w)
{
	struct fake_watch *watch = &w->f->os->watches[pick(w, 4)];

	if (watch->used && watch->fired) {
		watch->fired = false;
		pv_watch_fired(watch->token);
	}
	if (pick(w, 3) == 0 && pv_blk_wants_step(w->f->blk))
		pv_blk_step(w->f->blk);
}

static void send(struct world *w)
{
	int i = (int)pick(w, PV_BLK_DEPTH);
	enum pv_blk_op op = pick(w, 8) ? (enum pv_blk_op)pick(w, 2) : PV_BLK_FLUSH;
	enum pv_err err;

	if (w->out[i])
		return;
	memset(w->f->data[i], op == PV_BLK_WRITE ? (uint8_t)(w->version[i] + 1) : 0xee,
	       REGION * 512);
	w->f->req[i] = (struct pv_blk_req){
		.op = op, .sector = (uint64_t)i * REGION,
		.sectors = op == PV_BLK_FLUSH ? 0 : REGION,
		.data = op == PV_BLK_FLUSH ? NULL : w->f->data[i],
	};
	err = pv_blkq_submit(pv_blk_queue(w->f->blk, (uint32_t)i % w->options.queues),
			     &w->f->req[i]);
	/* the queue may be one that the backend does not take */
	assert_true(err == PV_OK || err == PV_EAGAIN || err == PV_EGONE ||
		    (err == PV_EINVAL && (uint32_t)i % w->options.queues));
	w->out[i] = err == PV_OK;
	if (pick(w, 2))
		pv_blk_kick(w->f->blk);
}

static void check_read(struct world *w, int i)
{
	const uint8_t *data = w->f->data[i];

	assert_true(data[0] == w->version[i] ||
		    (w->unsure[i] && data[0] == (uint8_t)(w->version[i] + 1)));
	w->version[i] = data[0];
	w->unsure[i] = false;
	for (int k = 1; k < REGION * 512; k++)
		assert_int_equal(data[k], data[0]);
}

static void take(struct world *w)
{
	struct pv_blk_req *req;

	while ((req = pv_blk_poll(w->f->blk))) {
		int i = (int)(req - w->f->req);

		assert_in_range(i, 0, PV_BLK_DEPTH - 1);
		assert_true(w->out[i]);
		w->out[i] = false;
		w->done++;
		if (req->status != PV_OK && req->status != PV_EGONE)
			fail_msg("status %d: %s", req->status, pv_blk_reason(w->f->blk));
		if (req->op == PV_BLK_READ && req->status == PV_OK)
			check_read(w, i);
		if (req->op == PV_BLK_WRITE && req->status == PV_OK) {
			w->version[i]++;
			w->unsure[i] = false;
		} else if (req->op == PV_BLK_WRITE) {
			w->unsure[i] = true;
		}
	}
}

static void make_device(struct world *w)
{
	w->options = (struct pv_blk_options){ .ring_order = (uint8_t)pick(w, 3),
					      .queues = (uint8_t)(1 + pick(w, QUEUES)),
					      .buffers = (uint16_t)(pick(w, 2) ? 0 : 12) };
	free(w->memory);
	w->memory = malloc(pv_blk_bytes(&w->options));
	assert_non_null(w->memory);
	w->f->blk = pv_blk_init(w->memory, w->f->os, FAKE_DEVID, &w->options);
	pv_blk_step(w->f->blk);
}

static void close_or_reopen(struct world *w)
{
	if (pv_blk_state(w->f->blk) != PV_CLOSED) {
		if (pick(w, 4) == 0)
			pv_blk_close(w->f->blk);
		return;
	}
	take(w);
	assert_int_equal(pv_blk_fini(w->f->blk), PV_OK);
	for (int i = 0; i < PV_BLK_DEPTH; i++)
		assert_false(w->out[i]);
	make_device(w);
	w->opened++;
}

static void turn(struct world *w)
{
	unsigned int what = pick(w, 100);

	if (what < 30)
		deliver(w);
	else if (what < 50)
		backend_step(w);
	else if (what < 70)
		send(w);
	else if (what < 80)
		take(w);
	else if (what < 90)
		be_serve(&w->f->be, pick(w, 6));
	else if (what < 93)
		attach(w);
	else if (what < 94)
		backend_restarts(w);
	else if (what < 95)
		pick(w, 2) ? detach(w) : remove_device(w, pick(w, 4) == 0);
	else if (what < 96)
		fake_hold_all(w->f->os, pick(w, 2));
	else if (what < 97)
		w->f->os->store_fails_in = (int)pick(w, 8);
	else if (what < 98)
		w->f->os->clock += 60000000ull;
	else
		close_or_reopen(w);
}

/* Everybody does what he should until the device is open. */
static void settle(struct world *w)
{
	struct fixture *f = w->f;

	fake_hold_all(f->os, false);
	f->os->store_fails_in = -1;
	for (int i = 0; i < 100; i++) {
		if (w->attached && !w->online)
			remove_device(w, false);
		attach(w);
		backend_step(w);
		f->os->clock += 200000000ull;
		pv_blk_step(f->blk);
		fake_run(f->os, f->blk);
		pv_blk_kick(f->blk);
		be_serve(&f->be, 64);
		take(w);
		if (pv_blk_state(f->blk) == PV_CLOSED)
			close_or_reopen(w);
		else if (pv_blk_state(f->blk) == PV_OPEN && f->be.state == XB_CONNECTED && i > 20)
			return;
	}
	fail_msg("stuck: frontend %s (%u), backend %u, online %d: %s",
		 pv_state_name(pv_blk_state(f->blk)), fe_state(&f->be), f->be.state, w->online,
		 pv_blk_reason(f->blk) ? pv_blk_reason(f->blk) : "no reason");
}

static void play(uint64_t seed)
{
	struct world w = { .random = seed * 0x9e3779b97f4a7c15ull + 1 };
	void *state;

	set_up(&state);
	w.f = state;
	make_device(&w);
	for (int i = 0; i < TURNS; i++)
		turn(&w);
	settle(&w);
	for (int i = 0; i < PV_BLK_DEPTH; i++)
		assert_false(w.out[i]);
	for (int i = 0; i < PV_BLK_DEPTH; i++) {
		submit_ok(w.f, i, PV_BLK_READ, (uint64_t)i * REGION, REGION);
		w.out[i] = true;
		pv_blk_kick(w.f->blk);
		be_serve(&w.f->be, 64);
		take(&w);
	}
	for (int i = 0; i < PV_BLK_DEPTH; i++)
		assert_int_equal(w.f->req[i].status, PV_OK);
	tear_down(&state);
	free(w.memory);
}

static void test_any_order_of_events_ends_well(void **state)
{
	const char *seeds = getenv("FRONTEND_SEEDS"), *first = getenv("FRONTEND_SEED");
	uint64_t n = seeds ? strtoull(seeds, NULL, 10) : 300;
	uint64_t begin = first ? strtoull(first, NULL, 10) : 1;

	(void)state;
	for (uint64_t seed = begin; seed < begin + n; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		play(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order_of_events_ends_well),
	};

	return cmocka_run_group_tests_name("frontend soak", tests, NULL, NULL);
}
