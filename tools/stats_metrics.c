/* SPDX-License-Identifier: MIT */
/*
 * stats_metrics.c - xpv stats for monitoring systems: OpenMetrics 1.0 text
 *
 * Families in a fixed order, each with all its samples in one place, as the format wants it, and
 * labels that name a ring: domid, name, vdev, queue. Histograms have buckets at powers of two from
 * 1 us to 17 s, where finer buckets end, too, so that none is split. Their _count is that of the
 * buckets, and thus fits them; and times are integers until they are printed, so that a sum loses
 * nothing.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "stats.h"

#define LOW_BITS	10
#define HIGH_BITS	34
#define NS		1000000000u

enum metric_kind { COUNTER, GAUGE, HISTOGRAM };

/* What a family's samples are: a member, and the label that tells it from the others. */
struct sample {
	const char *label, *value;	/* label: NULL, there is one sample only */
	const char *member;		/* of a queue, or of its "latency" */
};

#define MAX_SAMPLES 6

static const struct family {
	const char *name, *unit, *help;
	enum metric_kind kind;
	struct sample samples[MAX_SAMPLES + 1];
} families[] = {
	{ "xpv_disk_requests", NULL, "Requests that were answered.", COUNTER, {
		{ "op", "read", "read_reqs" }, { "op", "write", "write_reqs" },
		{ "op", "flush", "flush_reqs" }, { "op", "barrier", "barrier_reqs" },
		{ "op", "discard", "discard_reqs" }, { "op", "other", "other_reqs" } } },
	{ "xpv_disk_transferred_bytes", "bytes", "Bytes read, written and discarded.", COUNTER, {
		{ "op", "read", "read_bytes" }, { "op", "write", "write_bytes" },
		{ "op", "discard", "discard_bytes" } } },
	{ "xpv_disk_errors", NULL, "Requests that were answered with an error.", COUNTER, {
		{ NULL, NULL, "errors" } } },
	{ "xpv_disk_indirect_requests", NULL, "Reads and writes with their segments in a page of "
	  "their own.", COUNTER, { { NULL, NULL, "indirect_reqs" } } },
	{ "xpv_disk_batches", NULL, "Times that a batch of responses was published.", COUNTER, {
		{ NULL, NULL, "batches" } } },
	{ "xpv_disk_notifications", NULL, "Events, from the guest and to it.", COUNTER, {
		{ "direction", "received", "notify_in" }, { "direction", "sent", "notify_out" } } },
	{ "xpv_disk_takeovers", NULL, "Workers that took the ring over.", COUNTER, {
		{ NULL, NULL, "restarts" } } },
	{ "xpv_disk_replayed_requests", NULL, "Requests that a worker left to its successor.",
	  COUNTER, { { NULL, NULL, "replayed" } } },
	{ "xpv_disk_requests_under_way", NULL, "Requests taken and not answered.", GAUGE, {
		{ NULL, NULL, "under_way" } } },
	{ "xpv_disk_ring_slots", NULL, "Requests that the ring holds.", GAUGE, {
		{ NULL, NULL, "slots" } } },
	{ "xpv_disk_mapped_pages", NULL, "Pages of the guest that stay mapped.", GAUGE, {
		{ NULL, NULL, "mapped_pages" } } },
	{ "xpv_disk_service_time_seconds", "seconds", "From a request's taking to its answer, of "
	  "a sample, each with the weight of those that it stands for.", HISTOGRAM, {
		{ "op", "read", "read" }, { "op", "write", "write" }, { "op", "flush", "flush" },
		{ "op", "discard", "discard" } } },
	{ "xpv_disk_pause_seconds", "seconds", "How long a ring stood still when a worker took it "
	  "over.", HISTOGRAM, { { NULL, NULL, STATS_PAUSE } } },
};

/* A label's value: the format has three characters that cannot stand for themselves. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", stdout);
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void print_label(char before, const char *label, const char *value)
{
	printf("%c%s=\"", before, label);
	print_escaped(value);
	putchar('"');
}

/* Where a sample comes from. */
struct ring {
	struct json_object *dev, *queue;
};

