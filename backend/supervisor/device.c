/* SPDX-License-Identifier: MIT */
/*
 * device.c - one look at a device
 *
 * device_look() reads both states, asks the schema's table what to do, does it, and writes the
 * state that follows. What needs the worker ends the look; the worker's answer takes it up again.
 * So a device is always in one of few situations, all of which another supervisor finds again: its
 * state is in the store, its link with a worker is with the worker.
 *
 * Our own state is read, never remembered: the toolstack writes it too (it asks for the end by
 * writing Closing), and every change of ours is a transaction that checks what it replaces.
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

static const char *name_of(const struct device *dev)
{
	static char name[48];

	snprintf(name, sizeof(name), "guest %u %s %u", dev->fe, xs_class_type(dev->class->id),
		 dev->devid);
	return name;
}

/* A watch's token says whose it is, so that no path needs to be taken apart. */
static void device_token(const struct device *dev, char token[TOKEN_MAX])
{
	snprintf(token, TOKEN_MAX, "%u %u %u", dev->class->id, dev->fe, dev->devid);
}

struct device *device_by_token(struct supervisor *sup, const char *token)
{
	unsigned long part[3];
	char *end = (char *)(uintptr_t)token;

	for (int i = 0; i < 3; i++)
		part[i] = strtoul(end, &end, 10);
	return device_find(sup, (enum xs_class)part[0], (unsigned int)part[1],
			   (unsigned int)part[2]);
}

struct device *device_find(struct supervisor *sup, enum xs_class class, unsigned int fe,
			   unsigned int devid)
{
	struct device *dev = sup->devices;

	while (dev && (dev->class->id != class || dev->fe != fe || dev->devid != devid))
		dev = dev->next;
	return dev;
}

struct device *device_create(struct supervisor *sup, const struct device_class *class,
			     unsigned int fe, unsigned int devid)
{
	struct device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->sup = sup;
	dev->class = class;
	dev->fe = fe;
	dev->devid = devid;
	dev->journal_fd = dev->disk.fd = -1;
	dev->told[0] = '?';		/* by an earlier supervisor, perhaps */
	if (!xs_backend_path(dev->be_path, sizeof(dev->be_path), sup->domid, class->id, fe,
			     devid) ||
	    !xs_frontend_path(dev->fe_path, sizeof(dev->fe_path), fe, class->id, devid) ||
	    !xs_key_path(dev->fe_state, sizeof(dev->fe_state), dev->fe_path, XS_F_STATE, 0, 0)) {
		free(dev);
		return NULL;
	}
	dev->next = sup->devices;
	sup->devices = dev;
	log_debug("%s: discovered", name_of(dev));
	worker_claim(dev);
	return dev;
}

/* The link with the worker is over, in whatever way. */
static void unlink_worker(struct device *dev)
{
	dev->link = LINK_NONE;
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
		xs_unwatch(sup->xs, dev->fe_state, token);
	}
	store_tell_reason(dev, "");
	dev->class->release(dev);
	journal_file_close(dev, true);
	for (struct device **p = &sup->devices; *p; p = &(*p)->next) {
		if (*p == dev) {
			*p = dev->next;
			break;
		}
	}
	log_info("%s: removed", name_of(dev));
	free(dev);
	workers_sweep(sup);
}

/* Writes our state, having written what belongs to it. Another writer came first: look again. */
static int go(struct device *dev, enum xb_state next,
	      bool (*write)(struct device *dev, xs_transaction_t t))
{
	int rc = store_switch_state(dev, dev->mine, next, write);

	if (rc == -EAGAIN)
		return 0;
	if (rc)
		return device_reason(dev, "xenstore does not take its keys: %s: "
				     "see xenstored's quota and log", strerror(-rc));
	log_info("%s: %s -> %s", name_of(dev), xb_state_name(dev->mine), xb_state_name(next));
	dev->mine = next;
	return 0;
}

/* 0: the look goes on; 1: it ends until the worker has answered; negative: the device fails. */
typedef int action(struct device *dev, enum xb_state next);

static int act_stay(struct device *dev, enum xb_state next)
{
	return dev->mine == next ? 1 : go(dev, next, NULL);
}

static int detach_first(struct device *dev, enum xb_state next)
{
	dev->next_state = next;
	if (dev->link == LINK_NONE)
		return 0;
	worker_detach(dev);
	return dev->link == LINK_NONE ? 0 : 1;
}

static int act_publish(struct device *dev, enum xb_state next)
{
	if (dev->class->prepare(dev) || journal_file_open(dev))
		return -1;
	journal_file_void(dev);
	dev->failed = false;
	dev->reason[0] = '\0';
	store_tell_reason(dev, "");
	return go(dev, next, dev->class->publish);
}

static int act_connect(struct device *dev, enum xb_state next)
{
	if (dev->class->prepare(dev) || journal_file_open(dev))
		return -1;
	dev->next_state = next;
	worker_attach(dev);
	return 1;
}

static int act_disconnect(struct device *dev, enum xb_state next)
{
	int rc = detach_first(dev, next);

	if (rc)
		return rc;
	journal_file_void(dev);
	dev->class->release(dev);
	return go(dev, next, NULL);
}

static int act_reset(struct device *dev, enum xb_state next)
{
	int rc = detach_first(dev, next);

	return rc ? rc : act_publish(dev, next);
}

/* The nodes are the toolstack's to remove. */
static int act_remove(struct device *dev, enum xb_state next)
{
	(void)next;
	dev->class->release(dev);
	return 1;
}

static int act_violation(struct device *dev, enum xb_state next)
{
	(void)next;
	return device_reason(dev, "the frontend is in a state that does not exist or cannot "
			     "follow: restart its driver");
}

