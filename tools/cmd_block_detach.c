/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_detach.c - xpv block-detach: take a disk away again
 */
#include <stdio.h>

#include "await.h"
#include "tool.h"
#include "vdisk.h"

static const char usage[] =
	"xpv block-detach [-v] [--force] [--timeout S] DOM DEV\n\n"
	"Takes a disk away from a guest. DEV is its name (xvdb) or number. Returns when\n"
	"both ends have closed and nothing is mapped any more. If the guest keeps the\n"
	"disk in use, this is said, the exit status is 1, and the disk stays, closing:\n"
	"repeat the command to go on waiting. A disk that is not attached is no error.\n\n"
	"  --force       do not wait for the guest; it sees its disk vanish\n"
	"  --timeout S   wait S seconds (default 10)\n";

static int detach(const char *dom, const char *dev, uint32_t devid, bool force,
		  unsigned int seconds)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	struct domain domain;
	bool missing = false;
	int rc = TOOL_FAILED;

	if (!xch || tool_domain(xs, xch, dom, &domain))
		goto out;
	await_signals();
	rc = vdisk_detach(xs, &domain, devid, force, seconds, &missing);
	if (!rc && missing) {
		printf("%s: not attached to domain %u\n", dev, domain.domid);
		rc = tool_flush();
	}
out:
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

int cmd_block_detach(int argc, char **argv)
{
	unsigned int seconds = VDISK_SECONDS;
	bool force = false;
	const struct opt opts[] = {
		{ "force", 'f', OPT_FLAG, &force },
		{ "timeout", 't', OPT_SECONDS, &seconds },
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
	return detach(argv[first], argv[first + 1], devid, force, seconds);
}
