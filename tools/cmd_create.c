/* SPDX-License-Identifier: MIT */
/*
 * cmd_create.c - xpv create: make a guest from a configuration file
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "await.h"
#include "domain.h"
#include "tool.h"

static const char usage[] =
	"xpv create [-v] [-c] [-p] [--json] CFG [KEY=VALUE...]\n\n"
	"Makes a guest as the xl configuration file CFG says (xl.cfg(5)), with further\n"
	"lines of the same kind from the command line: xpv create web.cfg memory=256\n\n"
	"In the simulator a guest is a program: kernel= names it, extra= has its\n"
	"arguments, split as a shell would (nothing is expanded), and its output goes to\n"
	"$XPV_RUNDIR/log/guest-NAME.log. Without kernel= the domain is empty:\n"
	"'xpv sim run --dom NAME -- PROGRAM' runs what you like in it.\n\n"
	"All disks are there before the guest runs. When it ends, on_poweroff=,\n"
	"on_reboot= and on_crash= say what becomes of it: destroy, restart or preserve.\n\n"
	"  -c, --console   show the guest's output until it ends; the exit status is 0\n"
	"                  if it powered off, 1 if it crashed or was destroyed\n"
	"  -p, --paused    leave it paused: 'xpv unpause NAME'\n"
	"  --json          print its name and number\n";

struct request {
	bool console, paused, json;
};

/* Makes it and lets it run. No handle stays open, for the monitor must not inherit one. */
static int make(const struct config *config, bool paused, struct domain *dom, int *monitor)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	int rc = xch ? domain_create(xs, xch, config, dom) : TOOL_FAILED;

	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	if (rc)
		return rc;

	*monitor = monitor_start(config, dom);
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	rc = *monitor >= 0 && xch ? TOOL_OK : TOOL_FAILED;
	if (!rc && !paused && xc_domain_unpause(xch, dom->domid))
		rc = tool_error("%s: it cannot be started: %s; see 'xpv list'", dom->name,
				strerror(errno));
	if (rc && xch)
		domain_destroy(xs, xch, dom);
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

static int show_output(const struct domain *dom, const char *log, off_t from, int monitor)
{
	switch (follow(log, from, monitor)) {
	case MONITOR_POWEROFF:
	case MONITOR_REBOOT:
		return TOOL_OK;
	case MONITOR_CRASH:
		return tool_error("%s: the guest crashed; its output is in %s", dom->name, log);
	case MONITOR_GONE:
		return tool_error("%s: the guest was destroyed; its output is in %s", dom->name,
				  log);
	case -1:
		return tool_error("%s: its output is no longer shown, but it runs on; 'xpv "
				  "destroy %s' ends it", dom->name, dom->name);
	default:
		return tool_error("%s: the process that watches over it has ended; see %s/log "
				  "and 'xpv list'", dom->name, tool_rundir());
	}
}

static int create(const struct config *config, const struct request *req)
{
	char log[XS_PATH_MAX];
	struct domain dom;
	int rc, monitor;
	off_t from;

	if (req->console && !config->kernel)
		return tool_error("%s: without kernel= the domain is empty, and there is no "
				  "output to show; leave -c out", config->name);
	if (!domain_log_path(log, sizeof(log), config->name))
		return TOOL_FAILED;
	await_signals();
	from = follow_begin(log);
	rc = make(config, req->paused, &dom, &monitor);
	if (rc)
		return rc;
	if (req->json)
		rc = tool_json(tool_json_domain(&dom));
	if (req->console)
		rc = show_output(&dom, log, from, monitor);
	close(monitor);
	return rc;
}

int cmd_create(int argc, char **argv)
{
	struct request req = { .console = false };
	const struct opt opts[] = {
		{ "console", 'c', OPT_FLAG, &req.console },
		{ "paused", 'p', OPT_FLAG, &req.paused },
		{ "json", 0, OPT_FLAG, &req.json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct config config;
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first == argc)
		return tool_usage(argv[0], "a configuration file is needed");
	for (int i = first + 1; i < argc; i++)
		if (!strchr(argv[i], '='))
			return tool_usage(argv[0], "%s: not of the form KEY=VALUE", argv[i]);
	rc = config_load(&config, argv[first], argv + first + 1, (size_t)(argc - first - 1));
	if (!rc)
		rc = create(&config, &req);
	config_fini(&config);
	return rc;
}
