/* SPDX-License-Identifier: MIT */
/*
 * vdisk.h - attaching and detaching a guest's virtual disks
 */
#ifndef XPV_VDISK_H
#define XPV_VDISK_H

#include "device.h"
#include "disk.h"

#define VDISK_SECONDS 10	/* how long the two ends may take, unless the user says otherwise */
#define VDISK_UNDO_SECONDS 5	/* how long a backend may take to let go of what it has begun */

struct vdisk_result {
	bool no_change;		/* it was attached already, or was not there to be detached */
	struct pair_view view;	/* the two ends as they were seen last */
};

/* vdisk.c: attaching */
/*
 * Checks the image, writes the device's nodes, and waits for the backend, or, if `live`, for both
 * ends to be connected. A device that is there already and the same is only waited for; the guest
 * may also have closed it. 0, or TOOL_FAILED with an error printed; then the device is gone again,
 * save where the error says that it stays.
 */
int vdisk_attach(struct xs_handle *xs, const struct domain *dom, const struct disk *disk,
		 bool live, unsigned int seconds, struct vdisk_result *result);

/* What --json begins with: {"name", "domid", "vdev", "devid"}. */
struct json_object *vdisk_json(const struct domain *dom, uint32_t devid);

/* vdisk_detach.c: detaching */
/*
 * Takes a device away: asks both ends to close, waits for them, removes the nodes. `force` does
 * not wait for the guest. A device that is not there is fine. 0, or TOOL_FAILED with an error
 * printed; then the device stays, closing.
 */
int vdisk_detach(struct xs_handle *xs, const struct domain *dom, uint32_t devid, bool force,
		 unsigned int seconds, struct vdisk_result *result);

/* As vdisk_detach() with force for all disks of a guest that is about to end, whose backends then
 * close at the same time. False if one had to be removed before its backend had closed. */
bool vdisk_abandon_all(struct xs_handle *xs, uint32_t domid, unsigned int seconds);

/* The steps of it, each a transaction of its own: 0 or -errno. */
int vdisk_close_node(struct xs_handle *xs, struct device *dev, bool abandon);
int vdisk_remove_node(struct xs_handle *xs, struct device *dev);
/* The goal between them; a frontend that never began has nothing to close. */
bool vdisk_both_closed(const struct pair_view *view);
int vdisk_say_store_failed(const char *name, int err);	/* TOOL_FAILED */

/* vdisk_medium.c: what is in a drive */
/*
 * Puts the disk's target (an empty one: nothing) into the drive that has its number, and waits
 * until a connected guest has been told. 0, or TOOL_FAILED with an error printed.
 */
int vdisk_change_medium(struct xs_handle *xs, const struct domain *dom, const struct disk *disk,
			unsigned int seconds);

/* vdisk_node.c: the nodes of one disk, in one transaction */
#define VDISK_NO_SCRIPT "/bin/true"

enum vdisk_node {
	VDISK_WRITTEN,
	VDISK_SAME,	/* it is there already */
	VDISK_TAKEN,	/* another disk has the number */
	VDISK_LEAVING,	/* it is being detached */
	VDISK_SHARED,	/* another device has the image, and one of the two writes */
	VDISK_NO_DOMAIN,	/* the guest has been destroyed */
	VDISK_ABSENT,	/* there is no such disk */
	VDISK_NO_DRIVE,	/* its medium does not change */
	VDISK_FOREIGN	/* its backend is not xpv's */
};

struct vdisk_addition {
	const struct disk *disk;
	const struct image *image;	/* NULL: its target is no file */
	struct device dev;
	enum vdisk_node outcome;
	struct device other;	/* VDISK_SHARED: who has it */
};

/* 0 with the outcome, or -errno. */
int vdisk_add_node(struct xs_handle *xs, struct vdisk_addition *add);
/* The same with the drive that is there: it is to hold the disk's target. VDISK_WRITTEN, or why
 * not. */
int vdisk_fill_node(struct xs_handle *xs, struct vdisk_addition *add);

#endif
