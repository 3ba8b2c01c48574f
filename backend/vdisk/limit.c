/* SPDX-License-Identifier: MIT */
/*
 * limit.c - two token buckets
 *
 * The one hard thing is to lose nothing: a disk of 500 requests a second is asked about a thousand
 * times in it, and a token is then half full. So a bucket keeps what is in it as whole tokens and
 * billionths of one, and a time is split into seconds and nanoseconds, a rate into billions and a
 * rest, until no product can overflow. A full bucket keeps the part of its next token as well: with
 * a burst of one, whoever comes a little late for each would otherwise lose by it.
 */
#include "limit.h"

#define BILLION		1000000000u
#define TOKENS_MAX	(INT64_MAX / 4)		/* of a burst, and of a debt */
#define WAIT_MAX	(3600ull * BILLION)	/* asked again then */

static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Whole tokens that come in so long; what is left over stays in the bucket. */
static uint64_t tokens_in(struct limit_bucket *b, uint64_t ns)
{
	uint64_t rest = ns % BILLION;
	uint64_t parts = b->rate % BILLION * rest + b->part;	/* < 2^60 + 2^30 */

	b->part = (uint32_t)(parts % BILLION);
	return add(multiply(b->rate, ns / BILLION),
		   add(multiply(b->rate / BILLION, rest), parts / BILLION));
}

static void fill(struct limit_bucket *b, uint64_t ns)
{
	uint64_t room = b->burst - (uint64_t)b->level;	/* the level is never above the burst */
	uint64_t tokens;

	if (b->rate == 0)
		return;
	tokens = tokens_in(b, ns);
	if (tokens <= room) {
		b->level += (int64_t)tokens;
		return;
	}
	b->level = (int64_t)b->burst;
	b->part = BILLION - 1;
}

static void fill_both(struct limit *limit, uint64_t now_ns)
{
	uint64_t ns = now_ns > limit->seen_ns ? now_ns - limit->seen_ns : 0;

	fill(&limit->requests, ns);
	fill(&limit->bytes, ns);
	limit->seen_ns += ns;
}

static void set(struct limit_bucket *b, uint64_t rate, uint64_t burst, uint64_t least)
{
	uint64_t usual = rate / LIMIT_BURST_PARTS;

	if (burst == 0)
		burst = usual > least ? usual : least;
	if (burst > TOKENS_MAX)
		burst = TOKENS_MAX;
	if (b->rate == 0 || rate == 0) {
		b->level = 0;
		b->part = 0;
	}
	b->rate = rate;
	b->burst = burst;
	if (b->level >= (int64_t)burst) {
		b->level = (int64_t)burst;
		b->part = 0;
	}
}

void limit_set(struct limit *limit, uint64_t now_ns, uint64_t iops, uint64_t iops_burst,
	       uint64_t bps, uint64_t bps_burst)
{
	fill_both(limit, now_ns);	/* the time until now was at the old rates */
	set(&limit->requests, iops, iops_burst, 1);
	set(&limit->bytes, bps, bps_burst, LIMIT_BURST_BYTES);
}

bool limit_is_set(const struct limit *limit)
{
	return limit->requests.rate != 0 || limit->bytes.rate != 0;
}

/* What is in a bucket. */
static uint64_t has(const struct limit_bucket *b)
{
	if (b->rate == 0)
		return UINT64_MAX;
	return b->level > 0 ? (uint64_t)b->level : 0;
}

/* How long until there is a whole token in it, rounded up. */
static uint64_t wait_for(const struct limit_bucket *b)
{
	uint64_t whole, rest, parts, ns;

	if (has(b) > 0)
		return 0;
	whole = (uint64_t)-b->level;	/* of what is missing; and less than one token more */
	rest = whole % b->rate;
	if (rest < UINT64_MAX / BILLION) {
		parts = rest * BILLION + (BILLION - b->part);
		ns = parts / b->rate + (parts % b->rate != 0);
	} else {
		ns = (rest + 1) / (b->rate / BILLION) + 1;
	}
	ns = add(ns, multiply(whole / b->rate, BILLION));
	return ns < WAIT_MAX ? ns : WAIT_MAX;
}

struct limit_room limit_room(struct limit *limit, uint64_t now_ns)
{
	struct limit_room room;
	uint64_t requests, bytes;

	fill_both(limit, now_ns);
	room.requests = has(&limit->requests);
	room.bytes = has(&limit->bytes);
	if (room.requests > 0 && room.bytes > 0) {
		room.wait_ns = 0;
		return room;
	}
	requests = wait_for(&limit->requests);
	bytes = wait_for(&limit->bytes);
	return (struct limit_room){ .wait_ns = requests > bytes ? requests : bytes };
}

static void charge(struct limit_bucket *b, uint64_t tokens)
{
	if (b->rate == 0)
		return;
	if (tokens > TOKENS_MAX)
		tokens = TOKENS_MAX;
	b->level -= (int64_t)tokens;
	if (b->level < -(int64_t)TOKENS_MAX)
		b->level = -(int64_t)TOKENS_MAX;
}

void limit_charge(struct limit *limit, uint64_t requests, uint64_t bytes)
{
	charge(&limit->requests, requests);
	charge(&limit->bytes, bytes);
}
