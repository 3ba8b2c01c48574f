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

void stopwatch_batch(struct stopwatch *watch, uint32_t req_prod)
{
	bool due = ++watch->untimed >= METER_EVERY;

	write_once(&watch->meter->req_prod, req_prod);
	watch->taken_ns = 0;
	if (!due && !watch->rested)
		return;
	watch->taken_ns = loop_now();
	watch->weight = watch->rested ? 1 : METER_EVERY;
	if (watch->rested)		/* that one was of the other kind */
		watch->untimed--;
	else
		watch->untimed = 0;
	watch->rested = false;
	if (!watch->stood_ns)
		write_once(&watch->meter->alive_ns, watch->taken_ns);
}

void stopwatch_start(struct stopwatch *watch, struct request *r)
{
	r->taken_ns = watch->taken_ns;
	r->weight = watch->weight;
	watch->running += r->taken_ns != 0;
}

static void time_request(struct stopwatch *watch, const struct request *r, uint64_t now)
{
	static const uint8_t kinds[] = {
		[BLK_READ] = METER_READ, [BLK_WRITE] = METER_WRITE, [BLK_FLUSH] = METER_FLUSH,
		[BLK_BARRIER] = METER_FLUSH, [BLK_DISCARD] = METER_DISCARD,
	};

	watch->running--;
	if (r->status == BLK_OKAY && r->op < sizeof(kinds))
		histogram_add(&watch->meter->timed[kinds[r->op]], now - r->taken_ns, r->weight);
}

void stopwatch_published(struct stopwatch *watch, const struct request *answered,
			 unsigned int mapped_pages)
{
	const struct request *r = answered;
	uint64_t now = 0;

	write_once(&watch->meter->mapped_pages, mapped_pages);
	if (watch->stood_ns) {
		now = loop_now();
		pause_ended(watch, watch->stood_ns, now);
		watch->stood_ns = 0;
		write_once(&watch->meter->gone_ns, 0);
	}
	for (; r && watch->running > 0; r = r->next) {
		if (!r->taken_ns)
			continue;
		if (!now)
			now = loop_now();
		time_request(watch, r, now);
	}
	if (now)
		write_once(&watch->meter->alive_ns, now);
}
