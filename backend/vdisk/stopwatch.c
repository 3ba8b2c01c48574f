/* SPDX-License-Identifier: MIT */
/*
 * stopwatch.c - which requests are timed, and what becomes of it
 *
 * A batch that follows a sleep stands for itself, and one in METER_EVERY of the others for all of
 * those. So a disk with little to do has each of its requests timed, the sum of what is counted is
 * near the number of requests in any case, and no kind of batch weighs more than it should.
 */
#include "disk.h"
#include "loop.h"

void stopwatch_init(struct stopwatch *watch, struct meter *meter)
{
	*watch = (struct stopwatch){ .meter = meter, .rested = true };
	write_once(&meter->gone_ns, 0);
	write_once(&meter->alive_ns, 0);
	write_once(&meter->req_prod, 0);
	write_once(&meter->mapped_pages, 0);
}

static void pause_ended(struct stopwatch *watch, uint64_t since, uint64_t now)
{
	histogram_add(&watch->meter->timed[METER_PAUSE], now - since, 1);
	write_once(&watch->meter->last_pause_ns, now - since);
}

/* If this worker dies before anything is answered, its successor goes on with one long pause. */
void stopwatch_take_over(struct stopwatch *watch, struct meter *meter, unsigned int unanswered,
			 bool waiting)
{
	uint64_t since = unanswered > 0 ? meter->alive_ns : meter->gone_ns;
	uint64_t now = loop_now();

	stopwatch_init(watch, meter);
	if (since > now)		/* its predecessor may have written anything */
		since = 0;
	if (since && !waiting) {
		pause_ended(watch, since, now);
	} else {
		watch->stood_ns = since;
		write_once(&meter->alive_ns, since);
		write_once(&meter->gone_ns, since);
	}
}

void stopwatch_stop(struct stopwatch *watch)
{
	if (watch->meter)
		write_once(&watch->meter->gone_ns, loop_now());
}

void stopwatch_stamp(struct stopwatch *watch)
{
	watch->batch = (struct stamp){ .taken_ns = loop_now(),
				       .weight = watch->rested ? 1 : METER_EVERY };
	if (!watch->rested)
		watch->untimed = 0;
	watch->rested = false;
	if (!watch->stood_ns)
		write_once(&watch->meter->alive_ns, watch->batch.taken_ns);
}

static void time_request(struct stopwatch *watch, const struct request *r, uint64_t now)
{
	static const uint8_t kinds[] = {
		[BLK_READ] = METER_READ, [BLK_WRITE] = METER_WRITE, [BLK_FLUSH] = METER_FLUSH,
		[BLK_BARRIER] = METER_FLUSH, [BLK_DISCARD] = METER_DISCARD,
	};

	watch->running--;
	if (r->status == BLK_OKAY && r->op < sizeof(kinds))
		histogram_add(&watch->meter->timed[kinds[r->op]], now - r->stamp.taken_ns,
			      r->stamp.weight);
}

void stopwatch_settle(struct stopwatch *watch, const struct request *answered)
{
	const struct request *r = answered;
	uint64_t now = 0;

	if (watch->stood_ns) {
		now = loop_now();
		pause_ended(watch, watch->stood_ns, now);
		watch->stood_ns = 0;
		write_once(&watch->meter->gone_ns, 0);
	}
	for (; r && watch->running > 0; r = r->next) {
		if (!r->stamp.taken_ns)
			continue;
		if (!now)
			now = loop_now();
		time_request(watch, r, now);
	}
	if (now)
		write_once(&watch->meter->alive_ns, now);
}
