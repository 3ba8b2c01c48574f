/* SPDX-License-Identifier: MIT */
/*
 * fuzz_ring.c - two ends of one ring, and a third party that writes what it likes into the page
 *
 * The input is a script: each end pushes, publishes, pops, arms, or the page is scribbled on. What
 * each end may believe is checked against a model that no scribble reaches: neither takes more than
 * fits, nothing is taken from a broken ring, and each end publishes its own counters only.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

struct msg {
	uint32_t word[4];
};

RING_DEFINE(msg, struct msg, struct msg);

#define SLOTS 8u

struct world {
	_Alignas(64) uint8_t page[RING_HEADER + SLOTS * sizeof(union msg_slot)];
	uint8_t guard[64];
	struct ring_front front;
	struct ring_back back;
};

static void end_front(struct world *w, uint8_t what)
{
	uint32_t before = w->front.rsp_cons;
	struct msg m = { { what } };
	int pending = ring_front_pending(&w->front), rc;

	MUST(pending == RING_EBROKEN || (pending >= 0 && pending <= (int)SLOTS));
	switch (what % 4) {
	case 0:
		if (ring_front_room(&w->front) > 0)
			msg_front_push(&w->front, &m);
		break;
	case 1:
		ring_front_publish(&w->front);
		MUST(w->front.shared->req_prod == w->front.req_prod ||
		     w->front.req_published == w->front.req_prod);
		break;
	case 2:
		rc = msg_front_pop(&w->front, &m);
		MUST(rc == (pending > 0 ? 1 : pending));
		MUST(w->front.rsp_cons - before == (rc > 0));
		break;
	default:
		MUST(ring_front_arm(&w->front) == (pending != 0));
		MUST(w->front.shared->rsp_event == w->front.rsp_cons + 1);
	}
	MUST(w->front.req_published - w->front.rsp_cons <= SLOTS);
	MUST(ring_front_room(&w->front) <= SLOTS);
}

static void end_back(struct world *w, uint8_t what)
{
	uint32_t before = w->back.req_cons;
	struct msg m = { { what } };
	int pending = ring_back_pending(&w->back), rc;

	MUST(pending == RING_EBROKEN || (pending >= 0 && pending <= (int)SLOTS));
	switch (what % 4) {
	case 0:
		if (w->back.rsp_prod != w->back.req_cons)
			msg_back_push(&w->back, &m);
		break;
	case 1:
		ring_back_publish(&w->back);
		MUST(w->back.rsp_published == w->back.rsp_prod);
		break;
	case 2:
		rc = msg_back_pop(&w->back, &m);
		MUST(rc == (pending > 0 ? 1 : pending));
		MUST(w->back.req_cons - before == (rc > 0));
		break;
	default:
		MUST(ring_back_arm(&w->back) == (pending != 0));
		MUST(w->back.shared->req_event == w->back.req_cons + 1);
	}
	MUST(w->back.req_cons - w->back.rsp_published <= SLOTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct world empty;
	static struct world w;
	uint32_t start;

	if (size < 4)
		return 0;
	memcpy(&start, data, 4);
	memcpy(&w, &empty, sizeof(w));
	MUST(msg_size(sizeof(w.page)) == SLOTS);
	ring_front_init(&w.front, w.page, SLOTS);
	*w.front.shared = (struct ring_shared){ start, start + 1, start, start + 1, { 0 } };
	w.front.req_prod = w.front.req_published = w.front.rsp_cons = start;
	ring_back_init(&w.back, w.page, SLOTS, start, start);
	for (size_t i = 4; i + 1 < size; i += 2) {
		switch (data[i] & 3) {
		case 0:
			end_front(&w, data[i + 1]);
			break;
		case 1:
			end_back(&w, data[i + 1]);
			break;
		default:	/* one byte of the header, or of a slot */
			w.page[(data[i] >> 2) % (RING_HEADER + 16)] = data[i + 1];
		}
	}
	MUST(memcmp(w.guard, empty.guard, sizeof(w.guard)) == 0);
	return 0;
}
