/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_detach.c - xpv block-detach: take a disk away again
 */
#include <json-c/json.h>
#include <stdio.h>

#include "await.h"
#include "tool.h"
#include "vdisk.h"

static const char usage[] =
	"xpv block-detach [-v] [--json] [--force] [--timeout S] DOM DEV\n\n"
	"Takes a disk away from a guest. DEV is its name (xvdb) or number. Returns when\n"
	"both ends have closed and nothing is mapped any more. If the guest keeps the\n"
	"disk in use, this is said, the exit status is 1, and the disk stays, closing:\n"
	"repeat the command to go on waiting. A disk that is not attached is no error.\n\n"
	"  --force       do not wait for the guest; it sees its disk vanish\n"
	"  --timeout S   wait S seconds (default 10)\n"
	"  --json        print what was detached, and whether it was missing\n";

struct request {
	const char *dom, *dev;
	uint32_t devid;
	unsigned int seconds;
	bool force, json;
};

static int report(const struct domain *dom, const struct request *req,
		  const struct vdisk_result *result)
{
	struct json_object *obj;

	if (req->json) {
		obj = vdisk_json(dom, req->devid);
		json_object_object_add(obj, "missing", json_object_new_boolean(result->no_change));
		json_object_object_add(obj, "force", json_object_new_boolean(req->force));
		return tool_json(obj);
	}
	if (result->no_change)
		printf("%s: not attached to domain %u\n", req->dev, dom->domid);
	return tool_flush();
}

static int detach(const struct request *req)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	struct vdisk_result result;
	struct domain dom;
	int rc = TOOL_FAILED;

	if (xch && !tool_domain(xs, xch, req->dom, &dom)) {
		await_signals();
		rc = vdisk_detach(xs, &dom, req->devid, req->force, req->seconds, &result);
		if (!rc)
			rc = report(&dom, req, &result);
	}
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

int cmd_block_detach(int argc, char **argv)
{
	struct request req = { .seconds = VDISK_SECONDS };
	const struct opt opts[] = {
		{ "force", 'f', OPT_FLAG, &req.force },
		{ "json", 0, OPT_FLAG, &req.json },
		{ "timeout", 't', OPT_SECONDS, &req.seconds },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 2)
		return tool_usage(argv[0], "a domain and a device are needed");
	req.dom = argv[first];
	req.dev = argv[first + 1];
	if (disk_devid(req.dev, &req.devid))
		return TOOL_USAGE;
	return detach(&req);
}
