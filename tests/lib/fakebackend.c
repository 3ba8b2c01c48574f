/* SPDX-License-Identifier: MIT */
/*
 * fakebackend.c - the other end of fakedom's devices
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakedom.h"

static const char *be_path(const struct fake_backend *be, char *buf, enum xs_key_id id,
			   unsigned int i, unsigned int j)
{
	char dir[XS_PATH_MAX];

	if (xs_key(id)->side == XS_BACKEND_DIR)
		xs_backend_path(dir, sizeof(dir), 0, XS_KIND_VBD, FAKE_DOMID, be->devid);
	else
		xs_frontend_path(dir, sizeof(dir), FAKE_DOMID, XS_CLASS_VDISK, be->devid);
	xs_key_path(buf, XS_PATH_MAX, dir, id, i, j);
	return buf;
}

void be_key_at(struct fake_backend *be, enum xs_key_id id, unsigned int i, unsigned int j,
	       const char *value)
{
	char path[XS_PATH_MAX];

	fake_write(be->os, be_path(be, path, id, i, j), value);
}

void be_key(struct fake_backend *be, enum xs_key_id id, const char *value)
{
	be_key_at(be, id, 0, 0, value);
}

const char *fe_key_at(const struct fake_backend *be, enum xs_key_id id, unsigned int i,
		      unsigned int j)
{
	char path[XS_PATH_MAX];

	return fake_read(be->os, be_path(be, path, id, i, j));
}

const char *fe_key(const struct fake_backend *be, enum xs_key_id id)
{
	return fe_key_at(be, id, 0, 0);
}

static uint32_t number_at(const struct fake_backend *be, enum xs_key_id id, unsigned int i,
			  unsigned int j)
{
	const char *text = fe_key_at(be, id, i, j);
	uint64_t value = 0;

	if (text)
		xs_parse(id, text, strlen(text), &value);
	return (uint32_t)value;
}

uint32_t fe_number(const struct fake_backend *be, enum xs_key_id id)
{
	return number_at(be, id, 0, 0);
}

unsigned int fe_state(const struct fake_backend *be)
{
	return fe_number(be, XS_F_STATE);
}

void be_attach(struct fake_backend *be, struct pv_os *os, uint32_t devid, uint64_t sectors)
{
	char dir[XS_PATH_MAX], text[24];

	free(be->disk);
	*be = (struct fake_backend){ .os = os, .devid = devid, .sectors = sectors };
	be->disk = calloc(sectors ? sectors : 1, 512);
	assert_non_null(be->disk);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)sectors);
	be_key(be, XS_B_SECTORS, text);
	be_key(be, XS_B_SECTOR_SIZE, "512");
	be_key(be, XS_B_INFO, "0");
	be_key(be, XS_B_MODE, "w");
	be_key(be, XS_B_ONLINE, "1");
	be_key(be, XS_B_FEATURE_FLUSH_CACHE, "1");
	be_key(be, XS_B_FEATURE_BARRIER, "1");
	be_key(be, XS_B_FEATURE_PERSISTENT, "1");
	be_set_state(be, XB_INITIALISING);
	be_key(be, XS_F_STATE, "1");
	be_key(be, XS_F_BACKEND_ID, "0");
	xs_backend_path(dir, sizeof(dir), 0, XS_KIND_VBD, FAKE_DOMID, devid);
	be_key(be, XS_F_BACKEND, dir);
}

void be_remove(struct fake_backend *be)
{
	char dir[XS_PATH_MAX];

	xs_backend_path(dir, sizeof(dir), 0, XS_KIND_VBD, FAKE_DOMID, be->devid);
	fake_write(be->os, dir, NULL);
	xs_frontend_path(dir, sizeof(dir), FAKE_DOMID, XS_CLASS_VDISK, be->devid);
	fake_write(be->os, dir, NULL);
	be_drop(be);
}

void be_free(struct fake_backend *be)
{
	free(be->disk);
	be->disk = NULL;
}

void be_set_state(struct fake_backend *be, unsigned int state)
{
	char text[8];

	be->state = state;
	snprintf(text, sizeof(text), "%u", state);
	be_key(be, XS_B_STATE, text);
}

struct blk_back *be_queue(struct fake_backend *be, uint32_t i)
{
	return i ? &be->others[i - 1] : &be->back;
}

void be_drop(struct fake_backend *be)
{
	for (uint32_t i = 0; i < PV_BLK_QUEUES_MAX; i++)
		be_queue(be, i)->ring.shared = NULL;
}

/* A ring's pages are numbered, or it has one that is not; below queue-%u if there are several. The
 * frontend's are contiguous, which makes them easy to map here. NULL: there is no such ring. */
static uint8_t *find_ring(const struct fake_backend *be, uint32_t i, uint32_t pages)
{
	bool several = be->nr_queues > 1;
	uint8_t *first = NULL;

	if (!number_at(be, several ? XS_F_QUEUE_EVENT_CHANNEL : XS_F_EVENT_CHANNEL, i, 0))
		return NULL;
	if (pages == 1)
		return fake_page(be->os, number_at(be, several ? XS_F_QUEUE_RING_REF :
						   XS_F_RING_REF, i, 0));
	for (uint32_t p = 0; p < pages; p++) {
		uint8_t *page = fake_page(be->os, several ?
					  number_at(be, XS_F_QUEUE_RING_REF_N, i, p) :
					  number_at(be, XS_F_RING_REF_N, p, 0));

		first = p ? first : page;
		if (!page || page != first + p * 4096)
			return NULL;
	}
	return first;
}

