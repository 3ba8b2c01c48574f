/* SPDX-License-Identifier: MIT */
/*
 * cmd_list.c - xpv list: the guests
 *
 * In xl's columns. The letters of State: r running, b blocked, p paused, s shut down, then why
 * (r rebooted, s suspended, c crashed, w watchdog, S soft reset), d dying.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

static const char usage[] =
	"xpv list [-v] [--json] [DOM]\n\n"
	"Lists all guests, or one, in xl's columns.\n";

static unsigned int reason_of(const xc_domaininfo_t *info)
{
	return info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
}

static void format_state(char state[7], const xc_domaininfo_t *info)
{
	static const char reasons[] = "-rscwS";
	static const struct {
		uint32_t flag;
		char letter;
	} flags[6] = {
		{ XEN_DOMINF_running, 'r' }, { XEN_DOMINF_blocked, 'b' },
		{ XEN_DOMINF_paused, 'p' }, { XEN_DOMINF_shutdown, 's' },
		{ 0, '-' }, { XEN_DOMINF_dying, 'd' },
	};
	bool down = info->flags & XEN_DOMINF_shutdown;

	for (int i = 0; i < 6; i++)
		state[i] = info->flags & flags[i].flag ? flags[i].letter : '-';
	if (down)
		state[4] = reason_of(info) < sizeof(reasons) - 1 ? reasons[reason_of(info)] : '?';
	state[6] = '\0';
}

static uint64_t memory_mb(const xc_domaininfo_t *info)
{
	return (info->tot_pages + info->outstanding_pages) >> (20 - XC_PAGE_SHIFT);
}

static void print_row(const xc_domaininfo_t *info, const char *name)
{
	char state[7];

	format_state(state, info);
	printf("%-40s %5d %5lu %5d     %s  %8.1f\n", *name ? name : "-", info->domain,
	       (unsigned long)memory_mb(info), info->nr_online_vcpus, state,
	       (double)info->cpu_time / 1e9);
}

static struct json_object *row_json(const xc_domaininfo_t *info, const char *name)
{
	struct json_object *obj = json_object_new_object();
	char state[7];

	format_state(state, info);
	json_object_object_add(obj, "name", *name ? json_object_new_string(name) : NULL);
	json_object_object_add(obj, "domid", json_object_new_int(info->domain));
	json_object_object_add(obj, "memory", json_object_new_int64((int64_t)memory_mb(info)));
	json_object_object_add(obj, "vcpus", json_object_new_int((int)info->nr_online_vcpus));
	json_object_object_add(obj, "state", json_object_new_string(tool_domain_state(info)));
	json_object_object_add(obj, "flags", json_object_new_string(state));
	json_object_object_add(obj, "cpu-time",
			       json_object_new_double((double)info->cpu_time / 1e9));
	return obj;
}

static int list(struct xs_handle *xs, const xc_domaininfo_t *infos, int n, bool json)
{
	struct json_object *array = json ? json_object_new_array() : NULL;
	char name[64];

	if (!json)
		puts("Name                                        ID   Mem VCPUs\tState\tTime(s)");
	for (int i = 0; i < n; i++) {
		tool_domain_name(xs, infos[i].domain, name, sizeof(name));
		if (json)
			json_object_array_add(array, row_json(&infos[i], name));
		else
			print_row(&infos[i], name);
	}
	return json ? tool_json(array) : tool_flush();
}

static int list_named(struct xs_handle *xs, xc_interface *xch, const char *dom, bool json)
{
	xc_domaininfo_t *infos, info;
	struct domain found;
	int n, rc;

	if (dom) {
		if (tool_domain(xs, xch, dom, &found))
			return TOOL_FAILED;
		if (!tool_domain_info(xch, found.domid, &info))
			return tool_error("%s: it has just ended; 'xpv list' shows the others",
					  dom);
		return list(xs, &info, 1, json);
	}
	n = tool_domains(xch, &infos);
	if (n < 0)
		return TOOL_FAILED;
	rc = list(xs, infos, n, json);
	free(infos);
	return rc;
}

int cmd_list(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct xs_handle *xs;
	xc_interface *xch;
	int first, rc = TOOL_FAILED;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first > 1)
		return tool_usage(argv[0], "one domain at most");
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	if (xch) {
		rc = list_named(xs, xch, argv[first], json);
		xc_interface_close(xch);
	}
	xs_close(xs);
	return rc;
}
