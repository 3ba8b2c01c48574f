/* SPDX-License-Identifier: MIT */
/*
 * test_frontend.h - what the frontends' unit tests share: one domain, one disk, one backend
 */
#ifndef XPV_TEST_FRONTEND_H
#define XPV_TEST_FRONTEND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakedom.h"

#define SECTORS	4096

struct fixture {
	_Alignas(16) unsigned char memory[PV_BLK_BYTES];
	struct pv_os *os;
	struct pv_blk *blk;
	struct fake_backend be;
	struct pv_blk_req req[PV_BLK_DEPTH + 8];
	uint8_t data[PV_BLK_DEPTH][PV_BLK_BUFFER_SECTORS * 512];
};

static inline int set_up(void **state)
{
	struct fixture *f = aligned_alloc(16, (sizeof(*f) + 15) & ~(size_t)15);

	assert_non_null(f);
	memset(f, 0, sizeof(*f));
	f->os = fake_new();
	f->blk = pv_blk_init(f->memory, f->os, FAKE_DEVID, NULL);
	*state = f;
	return 0;
}

static inline int set_up_open(void **state)
{
	set_up(state);
	be_open(&((struct fixture *)*state)->be, ((struct fixture *)*state)->os,
		((struct fixture *)*state)->blk, SECTORS);
	return 0;
}

static inline int set_up_open_32(void **state)
{
	struct pv_blk_options options = { .layout = PV_BLK_LAYOUT_32, .no_persistent = true };
	struct fixture *f;

	set_up(state);
	f = *state;
	f->blk = pv_blk_init(f->memory, f->os, FAKE_DEVID, &options);
	be_open(&f->be, f->os, f->blk, SECTORS);
	assert_int_equal(f->be.back.abi, BLK_ABI_32);
	return 0;
}

/* Both ends close; every test must leave a device that can be closed without a trace. */
static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	fake_hold_all(f->os, false);
	f->os->store_fails_in = -1;
	pv_blk_close(f->blk);
	while (pv_blk_poll(f->blk))
		;
	for (int i = 0; i < 8 && pv_blk_state(f->blk) != PV_CLOSED; i++) {
		fake_run(f->os, f->blk);
		if (f->be.os && fe_key(&f->be, XS_F_STATE))
			be_set_state(&f->be, XB_CLOSED);
		f->os->clock += 1000000000ull;
		pv_blk_step(f->blk);
	}
	assert_int_equal(pv_blk_state(f->blk), PV_CLOSED);
	while (pv_blk_poll(f->blk))
		;
	assert_int_equal(pv_blk_fini(f->blk), PV_OK);
	fake_free(f->os);
	be_free(&f->be);
	free(f);
	return 0;
}

static inline void step(struct fixture *f)
{
	pv_blk_step(f->blk);
	fake_run(f->os, f->blk);
}

/* Submits f->req[i]: sectors at `sector`, copied through f->data[i]. */
static inline enum pv_err submit(struct fixture *f, int i, enum pv_blk_op op, uint64_t sector,
				 uint32_t sectors)
{
	f->req[i] = (struct pv_blk_req){ .op = op, .sector = sector, .sectors = sectors,
					 .data = sectors ? f->data[i % PV_BLK_DEPTH] : NULL,
					 .status = (enum pv_err)99 };
	return pv_blk_submit(f->blk, &f->req[i]);
}

static inline void submit_ok(struct fixture *f, int i, enum pv_blk_op op, uint64_t sector,
			     uint32_t sectors)
{
	assert_int_equal(submit(f, i, op, sector, sectors), PV_OK);
}

/* f->req[i] is the next to be handed back, with this status. */
static inline void expect_back(struct fixture *f, int i, enum pv_err status)
{
	assert_ptr_equal(pv_blk_poll(f->blk), &f->req[i]);
	assert_int_equal(f->req[i].status, status);
}

/* The device was given up: with this error, in words, and it tells its backend. */
static inline void expect_dead(struct fixture *f, enum pv_err err, const char *part_of_reason)
{
	assert_null(pv_blk_poll(f->blk));
	assert_int_equal(pv_blk_error(f->blk), err);
	assert_non_null(pv_blk_reason(f->blk));
	if (!strstr(pv_blk_reason(f->blk), part_of_reason))
		fail_msg("reason: %s", pv_blk_reason(f->blk));
	fake_run(f->os, f->blk);
	assert_true(fe_state(&f->be) == XB_CLOSING || fe_state(&f->be) == XB_CLOSED);
	assert_int_equal(submit(f, PV_BLK_DEPTH, PV_BLK_READ, 0, 1), PV_EGONE);
}

#endif
