/* SPDX-License-Identifier: MIT */
/*
 * vdisk_detach.c - detaching a guest's virtual disks
 *
 * Ask, wait until the backend and the guest have closed, remove. A guest that keeps the disk open
 * is named as what blocks it, and nothing is pulled from under it without --force. The first part
 * is also how an attach that has failed takes back what it has written.
 */
#include "await.h"
#include "vdisk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool backend_closed(const struct pair_view *v)
{
	return !v->backend_there || v->backend == XB_CLOSED;
}

bool vdisk_both_closed(const struct pair_view *v)
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

int vdisk_close_node(struct xs_handle *xs, struct device *dev, bool abandon)
{
	return store_transact(xs, abandon ? transact_abandon : transact_close, dev);
}

static int transact_remove(struct xs_handle *xs, xs_transaction_t t, void *dev)
{
	return device_remove(xs, t, dev) ? 0 : -errno;
}

int vdisk_remove_node(struct xs_handle *xs, struct device *dev)
{
	return store_transact(xs, transact_remove, dev);
}

int vdisk_say_store_failed(const char *name, int err)
{
	if (err == E2BIG || err == ENOSPC || err == EDQUOT)
		return tool_error("%s: xenstore's quota is used up: %s; remove devices, or raise "
				  "the limits of xenstored", name, strerror(err));
	return tool_error("%s: xenstore: %s; is xenstored still running, and are you root?", name,
			  strerror(err));
}

/* A device that another toolstack set up for another backend is not ours to take away. Of kinds
 * that are others', those are ours that are marked. */
static bool is_ours(struct xs_handle *xs, const struct device *dev)
{
	char *backend = store_get_text(xs, XBT_NULL, dev->record, XS_F_BACKEND);
	bool ours = !backend || !strcmp(backend, dev->backend);
	uint64_t mark;

	free(backend);
	return ours && (dev->kind != XS_KIND_QDISK ||
			!store_get(xs, XBT_NULL, dev->record, XS_B_SERVED_BY, 0, 0, &mark));
}

/* A script that set something up has to take it down, and only the toolstack that ran it does. Ours
 * names one that has nothing to do (vdisk_node.c). */
static bool has_script(struct xs_handle *xs, const struct device *dev)
{
	char *script = store_get_text(xs, XBT_NULL, dev->record, XS_B_SCRIPT);
	bool has = script && *script && strcmp(script, VDISK_NO_SCRIPT);

	free(script);
	return has;
}

/* Who keeps it from closing: the guest, which uses it or has spoilt its state, or the backend. */
static int say_too_late(const struct device *dev, const char *vdev, const struct pair_view *view,
			unsigned int seconds)
{
	const char *frontend = xb_state_name(view->frontend);
	const char *backend = xb_state_name(view->backend);
	char key[XS_PATH_MAX];

	if (view->frontend_bad) {
		xs_key_path(key, sizeof(key), dev->frontend, XS_F_STATE, 0, 0);
		return tool_error("%s: not closed within %u s (the backend is %s): the guest has "
				  "written something into %s that is no state; use --force", vdev,
				  seconds, backend, key);
	}
	if (view->frontend_there && view->frontend > XB_INITIALISING && view->frontend != XB_CLOSED)
		return tool_error("%s: the guest still has it in use after %u s (its frontend is "
				  "%s, the backend %s); unmount it there, or use --force", vdev,
				  seconds, frontend, backend);
	return tool_error("%s: the backend has not closed within %u s (it is %s, the guest's "
			  "frontend %s); see xpvd's log, or use --force", vdev, seconds, backend,
			  frontend);
}

static int say_not_detached(const struct device *dev, const char *vdev, enum await_end end,
			    const struct pair_view *view, unsigned int seconds)
{
	switch (end) {
	case AWAIT_TIMEOUT:
		return say_too_late(dev, vdev, view, seconds);
	case AWAIT_INTERRUPTED:
		return tool_error("%s: interrupted while it closes; detach it again to go on",
				  vdev);
	default:
		return vdisk_say_store_failed(vdev, errno);
	}
}

int vdisk_detach(struct xs_handle *xs, const struct domain *dom, uint32_t devid, bool force,
		 unsigned int seconds, struct vdisk_result *result)
{
	bool hurry = force && seconds > VDISK_UNDO_SECONDS;
	int64_t deadline;
	struct pair_view *view = &result->view;
	struct device dev;
	enum await_end end;
	char vdev[32];
	int rc;

	xs_vdev_name(vdev, sizeof(vdev), devid);
	device_find(xs, XBT_NULL, &dev, XS_KIND_VBD, dom->domid, devid);
	*result = (struct vdisk_result) { .no_change = !device_exists(xs, XBT_NULL, &dev) };
	if (result->no_change)
		return TOOL_OK;
	if (!is_ours(xs, &dev))
		return tool_error("%s: another backend than xpv serves it; use 'xl block-detach "
				  "%u %s'", vdev, dom->domid, vdev);
	if (has_script(xs, &dev))
		return tool_error("%s: xl has set it up with a hotplug script, and has to take it "
				  "down; use 'xl block-detach %u %s'", vdev, dom->domid, vdev);
	rc = vdisk_close_node(xs, &dev, force);
	if (rc)
		return vdisk_say_store_failed(vdev, -rc);
	tool_note("%s: asked to close; waiting for the backend%s", vdev,
		  force ? "" : " and the guest");
	deadline = await_deadline(hurry ? VDISK_UNDO_SECONDS : seconds);
	end = await_pair(xs, &dev, vdisk_both_closed, false, deadline, view);
	if (end == AWAIT_TIMEOUT && force)
		tool_warn("%s: removed while its backend was still %s; see xpvd's log", vdev,
			  xb_state_name(view->backend));
	else if (end != AWAIT_REACHED)
		return say_not_detached(&dev, vdev, end, view, seconds);
	rc = vdisk_remove_node(xs, &dev);
	return rc ? vdisk_say_store_failed(vdev, -rc) : TOOL_OK;
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
		device_find(xs, XBT_NULL, &dev, XS_KIND_VBD, domid, devids[i]);
		if (is_ours(xs, &dev) && vdisk_close_node(xs, &dev, true))
			clean = false;
	}
	for (size_t i = 0; i < n; i++) {
		device_find(xs, XBT_NULL, &dev, XS_KIND_VBD, domid, devids[i]);
		if (!is_ours(xs, &dev))
			continue;
		if (await_pair(xs, &dev, backend_closed, false, deadline, &view) != AWAIT_REACHED)
			clean = false;
		if (vdisk_remove_node(xs, &dev))
			clean = false;
	}
	free(devids);
	return clean;
}
