/* SPDX-License-Identifier: MIT */
/*
 * test_ring_blk_abi.c - blkif's messages in both layouts, against Xen's own header
 *
 * The 64-bit layout is compared with <xen/io/blkif.h> as this machine compiles it. The 32-bit one
 * is the same header under #pragma pack(4), which is what i386's rules come to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <xen/xen.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#include "blk_abi.h"

#pragma pack(push, 4)
struct i386_request {
	uint8_t operation, nr_segments;
	blkif_vdev_t handle;
	uint64_t id, sector_number;
	struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct i386_discard {
	uint8_t operation, flag;
	blkif_vdev_t handle;
	uint64_t id, sector_number, nr_sectors;
};

struct i386_indirect {
	uint8_t operation, indirect_op;
	uint16_t nr_segments;
	uint64_t id, sector_number;
	blkif_vdev_t handle;
	uint16_t pad;
	grant_ref_t gref[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
};

struct i386_response {
	uint64_t id;
	uint8_t operation;
	int16_t status;
};
#pragma pack(pop)

#define SAME(ours, field, theirs, name) \
	_Static_assert(offsetof(struct ours, field) == offsetof(theirs, name), #ours "." #field)

SAME(blk64_req, op, blkif_request_t, operation);
SAME(blk64_req, nr_segs, blkif_request_t, nr_segments);
SAME(blk64_req, handle, blkif_request_t, handle);
SAME(blk64_req, id, blkif_request_t, id);
SAME(blk64_req, sector, blkif_request_t, sector_number);
SAME(blk64_req, rest, blkif_request_t, seg);
SAME(blk64_req, rest, blkif_request_discard_t, nr_sectors);
SAME(blk64_req, rest, blkif_request_indirect_t, handle);
SAME(blk64_rsp, id, blkif_response_t, id);
SAME(blk64_rsp, op, blkif_response_t, operation);
SAME(blk64_rsp, status, blkif_response_t, status);
SAME(blk_seg, gref, struct blkif_request_segment, gref);
SAME(blk_seg, first_sect, struct blkif_request_segment, first_sect);
SAME(blk_seg, last_sect, struct blkif_request_segment, last_sect);
SAME(blk32_req, id, struct i386_request, id);
SAME(blk32_req, sector, struct i386_request, sector_number);
SAME(blk32_req, rest, struct i386_request, seg);
SAME(blk32_req, rest, struct i386_discard, nr_sectors);
SAME(blk32_req, rest, struct i386_indirect, handle);
SAME(blk32_rsp, op, struct i386_response, operation);
SAME(blk32_rsp, status, struct i386_response, status);
SAME(ring_shared, req_event, blkif_sring_t, req_event);
SAME(ring_shared, rsp_event, blkif_sring_t, rsp_event);

_Static_assert(sizeof(struct blk64_req) == sizeof(blkif_request_t), "request");
_Static_assert(sizeof(struct blk64_rsp) == sizeof(blkif_response_t), "response");
_Static_assert(sizeof(struct blk32_req) == sizeof(struct i386_request), "request, i386");
_Static_assert(sizeof(struct blk32_rsp) == sizeof(struct i386_response), "response, i386");
_Static_assert(RING_HEADER == offsetof(blkif_sring_t, ring), "ring header");
_Static_assert(BLK_READ == BLKIF_OP_READ && BLK_WRITE == BLKIF_OP_WRITE &&
	       BLK_BARRIER == BLKIF_OP_WRITE_BARRIER && BLK_FLUSH == BLKIF_OP_FLUSH_DISKCACHE &&
	       BLK_DISCARD == BLKIF_OP_DISCARD && BLK_INDIRECT == BLKIF_OP_INDIRECT, "operations");
_Static_assert(BLK_OKAY == BLKIF_RSP_OKAY && BLK_ERROR == BLKIF_RSP_ERROR &&
	       BLK_EOPNOTSUPP == BLKIF_RSP_EOPNOTSUPP, "statuses");
_Static_assert(BLK_MAX_SEGS == BLKIF_MAX_SEGMENTS_PER_REQUEST &&
	       BLK_MAX_INDIRECT_PAGES == BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, "limits");

union page {
	_Alignas(64) uint8_t bytes[4096];
	blkif_sring_t sring;
	struct ring_shared shared;
};

struct ends {
	union page page;
	struct blk_front front;
	struct blk_back back;
};

static void ends_init(struct ends *e, enum blk_abi abi)
{
	uint32_t size = blk_ring_size(abi, sizeof(e->page));

	memset(e, 0, sizeof(*e));
	e->front.abi = e->back.abi = abi;
	ring_front_init(&e->front.ring, &e->page, size);
	ring_back_init(&e->back.ring, &e->page, size, 0, 0);
}

static uint8_t *slot(struct ends *e, unsigned int i)
{
	return e->page.bytes + RING_HEADER + i * (e->front.abi == BLK_ABI_32 ? 108 : 112);
}

static void test_ring_size_one_page_is_32_in_both_layouts(void **state)
{
	(void)state;
	for (int abi = BLK_ABI_64; abi <= BLK_ABI_32; abi++) {
		assert_int_equal(blk_ring_size(abi, 0), 0);
		for (uint32_t order = 0; order <= BLK_MAX_RING_ORDER; order++)
			assert_int_equal(blk_ring_size(abi, (size_t)BLK_PAGE << order),
					 32u << order);
	}
	assert_int_equal(blk_ring_size(BLK_ABI_64, 4096), __CONST_RING_SIZE(blkif, 4096));
}

static void test_abi_parse_only_whole_known_names(void **state)
{
	static const char *const bad[] = { "", "x86_64", "x86_64-abI", "x86_64-abi ", "i386-abi",
					   "arm-ab", "arm-abi64", "native" };
	enum blk_abi abi = BLK_ABI_64;

	(void)state;
	assert_true(blk_abi_parse("x86_32-abi", 10, &abi));
	assert_int_equal(abi, BLK_ABI_32);
	assert_true(blk_abi_parse("arm-abi", 7, &abi));
	assert_int_equal(abi, BLK_ABI_64);
	abi = BLK_ABI_32;
	assert_true(blk_abi_parse("x86_64-abi", 10, &abi));
	assert_int_equal(abi, BLK_ABI_64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(blk_abi_parse(bad[i], strlen(bad[i]), &abi));
	assert_false(blk_abi_parse("x86_64-abi\0", 11, &abi));
	assert_string_equal(blk_abi_native(&abi), XEN_IO_PROTO_ABI_NATIVE);
}

/* A request of each kind, with a value of its own in every field that the kind has. */
static const struct blk_req samples[] = {
	{ .op = BLK_READ, .id = 0x1122334455667788, .sector = 0x99aabbccddeeff00, .handle = 0xca01,
	  .nr_segs = 2, .seg = { { 0x01020304, 1, 6, 0 }, { 0xfffffffe, 0, 7, 0 } } },
	{ .op = BLK_WRITE, .id = UINT64_MAX, .sector = 1, .nr_segs = 11,
	  .seg = { [10] = { 0x0a0b0c0d, 7, 7, 0 } } },
	{ .op = BLK_BARRIER, .id = 3, .nr_segs = 0 },
	{ .op = BLK_FLUSH, .id = 4, .handle = 5 },
	{ .op = BLK_DISCARD, .id = 5, .sector = 6, .handle = 0x0708, .flag = 1,
	  .nr_sectors = 0x0123456789abcdef },
	{ .op = BLK_INDIRECT, .id = 6, .sector = 7, .handle = 0x0809, .nr_segs = 0x0a0b,
	  .indirect_op = BLK_WRITE, .indirect_gref = { 1, 2, 3, 4, 5, 6, 7, 0xfffffff8 } },
	{ .op = 4, .id = 8, .nr_segs = 255 },
	{ .op = 255, .id = 9, .nr_segs = 255 },
};

