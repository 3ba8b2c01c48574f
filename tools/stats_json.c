/* SPDX-License-Identifier: MIT */
/*
 * stats_json.c - xpv stats for programs
 *
 * All that xpvd has said, with percentiles in place of buckets, which are what --openmetrics is
 * for: of each queue, and of all queues of a device together.
 */
#include <json-c/json.h>

#include "stats.h"

static void add_number(struct json_object *obj, const char *name, uint64_t value)
{
	json_object_object_add(obj, name, json_object_new_uint64(value));
}

static struct json_object *summary(struct json_object *dev, struct json_object *queue,
				   const char *timed)
{
	struct json_object *obj = json_object_new_object();
	struct spread s = { .nr = 0 };

	spread_add(&s, dev, queue, timed);
	add_number(obj, "count", s.count);
	add_number(obj, "mean_ns", spread_mean(&s));
	add_number(obj, "p50_ns", spread_percentile(&s, 500000));
	add_number(obj, "p90_ns", spread_percentile(&s, 900000));
	add_number(obj, "p99_ns", spread_percentile(&s, 990000));
	add_number(obj, "p999_ns", spread_percentile(&s, 999000));
	add_number(obj, "max_ns", s.max_ns);
	spread_fini(&s);
	return obj;
}

static struct json_object *summaries(struct json_object *dev, struct json_object *queue)
{
	struct json_object *obj = json_object_new_object();

	for (const char *const *timed = stats_timed; *timed; timed++)
		json_object_object_add(obj, *timed, summary(dev, queue, *timed));
	return obj;
}

int stats_print_json(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *dev = json_object_array_get_idx(list, i);
		struct json_object *all = summaries(dev, NULL);

		for (size_t q = 0; q < stats_queues(dev); q++) {
			struct json_object *queue = stats_queue(dev, q);

			json_object_object_add(queue, "latency", summaries(dev, queue));
		}
		json_object_object_add(dev, "latency", all);
	}
	return tool_json(list);
}