bool be_finds_rings(struct fake_backend *be)
{
	const char *abi = fe_key(be, XS_F_PROTOCOL);
	uint32_t pages = 1u << fe_number(be, XS_F_RING_PAGE_ORDER);

	be->nr_queues = 1;
	if (fe_key(be, XS_F_MULTI_QUEUE_NUM_QUEUES))
		be->nr_queues = fe_number(be, XS_F_MULTI_QUEUE_NUM_QUEUES);
	if (!abi || !be->nr_queues || be->nr_queues > PV_BLK_QUEUES_MAX)
		return false;
	for (uint32_t i = 0; i < be->nr_queues; i++) {
		struct blk_back *back = be_queue(be, i);
		uint8_t *ring = find_ring(be, i, pages);

		if (!ring || !blk_abi_parse(abi, strlen(abi), &back->abi))
			return false;
		ring_back_init(&back->ring, ring, blk_ring_size(back->abi, pages * 4096), 0, 0);
	}
	return true;
}

void be_connect(struct fake_backend *be)
{
	assert_true(be_finds_rings(be));
	be_set_state(be, XB_CONNECTED);
}

void be_open(struct fake_backend *be, struct pv_os *os, struct pv_blk *blk, uint64_t sectors)
{
	be_attach(be, os, FAKE_DEVID, sectors);
	pv_blk_step(blk);
	fake_run(os, blk);
	be_set_state(be, XB_INIT_WAIT);
	fake_run(os, blk);
	assert_int_equal(fe_state(be), XB_INITIALISED);
	be_connect(be);
	fake_run(os, blk);
	assert_int_equal(fe_state(be), XB_CONNECTED);
	assert_int_equal(pv_blk_state(blk), PV_OPEN);
}

void be_step_until_open(struct fake_backend *be, struct pv_blk *blk)
{
	for (int i = 0; i < 10 && pv_blk_state(blk) != PV_OPEN; i++) {
		be_step(be, true);
		fake_run(be->os, blk);
	}
	assert_int_equal(pv_blk_state(blk), PV_OPEN);
	assert_int_equal(be->state, XB_CONNECTED);
}

void be_step(struct fake_backend *be, bool online)
{
	struct xb_step step = xb_backend_step(be->state, fe_state(be), online);

	assert_int_not_equal(step.action, XB_VIOLATION);
	if (step.action == XB_CONNECT) {
		be_connect(be);
		return;
	}
	if (step.action == XB_DISCONNECT || step.action == XB_RESET)
		be_drop(be);
	if (step.next != be->state)
		be_set_state(be, step.next);
}

bool be_pop_of(struct fake_backend *be, uint32_t queue, struct blk_req *req)
{
	struct blk_back *back = be_queue(be, queue);
	int rc = back->ring.shared ? blk_back_pop(back, req) : 0;

	assert_true(rc >= 0);
	return rc > 0;
}

bool be_pop(struct fake_backend *be, struct blk_req *req)
{
	return be_pop_of(be, 0, req);
}

void be_respond_on(struct fake_backend *be, uint32_t queue, uint64_t id, uint8_t op,
		   int16_t status)
{
	struct blk_rsp rsp = { .id = id, .op = op, .status = status };

	blk_back_push(be_queue(be, queue), &rsp);
	ring_back_publish(&be_queue(be, queue)->ring);
}

void be_respond(struct fake_backend *be, uint64_t id, uint8_t op, int16_t status)
{
	be_respond_on(be, 0, id, op, status);
}

int16_t be_execute(struct fake_backend *be, const struct blk_req *req)
{
	bool indirect = req->op == BLK_INDIRECT;
	uint8_t op = indirect ? req->indirect_op : req->op;
	const struct blk_seg *segs = req->seg;
	uint64_t sector = req->sector;

	if (op == BLK_DISCARD) {
		assert_true(sector + req->nr_sectors <= be->sectors && req->nr_segs == 0);
		memset(be->disk + sector * 512, 0, req->nr_sectors * 512);
		return BLK_OKAY;
	}
	assert_in_range(op, BLK_READ, indirect ? BLK_WRITE : BLK_FLUSH);
	if (indirect)
		segs = (const void *)fake_page(be->os, req->indirect_gref[0]);
	assert_non_null(segs);
	assert_true(req->nr_segs <= (indirect ? be->max_segs : BLK_MAX_SEGS));
	for (int i = 0; i < req->nr_segs; i++) {
		const struct blk_seg *seg = &segs[i];
		uint8_t *page = fake_page(be->os, seg->gref);
		size_t n = seg->last_sect - seg->first_sect + 1u;

		assert_non_null(page);
		assert_true(seg->first_sect <= seg->last_sect && seg->last_sect < 8);
		assert_true(sector + n <= be->sectors);
		page += seg->first_sect * 512;
		if (op == BLK_READ)
			memcpy(page, be->disk + sector * 512, n * 512);
		else
			memcpy(be->disk + sector * 512, page, n * 512);
		sector += n;
	}
	return BLK_OKAY;
}

unsigned int be_serve_of(struct fake_backend *be, uint32_t queue, unsigned int max)
{
	struct blk_req req;
	unsigned int n = 0;

	for (; n < max && be_pop_of(be, queue, &req); n++)
		be_respond_on(be, queue, req.id,
			      req.op == BLK_INDIRECT ? req.indirect_op : req.op,
			      be_execute(be, &req));
	return n;
}

unsigned int be_serve(struct fake_backend *be, unsigned int max)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < PV_BLK_QUEUES_MAX; i++)
		n += be_serve_of(be, i, max - n);
	be->served += n;
	return n;
}
