/* SPDX-License-Identifier: MIT */
/*
 * The part of libxentoolcore's ABI that Xen's own libraries use and Debian packages no header for:
 * each handle embeds an entry with a callback, which xentoolcore_restrict_all() calls. The library
 * keeps the two pointers after it.
 */
#ifndef XPV_SIM_TOOLCORE_H
#define XPV_SIM_TOOLCORE_H

#include <xentoolcore.h>

struct toolcore_handle {
	int (*restrict_callback)(struct toolcore_handle *handle, domid_t domid);
	struct toolcore_handle *next;
	struct toolcore_handle **link;
};

void xentoolcore__register_active_handle(struct toolcore_handle *handle);
void xentoolcore__deregister_active_handle(struct toolcore_handle *handle);
int xentoolcore__restrict_by_dup2_null(int fd);

#endif
