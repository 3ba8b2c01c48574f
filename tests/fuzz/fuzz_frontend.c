/* SPDX-License-Identifier: MIT */
/*
 * fuzz_frontend.c - a vdisk frontend against a backend that does anything
 *
 * Each byte of the input is an action: of the backend (states, keys with any text, any bytes on the
 * ring page, answers with any id), of the toolstack, of the owner, or of time. Whatever happens,
 * every request comes back exactly once, no page is freed twice or while it is held, and when the
 * backend lets go at last the device closes and leaves nothing.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakedom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)
#define SECTORS	1024

static const enum xs_key_id keys[] = {
	XS_F_BACKEND, XS_F_BACKEND_ID, XS_F_STATE, XS_B_STATE, XS_B_ONLINE, XS_B_SECTORS,
	XS_B_SECTOR_SIZE, XS_B_PHYSICAL_SECTOR_SIZE, XS_B_INFO, XS_B_MODE,
	XS_B_FEATURE_PERSISTENT, XS_B_FEATURE_FLUSH_CACHE, XS_B_FEATURE_BARRIER,
	XS_B_MAX_RING_PAGE_ORDER, XS_B_MULTI_QUEUE_MAX_QUEUES,
};

#define QUEUES	3

struct player {
	void *memory;
	struct pv_os *os;
	struct pv_blk *blk;
	struct fake_backend be;
	struct pv_blk_req reqs[PV_BLK_DEPTH];
	bool out[PV_BLK_DEPTH];
	struct pv_blk_buffer *borrowed;
	uint8_t disk_data[PV_BLK_BUFFER_SECTORS * 512];
	uint64_t ids[8];		/* seen in requests */
	unsigned int nr_ids;
	const uint8_t *input, *end;
};

static uint8_t next(struct player *p)
{
	return p->input < p->end ? *p->input++ : 0;
}

static uint32_t next32(struct player *p)
{
	uint32_t value = next(p);

	value = value << 8 | next(p);
	value = value << 8 | next(p);
	return value << 8 | next(p);
}

static bool attached(const struct player *p)
{
	return fe_key(&p->be, XS_F_BACKEND) != NULL;
}

static void set_state(struct player *p)
{
	be_set_state(&p->be, next(p) % 12);
}

static void set_key(struct player *p)
{
	enum xs_key_id id = keys[next(p) % (sizeof(keys) / sizeof(keys[0]))];
	char value[64];
	size_t len = next(p) % sizeof(value);

	for (size_t i = 0; i < len; i++)
		value[i] = (char)next(p);
	value[len] = '\0';
	be_key(&p->be, id, next(p) % 8 ? value : NULL);
}

/* As a good backend would, if the frontend has published a ring. */
static void connect_backend(struct player *p)
{
	if (fe_state(&p->be) == XB_INITIALISED && be_finds_rings(&p->be))
		be_set_state(&p->be, XB_CONNECTED);
}

static void step_backend(struct player *p)
{
	struct xb_step step = xb_backend_step(p->be.state, fe_state(&p->be), true);

	if (step.action == XB_CONNECT)
		connect_backend(p);
	else if (step.next != p->be.state)
		be_set_state(&p->be, step.next);
}

/* A queue, by the next byte. */
static uint32_t any_queue(struct player *p)
{
	return next(p) % QUEUES;
}

/* The ring's first page, if it still is one. */
static uint8_t *ring_page(struct player *p, uint32_t queue)
{
	uint8_t *page = (uint8_t *)be_queue(&p->be, queue)->ring.shared;

	for (uint32_t i = 0; page && i < FAKE_GRANTS; i++)
		if (p->os->grants[i].page == page)
			return page;
	return NULL;
}

static void scribble(struct player *p)
{
	uint8_t *page = ring_page(p, any_queue(p));
	uint32_t at = next32(p) % 4092, value = next32(p);

	if (page)
		memcpy(page + at, &value, sizeof(value));
}

static void jump(struct player *p)
{
	uint8_t *page = ring_page(p, any_queue(p));

	if (page)
		((struct ring_shared *)page)->rsp_prod = next32(p);
}

static void learn_ids(struct player *p)
{
	uint32_t queue = any_queue(p);
	struct blk_req req;

	while (ring_page(p, queue) && blk_back_pop(be_queue(&p->be, queue), &req) > 0) {
		p->ids[p->nr_ids++ % 8] = req.id;
		if (next(p) % 4)
			be_respond_on(&p->be, queue, req.id, req.op, (int16_t)(next(p) % 8 - 3));
	}
}

static void answer_any(struct player *p)
{
	uint32_t queue = any_queue(p);
	uint8_t flip = next(p);

	if (ring_page(p, queue))
		be_respond_on(&p->be, queue,
			      p->ids[next(p) % 8] ^ (flip & 128 ? 1ull << (flip & 63) : 0),
			      next(p) % 4, 0);
}