static action *const actions[] = {
	[XB_STAY] = act_stay,
	[XB_PUBLISH] = act_publish,
	[XB_CONNECT] = act_connect,
	[XB_DISCONNECT] = act_disconnect,
	[XB_RESET] = act_reset,
	[XB_REMOVE] = act_remove,
	[XB_VIOLATION] = act_violation,
};

_Static_assert(sizeof(actions) / sizeof(actions[0]) == XB_ACTION_COUNT, "one an action");

/* The device cannot go on. Before it was ever offered, it waits where it is for the toolstack to
 * do something about it; afterwards it asks its frontend to let go. */
static void fail(struct device *dev)
{
	device_reason(dev, "it failed without a reason");
	dev->failed = true;
	if (strcmp(dev->reason, dev->told) != 0)
		log_error("%s: %s", name_of(dev), dev->reason);
	if (dev->link != LINK_NONE)
		worker_detach(dev);
	if (dev->link == LINK_NONE)
		journal_file_void(dev);
	store_tell_reason(dev, dev->reason);
	if (dev->mine != XB_INITIALISING && dev->mine < XB_CLOSING)
		store_switch_state(dev, dev->mine, XB_CLOSING, NULL);
}

struct look {
	uint64_t mine, peer, online;
};

/* What the store says. 0; -ENOENT: the nodes are gone; -EINVAL: a violation, with its reason. */
static int read_states(struct device *dev, struct look *look)
{
	int rc;

	*look = (struct look){ 0 };
	rc = store_number(dev, XBT_NULL, dev->be_path, XS_B_STATE, 0, &look->mine);
	if (rc)
		return rc;
	dev->mine = (enum xb_state)look->mine;
	rc = store_number(dev, XBT_NULL, dev->be_path, XS_B_ONLINE, 0, &look->online);
	if (rc && rc != -ENOENT)
		return rc;
	if (dev->domain_gone)
		return 0;
	rc = store_number(dev, XBT_NULL, dev->fe_path, XS_F_STATE, 0, &look->peer);
	return rc == -ENOENT || rc == -EACCES ? 0 : rc;
}

/* A connection that is in the store but with no worker: another supervisor made it, or its worker
 * has died. It is taken up where it was, if its journal says where that is; the ring alone does
 * not. 1: take it up; 0: there is none; -1: it is lost. */
static int must_resume(struct device *dev, const struct look *look)
{
	if (dev->link != LINK_NONE || dev->failed || look->peer < XB_INITIALISED ||
	    look->peer > XB_CLOSING || (dev->mine != XB_CONNECTED && dev->mine != XB_CLOSING))
		return 0;
	if (journal_file_open(dev))
		return -1;
	if (dev->journal->connected)
		return 1;
	return dev->mine == XB_CLOSING ? 0 :
	       device_reason(dev, "what was under way on it is not known any more: "
			     "detach it and attach it again");
}

/* One step. 0: look again; 1: enough. */
static int step(struct device *dev)
{
	struct look look;
	struct xb_step next = { XB_CLOSING, XB_VIOLATION };
	int rc = read_states(dev, &look), resume = 0;

	if (rc == -ENOENT) {
		device_remove(dev);
		return 1;
	}
	if (rc == 0) {
		resume = must_resume(dev, &look);
		next = xb_backend_step(dev->mine, (unsigned int)look.peer, look.online);
	}
	if (resume > 0)
		next = (struct xb_step){ dev->mine, XB_CONNECT };
	if (dev->failed && (next.action == XB_CONNECT || next.action == XB_VIOLATION))
		return 1;
	rc = resume < 0 ? -1 : actions[next.action](dev, next.next);
	if (rc >= 0)
		return rc;
	fail(dev);
	return 1;
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
	fail(dev);
	return false;
}

/* The first look: is it a device at all? Then its frontend is watched. */
static bool first_look(struct device *dev)
{
	char token[TOKEN_MAX];
	uint64_t state;

	if (!nodes_fit(dev)) {
		if (store_number(dev, XBT_NULL, dev->be_path, XS_B_STATE, 0, &state) == -ENOENT)
			device_remove(dev);
		return false;
	}
	device_token(dev, token);
	dev->watched = xs_watch(dev->sup->xs, dev->fe_state, token);
	return true;
}

void device_look(struct device *dev)
{
	dev->dirty = false;
	if (dev->link != LINK_NONE && dev->link != LINK_ATTACHED)
		return;		/* the worker's answer leads here again */
	if (!dev->watched && !first_look(dev))
		return;
	for (int i = 0; i < MAX_STEPS; i++) {
		if (step(dev))
			return;
	}
	log_warning("%s: its states change faster than they can be followed", name_of(dev));
}

void device_attached(struct device *dev, int rc, const char *why)
{
	if (dev->link != LINK_ATTACHING)
		return;
	if (rc) {
		unlink_worker(dev);
		device_reason(dev, "it cannot be connected: %s", why);
		fail(dev);
		return;
	}
	dev->link = LINK_ATTACHED;
	if (dev->mine != dev->next_state && go(dev, dev->next_state, dev->class->announce))
		fail(dev);
	else
		device_look(dev);
}

void device_detached(struct device *dev)
{
	if (dev->link != LINK_DETACHING)
		return;
	unlink_worker(dev);
	journal_file_void(dev);
	device_look(dev);
}

void device_broken(struct device *dev, const char *why)
{
	char safe[WIRE_TEXT];

	device_reason(dev, "%s: restart the guest's driver", log_safe(safe, sizeof(safe), why));
	fail(dev);
}

void device_worker_lost(struct device *dev)
{
	if (dev->link == LINK_DETACHING)
		journal_file_void(dev);
	unlink_worker(dev);
	device_look(dev);
}