static void assert_same(const struct blk_req *got, const struct blk_req *want)
{
	assert_int_equal(got->op, want->op);
	assert_int_equal(got->id, want->id);
	assert_int_equal(got->sector, want->sector);
	assert_int_equal(got->handle, want->handle);
	assert_int_equal(got->nr_segs, want->nr_segs);
	assert_int_equal(got->nr_sectors, want->nr_sectors);
	assert_int_equal(got->flag, want->flag);
	assert_int_equal(got->indirect_op, want->indirect_op);
	assert_memory_equal(got->seg, want->seg, sizeof(got->seg));
}

static void test_request_each_operation_arrives_as_it_was_sent(void **state)
{
	(void)state;
	for (int abi = BLK_ABI_64; abi <= BLK_ABI_32; abi++) {
		struct ends e;

		ends_init(&e, abi);
		for (size_t round = 0; round < 3; round++) {
			struct blk_rsp rsp;

			for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
				blk_front_push(&e.front, &samples[i]);
			ring_front_publish(&e.front.ring);
			for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
				struct blk_req got;

				memset(&got, 0xee, sizeof(got));
				assert_int_equal(blk_back_pop(&e.back, &got), 1);
				assert_same(&got, &samples[i]);
				rsp = (struct blk_rsp){ got.id, got.op, (int16_t)-(int)i };
				blk_back_push(&e.back, &rsp);
			}
			ring_back_publish(&e.back.ring);
			for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
				assert_int_equal(blk_front_pop(&e.front, &rsp), 1);
				assert_int_equal(rsp.id, samples[i].id);
				assert_int_equal(rsp.op, samples[i].op);
				assert_int_equal(rsp.status, -(int)i);
			}
			assert_int_equal(blk_front_pop(&e.front, &rsp), 0);
		}
	}
}

