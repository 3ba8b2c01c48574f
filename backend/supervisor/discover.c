/* SPDX-License-Identifier: MIT */
/*
 * discover.c - watches in, looks at devices out
 *
 * An event says no more than "look": it marks devices, and all that has been queued is taken
 * before the first look, so that a guest which writes its state a million times costs a few looks
 * (XSA-349). A watch on each kind's root finds devices; one on each frontend's state follows them;
 * @releaseDomain tells of guests that are gone without a word.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

#define TOKEN_ROOT	"root"
#define TOKEN_RELEASE	"release"
#define MAX_EVENTS	4096		/* taken at a time */
#define STORE_CHECK_NS	3000000000u

static const struct device_class *const classes[] = {
	[XS_CLASS_VDISK] = &vdisk_class,
	[XS_CLASS_VCONSOLE] = &vconsole_class,
};

const struct device_class *device_class_of(enum xs_class id)
{
	return (size_t)id < sizeof(classes) / sizeof(classes[0]) ? classes[id] : NULL;
}

/* key: what has changed below the device's directory; "": the directory, or anything. */
static void mark(struct supervisor *sup, enum xs_kind kind, unsigned int fe, unsigned int devid,
		 const char *key)
{
	struct device *dev = device_find(sup, kind, fe, devid);

	if (!dev)
		dev = device_create(sup, kind, fe, devid);
	if (!dev)
		return;
	dev->dirty = true;
	dev->limit.stale |= limit_is_key(key);
}

void each_number(struct supervisor *sup, const char *path, uint64_t limit,
		 void (*found)(struct supervisor *sup, const char *path, unsigned int n,
			       void *arg), void *arg)
{
	unsigned int nr;
	char **names = xs_directory(sup->xs, XBT_NULL, path, &nr);
	uint64_t n;

	for (unsigned int i = 0; names && i < nr; i++) {
		if (xs_parse_u64(names[i], strlen(names[i]), &n) == XS_OK && n < limit)
			found(sup, path, (unsigned int)n, arg);
	}
	free(names);
}

struct scan {
	enum xs_kind kind;
	unsigned int fe;
};

static void found_device(struct supervisor *sup, const char *path, unsigned int devid, void *arg)
{
	const struct scan *scan = arg;

	(void)path;
	mark(sup, scan->kind, scan->fe, devid, "");
}

