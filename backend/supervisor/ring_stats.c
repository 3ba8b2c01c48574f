/* SPDX-License-Identifier: MIT */
/*
 * ring_stats.c - what the journals say of rings, for tools to show
 *
 * Journals are memory that their workers write all the time, and that a worker which its guest has
 * taken over may write at will: each number is read once, and none is used for anything but to be
 * shown.
 */
#include <json-c/json.h>

#include "journal.h"
#include "supervisor.h"

static void add(struct json_object *out, const char *name, uint64_t value)
{
	json_object_object_add(out, name, json_object_new_uint64(value));
}

void ring_counters(struct json_object *out, const struct journal_stats *s)
{
	const struct { const char *name; const uint64_t *value; } counters[] = {
		{ "read_reqs", &s->read_reqs }, { "write_reqs", &s->write_reqs },
		{ "flush_reqs", &s->flush_reqs }, { "barrier_reqs", &s->barrier_reqs },
		{ "other_reqs", &s->other_reqs }, { "read_bytes", &s->read_bytes },
		{ "write_bytes", &s->write_bytes }, { "errors", &s->errors },
		{ "notify_in", &s->notify_in }, { "notify_out", &s->notify_out },
		{ "batches", &s->batches }, { "replayed", &s->replayed },
		{ "restarts", &s->restarts }, { "discard_reqs", &s->discard_reqs },
		{ "discard_bytes", &s->discard_bytes }, { "indirect_reqs", &s->indirect_reqs },
	};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		add(out, counters[i].name, read_once(counters[i].value));
}

/* The buckets that are not empty, each as its two ends and its count, in one flat array. */
static struct json_object *spread(const struct histogram *h)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();

	add(out, "sum_ns", read_once(&h->sum_ns));
	add(out, "max_ns", read_once(&h->max_ns));
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t count = read_once(&h->bucket[i]);

		if (count == 0)
			continue;
		json_object_array_add(list, json_object_new_uint64(histogram_low(i)));
		json_object_array_add(list, json_object_new_uint64(histogram_low(i + 1)));
		json_object_array_add(list, json_object_new_uint64(count));
	}
	json_object_object_add(out, "buckets", list);
	return out;
}

static struct json_object *latency(const struct meter *meter)
{
	static const char *const names[METER_TIMED] = {
		[METER_READ] = "read", [METER_WRITE] = "write", [METER_FLUSH] = "flush",
		[METER_DISCARD] = "discard", [METER_PAUSE] = "pause",
	};
	struct json_object *out = json_object_new_object();

	for (unsigned int i = 0; i < METER_TIMED; i++)
		json_object_object_add(out, names[i], spread(&meter->timed[i]));
	return out;
}

static void add_positions(struct json_object *out, const struct journal_head *journal,
			  const struct meter *meter)
{
	uint32_t rsp_prod = read_once(&journal->rsp_prod);
	uint32_t req_cons = load_acquire(&journal->req_cons);

	add(out, "slots", read_once(&journal->nr_slots));
	add(out, "req_prod", read_once(&meter->req_prod));
	add(out, "req_cons", req_cons);
	add(out, "rsp_prod", rsp_prod);
	add(out, "under_way", (uint32_t)(req_cons - rsp_prod));
	add(out, "mapped_pages", read_once(&meter->mapped_pages));
}

static struct json_object *ring(struct journal_head *journal, unsigned int index, bool timed)
{
	const struct meter *meter = journal_meter(journal);
	struct json_object *out = json_object_new_object();

	add(out, "queue", index);
	json_object_object_add(out, "connected",
			       json_object_new_boolean(read_once(&journal->connected) != 0));
	add_positions(out, journal, meter);
	ring_counters(out, &journal->stats);
	add(out, "last_pause_ns", read_once(&meter->last_pause_ns));
	if (timed)
		json_object_object_add(out, "latency", latency(meter));
	return out;
}

struct json_object *ring_list(const struct device *dev, bool timed)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; dev->journal && i < dev->journal_sections; i++)
		json_object_array_add(list, ring(journal_file_head(dev, i), i, timed));
	return list;
}