/* Name, suffix and labels, all but the end: a histogram has one more. */
static void print_sample(const struct family *family, const char *suffix, const struct ring *ring,
			 const struct sample *sample)
{
	const char *name = stats_text(ring->dev, "name");

	printf("%s%s", family->name, suffix);
	print_label('{', "domid", stats_text(ring->dev, "domid"));
	if (*name)
		print_label(',', "name", name);
	print_label(',', "vdev", stats_text(ring->dev, "vdev"));
	print_label(',', "queue", stats_text(ring->queue, "queue"));
	if (sample->label)
		print_label(',', sample->label, sample->value);
}

static void print_number(const struct family *family, const struct ring *ring,
			 const struct sample *sample)
{
	print_sample(family, family->kind == COUNTER ? "_total" : "", ring, sample);
	printf("} %llu\n", (unsigned long long)stats_number(ring->queue, sample->member));
}

static void print_histogram(const struct family *family, const struct ring *ring,
			    const struct sample *sample)
{
	struct spread s = { .nr = 0 };

	spread_add(&s, ring->dev, ring->queue, sample->member);
	for (unsigned int bit = LOW_BITS; bit <= HIGH_BITS; bit++) {
		uint64_t ns = (uint64_t)1 << bit;

		print_sample(family, "_bucket", ring, sample);
		printf(",le=\"%llu.%09llu\"} %llu\n", (unsigned long long)(ns / NS),
		       (unsigned long long)(ns % NS),
		       (unsigned long long)spread_below(&s, ns));
	}
	print_sample(family, "_bucket", ring, sample);
	printf(",le=\"+Inf\"} %llu\n", (unsigned long long)s.count);
	print_sample(family, "_sum", ring, sample);
	printf("} %llu.%09llu\n", (unsigned long long)(s.sum_ns / NS),
	       (unsigned long long)(s.sum_ns % NS));
	print_sample(family, "_count", ring, sample);
	printf("} %llu\n", (unsigned long long)s.count);
	spread_fini(&s);
}

static void print_ring(const struct family *family, const struct ring *ring)
{
	for (const struct sample *sample = family->samples; sample->member; sample++) {
		if (family->kind == HISTOGRAM)
			print_histogram(family, ring, sample);
		else
			print_number(family, ring, sample);
	}
}

static void print_head(const char *name, const char *type, const char *unit, const char *help)
{
	printf("# TYPE %s %s\n", name, type);
	if (unit)
		printf("# UNIT %s %s\n", name, unit);
	printf("# HELP %s %s\n", name, help);
}

static void print_family(const struct family *family, struct json_object *list)
{
	static const char *const types[] = {
		[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram",
	};

	print_head(family->name, types[family->kind], family->unit, family->help);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct ring ring = { .dev = json_object_array_get_idx(list, i) };

		for (size_t q = 0; q < stats_queues(ring.dev); q++) {
			ring.queue = stats_queue(ring.dev, q);
			print_ring(family, &ring);
		}
	}
}

/* The one family of devices and not of rings: there may be none yet. */
static void print_states(struct json_object *list)
{
	static const char name[] = "xpv_disk_state";

	printf("# TYPE %s stateset\n# HELP %s The backend's xenbus state.\n", name, name);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *dev = json_object_array_get_idx(list, i);

		for (int state = XB_UNKNOWN; state < XB_STATE_COUNT; state++) {
			const char *word = xb_state_name((enum xb_state)state);
			const char *guest = stats_text(dev, "name");

			fputs(name, stdout);
			print_label('{', "domid", stats_text(dev, "domid"));
			if (*guest)
				print_label(',', "name", guest);
			print_label(',', "vdev", stats_text(dev, "vdev"));
			print_label(',', name, word);
			printf("} %d\n", !strcmp(word, stats_text(dev, "state")));
		}
	}
}

int stats_print_metrics(struct json_object *list)
{
	print_states(list);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		print_family(&families[i], list);
	puts("# EOF");
	json_object_put(list);
	return tool_flush();
}
