/* SPDX-License-Identifier: MIT */
/*
 * limit_apply.c - changing the limits of a disk under its guest
 *
 * The store comes first, so that a change outlives everybody. xpvd sees it there, tells the disk's
 * worker, and says on request whether that has answered.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "limit.h"
#include "vdisk.h"

#define WAIT_MS		10000
#define TICK_MS		10

static struct json_object *ask(uint32_t domid, uint32_t devid)
{
	struct json_object *question = control_question("limit");

	json_object_object_add(question, "domid", json_object_new_int64(domid));
	json_object_object_add(question, "devid", json_object_new_int64(devid));
	return control_ask(question);
}

int limit_find(struct xs_handle *xs, const struct domain *dom, uint32_t devid,
	       struct device *dev)
{
	struct json_object *answer = ask(dom->domid, devid);

	if (!answer)
		return TOOL_FAILED;
	json_object_put(answer);
	device_find(xs, XBT_NULL, dev, device_kind(XS_CLASS_VDISK), dom->domid, devid);
	return TOOL_OK;
}

struct writing {
	const struct device *dev;
	const struct limit_change *change;
	bool leaving;
};

static bool write_pause(struct xs_handle *xs, xs_transaction_t t, const struct writing *w)
{
	char path[XS_PATH_MAX];

	if (w->change->pause == LIMIT_PAUSE)
		return store_set(xs, t, w->dev->backend, XS_B_PAUSED, "1");
	return w->change->pause == LIMIT_PAUSE_KEEP ||
	       (xs_key_path(path, sizeof(path), w->dev->backend, XS_B_PAUSED, 0, 0) &&
		(xs_rm(xs, t, path) || errno == ENOENT));
}

/* Nothing may be written for a device whose nodes are gone: that would make its directory anew. */
static int write_change(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	struct writing *w = arg;

	w->leaving = !store_get_or(xs, t, w->dev->backend, XS_B_ONLINE, 0);
	if (w->leaving)
		return 0;
	if (w->change->limits && !limits_write(xs, t, w->dev, w->change->limits))
		return -errno;
	return write_pause(xs, t, w) ? 0 : -errno;
}

/* 1: it is in force; 0: not yet; -1 with an error printed. */
static int in_force(const struct device *dev, const char *name)
{
	struct json_object *answer = ask(dev->domid, dev->devid), *value = NULL;
	int rc = -1;

	if (!answer)
		return -1;
	if (json_object_object_get_ex(answer, "reason", &value) && value)
		tool_error("%s: xpvd does not take its limits: %s", name,
			   json_object_get_string(value));
	else
		rc = json_object_object_get_ex(answer, "in_force", &value) &&
		     json_object_get_boolean(value);
	json_object_put(answer);
	return rc;
}

static int await(const struct device *dev, const char *name, bool pause)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000l };
	int rc = in_force(dev, name);

	for (int ms = 0; rc == 0 && ms < WAIT_MS; ms += TICK_MS) {
		nanosleep(&tick, NULL);
		rc = in_force(dev, name);
	}
	if (rc)
		return rc > 0 ? TOOL_OK : TOOL_FAILED;
	if (pause)
		return tool_error("%s: it is paused, but after %d s requests are still under way; "
				  "'xpv stats' may say what they wait for", name, WAIT_MS / 1000);
	return tool_error("%s: its backend has not answered within %d s; see xpvd's log", name,
			  WAIT_MS / 1000);
}

int limit_apply(struct xs_handle *xs, const struct device *dev, const char *name,
		const struct limit_change *change)
{
	struct writing w = { .dev = dev, .change = change };
	int rc = store_transact(xs, write_change, &w);

	if (rc)
		return vdisk_say_store_failed(name, -rc);
	if (w.leaving)
		return tool_error("%s: it is being detached; attach it again", name);
	return await(dev, name, change->pause == LIMIT_PAUSE);
}
