/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_resize.c - xpv block-resize: a disk that grows under its guest
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "vdisk.h"

#define WAIT_MS		10000
#define TICK_MS		5

static const char usage[] =
	"xpv block-resize [-v] [--json] DOM DEV [SIZE]\n\n"
	"Makes a guest's disk larger while it is in use. SIZE is in bytes, or with K, M, G\n"
	"or T behind it; an image file is made that long. Without SIZE the disk becomes as\n"
	"large as its image has been made by other tools (truncate, lvextend).\n\n"
	"Returns when the guest has been told; a guest that is not connected yet is told\n"
	"when it connects. A disk does not shrink.\n\n"
	"  --json  print the disk and its new number of sectors of 512 bytes\n";

static struct json_object *ask(const struct domain *dom, uint32_t devid, uint64_t bytes)
{
	struct json_object *question = control_question("resize");

	json_object_object_add(question, "domid", json_object_new_int64(dom->domid));
	json_object_object_add(question, "devid", json_object_new_int64(devid));
	json_object_object_add(question, "bytes", json_object_new_int64((int64_t)bytes));
	return control_ask(question);
}

/* What the backend tells the guest of its size; 0: nothing. */
static uint64_t told(struct xs_handle *xs, const struct device *dev)
{
	char path[XS_PATH_MAX], *text;
	uint64_t sectors = 0;
	unsigned int len;

	if (!xs_key_path(path, sizeof(path), dev->backend, XS_B_SECTORS, 0, 0))
		return 0;
	text = xs_read(xs, XBT_NULL, path, &len);
	if (text && xs_parse(XS_B_SECTORS, text, len, &sectors) != XS_OK)
		sectors = 0;
	free(text);
	return sectors;
}

static int await_told(struct xs_handle *xs, const struct device *dev, const char *name,
		      uint64_t sectors)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000l };

	for (int ms = 0; told(xs, dev) != sectors; ms += TICK_MS) {
		if (ms >= WAIT_MS)
			return tool_error("%s: its backend has not told the guest within %d s; "
					  "see xpvd's log", name, WAIT_MS / 1000);
		nanosleep(&tick, NULL);
	}
	return TOOL_OK;
}

static int resize(struct xs_handle *xs, const struct domain *dom, const char *name, uint32_t devid,
		  uint64_t bytes, bool json)
{
	struct json_object *answer = ask(dom, devid, bytes), *sectors, *later, *obj;
	struct device dev;
	int rc;

	if (!answer)
		return TOOL_FAILED;
	device_find(xs, XBT_NULL, &dev, device_kind(XS_CLASS_VDISK), dom->domid, devid);
	if (!json_object_object_get_ex(answer, "sectors", &sectors))
		rc = tool_error("xpvd: its answer is missing; see its log");
	else if (json_object_object_get_ex(answer, "told_later", &later) &&
		 !json_object_get_boolean(later))
		rc = TOOL_OK;		/* it is not connected, and will be with this size */
	else
		rc = await_told(xs, &dev, name, (uint64_t)json_object_get_int64(sectors));
	if (!rc && json) {
		obj = vdisk_json(dom, devid);
		json_object_object_add(obj, "sectors", json_object_get(sectors));
		rc = tool_json(obj);
	}
	json_object_put(answer);
	return rc;
}

int cmd_block_resize(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	uint64_t bytes = 0;
	struct xs_handle *xs;
	struct domain dom;
	uint32_t devid;
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 2 && argc - first != 3)
		return tool_usage(argv[0], "a domain, a device and perhaps a size are needed");
	if (disk_devid(argv[first + 1], &devid))
		return TOOL_USAGE;
	if (argc - first == 3 && !tool_size(argv[first + 2], strlen(argv[first + 2]), &bytes))
		return tool_usage(argv[0], "%s: not a size; say 20G, or a number of bytes",
				  argv[first + 2]);
	if (tool_resolve(argv[first], &dom))
		return TOOL_FAILED;
	xs = tool_xs_open();
	if (!xs)
		return TOOL_FAILED;
	rc = resize(xs, &dom, argv[first + 1], devid, bytes, json);
	xs_close(xs);
	return rc;
}
