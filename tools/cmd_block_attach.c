/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_attach.c - xpv block-attach: give a guest a disk
 */
#include <stdio.h>

#include "await.h"
#include "control.h"
#include "domain.h"
#include "tool.h"
#include "vdisk.h"

static const char usage[] =
	"xpv block-attach [-v] [--timeout S] DOM SPEC...\n\n"
	"Gives a guest a disk. SPEC is xl's disk specification (see\n"
	"xl-disk-configuration(5)), in one argument or several:\n\n"
	"  xpv block-attach web1 format=raw,vdev=xvdb,access=rw,target=/srv/b.img\n"
	"  xpv block-attach web1 /srv/b.img,raw,xvdb,rw\n\n"
	"Returns when backend and guest are connected. For a guest that is paused, or\n"
	"that was created empty, it returns when the backend is ready; the guest\n"
	"connects when it runs.\n\n"
	"If the backend refuses the disk, its reason is shown and nothing is changed.\n"
	"If only the guest does not connect in time, the exit status is 1 and the disk\n"
	"stays attached, for its driver may yet be loaded. Attaching the same disk\n"
	"again waits again, and is no error.\n\n"
	"  --timeout S   wait S seconds (default 10)\n";

/* The disk, then the domain: a mistake in the arguments is found before anything is opened. */
static int attach(const char *dom, const struct disk *disk, unsigned int seconds)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	struct domain domain;
	bool already = false;
	int rc = TOOL_FAILED;

	if (!xch || tool_domain(xs, xch, dom, &domain) || !control_ping())
		goto out;
	await_signals();
	rc = vdisk_attach(xs, &domain, disk, domain_is_live(xs, xch, domain.domid), seconds,
			  &already);
	if (!rc && already) {
		printf("%s: already attached to domain %u\n", disk->vdev, domain.domid);
		rc = tool_flush();
	}
out:
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

int cmd_block_attach(int argc, char **argv)
{
	unsigned int seconds = VDISK_SECONDS;
	const struct opt opts[] = {
		{ "timeout", 't', OPT_SECONDS, &seconds },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct disk disk;
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first < 2)
		return tool_usage(argv[0], "a domain and a disk specification are needed");
	rc = disk_parse(&disk, (const char *const *)argv + first + 1, (size_t)(argc - first - 1));
	rc = rc ? TOOL_USAGE : attach(argv[first], &disk, seconds);
	disk_fini(&disk);
	return rc;
}
