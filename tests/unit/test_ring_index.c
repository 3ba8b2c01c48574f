/* SPDX-License-Identifier: MIT */
/*
 * test_ring_index.c - the ring's arithmetic, and what a hostile index does to either end
 *
 * All of it at every start value where a 32-bit counter turns: the counters run freely, and what
 * holds at 5 has to hold at 0xffffffff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring.h"

struct msg_req {
	uint32_t serial, words[6];
};

struct msg_rsp {
	uint32_t serial, echo;
};

RING_DEFINE(msg, struct msg_req, struct msg_rsp);

#define SLOT	sizeof(union msg_slot)
#define SLOTS	8u

struct pair {
	_Alignas(64) uint8_t page[RING_HEADER + 8 * sizeof(union msg_slot)];
	struct ring_shared *shared;
	struct ring_front front;
	struct ring_back back;
};

/* Where counters turn, and where a signed reading of them would. */
static const uint32_t starts[] = {
	0, 1, 7, 0x7ffffff8, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffff9, 0xffffffff,
};

#define NR_STARTS (sizeof(starts) / sizeof(starts[0]))

/* Both ends, as if `start` messages had gone each way. */
static void pair_init(struct pair *p, uint32_t start)
{
	assert_int_equal(msg_size(sizeof(p->page)), SLOTS);
	memset(p, 0, sizeof(*p));
	p->shared = (struct ring_shared *)(void *)p->page;
	ring_front_init(&p->front, p->page, SLOTS);
	*p->shared = (struct ring_shared){ start, start + 1, start, start + 1, { 0 } };
	p->front.req_prod = p->front.req_published = p->front.rsp_cons = start;
	ring_back_init(&p->back, p->page, SLOTS, start, start);
}

static void request(struct pair *p, uint32_t serial)
{
	struct msg_req req = { .serial = serial };

	msg_front_push(&p->front, &req);
}

static void respond(struct pair *p)
{
	struct msg_req req = { 0 };
	struct msg_rsp rsp = { 0 };

	assert_int_equal(msg_back_pop(&p->back, &req), 1);
	rsp = (struct msg_rsp){ req.serial, ~req.serial };
	msg_back_push(&p->back, &rsp);
}

static void test_slots_any_size_is_the_largest_power_of_two(void **state)
{
	(void)state;
	assert_int_equal(ring_slots(0, 112), 0);
	assert_int_equal(ring_slots(RING_HEADER, 112), 0);
	assert_int_equal(ring_slots(RING_HEADER + 111, 112), 0);
	assert_int_equal(ring_slots(RING_HEADER + 112, 112), 1);
	assert_int_equal(ring_slots((size_t)1 << 44, 112), RING_MAX_SLOTS);
	for (size_t slot = 4; slot <= 128; slot += 4) {
		for (size_t bytes = RING_HEADER + slot; bytes < 3 * 4096; bytes += 61) {
			uint32_t n = ring_slots(bytes, slot);

			assert_true(n > 0 && (n & (n - 1)) == 0);
			assert_true(RING_HEADER + n * slot <= bytes);
			assert_true(RING_HEADER + 2 * n * slot > bytes);
		}
	}
}

/* passed(event, from, to) says: event is one of from + 1 ... to. Checked by counting. */
static void test_passed_each_edge_is_as_counted(void **state)
{
	(void)state;
	for (size_t s = 0; s < NR_STARTS; s++) {
		for (uint32_t moved = 0; moved <= SLOTS; moved++) {
			for (int32_t at = -20; at <= 20; at++) {
				uint32_t from = starts[s], event = from + (uint32_t)at;
				bool want = at >= 1 && at <= (int32_t)moved;

				assert_int_equal(ring_passed(event, from, from + moved), want);
			}
			assert_false(ring_passed(starts[s] + 0x80000000u, starts[s],
						 starts[s] + moved));
		}
	}
}

static void test_front_init_header_is_fresh_and_the_rest_untouched(void **state)
{
	struct pair p;
	struct ring_front f;

	(void)state;
	memset(&p, 0xff, sizeof(p));
	ring_front_init(&f, p.page, SLOTS);
	p.shared = (struct ring_shared *)(void *)p.page;
	assert_int_equal(p.shared->req_prod, 0);
	assert_int_equal(p.shared->rsp_prod, 0);
	assert_int_equal(p.shared->req_event, 1);
	assert_int_equal(p.shared->rsp_event, 1);
	for (size_t i = 0; i < sizeof(p.shared->pad); i++)
		assert_int_equal(p.shared->pad[i], 0);
	for (size_t i = RING_HEADER; i < sizeof(p.page); i++)
		assert_int_equal(p.page[i], 0xff);
	assert_int_equal(ring_front_room(&f), SLOTS);
}