/* What a guest built with Xen's header puts in is what our backend takes out. */
static void test_request_from_xens_own_structures_is_decoded(void **state)
{
	struct ends e;
	struct blk_req req;
	blkif_request_indirect_t *indirect;
	blkif_request_discard_t *discard;
	blkif_request_t *plain;

	(void)state;
	ends_init(&e, BLK_ABI_64);
	plain = (void *)slot(&e, 0);
	*plain = (blkif_request_t){ .operation = BLKIF_OP_WRITE, .nr_segments = 1, .handle = 9,
				    .id = 10, .sector_number = 11, .seg = { { 12, 3, 4 } } };
	discard = (void *)slot(&e, 1);
	*discard = (blkif_request_discard_t){ .operation = BLKIF_OP_DISCARD, .flag = 1, .id = 20,
					      .sector_number = 21, .nr_sectors = 22 };
	indirect = (void *)slot(&e, 2);
	*indirect = (blkif_request_indirect_t){ .operation = BLKIF_OP_INDIRECT,
						.indirect_op = BLKIF_OP_READ, .nr_segments = 300,
						.id = 30, .sector_number = 31, .handle = 32,
						.indirect_grefs = { 33 } };
	e.page.sring.req_prod = 3;
	assert_int_equal(blk_back_pop(&e.back, &req), 1);
	assert_true(req.op == BLK_WRITE && req.nr_segs == 1 && req.handle == 9 && req.id == 10 &&
		    req.sector == 11 && req.seg[0].gref == 12 && req.seg[0].first_sect == 3 &&
		    req.seg[0].last_sect == 4);
	assert_int_equal(blk_back_pop(&e.back, &req), 1);
	assert_true(req.op == BLK_DISCARD && req.flag == 1 && req.id == 20 && req.sector == 21 &&
		    req.nr_sectors == 22 && req.nr_segs == 0);
	assert_int_equal(blk_back_pop(&e.back, &req), 1);
	assert_true(req.op == BLK_INDIRECT && req.indirect_op == BLK_READ && req.nr_segs == 300 &&
		    req.id == 30 && req.sector == 31 && req.handle == 32 &&
		    req.indirect_gref[0] == 33);
}

/* XSA-216: every byte of a response is defined, whatever the slot held. */
static void test_xsa216_response_padding_is_zero(void **state)
{
	(void)state;
	for (int abi = BLK_ABI_64; abi <= BLK_ABI_32; abi++) {
		size_t size = abi == BLK_ABI_64 ? sizeof(blkif_response_t) :
			      sizeof(struct i386_response);

		for (int op = 0; op < 256; op++) {
			struct blk_rsp rsp = { 0x1111111111111111, (uint8_t)op, -1 };
			struct ends e;
			uint8_t *s;

			ends_init(&e, abi);
			memset(slot(&e, 0), 0xff, 4096 - RING_HEADER);
			blk_back_push(&e.back, &rsp);
			s = slot(&e, 0);
			assert_int_equal(s[8], op);
			assert_int_equal(s[9], 0);
			for (size_t i = 12; i < size; i++)
				assert_int_equal(s[i], 0);
			for (size_t i = size; i < 108; i++)
				assert_int_equal(s[i], 0xff);
		}
	}
}

/* The frontend's memory does not leak either: what an operation does not use is zero. */
static void test_request_bytes_that_mean_nothing_are_zero(void **state)
{
	const struct blk_req discard = { .op = BLK_DISCARD, .id = ~0ull, .sector = ~0ull,
					 .nr_sectors = ~0ull, .flag = 0xff, .handle = 0xffff };
	struct ends e;

	(void)state;
	ends_init(&e, BLK_ABI_64);
	memset(slot(&e, 0), 0xff, 112);
	blk_front_push(&e.front, &discard);
	for (size_t i = 4; i < 8; i++)
		assert_int_equal(slot(&e, 0)[i], 0);
	for (size_t i = 32; i < 112; i++)
		assert_int_equal(slot(&e, 0)[i], 0);
}

static void test_xsa86_both_layouts_hand_the_verdict_through(void **state)
{
	(void)state;
	for (int abi = BLK_ABI_64; abi <= BLK_ABI_32; abi++) {
		struct blk_req req = { .id = 5 };
		struct blk_rsp rsp = { .id = 5 };
		struct ends e;

		ends_init(&e, abi);
		assert_int_equal(blk_back_pop(&e.back, &req), 0);
		e.page.shared.req_prod = 33;
		assert_int_equal(blk_back_pop(&e.back, &req), RING_EBROKEN);
		e.page.shared.rsp_prod = 1;
		assert_int_equal(blk_front_pop(&e.front, &rsp), RING_EBROKEN);
		assert_true(req.id == 5 && rsp.id == 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_size_one_page_is_32_in_both_layouts),
		cmocka_unit_test(test_abi_parse_only_whole_known_names),
		cmocka_unit_test(test_request_each_operation_arrives_as_it_was_sent),
		cmocka_unit_test(test_request_from_xens_own_structures_is_decoded),
		cmocka_unit_test(test_xsa216_response_padding_is_zero),
		cmocka_unit_test(test_request_bytes_that_mean_nothing_are_zero),
		cmocka_unit_test(test_xsa86_both_layouts_hand_the_verdict_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
