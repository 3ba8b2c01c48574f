/* SPDX-License-Identifier: MIT */
/*
 * vdisk_medium.c - what is in a guest's drive
 *
 * A medium is changed by writing `params`, as libxl does it. The backend says in `medium` what is
 * in the drive, so that we know when that is done; a drive that is not connected takes what is
 * there when it connects. The same medium again is taken out first, for its file may be another by
 * now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "await.h"
#include "sim.h"
#include "vdisk.h"
#include "xl.h"

static int say_refused(const struct domain *dom, const struct vdisk_addition *add)
{
	const char *vdev = add->disk->vdev;

	switch (add->outcome) {
	case VDISK_ABSENT:
		return tool_error("%s: domain %u has no such disk; see 'xpv block-list %u'", vdev,
				  dom->domid, dom->domid);
	case VDISK_NO_DRIVE:
		return tool_error("%s: its medium does not change, for it is no CD-ROM drive; "
				  "attach one with the word 'cdrom'", vdev);
	case VDISK_FOREIGN:
		return tool_error("%s: its backend is not xpv's; use 'xl cd-insert'", vdev);
	case VDISK_LEAVING:
		return tool_error("%s: it is being detached; attach it again", vdev);
	default:
		return tool_error("%s: it is in use by disk %u of domain %u, which writes to it; "
				  "detach it there", add->disk->target, add->other.devid,
				  add->other.domid);
	}
}

/* Writes it, and waits until the backend has done it. */
static int fill(struct xs_handle *xs, const struct domain *dom, struct vdisk_addition *add,
		int64_t deadline)
{
	const char *vdev = add->disk->vdev;
	char path[XS_PATH_MAX], *before;
	struct pair_view view;
	enum await_end end = AWAIT_REACHED;
	int rc;

	before = store_get_text(xs, XBT_NULL, add->dev.backend, XS_B_MEDIUM);
	rc = vdisk_fill_node(xs, add);
	if (rc) {
		free(before);
		return vdisk_say_store_failed(vdev, -rc);
	}
	pair_read(xs, &add->dev, &view);
	if (add->outcome == VDISK_WRITTEN && before && view.backend == XB_CONNECTED &&
	    strcmp(before, add->disk->target) != 0 &&
	    xs_key_path(path, sizeof(path), add->dev.backend, XS_B_MEDIUM, 0, 0))
		end = await_value_gone(xs, path, before, deadline);
	free(before);
	if (add->outcome != VDISK_WRITTEN)
		return say_refused(dom, add);
	if (end == AWAIT_LOST)
		return vdisk_say_store_failed(vdev, errno);
	if (end != AWAIT_REACHED)
		return tool_error("%s: its backend has not changed the medium %s; see xpvd's log",
				  vdev, end == AWAIT_TIMEOUT ? "in time" : "yet");
	pair_read(xs, &add->dev, &view);
	if (view.backend == XB_CONNECTED && view.error[0])
		return tool_error("%s: the backend refused it: %s; the drive is empty", vdev,
				  view.error);
	return TOOL_OK;
}

/* Takes out what is in it, if it is the same. */
static int take_out_same(struct xs_handle *xs, const struct domain *dom,
			 const struct vdisk_addition *add, int64_t deadline)
{
	struct disk nothing = *add->disk;
	struct vdisk_addition eject = { .disk = &nothing, .dev = add->dev };
	char *now = store_get_text(xs, XBT_NULL, add->dev.backend, XS_B_MEDIUM);
	bool same = now && *now && !strcmp(now, add->disk->target);

	free(now);
	nothing.target = (char *)(uintptr_t)"";
	nothing.kind = XS_TARGET_NULL;
	return same ? fill(xs, dom, &eject, deadline) : TOOL_OK;
}

int vdisk_change_medium(struct xs_handle *xs, const struct domain *dom, const struct disk *disk,
			unsigned int seconds)
{
	int64_t deadline = await_deadline(seconds);
	struct vdisk_addition add = { .disk = disk };
	struct image image;
	int rc = disk_check(disk, &image);

	if (rc)
		return rc;
	if (xs_target_is_file(disk->kind))
		add.image = &image;
	device_find(xs, XBT_NULL, &add.dev, device_kind(XS_CLASS_VDISK), dom->domid, disk->devid);
	rc = take_out_same(xs, dom, &add, deadline);
	if (!rc)
		rc = fill(xs, dom, &add, deadline);
	if (!rc && !sim_running())
		xl_record_disk(dom, disk);
	return rc;
}