static void test_messages_across_the_wrap_arrive_whole_and_in_order(void **state)
{
	(void)state;
	for (size_t s = 0; s < NR_STARTS; s++) {
		struct pair p;
		uint32_t sent = 0, got = 0;

		pair_init(&p, starts[s]);
		for (uint32_t batch = 1; batch <= SLOTS; batch++) {
			struct msg_rsp rsp = { 0 };

			for (uint32_t i = 0; i < batch; i++)
				request(&p, sent++);
			assert_int_equal(ring_front_room(&p.front), SLOTS - batch);
			assert_int_equal(ring_back_pending(&p.back), 0);
			ring_front_publish(&p.front);
			assert_int_equal(ring_back_pending(&p.back), batch);
			for (uint32_t i = 0; i < batch; i++)
				respond(&p);
			assert_int_equal(ring_front_pending(&p.front), 0);
			ring_back_publish(&p.back);
			for (uint32_t i = 0; i < batch; i++, got++) {
				assert_int_equal(msg_front_pop(&p.front, &rsp), 1);
				assert_int_equal(rsp.serial, got);
				assert_int_equal(rsp.echo, ~got);
			}
			assert_int_equal(msg_front_pop(&p.front, &rsp), 0);
		}
		assert_int_equal(p.shared->req_prod, starts[s] + sent);
		assert_int_equal(p.shared->rsp_prod, starts[s] + got);
	}
}

/* XSA-86: what a frontend may claim is at least what was taken and at most a full ring beyond the
 * responses it has been told of. Every other value is refused, and nothing is taken. */
static void test_xsa86_back_each_producer_index_is_judged(void **state)
{
	(void)state;
	for (size_t s = 0; s < NR_STARTS; s++) {
		for (uint32_t taken = 0; taken <= SLOTS; taken++) {
			for (uint32_t answered = 0; answered <= taken; answered++) {
				for (int32_t claim = -70; claim <= 70; claim++) {
					struct msg_req req = { .serial = 77 };
					struct pair p;
					int want, got;

					pair_init(&p, starts[s]);
					p.back.req_cons += taken;
					p.back.rsp_prod += answered;
					p.back.rsp_published += answered;
					p.shared->req_prod = starts[s] + (uint32_t)claim;
					want = claim < (int32_t)taken ||
					       claim > (int32_t)(answered + SLOTS) ?
					       RING_EBROKEN : claim - (int32_t)taken;
					assert_int_equal(ring_back_pending(&p.back), want);
					got = msg_back_pop(&p.back, &req);
					assert_int_equal(got, want > 1 ? 1 : want);
					assert_int_equal(p.back.req_cons,
							 starts[s] + taken + (want > 0));
					assert_int_equal(req.serial, want > 0 ? 0 : 77);
				}
			}
		}
	}
}

/* The mirror image: a backend cannot have answered more than it was asked, nor take it back. */
static void test_xsa86_front_each_producer_index_is_judged(void **state)
{
	(void)state;
	for (size_t s = 0; s < NR_STARTS; s++) {
		for (uint32_t asked = 0; asked <= SLOTS; asked++) {
			for (uint32_t taken = 0; taken <= asked; taken++) {
				for (int32_t claim = -70; claim <= 70; claim++) {
					struct msg_rsp rsp = { .serial = 77 };
					struct pair p;
					int want;

					pair_init(&p, starts[s]);
					p.front.req_prod += asked;
					p.front.req_published += asked;
					p.front.rsp_cons += taken;
					p.shared->rsp_prod = starts[s] + (uint32_t)claim;
					want = claim < (int32_t)taken || claim > (int32_t)asked ?
					       RING_EBROKEN : claim - (int32_t)taken;
					assert_int_equal(ring_front_pending(&p.front), want);
					assert_int_equal(msg_front_pop(&p.front, &rsp),
							 want > 1 ? 1 : want);
					assert_int_equal(rsp.serial, want > 0 ? 0 : 77);
				}
			}
		}
	}
}

/* Requests that were put in but not published give the backend no right to answer them. */
static void test_front_response_to_an_unpublished_request_is_broken(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 0xfffffffe);
	request(&p, 1);
	p.shared->rsp_prod++;
	assert_int_equal(ring_front_pending(&p.front), RING_EBROKEN);
	ring_front_publish(&p.front);
	assert_int_equal(ring_front_pending(&p.front), 1);
}

/* Jumps of the sizes that are played in the field, from a ring in mid-use. */
static void test_xsa86_back_wild_jumps_are_broken(void **state)
{
	static const uint32_t jumps[] = {
		SLOTS + 1, 33, 1u << 16, 1u << 31, (1u << 31) - 1, UINT32_MAX, UINT32_MAX - SLOTS,
	};

	(void)state;
	for (size_t s = 0; s < NR_STARTS; s++) {
		for (size_t j = 0; j < sizeof(jumps) / sizeof(jumps[0]); j++) {
			struct pair p;

			pair_init(&p, starts[s]);
			request(&p, 0);
			ring_front_publish(&p.front);
			respond(&p);
			p.shared->req_prod = starts[s] + 1 + jumps[j];
			assert_int_equal(ring_back_pending(&p.back), RING_EBROKEN);
			assert_true(ring_back_arm(&p.back));	/* no sleeping on a broken ring */
		}
	}
}

