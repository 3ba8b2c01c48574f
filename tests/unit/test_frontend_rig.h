/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_rig.h - one disk with any options, and a backend that offers anything
 */
#ifndef XPV_TEST_FRONTEND_RIG_H
#define XPV_TEST_FRONTEND_RIG_H

#include "test_frontend.h"

#define RIG_REQS	4096

struct rig {
	void *memory;			/* of exactly its size: AddressSanitizer guards its end */
	struct pv_os *os;
	struct pv_blk *blk;
	struct fake_backend be;
	struct pv_blk_req req[RIG_REQS];
	uint32_t nr;			/* of req[] that were submitted */
};

/* What a backend says, if anything. */
struct offer {
	const char *order, *queues;
};

static inline void rig_offer(struct rig *r, struct offer offer)
{
	be_key(&r->be, XS_B_MAX_RING_PAGE_ORDER, offer.order);
	be_key(&r->be, XS_B_MULTI_QUEUE_MAX_QUEUES, offer.queues);
}

/* A device whose backend has not moved yet. */
static inline struct rig *rig_new(struct pv_blk_options options, struct offer offer)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->os = fake_new();
	r->memory = malloc(pv_blk_bytes(&options));
	assert_non_null(r->memory);
	r->blk = pv_blk_init(r->memory, r->os, FAKE_DEVID, &options);
	be_attach(&r->be, r->os, FAKE_DEVID, SECTORS);
	rig_offer(r, offer);
	pv_blk_step(r->blk);
	return r;
}

static inline struct rig *rig_open(struct pv_blk_options options, struct offer offer)
{
	struct rig *r = rig_new(options, offer);

	be_step_until_open(&r->be, r->blk);
	return r;
}

/* It closes, and leaves nothing behind. */
static inline void rig_free(struct rig *r)
{
	fake_hold_all(r->os, false);
	r->os->store_fails_in = -1;
	pv_blk_close(r->blk);
	for (int i = 0; i < 8 && pv_blk_state(r->blk) != PV_CLOSED; i++) {
		fake_run(r->os, r->blk);
		if (fe_key(&r->be, XS_F_STATE))
			be_set_state(&r->be, XB_CLOSED);
		r->os->clock += 1000000000ull;
		pv_blk_step(r->blk);
	}
	assert_int_equal(pv_blk_state(r->blk), PV_CLOSED);
	while (pv_blk_poll(r->blk))
		;
	assert_int_equal(pv_blk_fini(r->blk), PV_OK);
	fake_free(r->os);
	be_free(&r->be);
	free(r->memory);
	free(r);
}

static inline struct pv_blk_info rig_info(const struct rig *r)
{
	struct pv_blk_info info;

	pv_blk_info(r->blk, &info);
	return info;
}

/* The next of req[], to this queue. */
static inline enum pv_err rig_submit(struct rig *r, uint32_t queue, struct pv_blk_req req)
{
	enum pv_err err;

	assert_true(r->nr < RIG_REQS);
	r->req[r->nr] = req;
	r->req[r->nr].status = (enum pv_err)99;
	err = pv_blkq_submit(pv_blk_queue(r->blk, queue), &r->req[r->nr]);
	r->nr += err == PV_OK;
	return err;
}

/* Flushes, as many as a queue takes. */
static inline uint32_t rig_fill(struct rig *r, uint32_t queue)
{
	uint32_t n = 0;

	while (rig_submit(r, queue, (struct pv_blk_req){ .op = PV_BLK_FLUSH }) == PV_OK)
		n++;
	return n;
}

/* Everything that was submitted comes back once, with this status. */
static inline void rig_expect_all(struct rig *r, enum pv_err status)
{
	struct pv_blk_req *req;
	uint32_t back = 0;

	while ((req = pv_blk_poll(r->blk))) {
		assert_in_range(req - r->req, 0, r->nr - 1);
		assert_int_equal(req->status, status);
		req->status = (enum pv_err)98;
		back++;
	}
	assert_int_equal(back, r->nr);
	for (uint32_t i = 0; i < r->nr; i++)
		assert_int_equal(r->req[i].status, 98);
	r->nr = 0;
}

/* The backend's process dies, and another one makes this offer. */
static inline void rig_restart(struct rig *r, struct offer offer)
{
	be_drop(&r->be);
	be_set_state(&r->be, XB_INITIALISING);
	rig_offer(r, offer);
	fake_run(r->os, r->blk);
	assert_int_equal(pv_blk_state(r->blk), PV_PAUSED);
	be_step_until_open(&r->be, r->blk);
}

#endif
