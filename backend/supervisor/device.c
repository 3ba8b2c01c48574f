/* SPDX-License-Identifier: MIT */
/*
 * device.c - a device's life, from its discovery to the end of its nodes
 *
 * A look (device_look) steps through the state table until nothing is left to do without waiting.
 * What needs the worker ends the look; the worker's answer, or its death, takes it up again. So a
 * device is always in one of few situations, all of which another supervisor finds again: its
 * state is in the store, its link with a worker is with the worker.
 *
 * A device that fails says why in its error node and goes to Closing, where it waits for its
 * frontend to let go; only a frontend that starts over gets another attempt.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "supervisor.h"

#define MAX_STEPS 8		/* in one look; more would be a table that runs in circles */
#define TOKEN_MAX 48
#define RETRY_NS 1000000000u
#define SOON_NS 10000000u

int device_reason(struct device *dev, const char *fmt, ...)
{
	va_list ap;

	if (dev->reason[0])
		return -1;
	va_start(ap, fmt);
	vsnprintf(dev->reason, sizeof(dev->reason), fmt, ap);
	va_end(ap);
	return -1;
}

const char *device_name(const struct device *dev)
{
	static char name[48];

	snprintf(name, sizeof(name), "guest %u %s %u", dev->fe, xs_class_type(dev->class->id),
		 dev->devid);
	return name;
}

/* A watch's token says whose it is, so that no path needs to be taken apart. */
static void device_token(const struct device *dev, char token[TOKEN_MAX])
{
	snprintf(token, TOKEN_MAX, "%u %u %u", dev->kind, dev->fe, dev->devid);
}

struct device *device_by_token(struct supervisor *sup, const char *token)
{
	unsigned long part[3];
	char *end = (char *)(uintptr_t)token;

	for (int i = 0; i < 3; i++)
		part[i] = strtoul(end, &end, 10);
	return device_find(sup, (enum xs_kind)part[0], (unsigned int)part[1],
			   (unsigned int)part[2]);
}

struct device *device_find(struct supervisor *sup, enum xs_kind kind, unsigned int fe,
			   unsigned int devid)
{
	struct device *dev = sup->devices;

	while (dev && (dev->kind != kind || dev->fe != fe || dev->devid != devid))
		dev = dev->next;
	return dev;
}

struct device *device_served(struct supervisor *sup, enum xs_class class, unsigned int fe,
			     unsigned int devid)
{
	struct device *dev = sup->devices;

	while (dev && (dev->claim != CLAIM_OURS || dev->class->id != class || dev->fe != fe ||
		       dev->devid != devid))
		dev = dev->next;
	return dev;
}

/* QEMU takes what it finds in Initialising, so what is not for it begins in Unknown. */
bool device_is_new(const struct device *dev)
{
	return dev->mine == XB_INITIALISING ||
	       (dev->mine == XB_UNKNOWN && dev->kind == XS_KIND_QDISK);
}

static void retry_due(struct loop_timer *timer)
{
	struct device *dev = container_of(timer, struct device, retry);

	dev->reason[0] = '\0';
	device_look(dev);
}

/* Where its frontend's keys stand, and which of them tells that something has changed. */
static bool find_frontend(struct device *dev)
{
	if (dev->class->look)
		return xs_primary_console_path(dev->fe_path, sizeof(dev->fe_path), dev->fe) &&
		       xs_primary_console_path(dev->fe_state, sizeof(dev->fe_state), dev->fe);
	return xs_frontend_path(dev->fe_path, sizeof(dev->fe_path), dev->fe, dev->class->id,
				dev->devid) &&
	       xs_key_path(dev->fe_state, sizeof(dev->fe_state), dev->fe_path, XS_F_STATE, 0, 0);
}

bool device_watch(struct device *dev)
{
	char token[TOKEN_MAX];

	device_token(dev, token);
	dev->watched = xs_watch(dev->sup->xs_watches, dev->fe_state, token);
	return dev->watched;
}

