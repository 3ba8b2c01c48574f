/* SPDX-License-Identifier: MIT */
/*
 * config_xl.c - what xl is left to read of a configuration, and what cannot be left to it
 *
 * On real Xen xl builds the domain, without disks, and these are attached before it runs. Whatever
 * wants to read a disk in Dom0 comes too early for that: a bootloader that is run there, and the
 * device model, whose disks are emulated ones. Both are refused, before anything is done.
 */
#include <string.h>

#include "config_read.h"

static int refuse(const struct reader *r, const char *why, const char *remedy)
{
	return tool_error("%s: %s; %s, or use 'xl create', whose disks xpvd serves, too", r->path,
			  why, remedy);
}

int config_check_for_xl(struct reader *r, struct config *config)
{
	const char *type, *builder, *kernel, *bootloader;
	XLU_ConfigList *disks;
	int n = 0;

	if (config_get_string(r, "type", &type) || config_get_string(r, "builder", &builder) ||
	    config_get_string(r, "kernel", &kernel) ||
	    config_get_string(r, "bootloader", &bootloader))
		return TOOL_FAILED;
	if (bootloader && *bootloader)
		return refuse(r, "bootloader= reads the guest's disk while the domain is built, "
				 "and xpv attaches the disks after that",
			      "name the kernel with kernel=, or boot PV GRUB that way");
	config->hvm = type ? !strcmp(type, "hvm") : builder && !strncmp(builder, "hvm", 3);
	if (xlu_cfg_get_list(r->cfg, "disk", &disks, &n, 1))
		n = 0;	/* none, or malformed: read_disks() says so */
	if (config->hvm && n && !(kernel && *kernel))
		return refuse(r, "firmware boots from disks that QEMU emulates, and xpv's are "
				 "for paravirtual drivers only",
			      "use type=\"pvh\" or \"pv\", or boot with kernel=");
	return TOOL_OK;
}