static void submit(struct player *p)
{
	unsigned int i = next(p) % PV_BLK_DEPTH;
	uint8_t how = next(p);

	if (p->out[i])
		return;
	p->reqs[i] = (struct pv_blk_req){
		.op = (enum pv_blk_op)(how % 5), .sector = next32(p) % 2048,
		.sectors = next(p) % 90, .offset = how & 64 ? 512 : 0,
	};
	if (how & 32)
		p->reqs[i].buffer = p->borrowed;
	else
		p->reqs[i].data = p->disk_data;
	p->out[i] = pv_blkq_submit(pv_blk_queue(p->blk, i % QUEUES), &p->reqs[i]) == PV_OK;
	if (how & 128)
		pv_blk_kick(p->blk);
}

static void poll_all(struct player *p)
{
	struct pv_blk_req *req;

	while ((req = pv_blk_poll(p->blk))) {
		MUST(req >= p->reqs && req < p->reqs + PV_BLK_DEPTH);
		MUST(p->out[req - p->reqs]);
		p->out[req - p->reqs] = false;
	}
}

static bool buffer_in_use(const struct player *p)
{
	for (unsigned int i = 0; i < PV_BLK_DEPTH; i++)
		if (p->out[i] && p->reqs[i].buffer)
			return true;
	return false;
}

static void borrow(struct player *p)
{
	if (!p->borrowed) {
		p->borrowed = pv_blk_buffer_get(p->blk);
	} else if (!buffer_in_use(p)) {
		pv_blk_buffer_put(p->blk, p->borrowed);
		p->borrowed = NULL;
	}
}

static void remove_or_attach(struct player *p)
{
	if (attached(p))
		be_remove(&p->be);
	else
		be_attach(&p->be, p->os, FAKE_DEVID, SECTORS);
}

static void hold(struct player *p) { fake_hold_all(p->os, next(p) & 1); }
static void fail_store(struct player *p) { p->os->store_fails_in = next(p) % 16; }
static void pass_time(struct player *p) { p->os->clock += 70000000ull; }
static void kick(struct player *p) { pv_blk_kick(p->blk); }
static void arm(struct player *p) { pv_blk_arm(p->blk); }
static void step(struct player *p) { pv_blk_step(p->blk); }
static void deliver(struct player *p) { fake_run(p->os, p->blk); }

static void give_up(struct player *p)
{
	if (next(p) % 16 == 0)
		pv_blk_abort(p->blk);
	else if (next(p) % 16 == 0)
		pv_blk_close(p->blk);
}

static void (*const actions[])(struct player *) = {
	answer_any, arm, borrow, connect_backend, deliver, deliver, fail_store, give_up, hold, jump,
	kick, learn_ids, learn_ids, pass_time, poll_all, remove_or_attach, scribble, set_key,
	set_state, step, step_backend, step_backend, submit, submit, submit,
};

static void finish(struct player *p)
{
	p->os->store_fails_in = -1;
	fake_hold_all(p->os, false);
	pv_blk_abort(p->blk);
	poll_all(p);
	for (unsigned int i = 0; i < PV_BLK_DEPTH; i++)
		MUST(!p->out[i]);
	if (p->borrowed)
		pv_blk_buffer_put(p->blk, p->borrowed);
	for (int i = 0; i < 8 && pv_blk_state(p->blk) != PV_CLOSED; i++) {
		fake_run(p->os, p->blk);
		if (attached(p))
			be_set_state(&p->be, XB_CLOSED);
		p->os->clock += 1000000000ull;
		pv_blk_step(p->blk);
	}
	MUST(pv_blk_state(p->blk) == PV_CLOSED);
	MUST(pv_blk_fini(p->blk) == PV_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pv_blk_options options = { .layout = size & 1 ? PV_BLK_LAYOUT_32 : PV_BLK_NATIVE,
					  .ring_order = size & 4 ? 2 : 0, .queues = QUEUES,
					  .buffers = 12 };
	struct player *p = malloc(sizeof(*p));

	MUST(p);
	memset(p, 0, sizeof(*p));
	p->os = fake_new();
	p->input = data;
	p->end = data + size;
	p->memory = malloc(pv_blk_bytes(&options));
	MUST(p->memory);
	p->blk = pv_blk_init(p->memory, p->os, FAKE_DEVID, &options);
	be_attach(&p->be, p->os, FAKE_DEVID, SECTORS);
	be_key(&p->be, XS_B_MAX_RING_PAGE_ORDER, size & 8 ? "1" : "4");
	be_key(&p->be, XS_B_MULTI_QUEUE_MAX_QUEUES, size & 16 ? "2" : "4");
	pv_blk_step(p->blk);
	if (size & 2)			/* most of what matters is behind the handshake */
		be_step_until_open(&p->be, p->blk);
	while (p->input < p->end)
		actions[next(p) % (sizeof(actions) / sizeof(actions[0]))](p);
	finish(p);
	fake_free(p->os);
	be_free(&p->be);
	free(p->memory);
	free(p);
	return 0;
}
