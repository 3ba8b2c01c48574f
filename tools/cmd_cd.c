/* SPDX-License-Identifier: MIT */
/*
 * cmd_cd.c - xpv cd-insert, xpv cd-eject: what is in a guest's CD-ROM drive
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "await.h"
#include "control.h"
#include "vdisk.h"

static const char insert_usage[] =
	"xpv cd-insert [-v] [--json] [--timeout S] DOM DEV TARGET\n\n"
	"Puts a medium into a guest's CD-ROM drive, in place of what is in it. TARGET is a\n"
	"raw image or device, or what else block-attach takes as target= of a raw disk. Its\n"
	"content is never looked at to guess its format.\n\n"
	"A drive is attached with the word 'cdrom', with or without a medium:\n\n"
	"  xpv block-attach web1 vdev=xvdd,cdrom\n"
	"  xpv cd-insert web1 xvdd /srv/install.iso\n\n"
	"Returns when a connected guest has been told; what it has asked for and not got is\n"
	"answered from the new medium.\n\n"
	"  --timeout S   wait S seconds (default 10)\n"
	"  --json        print the drive, and what is in it\n";

static const char eject_usage[] =
	"xpv cd-eject [-v] [--json] [--timeout S] DOM DEV\n\n"
	"Takes the medium out of a guest's CD-ROM drive. The guest sees a disk without\n"
	"sectors; what it asks for fails.\n\n"
	"  --timeout S   wait S seconds (default 10)\n"
	"  --json        print the drive\n";

struct request {
	const char *dom;
	unsigned int seconds;
	bool json;
};

static int report(const struct domain *dom, const struct disk *disk)
{
	struct json_object *obj = vdisk_json(dom, disk->devid);

	json_object_object_add(obj, "medium",
			       *disk->target ? json_object_new_string(disk->target) : NULL);
	return tool_json(obj);
}

static int change(const struct disk *disk, const struct request *req)
{
	struct domain dom;
	struct xs_handle *xs;
	int rc = TOOL_FAILED;

	if (tool_resolve(req->dom, &dom) || !control_ping())
		return TOOL_FAILED;
	xs = tool_xs_open();
	if (xs) {
		await_signals();
		rc = vdisk_change_medium(xs, &dom, disk, req->seconds);
		if (!rc && req->json)
			rc = report(&dom, disk);
		xs_close(xs);
	}
	return rc;
}

/* As xl makes a disk specification of the arguments. */
static int parse(struct disk *disk, const char *vdev, const char *target)
{
	char *spec = NULL;
	int rc;

	if (disk_devid(vdev, &disk->devid))
		return TOOL_FAILED;
	if (asprintf(&spec, "vdev=%s,access=ro,devtype=cdrom,target=%s", vdev, target) < 0)
		return tool_error("out of memory; free some");
	rc = disk_parse(disk, (const char *const *)&spec, 1);
	free(spec);
	return rc;
}

static int run(int argc, char **argv, const char *usage, int nr, const char *needed)
{
	struct request req = { .seconds = VDISK_SECONDS };
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &req.json },
		{ "timeout", 't', OPT_SECONDS, &req.seconds },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct disk disk = { .vdev = NULL };
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != nr || (nr == 3 && !*argv[first + 2]))
		return tool_usage(argv[0], "%s", needed);
	req.dom = argv[first];
	rc = parse(&disk, argv[first + 1], nr == 3 ? argv[first + 2] : "");
	rc = rc ? TOOL_USAGE : change(&disk, &req);
	disk_fini(&disk);
	return rc;
}

int cmd_cd_insert(int argc, char **argv)
{
	return run(argc, argv, insert_usage, 3, "a domain, a drive and a medium are needed");
}

int cmd_cd_eject(int argc, char **argv)
{
	return run(argc, argv, eject_usage, 2, "a domain and a drive are needed");
}