static void found_guest(struct supervisor *sup, const char *path, unsigned int fe, void *arg)
{
	struct scan *scan = arg;
	char dir[XS_PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/%u", path, fe) >= (int)sizeof(dir))
		return;
	scan->fe = fe;
	each_number(sup, dir, UINT32_MAX, found_device, scan);
}

/* Primary consoles are not found below a backend's root, and others are not served yet. */
static bool has_root(enum xs_kind kind)
{
	return xs_kind_class(kind) != XS_CLASS_VCONSOLE;
}

/* Everything may have changed: all that is known and all that is there is looked at. */
static void scan_kind(struct supervisor *sup, enum xs_kind kind)
{
	struct scan scan = { .kind = kind };
	char root[XS_PATH_MAX];

	for (struct device *dev = sup->devices; dev; dev = dev->next)
		dev->dirty |= dev->kind == kind;
	if (xs_backend_root(root, sizeof(root), kind))
		each_number(sup, root, XS_DOMID_MAX + 1, found_guest, &scan);
}

static void scan_all(struct supervisor *sup)
{
	for (unsigned int kind = 0; kind < XS_KIND_COUNT; kind++) {
		if (has_root(kind))
			scan_kind(sup, kind);
	}
}

/* A guest's directory came or went: that guest's devices, and no others. False: the path is not
 * such a directory. */
static bool guest_event(struct supervisor *sup, enum xs_kind kind, const char *path)
{
	struct scan scan = { .kind = kind };
	char root[XS_PATH_MAX];
	size_t len = xs_backend_root(root, sizeof(root), kind);
	uint64_t fe;

	if (!len || strncmp(path, root, len) != 0 || path[len] != '/' ||
	    xs_parse_u64(path + len + 1, strlen(path + len + 1), &fe) != XS_OK ||
	    fe > XS_DOMID_MAX)
		return false;
	for (struct device *dev = sup->devices; dev; dev = dev->next)
		dev->dirty |= dev->kind == kind && dev->fe == fe;
	found_guest(sup, root, (unsigned int)fe, &scan);
	return true;
}

/* Something happened at or below a kind's root; the path says where. */
static void root_event(struct supervisor *sup, const char *path)
{
	unsigned int fe, devid;
	enum xs_kind kind;
	const char *rest;

	if (xs_split_backend_path(path, &kind, &fe, &devid, &rest)) {
		mark(sup, kind, fe, devid, rest);
		return;
	}
	for (unsigned int k = 0; k < XS_KIND_COUNT; k++) {
		if (guest_event(sup, k, path))
			return;
	}
	scan_all(sup);
}

/* Only Dom0 may ask who exists; elsewhere the toolstack removes the nodes. */
static void guests_released(struct supervisor *sup)
{
	unsigned int asked = UINT32_MAX;	/* a guest's devices stand together, mostly */
	bool gone = false;

	if (sup->domid != 0)
		return;
	for (struct device *dev = sup->devices; dev; dev = dev->next) {
		if (dev->fe != asked) {
			asked = dev->fe;
			errno = 0;	/* "no" and "I cannot say" look the same otherwise */
			gone = !xs_is_domain_introduced(sup->xs, dev->fe) && !errno;
		}
		if (gone && !dev->domain_gone) {
			log_info("guest %u is gone", dev->fe);
			dev->domain_gone = dev->dirty = true;
		}
	}
}

static void store_is_gone(struct supervisor *sup)
{
	log_error("xenstored is gone: %s", strerror(errno));
	sup->loop.stop = sup->broken = true;
}

static void store_ready(struct loop_fd *source)
{
	struct supervisor *sup = container_of(source, struct supervisor, store_events);
	bool released = false, introduced = false;

	for (int n = 0; n < MAX_EVENTS; n++) {
		char **event = xs_check_watch(sup->xs_watches);
		struct device *dev;

		if (!event) {
			if (errno == EAGAIN || errno == EINTR)
				break;
			store_is_gone(sup);
			return;
		}
		if (strcmp(event[XS_WATCH_TOKEN], TOKEN_ROOT) == 0)
			root_event(sup, event[XS_WATCH_PATH]);
		else if (strcmp(event[XS_WATCH_TOKEN], TOKEN_RELEASE) == 0)
			released = true;
		else if (strcmp(event[XS_WATCH_TOKEN], PRIMARY_TOKEN) == 0)
			introduced = true;
		else if ((dev = device_by_token(sup, event[XS_WATCH_TOKEN])))
			dev->dirty = true;
		free(event);
	}
	if (released)
		guests_released(sup);
	if (introduced)
		primary_scan(sup);
	discover_run(sup);
}

/* A look may remove devices, so the search begins anew after each; a device that was looked at is
 * not dirty any more. */
void discover_run(struct supervisor *sup)
{
	struct device *dev = sup->devices;

	while (dev) {
		if (dev->dirty) {
			device_look(dev);
			dev = sup->devices;
		} else {
			dev = dev->next;
		}
	}
}

/* Whether the connection that is asked lives; that there is no such key is an answer. */
static bool store_answers(struct supervisor *sup)
{
	unsigned int len;
	char *text = xs_read(sup->xs, XBT_NULL, "domid", &len);
	bool answers = text || errno == ENOENT || errno == EACCES;

	free(text);
	return answers;
}

/* libxenstore's descriptor stays silent when the connection dies; asking tells. */
static void store_check_due(struct loop_timer *timer)
{
	struct supervisor *sup = container_of(timer, struct supervisor, store_check);

	if (!store_answers(sup)) {
		store_is_gone(sup);
		return;
	}
	claims_refresh(sup);
	store_ready(&sup->store_events);
	loop_timer_set(&sup->loop, timer, STORE_CHECK_NS);
}

int discover_start(struct supervisor *sup)
{
	char root[XS_PATH_MAX];

	claims_refresh(sup);
	for (unsigned int kind = 0; kind < XS_KIND_COUNT; kind++) {
		if (!has_root(kind))
			continue;
		if (!xs_backend_root(root, sizeof(root), kind) ||
		    !xs_watch(sup->xs_watches, root, TOKEN_ROOT))
			return -errno;
	}
	if (!xs_watch(sup->xs_watches, "@releaseDomain", TOKEN_RELEASE))
		return -errno;
	if (primary_start(sup))
		return -errno;
	scan_all(sup);
	discover_run(sup);
	sup->store_check.expired = store_check_due;
	loop_timer_set(&sup->loop, &sup->store_check, STORE_CHECK_NS);
	sup->store_events = (struct loop_fd){ xs_fileno(sup->xs_watches), store_ready };
	return loop_add(&sup->loop, &sup->store_events);
}
