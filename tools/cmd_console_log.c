/* SPDX-License-Identifier: MIT */
/*
 * cmd_console_log.c - xpv console-log: what a guest's console has said
 */
#include <stdio.h>
#include <string.h>

#include "console_log.h"
#include "tool.h"

static const char usage[] =
	"xpv console-log [-v] [-f] [--since WHEN] [--log-dir DIR] DOM\n\n"
	"Prints the log of a guest's console, as xpvd or xenconsoled keeps it: also that of\n"
	"a guest that is gone, by its name. What the guest wrote is shown as it is, escape\n"
	"sequences too: 'xpv console-log g | cat -v' is for guests that are not trusted.\n\n"
	"  -f, --follow       go on as the log grows, across its rotation; ^C ends it\n"
	"      --since WHEN   lines of that time and later: '2026-01-31 23:59:59', or a part\n"
	"                     of it from the left, 23:59 of today, or 90s, 15m, 2h, 7d ago\n"
	"      --log-dir DIR  where the logs are; by default $XPV_RUNDIR/log/console or, if\n"
	"                     it is not there, /var/log/xen/console\n";

/* The guest's name, also of one that is gone: then as it was typed. */
static int find_name(const char *text, char *name, size_t size)
{
	struct xs_handle *xs;
	xc_interface *xch;
	uint64_t number;
	struct domain dom;
	int rc = TOOL_OK;

	if (xs_parse_u64(text, strlen(text), &number)) {
		snprintf(name, size, "%s", text);
		return TOOL_OK;
	}
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	rc = xch ? tool_domain(xs, xch, text, &dom) : TOOL_FAILED;
	if (!rc)
		snprintf(name, size, "%s", dom.name);
	if (xch)
		xc_interface_close(xch);
	if (xs)
		xs_close(xs);
	return rc;
}

int cmd_console_log(int argc, char **argv)
{
	const char *since = NULL, *dir = NULL;
	char name[64], path[XS_PATH_MAX], stamp[CONSOLE_STAMP] = "";
	bool follow = false;
	const struct opt opts[] = {
		{ "follow", 'f', OPT_FLAG, &follow },
		{ "since", 0, OPT_TEXT, &since },
		{ "log-dir", 0, OPT_TEXT, &dir },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 1)
		return tool_usage(argv[0], "one domain is needed");
	if (since && !console_log_since(since, time(NULL), stamp))
		return tool_usage(argv[0], "--since %s: not a time", since);
	if (find_name(argv[first], name, sizeof(name)) ||
	    console_log_path(path, sizeof(path), dir, name))
		return TOOL_FAILED;
	return console_log_print(path, stamp, follow);
}
