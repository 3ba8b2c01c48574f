/* SPDX-License-Identifier: MIT */
/*
 * cmd_stats.c - xpv stats: what the supervisor's workers have counted and timed
 */
#include <json-c/json.h>

#include "disk.h"
#include "stats.h"

static const char usage[] =
	"xpv stats [-v] [--json|--openmetrics] [DOM [DEV]]\n\n"
	"Shows what the backends have counted for each disk, of all guests, of one, or of\n"
	"one disk: requests, bytes, errors, notifications, how often its worker was\n"
	"started again; and how long requests took, from the worker's taking them off the\n"
	"ring to its answer, and the disk's pauses when workers were replaced. With DEV\n"
	"also where its rings stand.\n\n"
	"Not every request is timed: while there is much to do, one batch in 64, and each\n"
	"of its requests counts 64 times. 'max' is the longest of those that were timed.\n\n"
	"  --json         all of it, of each ring, with percentiles\n"
	"  --openmetrics  for monitoring: OpenMetrics text, with histograms\n";

static bool select_disk(int argc, char **argv, struct stats_filter *filter)
{
	struct domain dom;

	if (argc > 0) {
		if (tool_resolve(argv[0], &dom))
			return false;
		filter->one_domain = true;
		filter->domid = dom.domid;
	}
	if (argc > 1) {
		if (disk_devid(argv[1], &filter->devid))
			return false;
		filter->one_device = true;
	}
	return true;
}

int cmd_stats(int argc, char **argv)
{
	struct stats_filter filter = { .latency = true };
	bool json = false, metrics = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ "openmetrics", 0, OPT_FLAG, &metrics },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct json_object *list;
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first > 2)
		return tool_usage(argv[0], "a domain and a device at most");
	if (json && metrics)
		return tool_usage(argv[0], "--json or --openmetrics, not both");
	if (!select_disk(argc - first, argv + first, &filter))
		return TOOL_FAILED;
	list = stats_ask(&filter);
	if (!list)
		return TOOL_FAILED;
	if (filter.one_device && json_object_array_length(list) == 0) {
		json_object_put(list);
		return tool_error("%s: xpv serves no such disk of %s; 'xpv block-list %s' shows "
				  "those that exist", argv[first + 1], argv[first], argv[first]);
	}
	if (json)
		return stats_print_json(list);
	return metrics ? stats_print_metrics(list) : stats_print_text(list, filter.one_device);
}
