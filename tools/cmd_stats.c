/* SPDX-License-Identifier: MIT */
/*
 * cmd_stats.c - xpv stats: what the supervisor's workers have counted
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "tool.h"

static const char usage[] =
	"xpv stats [-v] [--json] [DOM]\n\n"
	"Shows what the backends have counted for each device, of all guests or of one:\n"
	"requests, bytes, errors, notifications, and how often its worker was started\n"
	"again.\n";

static int64_t number(struct json_object *dev, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(dev, name, &value) ? json_object_get_int64(value) : 0;
}

static const char *text(struct json_object *dev, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(dev, name, &value) || !value)
		return "";
	return json_object_get_string(value);
}

/* Bytes in the largest unit that leaves at least one of it. */
static void format_bytes(char buf[16], int64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit < sizeof(units) - 2; unit++)
		value /= 1024;
	snprintf(buf, 16, unit ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void print_device(struct json_object *dev)
{
	char vdev[32], in[16], out[16], escaped[128];
	const char *error = text(dev, "error");

	xs_vdev_name(vdev, sizeof(vdev), (uint32_t)number(dev, "devid"));
	format_bytes(in, number(dev, "read_bytes"));
	format_bytes(out, number(dev, "write_bytes"));
	printf("%5lld %-8s %-12s %7lld %4lld %9lld %9lld %7lld %8s %8s %6lld %8lld %8lld\n",
	       (long long)number(dev, "domid"), vdev, text(dev, "state"),
	       (long long)number(dev, "worker"), (long long)number(dev, "restarts"),
	       (long long)number(dev, "read_reqs"), (long long)number(dev, "write_reqs"),
	       (long long)number(dev, "flush_reqs"), in, out, (long long)number(dev, "errors"),
	       (long long)number(dev, "notify_in"), (long long)number(dev, "notify_out"));
	if (*error)
		printf("      %s\n", tool_escape(escaped, sizeof(escaped), error, strlen(error)));
}

/* The devices of one guest, or all of them if domid is negative. */
static struct json_object *select_devices(struct json_object *answer, int64_t domid)
{
	struct json_object *all, *list = json_object_new_array();

	if (!json_object_object_get_ex(answer, "devices", &all) ||
	    !json_object_is_type(all, json_type_array))
		return list;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *dev = json_object_array_get_idx(all, i);

		if (domid < 0 || number(dev, "domid") == domid)
			json_object_array_add(list, json_object_get(dev));
	}
	return list;
}

static int show(struct json_object *answer, int64_t domid, bool json)
{
	struct json_object *list = select_devices(answer, domid);

	json_object_put(answer);
	if (json)
		return tool_json(list);
	printf("%5s %-8s %-12s %7s %4s %9s %9s %7s %8s %8s %6s %8s %8s\n", "Dom", "Vdev", "State",
	       "Worker", "Rest", "Reads", "Writes", "Flush", "Read", "Written", "Errors",
	       "Ntfy-in", "Ntfy-out");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		print_device(json_object_array_get_idx(list, i));
	json_object_put(list);
	return tool_flush();
}

int cmd_stats(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct domain dom = { .domid = 0 };
	struct json_object *answer;
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first > 1)
		return tool_usage(argv[0], "one domain at most");
	if (first < argc && tool_resolve(argv[first], &dom))
		return TOOL_FAILED;
	answer = control_ask(control_question("stats"));
	return answer ? show(answer, first < argc ? (int64_t)dom.domid : -1, json) : TOOL_FAILED;
}