/* The copies of our own counters are write-only: scribbling over them changes nothing. */
static void test_own_counters_scribbled_are_never_read_back(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 3);
	for (uint32_t i = 0; i < 100; i++) {
		struct msg_rsp rsp = { 0 };

		request(&p, i);
		ring_front_publish(&p.front);
		p.shared->rsp_prod = i * 2654435761u;
		p.shared->req_event = i * 40503u;
		respond(&p);
		p.shared->req_prod ^= 0x55555555;
		ring_back_publish(&p.back);
		assert_int_equal(msg_front_pop(&p.front, &rsp), 1);
		assert_int_equal(rsp.serial, i);
		assert_int_equal(p.shared->rsp_prod, 3 + i + 1);
	}
}

/* A full producer side: each publish is notified exactly if the peer armed for what it passed. */
static void test_publish_notifies_exactly_when_armed(void **state)
{
	(void)state;
	for (size_t s = 0; s < NR_STARTS; s++) {
		struct pair p;

		pair_init(&p, starts[s]);
		assert_false(ring_front_publish(&p.front));	/* nothing put in */
		request(&p, 0);
		assert_true(ring_front_publish(&p.front));	/* armed by init */
		request(&p, 1);
		assert_false(ring_front_publish(&p.front));	/* not armed again */
		assert_true(ring_back_arm(&p.back));		/* two are there: no sleep */
		respond(&p);
		respond(&p);
		assert_false(ring_back_arm(&p.back));		/* sleep */
		request(&p, 2);
		request(&p, 3);
		request(&p, 4);
		assert_true(ring_front_publish(&p.front));	/* the first of a batch counts */
		assert_true(ring_back_publish(&p.back));
		assert_false(ring_back_publish(&p.back));
		respond(&p);
		assert_false(ring_back_publish(&p.back));
		assert_true(ring_front_arm(&p.front));
	}
}

/* Arming asks for the next message, not for one of a batch to come. */
static void test_arm_event_is_one_past_what_was_taken(void **state)
{
	struct msg_rsp rsp = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 0xfffffffd);
	for (uint32_t i = 0; i < 8; i++) {
		request(&p, i);
		ring_front_publish(&p.front);
		respond(&p);
		ring_back_publish(&p.back);
		assert_int_equal(msg_front_pop(&p.front, &rsp), 1);
		assert_false(ring_back_arm(&p.back));
		assert_false(ring_front_arm(&p.front));
		assert_int_equal(p.shared->req_event, 0xfffffffd + i + 2);
		assert_int_equal(p.shared->rsp_event, 0xfffffffd + i + 2);
	}
}

/* XSA-155: what was handed out is private; XSA-216: every byte of a response is ours. */
static void test_xsa155_xsa216_messages_are_copies_both_ways(void **state)
{
	struct msg_req req = { 0 };
	struct pair p;

	(void)state;
	pair_init(&p, 0);
	request(&p, 42);
	ring_front_publish(&p.front);
	assert_int_equal(msg_back_pop(&p.back, &req), 1);
	memset(p.page + RING_HEADER, 0xff, SLOTS * SLOT);
	assert_int_equal(req.serial, 42);
	msg_back_push(&p.back, &(struct msg_rsp){ 1, 2 });
	assert_memory_equal(p.page + RING_HEADER, (&(struct msg_rsp){ 1, 2 }),
			    sizeof(struct msg_rsp));
	for (size_t i = RING_HEADER + sizeof(struct msg_rsp); i < sizeof(p.page); i++)
		assert_int_equal(p.page[i], 0xff);	/* and nothing beside it was touched */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots_any_size_is_the_largest_power_of_two),
		cmocka_unit_test(test_passed_each_edge_is_as_counted),
		cmocka_unit_test(test_front_init_header_is_fresh_and_the_rest_untouched),
		cmocka_unit_test(test_messages_across_the_wrap_arrive_whole_and_in_order),
		cmocka_unit_test(test_xsa86_back_each_producer_index_is_judged),
		cmocka_unit_test(test_xsa86_front_each_producer_index_is_judged),
		cmocka_unit_test(test_front_response_to_an_unpublished_request_is_broken),
		cmocka_unit_test(test_xsa86_back_wild_jumps_are_broken),
		cmocka_unit_test(test_own_counters_scribbled_are_never_read_back),
		cmocka_unit_test(test_publish_notifies_exactly_when_armed),
		cmocka_unit_test(test_arm_event_is_one_past_what_was_taken),
		cmocka_unit_test(test_xsa155_xsa216_messages_are_copies_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
