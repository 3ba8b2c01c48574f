/* SPDX-License-Identifier: MIT */
/*
 * vdisk.c - attaching and detaching a guest's virtual disks
 *
 * Attaching: look at the image, write the nodes, wait for the backend to say InitWait and, with a
 * live guest, for both ends to be Connected. If the backend refuses, its reason is the error and
 * the nodes go. If only the guest has not answered, the disk stays: its driver may be loaded any
 * time, and asking again is harmless.
 *
 * Detaching: ask, wait until the backend and the guest have closed, remove. A guest that keeps
 * the disk open is named as what blocks it, and nothing is pulled from under it without --force.
 */
#include "await.h"
#include "vdisk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNDO_SECONDS 5	/* how long a backend may take to let go of what it has begun ... */
#define IDLE_SECONDS 1	/* ... and one that has done nothing yet */

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

/* A guest may have closed its disk for now: it is attached all the same. */
static bool settled(const struct pair_view *v)
{
	return connected(v) || (v->backend == XB_CLOSED && v->frontend == XB_CLOSED);
}

static bool backend_closed(const struct pair_view *v)
{
	return !v->backend_there || v->backend == XB_CLOSED;
}

/* A frontend that never began has nothing to close. */
static bool both_closed(const struct pair_view *v)
{
	return backend_closed(v) &&
	       (v->frontend <= XB_INITIALISING || v->frontend == XB_CLOSED);
}

static int transact_close(struct xs_handle *xs, xs_transaction_t t, void *dev)
{
	return device_close(xs, t, dev, false) ? 0 : -errno;
}

static int transact_abandon(struct xs_handle *xs, xs_transaction_t t, void *dev)
{
	return device_close(xs, t, dev, true) ? 0 : -errno;
}

static int transact_remove(struct xs_handle *xs, xs_transaction_t t, void *dev)
{
	return device_remove(xs, t, dev) ? 0 : -errno;
}

static int say_store_failed(const char *name, int err)
{
	if (err == E2BIG || err == ENOSPC || err == EDQUOT)
		return tool_error("%s: xenstore's quota is used up: %s; remove devices, or raise "
				  "the limits of xenstored", name, strerror(err));
	return tool_error("%s: xenstore: %s; is xenstored still running, and are you root?", name,
			  strerror(err));
}

/* Takes a device back that we have just written; true if nothing is left of it. A backend that
 * never said InitWait has promised nothing to the guest: its nodes may go from under it. */
static bool undo(struct xs_handle *xs, struct device *dev, const struct pair_view *seen)
{
	bool idle = seen->backend <= XB_INITIALISING;
	struct pair_view view;

	if (store_transact(xs, transact_close, dev))
		return false;
	if (await_pair(xs, dev, both_closed, false,
		       await_deadline(idle ? IDLE_SECONDS : UNDO_SECONDS), &view) !=
	    AWAIT_REACHED && !idle)
		return false;
	return !store_transact(xs, transact_remove, dev);
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
		return say_store_failed(vdev, err);
	}
}

int vdisk_attach(struct xs_handle *xs, const struct domain *dom, const struct disk *disk,
		 bool live, unsigned int seconds, bool *already)
{
	struct vdisk_addition add = { .disk = disk };
	struct pair_view view = { .backend = XB_UNKNOWN };
	struct image image;
	enum await_end end;
	int rc;

	rc = image_check(disk->target, disk->readonly, &image);
	if (rc)
		return rc;
	add.image = &image;
	device_init(&add.dev, XS_CLASS_VDISK, dom->domid, disk->devid);
	rc = vdisk_add_node(xs, &add);
	if (rc)
		return say_store_failed(disk->vdev, -rc);
	if (add.outcome != VDISK_WRITTEN && add.outcome != VDISK_SAME)
		return say_refused(dom, &add);
	*already = add.outcome == VDISK_SAME;
	tool_note("%s: %s %s; waiting for the backend%s", disk->vdev,
		  *already ? "found at" : "written to", add.dev.backend,
		  live ? " and the guest" : "");
	end = await_pair(xs, &add.dev, !live ? served : *already ? settled : connected, true,
			 await_deadline(seconds), &view);
	if (end == AWAIT_REACHED && view.backend_there)
		return TOOL_OK;
	if (end == AWAIT_REACHED)
		return tool_error("%s: it was taken away again while it was attached; see whether "
				  "the guest still runs: 'xpv list'", disk->vdev);
	return say_not_attached(xs, &add, end, &view, seconds);
}

