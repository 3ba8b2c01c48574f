/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_pause.c - xpv block-pause, block-unpause: a disk that rests under its guest
 */
#include <json-c/json.h>
#include <stdio.h>

#include "limit.h"
#include "vdisk.h"

static const char usage_pause[] =
	"xpv block-pause [-v] [--json] DOM DEV\n\n"
	"Lets a guest's requests wait, for as long as you like: what is under way ends, and\n"
	"nothing more is taken. Returns when nothing is under way, so that the image is at\n"
	"rest; what the guest has not flushed may still be in the host's page cache ('sync').\n"
	"A disk stays paused whoever dies or is restarted, until 'xpv block-unpause', or until\n"
	"it is detached: then its guest may end what it has begun.\n\n"
	"  --json  print the disk and its limits\n";

static const char usage_unpause[] =
	"xpv block-unpause [-v] [--json] DOM DEV\n\n"
	"Takes a guest's requests again.\n\n"
	"  --json  print the disk and its limits\n";

static int run(char **argv, uint32_t devid, enum limit_pause pause, bool json)
{
	const struct limit_change change = { .pause = pause };
	struct json_object *obj;
	struct xs_handle *xs;
	struct domain dom;
	struct device dev;
	int rc;

	if (tool_resolve(argv[0], &dom))
		return TOOL_FAILED;
	xs = tool_xs_open();
	if (!xs)
		return TOOL_FAILED;
	rc = limit_find(xs, &dom, devid, &dev);
	if (!rc)
		rc = limit_apply(xs, &dev, argv[1], &change);
	if (!rc && json) {
		obj = vdisk_json(&dom, devid);
		limits_json(xs, &dev, obj);
		rc = tool_json(obj);
	}
	xs_close(xs);
	return rc;
}

static int act(int argc, char **argv, const char *usage, enum limit_pause pause)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	uint32_t devid;
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 2)
		return tool_usage(argv[0], "a domain and a device are needed");
	if (disk_devid(argv[first + 1], &devid))
		return TOOL_USAGE;
	return run(argv + first, devid, pause, json);
}

int cmd_block_pause(int argc, char **argv)
{
	return act(argc, argv, usage_pause, LIMIT_PAUSE);
}

int cmd_block_unpause(int argc, char **argv)
{
	return act(argc, argv, usage_unpause, LIMIT_UNPAUSE);
}