struct device *device_create(struct supervisor *sup, enum xs_kind kind, unsigned int fe,
			     unsigned int devid)
{
	const struct device_class *class = device_class_of(xs_kind_class(kind));
	struct device *dev = class ? calloc(1, sizeof(*dev)) : NULL;

	if (!dev)
		return NULL;
	dev->sup = sup;
	dev->kind = kind;
	dev->class = class;
	dev->fe = fe;
	dev->devid = devid;
	dev->journal_fd = dev->disk.fd = -1;
	console_init(dev);
	remote_init(dev);
	format_init(dev);
	dev->told[0] = '?';		/* by an earlier supervisor, perhaps */
	dev->retry.expired = retry_due;
	if (!xs_backend_path(dev->be_path, sizeof(dev->be_path), sup->domid, kind, fe, devid) ||
	    !find_frontend(dev)) {
		free(dev);
		return NULL;
	}
	dev->next = sup->devices;
	sup->devices = dev;
	log_debug("%s: discovered", device_name(dev));
	return dev;
}

/* The link with the worker is over, in whatever way. */
static void unlink_worker(struct device *dev)
{
	dev->link = LINK_NONE;
	dev->unwanted = false;
	worker_forget(dev);
}

void device_remove(struct device *dev)
{
	struct supervisor *sup = dev->sup;
	char token[TOKEN_MAX];

	if (dev->link != LINK_NONE)
		worker_detach(dev);
	unlink_worker(dev);
	if (dev->watched) {
		device_token(dev, token);
		xs_unwatch(sup->xs_watches, dev->fe_state, token);
	}
	loop_timer_cancel(&sup->loop, &dev->retry);
	if (dev->claim != CLAIM_OTHERS)
		store_tell_reason(dev, "");
	dev->class->release(dev);
	if (dev->claim != CLAIM_OTHERS)
		memory_remove(dev);
	journal_file_close(dev, dev->claim != CLAIM_OTHERS);
	if (dev->claim == CLAIM_OURS)
		device_unclaim(dev);
	for (struct device **p = &sup->devices; *p; p = &(*p)->next) {
		if (*p == dev) {
			*p = dev->next;
			break;
		}
	}
	if (dev->claim != CLAIM_OTHERS)
		log_info("%s: removed", device_name(dev));
	free(dev);
	workers_sweep(sup);
}

void device_fail(struct device *dev)
{
	device_reason(dev, "it failed without a reason");
	dev->failed = true;
	if (strcmp(dev->reason, dev->told) != 0 && log_allowed(&dev->log_limit, device_name(dev)))
		log_error("%s: %s", device_name(dev), dev->reason);
	if (dev->link != LINK_NONE)
		worker_detach(dev);
	if (dev->link == LINK_NONE)
		journal_file_void(dev);
	store_tell_reason(dev, dev->reason);
	if (!dev->class->look && !device_is_new(dev) && dev->mine < XB_CLOSING)
		store_switch_state(dev, dev->mine, XB_CLOSING, NULL);
}

void device_hold(struct device *dev)
{
	device_reason(dev, "it cannot be served at the moment");
	if (strcmp(dev->reason, dev->told) != 0)
		log_error("%s: its guest waits: %s", device_name(dev), dev->reason);
	store_tell_reason(dev, dev->reason);
	loop_timer_set(&dev->sup->loop, &dev->retry, RETRY_NS);
}

void device_postpone(struct device *dev)
{
	unlink_worker(dev);
	loop_timer_set(&dev->sup->loop, &dev->retry, SOON_NS);
}

/* The frontend's path is ours to know, not the store's to say: it is what it must be, or the node
 * is not a device (XSA-175, XSA-178). */