/* A device that another toolstack set up for another backend is not ours to take away. */
static bool is_ours(struct xs_handle *xs, const struct device *dev)
{
	char *backend = store_get_text(xs, XBT_NULL, dev->record, XS_F_BACKEND);
	bool ours = !backend || !strcmp(backend, dev->backend);

	free(backend);
	return ours;
}

static int say_not_detached(const char *vdev, enum await_end end, const struct pair_view *view,
			    unsigned int seconds)
{
	switch (end) {
	case AWAIT_TIMEOUT:
		if (view->frontend_there && view->frontend > XB_INITIALISING &&
		    view->frontend != XB_CLOSED)
			return tool_error("%s: the guest still has it in use after %u s (its "
					  "frontend is %s, the backend %s); unmount it there, or "
					  "use --force", vdev, seconds,
					  xb_state_name(view->frontend),
					  xb_state_name(view->backend));
		return tool_error("%s: the backend has not closed within %u s (it is %s, the "
				  "guest's frontend %s); see xpvd's log, or use --force", vdev,
				  seconds, xb_state_name(view->backend),
				  xb_state_name(view->frontend));
	case AWAIT_INTERRUPTED:
		return tool_error("%s: interrupted while it closes; detach it again to go on",
				  vdev);
	default:
		return say_store_failed(vdev, errno);
	}
}

int vdisk_detach(struct xs_handle *xs, const struct domain *dom, uint32_t devid, bool force,
		 unsigned int seconds, bool *missing)
{
	struct pair_view view;
	struct device dev;
	enum await_end end;
	char vdev[32];
	int rc;

	xs_vdev_name(vdev, sizeof(vdev), devid);
	device_init(&dev, XS_CLASS_VDISK, dom->domid, devid);
	*missing = !device_exists(xs, XBT_NULL, &dev);
	if (*missing)
		return TOOL_OK;
	if (!is_ours(xs, &dev))
		return tool_error("%s: another backend than xpv serves it; use 'xl block-detach "
				  "%u %s'", vdev, dom->domid, vdev);
	rc = store_transact(xs, force ? transact_abandon : transact_close, &dev);
	if (rc)
		return say_store_failed(vdev, -rc);
	tool_note("%s: asked to close; waiting for the backend%s", vdev,
		  force ? "" : " and the guest");
	end = await_pair(xs, &dev, both_closed, false,
			await_deadline(force && seconds > UNDO_SECONDS ? UNDO_SECONDS : seconds),
			&view);
	if (end == AWAIT_TIMEOUT && force)
		tool_warn("%s: removed while its backend was still %s; see xpvd's log", vdev,
			  xb_state_name(view.backend));
	else if (end != AWAIT_REACHED)
		return say_not_detached(vdev, end, &view, seconds);
	rc = store_transact(xs, transact_remove, &dev);
	return rc ? say_store_failed(vdev, -rc) : TOOL_OK;
}

bool vdisk_abandon_all(struct xs_handle *xs, uint32_t domid, unsigned int seconds)
{
	int64_t deadline = await_deadline(seconds);
	struct pair_view view;
	struct device dev;
	uint32_t *devids;
	bool clean = true;
	size_t n = device_ids(xs, domid, XS_CLASS_VDISK, &devids);

	for (size_t i = 0; i < n; i++) {
		device_init(&dev, XS_CLASS_VDISK, domid, devids[i]);
		if (is_ours(xs, &dev) && store_transact(xs, transact_abandon, &dev))
			clean = false;
	}
	for (size_t i = 0; i < n; i++) {
		device_init(&dev, XS_CLASS_VDISK, domid, devids[i]);
		if (!is_ours(xs, &dev))
			continue;
		if (await_pair(xs, &dev, backend_closed, false, deadline, &view) != AWAIT_REACHED)
			clean = false;
		if (store_transact(xs, transact_remove, &dev))
			clean = false;
	}
	free(devids);
	return clean;
}
