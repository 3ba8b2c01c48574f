/* SPDX-License-Identifier: MIT */
/*
 * stats_text.c - xpv stats for people
 *
 * A line a disk, as wide as a terminal in Dom0 usually is; below it how long its requests took, a
 * line for each kind that there were any of.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "stats.h"

char *stats_duration(char buf[16], uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	size_t unit = 0;

	for (; value >= 999.5 && unit < 3; unit++)
		value /= 1000;
	snprintf(buf, 16, "%.*f%s", unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value,
		 units[unit]);
	return buf;
}

/* Bytes in the largest unit that leaves at least one of it. */
static void format_bytes(char buf[16], uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit < sizeof(units) - 2; unit++)
		value /= 1024;
	snprintf(buf, 16, unit ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

/* What its guest is kept to, as a remark behind the row. */
static void print_limits(struct json_object *dev)
{
	uint64_t iops = stats_number(dev, "limit_iops"), bps = stats_number(dev, "limit_bps");
	const char *paused = stats_number(dev, "paused") ? " paused" : "";
	char bytes[16];

	if (!iops && !bps && !*paused)
		return;
	format_bytes(bytes, bps);
	printf("     %s", paused);
	if (iops)
		printf(" at most %llu requests/s", (unsigned long long)iops);
	if (bps)
		printf(" at most %s/s", bytes);
	putchar('\n');
}

static void print_device(struct json_object *dev)
{
	char in[16], out[16], escaped[128];
	const char *error = stats_text(dev, "error");

	format_bytes(in, stats_number(dev, "read_bytes"));
	format_bytes(out, stats_number(dev, "write_bytes"));
	printf("%5llu %-8s %-12s %7llu %4llu %9llu %9llu %7llu %8s %8s %6llu %8llu %8llu\n",
	       (unsigned long long)stats_number(dev, "domid"), stats_text(dev, "vdev"),
	       stats_text(dev, "state"), (unsigned long long)stats_number(dev, "worker"),
	       (unsigned long long)stats_number(dev, "restarts"),
	       (unsigned long long)stats_number(dev, "read_reqs"),
	       (unsigned long long)stats_number(dev, "write_reqs"),
	       (unsigned long long)stats_number(dev, "flush_reqs"), in, out,
	       (unsigned long long)stats_number(dev, "errors"),
	       (unsigned long long)stats_number(dev, "notify_in"),
	       (unsigned long long)stats_number(dev, "notify_out"));
	print_limits(dev);
	if (*error)
		printf("      %s\n", tool_escape(escaped, sizeof(escaped), error, strlen(error)));
}

static void print_spread(struct json_object *dev, const char *timed)
{
	struct spread s = { .nr = 0 };
	char p50[16], p99[16], p999[16], max[16], mean[16];

	spread_add(&s, dev, NULL, timed);
	if (s.count > 0)
		printf("      %-8s %10llu  mean %-7s p50 %-7s p99 %-7s p99.9 %-7s max %s\n", timed,
		       (unsigned long long)s.count, stats_duration(mean, spread_mean(&s)),
		       stats_duration(p50, spread_percentile(&s, 500000)),
		       stats_duration(p99, spread_percentile(&s, 990000)),
		       stats_duration(p999, spread_percentile(&s, 999000)),
		       stats_duration(max, s.max_ns));
	spread_fini(&s);
}

static void print_ring(struct json_object *queue)
{
	if (!json_object_get_boolean(json_object_object_get(queue, "connected"))) {
		printf("      ring %llu   not connected\n",
		       (unsigned long long)stats_number(queue, "queue"));
		return;
	}
	printf("      ring %llu   %llu slots; asked %llu, taken %llu, answered %llu: %llu under way"
	       "; %llu pages mapped\n",
	       (unsigned long long)stats_number(queue, "queue"),
	       (unsigned long long)stats_number(queue, "slots"),
	       (unsigned long long)stats_number(queue, "req_prod"),
	       (unsigned long long)stats_number(queue, "req_cons"),
	       (unsigned long long)stats_number(queue, "rsp_prod"),
	       (unsigned long long)stats_number(queue, "under_way"),
	       (unsigned long long)stats_number(queue, "mapped_pages"));
}

int stats_print_text(struct json_object *list, bool rings)
{
	printf("%5s %-8s %-12s %7s %4s %9s %9s %7s %8s %8s %6s %8s %8s\n", "Dom", "Vdev", "State",
	       "Worker", "Rest", "Reads", "Writes", "Flush", "Read", "Written", "Errors",
	       "Ntfy-in", "Ntfy-out");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *dev = json_object_array_get_idx(list, i);

		print_device(dev);
		for (const char *const *timed = stats_timed; *timed; timed++)
			print_spread(dev, *timed);
		for (size_t q = 0; rings && q < stats_queues(dev); q++)
			print_ring(stats_queue(dev, q));
	}
	json_object_put(list);
	return tool_flush();
}
