/* SPDX-License-Identifier: MIT */
/*
 * cmd_create.c - xpv create: make a guest from a configuration file
 */
#include <string.h>

#include "domain.h"
#include "sim.h"
#include "tool.h"

static const char usage[] =
	"xpv create [-v] [-c] [-p] [--json] CFG [KEY=VALUE...]\n\n"
	"Makes a guest as the xl configuration file CFG says (xl.cfg(5)), with further\n"
	"lines of the same kind from the command line: xpv create web.cfg memory=256\n\n"
	"All disks are there before the guest runs, served by xpvd. If one of them is\n"
	"refused, nothing is left of the guest.\n\n"
	"On Xen the rest is built by xl, which also watches over the guest and does what\n"
	"on_poweroff=, on_reboot= and on_crash= say. Disks are paravirtual: bootloader=,\n"
	"and firmware that boots from a disk, need plain xl.\n\n"
	"In the simulator a guest is a program: kernel= names it, extra= has its\n"
	"arguments, split as a shell would (nothing is expanded), and its output goes to\n"
	"$XPV_RUNDIR/log/guest-NAME.log. Without kernel= the domain is empty:\n"
	"'xpv sim run --dom NAME -- PROGRAM' runs what you like in it. When it ends,\n"
	"on_poweroff=, on_reboot= and on_crash= say what becomes of it: destroy, restart\n"
	"or preserve.\n\n"
	"  -c, --console   its console, which ^] leaves; in the simulator, where xpvd serves\n"
	"                  consoles ('xpv sim start --consoles'), and its output until it\n"
	"                  ends; the exit status is then 0 if it powered off, 1 if it\n"
	"                  crashed or was destroyed\n"
	"  -p, --paused    leave it paused: 'xpv unpause NAME'\n"
	"  --json          print its name and number\n";

int cmd_create(int argc, char **argv)
{
	struct create_request req = { .console = false };
	const struct opt opts[] = {
		{ "console", 'c', OPT_FLAG, &req.console },
		{ "paused", 'p', OPT_FLAG, &req.paused },
		{ "json", 0, OPT_FLAG, &req.json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct config config;
	int first, rc;
	bool sim;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first == argc)
		return tool_usage(argv[0], "a configuration file is needed");
	for (int i = first + 1; i < argc; i++)
		if (!strchr(argv[i], '='))
			return tool_usage(argv[0], "%s: not of the form KEY=VALUE", argv[i]);
	sim = sim_running();
	rc = config_load(&config, sim ? CONFIG_FOR_SIM : CONFIG_FOR_XL, argv[first],
			 argv + first + 1, (size_t)(argc - first - 1));
	if (!rc)
		rc = sim ? create_sim(&config, &req) : create_xl(&config, &req);
	config_fini(&config);
	return rc;
}
