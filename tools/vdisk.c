/* SPDX-License-Identifier: MIT */
/*
 * vdisk.c - attaching a guest's virtual disks
 *
 * Look at the image, write the nodes, wait for the backend to say InitWait and, with a live guest,
 * for both ends to be Connected. If the backend refuses, its reason is the error and the nodes go.
 * If only the guest has not answered, the disk stays: its driver may be loaded any time, and
 * asking again is harmless.
 */
#include "await.h"
#include "sim.h"
#include "vdisk.h"
#include "xl.h"

#include <errno.h>
#include <json-c/json.h>

#define IDLE_SECONDS 1	/* how long a backend that has done nothing yet may take to let go */

static bool backend_ready(const struct pair_view *v)
{
	return v->backend >= XB_INIT_WAIT && v->backend <= XB_CONNECTED;
}

/* The goals of attaching; a device that is gone need not be waited for either. */
static bool served(const struct pair_view *v)
{
	return backend_ready(v) || !v->backend_there;
}

static bool connected(const struct pair_view *v)
{
	return (v->backend == XB_CONNECTED && v->frontend == XB_CONNECTED) || !v->backend_there;
}

/* A disk that was attached earlier may have been closed by its guest for now: it is attached all
 * the same. */
static bool dormant(const struct pair_view *v)
{
	return v->backend == XB_CLOSED && v->frontend == XB_CLOSED;
}

static bool served_or_dormant(const struct pair_view *v)
{
	return served(v) || dormant(v);
}

static bool connected_or_dormant(const struct pair_view *v)
{
	return connected(v) || dormant(v);
}

static await_goal *const goals[2][2] = {	/* [live][already] */
	{ served, served_or_dormant },
	{ connected, connected_or_dormant },
};

/* Takes a device back that we have just written; true if nothing is left of it. A backend that
 * never said InitWait has promised nothing to the guest: its nodes may go from under it. */
static bool undo(struct xs_handle *xs, struct device *dev, const struct pair_view *seen)
{
	bool idle = seen->backend <= XB_INITIALISING;
	struct pair_view view;

	if (vdisk_close_node(xs, dev, false))
		return false;
	if (await_pair(xs, dev, vdisk_both_closed, false,
		       await_deadline(idle ? IDLE_SECONDS : VDISK_UNDO_SECONDS), &view) !=
	    AWAIT_REACHED && !idle)
		return false;
	return !vdisk_remove_node(xs, dev);
}

/* A refusal before anything was written. */
static int say_refused(const struct domain *dom, const struct vdisk_addition *add)
{
	const char *vdev = add->disk->vdev;

	switch (add->outcome) {
	case VDISK_TAKEN:
		return tool_error("%s: domain %u has another disk of that name; choose another "
				  "vdev, or detach it: 'xpv block-detach %u %s'", vdev,
				  dom->domid, dom->domid, vdev);
	case VDISK_LEAVING:
		return tool_error("%s: it is being detached; finish that first: 'xpv "
				  "block-detach %u %s'", vdev, dom->domid, vdev);
	case VDISK_NO_DOMAIN:
		return tool_error("%s: domain %u has been destroyed meanwhile; see 'xpv list'",
				  vdev, dom->domid);
	default:
		return tool_error("%s: it is in use by disk %u of domain %u, and only readers may "
				  "share; detach it there, or attach both with access=ro",
				  add->disk->target, add->other.devid, add->other.domid);
	}
}

/* What went wrong while we waited, and what becomes of the device. */
static int say_not_attached(struct xs_handle *xs, struct vdisk_addition *add, enum await_end end,
			    const struct pair_view *view, unsigned int seconds)
{
	const char *vdev = add->disk->vdev, *state = "nothing was changed";
	int err = errno;

	if (end == AWAIT_TIMEOUT && backend_ready(view))
		return tool_error("%s: attached, but the guest has not connected within %u s (its "
				  "frontend is %s, the backend %s); load its blkfront driver, or "
				  "detach the disk", vdev, seconds, xb_state_name(view->frontend),
				  xb_state_name(view->backend));
	if (add->outcome == VDISK_SAME)
		state = "it was attached before and stays so";
	else if (!undo(xs, &add->dev, view))
		state = "its nodes are still there, use block-detach --force";
	switch (end) {
	case AWAIT_FAILED:
		return tool_error("%s: the backend refused it: %s; correct that and attach again "
				  "(%s)", vdev, view->error, state);
	case AWAIT_TIMEOUT:
		return tool_error("%s: the backend has not answered within %u s (it is %s); see "
				  "xpvd's log (%s)", vdev, seconds, xb_state_name(view->backend),
				  state);
	case AWAIT_INTERRUPTED:
		return tool_error("%s: interrupted; attach it again when you like (%s)", vdev,
				  state);
	default:
		return vdisk_say_store_failed(vdev, err);
	}
}

int vdisk_attach(struct xs_handle *xs, const struct domain *dom, const struct disk *disk,
		 bool live, unsigned int seconds, struct vdisk_result *result)
{
	struct vdisk_addition add = { .disk = disk };
	struct pair_view *view = &result->view;
	struct image image;
	enum await_end end;
	int rc;

	*result = (struct vdisk_result) { .no_change = false };
	rc = disk_check(disk, &image);
	if (rc)
		return rc;
	if (xs_target_is_file(disk->kind))
		add.image = &image;
	device_init(&add.dev, device_kind(XS_CLASS_VDISK), dom->domid, disk->devid);
	rc = vdisk_add_node(xs, &add);
	if (rc)
		return vdisk_say_store_failed(disk->vdev, -rc);
	if (add.outcome != VDISK_WRITTEN && add.outcome != VDISK_SAME)
		return say_refused(dom, &add);
	result->no_change = add.outcome == VDISK_SAME;
	if (!result->no_change && !sim_running())
		xl_record_disk(dom, disk);
	tool_note("%s: %s %s; waiting for the backend%s", disk->vdev,
		  result->no_change ? "found at" : "written to", add.dev.backend,
		  live ? " and the guest" : "");
	end = await_pair(xs, &add.dev, goals[live][result->no_change], true,
			 await_deadline(seconds), view);
	if (end == AWAIT_REACHED && view->backend_there)
		return TOOL_OK;
	if (end == AWAIT_REACHED)
		return tool_error("%s: it was taken away again while it was attached; see whether "
				  "the guest still runs: 'xpv list'", disk->vdev);
	return say_not_attached(xs, &add, end, view, seconds);
}

struct json_object *vdisk_json(const struct domain *dom, uint32_t devid)
{
	struct json_object *obj = tool_json_domain(dom);
	char vdev[32];

	xs_vdev_name(vdev, sizeof(vdev), devid);
	json_object_object_add(obj, "vdev", json_object_new_string(vdev));
	json_object_object_add(obj, "devid", json_object_new_int64(devid));
	return obj;
}
