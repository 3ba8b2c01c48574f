/* SPDX-License-Identifier: MIT */
/*
 * guest_disk.h - the disk that a server's parameters name: found, opened, closed
 *
 * What goes wrong is said through nbdkit_error(), in one line.
 */
#ifndef XPV_GUEST_DISK_H
#define XPV_GUEST_DISK_H

#include "guest.h"

struct guest_disk {
	const char *name;		/* as the user wrote it */
	uint32_t devid;
	unsigned int timeout_s;		/* for the backend to connect */
	struct pv_blk_options options;
	struct guest *guest;
	struct guest_blk *blk;
};

/* Sets name and devid. -1: it is no disk's name. */
int guest_disk_name(struct guest_disk *disk, const char *name);
/* An option of the frontend's, by name and value. -1: there is no such option, or value. */
int guest_disk_option(struct guest_disk *disk, const char *key, const char *value);
/* This is a guest, and it has such a disk. Leaves nothing open, so that the process may fork. */
int guest_disk_find(const struct guest_disk *disk);
int guest_disk_open(struct guest_disk *disk);
/* In order, if its backend takes part. Does nothing if it is not open. */
void guest_disk_close(struct guest_disk *disk);

#endif