static bool nodes_fit(struct device *dev)
{
	char path[XS_PATH_MAX];
	uint64_t fe;

	if (store_text(dev, XBT_NULL, dev->be_path, XS_B_FRONTEND, path, sizeof(path)) ||
	    store_number(dev, XBT_NULL, dev->be_path, XS_B_FRONTEND_ID, 0, &fe))
		return false;	/* not all written yet, or being removed */
	if (fe == dev->fe && strcmp(path, dev->fe_path) == 0)
		return true;
	device_reason(dev, "its keys frontend and frontend-id do not name %s", dev->fe_path);
	device_fail(dev);
	return false;
}

/* The first look: is it a device at all, and ours? Then its frontend is watched. */
static bool first_look(struct device *dev)
{
	uint64_t state;

	if (store_number(dev, XBT_NULL, dev->be_path, XS_B_STATE, 0, &state) == -ENOENT) {
		device_remove(dev);
		return false;
	}
	if (!device_claim(dev) || !nodes_fit(dev))
		return false;
	device_watch(dev);
	worker_claim(dev);
	return dev->link == LINK_NONE || dev->link == LINK_ATTACHED;
}

void device_look(struct device *dev)
{
	dev->dirty = false;
	if (dev->link != LINK_NONE && dev->link != LINK_ATTACHED) {
		worker_await(dev);
		return;		/* the worker's answer leads here again */
	}
	if (dev->class->look) {
		dev->class->look(dev);
		return;
	}
	if (!dev->watched && !first_look(dev))
		return;
	limit_look(dev);
	for (int i = 0; i < MAX_STEPS; i++) {
		if (device_step(dev))
			return;
	}
	if (log_allowed(&dev->log_limit, device_name(dev)))
		log_warning("%s: its states change faster than they can be followed",
			    device_name(dev));
}

void device_attached(struct device *dev, int rc, const char *why)
{
	char safe[WIRE_TEXT];

	log_safe(safe, sizeof(safe), why);
	if (dev->link != LINK_ATTACHING)
		return;
	if (rc == -EAGAIN || rc == -EBUSY) {
		unlink_worker(dev);
		if (rc == -EBUSY)
			journal_file_evict(dev);
		device_reason(dev, "it cannot be connected yet: %s", safe);
		device_hold(dev);
		return;
	}
	if (rc) {
		unlink_worker(dev);
		device_reason(dev, "it cannot be connected: %s", safe);
		device_fail(dev);
		return;
	}
	dev->link = LINK_ATTACHED;
	dev->reason[0] = '\0';
	store_tell_reason(dev, "");
	if (dev->class->look) {
		device_look(dev);
		return;
	}
	device_resized(dev);
	medium_changed(dev);
	if (dev->mine != dev->next_state && device_go(dev, dev->next_state, dev->class->announce))
		device_fail(dev);
	else
		device_look(dev);
}

void device_detached(struct device *dev)
{
	unlink_worker(dev);
	if (!medium_is_out(dev))
		journal_file_void(dev);
	device_look(dev);
}

void device_trouble(struct device *dev, const char *why)
{
	char safe[WIRE_TEXT];

	if (dev->failed || (!*why && !dev->troubled))
		return;
	log_safe(safe, sizeof(safe), why);
	snprintf(dev->reason, sizeof(dev->reason), "%s", safe);
	dev->troubled = *why;
	if (*why && strcmp(dev->reason, dev->told) != 0 &&
	    log_allowed(&dev->log_limit, device_name(dev)))
		log_warning("%s: its guest waits: %s", device_name(dev), dev->reason);
	store_tell_reason(dev, dev->reason);
}

void device_broken(struct device *dev, const char *why)
{
	char safe[WIRE_TEXT];

	if (dev->troubled)
		dev->reason[0] = '\0';

	device_reason(dev, "%s: restart the guest's driver", log_safe(safe, sizeof(safe), why));
	device_fail(dev);
}

void device_worker_lost(struct device *dev)
{
	if (dev->link == LINK_DETACHING && !medium_is_out(dev))
		journal_file_void(dev);
	unlink_worker(dev);
	device_look(dev);
}
