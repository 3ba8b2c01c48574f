/* SPDX-License-Identifier: MIT */
/*
 * test_schema_model.h - two state machines, run against each other in every interleaving
 *
 * A backend and a frontend each look at the pair of states, do what their table says, and then
 * write their next state; between any two of these moments the other side, the toolstack (which
 * detaches) and the guest's kernel (which gives the device up, or is replaced by another) may
 * act. All worlds that can come about are visited, a few thousand, and each is checked:
 *
 * - neither side ever finds the other in violation;
 * - the frontend never frees a page that the backend has mapped, and the backend never maps one
 *   that was freed;
 * - whatever has happened, the two come to rest, and where they rest is right. There is no cycle
 *   on the way, unless a guest was replaced in the middle: then the two may cross each other's
 *   path again and again for as long as their timing is unlucky, but never for good.
 *
 * The sides react to the level, not the edge: as long as the table asks for a move, they make it.
 * To be included once, after cmocka.h.
 */
#ifndef XPV_TEST_SCHEMA_MODEL_H
#define XPV_TEST_SCHEMA_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema.h"

enum phase { IDLE, DECIDED, ACTED };

struct side {
	uint8_t state;		/* as it stands in xenstore */
	uint8_t phase, next, action;
	uint8_t done;		/* REMOVE was carried out: nobody is there any more */
};

/* Bytes only: no padding, so that worlds can be compared and hashed as memory. */
struct world {
	struct side be, fe;
	uint8_t online, wanted;
	uint8_t granted, mapped, replaced;
	/* what the world around may still do */
	uint8_t may_detach, may_give_up, may_replace, may_restart;
};

#define SLOTS (1u << 16)

struct visit {
	struct world world;
	uint32_t from;		/* where it was first reached from: the trace of a failure */
	uint8_t used, on_path, settled;
};

typedef struct xb_step step_fn(unsigned int mine, unsigned int peer, bool flag);

/* Who plays, and what must hold when nobody moves any more. */
struct rules {
	step_fn *backend, *frontend;
	void (*check_rest)(const struct world *w, uint32_t at);
};

static const struct rules *rules;
static struct visit *visits;
static size_t visited;
static bool cycles_allowed;

static void print_trace(uint32_t at)
{
	const struct world *w = &visits[at].world;

	if (visits[at].from != at)
		print_trace(visits[at].from);
	print_error("  be %-12s %d>%u(%s)%s  fe %-12s %d>%u(%s)%s %s%s%s%s\n",
		    xb_state_name(w->be.state), w->be.phase, w->be.next,
		    xb_action_name(w->be.action), w->be.done ? " gone" : "",
		    xb_state_name(w->fe.state), w->fe.phase, w->fe.next,
		    xb_action_name(w->fe.action), w->fe.done ? " gone" : "",
		    w->online ? "online " : "", w->wanted ? "wanted " : "",
		    w->granted ? "granted " : "", w->mapped ? "mapped" : "");
}

static void check(bool good, uint32_t at, const char *property)
{
	if (good)
		return;
	print_error("%s; how it came about:\n", property);
	print_trace(at);
	fail();
}

static uint32_t slot_of(const struct world *w)
{
	const uint8_t *bytes = (const uint8_t *)w;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*w); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	hash %= SLOTS;
	while (visits[hash].used && memcmp(&visits[hash].world, w, sizeof(*w)))
		hash = (hash + 1) % SLOTS;
	return hash;
}

static struct xb_step step_of(const struct world *w, bool backend)
{
	return backend ? rules->backend(w->be.state, w->fe.state, w->online)
		       : rules->frontend(w->fe.state, w->be.state, w->wanted);
}

static bool wants_to_move(const struct world *w, bool backend)
{
	const struct side *s = backend ? &w->be : &w->fe;
	struct xb_step step = step_of(w, backend);

	return s->phase != IDLE ||
	       (!s->done && (step.action != XB_STAY || step.next != s->state));
}

