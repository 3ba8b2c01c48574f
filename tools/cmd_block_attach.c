/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_attach.c - xpv block-attach: give a guest a disk
 */
#include <json-c/json.h>
#include <stdio.h>

#include "await.h"
#include "control.h"
#include "domain.h"
#include "tool.h"
#include "vdisk.h"

static const char usage[] =
	"xpv block-attach [-v] [--json] [--timeout S] DOM SPEC...\n\n"
	"Gives a guest a disk. SPEC is xl's disk specification (see\n"
	"xl-disk-configuration(5)), in one argument or several:\n\n"
	"  xpv block-attach web1 format=raw,vdev=xvdb,access=rw,target=/srv/b.img\n"
	"  xpv block-attach web1 /srv/b.img,raw,xvdb,rw\n\n"
	"target=, which comes last, is a path, or, with format=raw or none:\n\n"
	"  nbd://HOST[:PORT]/EXPORT           a server of network block devices\n"
	"  nbd+unix:///EXPORT?socket=/PATH    the same, on a Unix socket\n"
	"  ram:SIZE                           memory, lost with the disk (SIZE as in 128M)\n"
	"  null:SIZE                          zeros; what is written is forgotten\n\n"
	"format= is raw (the default), qcow2, vhd or vmdk; it is never guessed. Words of\n"
	"xpv's own, to stand before target=:\n\n"
	"  direct         open a raw file or device with O_DIRECT\n"
	"  backing        trust an image that is not raw to name other files (a backing\n"
	"                 file, a data file), which are then opened as root\n"
	"  iops=N[@BURST], bps=SIZE[@BURST]\n"
	"                 limits, which 'xpv block-limit' changes and explains\n"
	"  reconnect=S    I/O waits S seconds for a server that is lost, then fails\n"
	"                 (default 60)\n"
	"  sector-size=N  the guest's disk has sectors of 512, 1024, 2048 or 4096 bytes,\n"
	"                 whatever the image's own are; physical-sector-size=N likewise\n\n"
	"Returns when backend and guest are connected. For a guest that is paused, or\n"
	"that was created empty, it returns when the backend is ready; the guest\n"
	"connects when it runs.\n\n"
	"If the backend refuses the disk, its reason is shown and nothing is changed.\n"
	"If only the guest does not connect in time, the exit status is 1 and the disk\n"
	"stays attached, for its driver may yet be loaded. Attaching the same disk\n"
	"again, under whatever path, waits again, and is no error.\n\n"
	"What the guest discards becomes a hole in the image, unless 'no-discard' is said.\n"
	"'direct-io-safe' is 'direct' where the image permits it, and nothing elsewhere.\n"
	"With 'cdrom' it is a drive, and may be empty; see xpv cd-insert -h. 'untrusted'\n"
	"asks the guest's driver to defend itself against its backend.\n\n"
	"  --timeout S   wait S seconds (default 10)\n"
	"  --json        print what was attached, and the states of both ends\n";

struct request {
	const char *dom;
	unsigned int seconds;
	bool json;
};

static void add_state(struct json_object *obj, const char *end, unsigned int state)
{
	json_object_object_add(obj, end, json_object_new_string(xb_state_name(state)));
}

static int report(const struct domain *dom, const struct disk *disk, bool json,
		  const struct vdisk_result *result)
{
	struct json_object *obj;

	if (json) {
		obj = vdisk_json(dom, disk->devid);
		json_object_object_add(obj, "already", json_object_new_boolean(result->no_change));
		add_state(obj, "backend-state", result->view.backend);
		add_state(obj, "frontend-state", result->view.frontend);
		return tool_json(obj);
	}
	if (result->no_change)
		printf("%s: already attached to domain %u\n", disk->vdev, dom->domid);
	return tool_flush();
}

/* The disk, then the domain: a mistake in the arguments is found before anything is opened. */
static int attach(const struct disk *disk, const struct request *req)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	struct vdisk_result result;
	struct domain dom;
	int rc = TOOL_FAILED;

	if (xch && !tool_domain(xs, xch, req->dom, &dom) && control_ping()) {
		await_signals();
		rc = vdisk_attach(xs, &dom, disk, domain_is_live(xs, xch, dom.domid),
				  req->seconds, &result);
		if (!rc)
			rc = report(&dom, disk, req->json, &result);
	}
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

int cmd_block_attach(int argc, char **argv)
{
	struct request req = { .seconds = VDISK_SECONDS };
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &req.json },
		{ "timeout", 't', OPT_SECONDS, &req.seconds },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct disk disk;
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first < 2)
		return tool_usage(argv[0], "a domain and a disk specification are needed");
	req.dom = argv[first];
	rc = disk_parse(&disk, (const char *const *)argv + first + 1, (size_t)(argc - first - 1));
	rc = rc ? TOOL_USAGE : attach(&disk, &req);
	disk_fini(&disk);
	return rc;
}
