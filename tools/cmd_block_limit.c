/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_limit.c - xpv block-limit: how much of a disk its guest may use
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "vdisk.h"

static const char usage[] =
	"xpv block-limit [-v] [--json] DOM DEV [iops=N[@BURST]] [bps=SIZE[@BURST]] [none]\n\n"
	"Limits a guest's disk to N requests and to SIZE bytes a second, while it is in\n"
	"use; 'none' lifts both, iops=none or bps=none one of them. What is not named stays\n"
	"as it is. Without any, the limits are shown.\n\n"
	"BURST is how much may pass at once after a pause: by default what a tenth of a\n"
	"second brings, and at least 1 MiB. SIZE and a BURST of bytes may have K, M, G or T\n"
	"behind them. A request counts once, whatever its size and also if it fails; flushes\n"
	"and discards have no bytes, and flushes do not count. Over any longer time both\n"
	"limits hold exactly, for the disk as a whole.\n\n"
	"Returns when the limits are in force. They stay until the disk is detached.\n\n"
	"  --json  print the disk and its limits\n";

static int show(struct xs_handle *xs, const struct domain *dom, const struct device *dev, bool json)
{
	struct limits limits;
	struct json_object *obj;
	char text[96];

	if (json) {
		obj = vdisk_json(dom, dev->devid);
		limits_json(xs, dev, obj);
		return tool_json(obj);
	}
	limits_read(xs, XBT_NULL, dev, &limits);
	puts(limits_text(&limits, text, sizeof(text)));
	return tool_flush();
}

/* The words behind DEV. 0, or TOOL_USAGE with an error printed. */
static int take_words(char **words, struct limits *limits)
{
	char why[192];

	memset(limits, 0, sizeof(*limits));
	for (; *words; words++) {
		int rc = limits_take(limits, *words, strlen(*words), why, sizeof(why));

		if (rc < 0)
			return tool_usage("block-limit", "%s", why);
		if (!rc && strcmp(*words, "none") != 0)
			return tool_usage("block-limit", "%s: not a limit; say " LIMIT_WORDS
					  " or none", *words);
		for (unsigned int i = 0; !rc && i < LIMITS; i++)
			limits->of[i].said = true;
	}
	return TOOL_OK;
}

static int run(char **argv, uint32_t devid, const struct limits *limits, bool json)
{
	const struct limit_change change = { .limits = limits };
	struct domain dom;
	struct xs_handle *xs;
	struct device dev;
	int rc;

	if (tool_resolve(argv[0], &dom))
		return TOOL_FAILED;
	xs = tool_xs_open();
	if (!xs)
		return TOOL_FAILED;
	rc = limit_find(xs, &dom, devid, &dev);
	if (!rc && argv[2])
		rc = limit_apply(xs, &dev, argv[1], &change);
	if (!rc && (json || !argv[2]))
		rc = show(xs, &dom, &dev, json);
	xs_close(xs);
	return rc;
}

int cmd_block_limit(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct limits limits;
	uint32_t devid;
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first < 2)
		return tool_usage(argv[0], "a domain and a device are needed");
	if (disk_devid(argv[first + 1], &devid) || take_words(argv + first + 2, &limits))
		return TOOL_USAGE;
	return run(argv + first, devid, &limits, json);
}