/* Carries the decided action out; what it does to the shared pages is all that matters here. */
static void act(struct world *w, bool backend, uint32_t at)
{
	struct side *s = backend ? &w->be : &w->fe;

	switch (s->action) {
	case XB_PUBLISH:
		if (!backend)
			w->granted = 1;
		break;
	case XB_CONNECT:
		if (!backend)
			break;
		check(w->granted || w->replaced, at, "the backend maps pages that were freed");
		w->mapped = w->granted;
		if (!w->mapped)	/* a kernel that died took them along: the device fails */
			s->next = XB_CLOSED;
		break;
	case XB_DISCONNECT:
		if (backend)
			w->mapped = 0;
		break;
	case XB_RESET:
	case XB_REMOVE:
		if (backend) {
			w->mapped = 0;
		} else {
			check(!w->mapped || !w->granted, at, "the frontend frees mapped pages");
			w->granted = 0;
		}
		s->done = s->action == XB_REMOVE;
		break;
	case XB_VIOLATION:
		check(false, at, "one side takes the other's move for a violation");
		break;
	default:
		break;
	}
}

/* One moment of one side: look, act, or write. */
static void advance(struct world *w, bool backend, uint32_t at)
{
	struct side *s = backend ? &w->be : &w->fe;
	struct xb_step step;

	switch (s->phase) {
	case IDLE:
		step = step_of(w, backend);
		s->next = step.next;
		s->action = step.action;
		s->phase = DECIDED;
		break;
	case DECIDED:
		act(w, backend, at);
		s->phase = ACTED;
		break;
	default:
		s->state = s->next;
		s->phase = s->next = s->action = 0;
		break;
	}
}

static bool visit(const struct world *w, uint32_t from);

/* What toolstack and guest may do at any moment, each once. */
static void disturb(const struct world *w, uint32_t at)
{
	struct world next = *w;

	if (w->may_detach) {
		next.may_detach = next.online = 0;
		if (!next.be.done)
			next.be.state = XB_CLOSING;
		visit(&next, at);
		next = *w;
	}
	if (w->may_give_up) {
		next.may_give_up = next.wanted = 0;
		visit(&next, at);
		next = *w;
	}
	if (w->may_replace && !w->fe.done) {	/* a new kernel, which owes nothing to the old */
		next.may_replace = next.granted = 0;
		next.replaced = 1;
		next.fe = (struct side){ .state = XB_INITIALISING };
		visit(&next, at);
		next = *w;
	}
	if (w->may_restart && !w->be.done) {	/* its domain starts anew, and the mappings go */
		next.may_restart = next.mapped = 0;
		next.be = (struct side){ .state = XB_INITIALISING };
		visit(&next, at);
	}
}

/* Depth first. False if `w` lies on the path that leads to it: a cycle. */
static bool visit(const struct world *w, uint32_t from)
{
	uint32_t at = slot_of(w);
	bool moved = false;

	if (visits[at].used)
		return !visits[at].on_path;
	visits[at] = (struct visit){ .world = *w, .from = from == UINT32_MAX ? at : from,
				     .used = 1, .on_path = 1 };
	assert_true(++visited < SLOTS / 2);

	for (int backend = 0; backend < 2; backend++) {
		struct world next = *w;

		if (!wants_to_move(w, backend))
			continue;
		moved = true;
		advance(&next, backend, at);
		check(visit(&next, at) || cycles_allowed, at, "the two go round in circles");
	}
	if (!moved)
		rules->check_rest(w, at);
	disturb(w, at);
	visits[at].on_path = 0;
	return true;
}

/* Marks the worlds that some sequence of moves leads to rest from, until there are no more. */
static void check_all_can_rest(void)
{
	bool more = true;

	while (more) {
		more = false;
		for (uint32_t at = 0; at < SLOTS; at++) {
			struct visit *v = &visits[at];
			bool moves = false;

			if (!v->used || v->settled)
				continue;
			for (int backend = 0; backend < 2; backend++) {
				struct world next = v->world;

				if (!wants_to_move(&next, backend))
					continue;
				moves = true;
				advance(&next, backend, at);
				v->settled |= visits[slot_of(&next)].settled;
			}
			v->settled |= !moves;
			more |= v->settled;
		}
	}
	for (uint32_t at = 0; at < SLOTS; at++)
		check(!visits[at].used || visits[at].settled, at, "no way leads to rest from here");
}

static void explore(const struct rules *game, struct world start)
{
	rules = game;
	cycles_allowed = start.may_replace;
	visits = calloc(SLOTS, sizeof(*visits));
	assert_non_null(visits);
	visited = 0;
	visit(&start, UINT32_MAX);
	check_all_can_rest();
	free(visits);
}

static const struct world fresh = {
	.be = { .state = XB_INITIALISING }, .fe = { .state = XB_INITIALISING },
	.online = 1, .wanted = 1,
};

#endif
