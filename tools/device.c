/* SPDX-License-Identifier: MIT */
/*
 * device.c - a device's nodes in xenstore
 *
 * What is written, in which order and with which permissions, is what libxl 4.17 writes, so that
 * either toolstack can list, detach and destroy what the other has made. Every function is one
 * step of a caller's transaction: a watcher sees a device whole or not at all.
 */
#include "device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKEND_DOMID 0u

void device_record_root(char *buf, size_t size, uint32_t domid, enum xs_class class)
{
	snprintf(buf, size, "/libxl/%u/device/%s", domid, xs_class_type(class));
}

void device_init(struct device *dev, enum xs_kind kind, uint32_t domid, uint32_t devid)
{
	enum xs_class class = xs_kind_class(kind);
	char root[64];

	*dev = (struct device) { .class = class, .kind = kind, .domid = domid, .devid = devid };
	xs_frontend_path(dev->frontend, sizeof(dev->frontend), domid, class, devid);
	xs_backend_path(dev->backend, sizeof(dev->backend), BACKEND_DOMID, kind, domid, devid);
	xs_error_path(dev->error, sizeof(dev->error), BACKEND_DOMID, kind, domid, devid);
	device_record_root(root, sizeof(root), domid, class);
	snprintf(dev->record, sizeof(dev->record), "%s/%u", root, devid);
}

/* The domain whose directory a path is in. */
static bool domid_of(const char *path, uint64_t *domid)
{
	static const char root[] = "/local/domain/";
	const char *digits = path + sizeof(root) - 1;

	return !strncmp(path, root, sizeof(root) - 1) &&
	       xs_parse_u64(digits, strcspn(digits, "/"), domid) == XS_OK &&
	       *domid <= XS_DOMID_MAX;
}

/* Only Dom0 writes records: what one says can be acted upon, if it is about this very device. */
bool device_recorded(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		     enum xs_kind *kind, uint32_t *be)
{
	char *path = store_get_text(xs, t, dev->record, XS_F_BACKEND);
	unsigned int domid = 0, devid = 0;
	const char *rest = "";
	uint64_t number = 0;
	bool good;

	good = path && domid_of(path, &number) &&
	       xs_split_backend_path(path, kind, &domid, &devid, &rest) && !*rest &&
	       xs_kind_class(*kind) == dev->class && domid == dev->domid && devid == dev->devid;
	*be = (uint32_t)number;
	free(path);
	return good;
}

void device_find(struct xs_handle *xs, xs_transaction_t t, struct device *dev, enum xs_kind kind,
		 uint32_t domid, uint32_t devid)
{
	enum xs_kind recorded;
	uint32_t be;

	device_init(dev, kind, domid, devid);
	if (device_recorded(xs, t, dev, &recorded, &be) && be == BACKEND_DOMID)
		device_init(dev, recorded, domid, devid);
}

/* Of the class's kinds the first is the kernel's. The simulator has a sysfs of its own, with no
 * driver in it. */
enum xs_kind device_kind(enum xs_class class)
{
	const char *sysfs = getenv("XPV_SYSFS");
	char path[XS_PATH_MAX * 2];
	unsigned int kind = 0;

	for (; kind < XS_KIND_COUNT; kind++) {
		const char *driver = xs_kind_driver(kind);

		if (xs_kind_class(kind) != class)
			continue;
		snprintf(path, sizeof(path), "%s/%s", sysfs && *sysfs ? sysfs : "/sys",
			 driver ? driver : "");
		if (!driver || access(path, F_OK))
			break;
	}
	return kind;
}

size_t device_ids(struct xs_handle *xs, uint32_t domid, enum xs_class class, uint32_t **list)
{
	char root[64];

	device_record_root(root, sizeof(root), domid, class);
	return store_numbers(xs, XBT_NULL, root, UINT32_MAX, list);
}

static bool exists(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	char *value = store_read(xs, t, path);
	bool there = value || errno != ENOENT;

	free(value);
	return there;
}

bool device_exists(struct xs_handle *xs, xs_transaction_t t, const struct device *dev)
{
	return exists(xs, t, dev->record) || exists(xs, t, dev->backend);
}

/* An empty directory that `owner` owns and `reader` may read; what is made below it inherits. */
static bool make_dir(struct xs_handle *xs, xs_transaction_t t, const char *path,
		     unsigned int owner, unsigned int reader)
{
	struct xs_permissions perms[] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	return (xs_rm(xs, t, path) || errno == ENOENT) && xs_mkdir(xs, t, path) &&
	       xs_set_permissions(xs, t, path, perms, 2);
}

bool device_set(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		enum xs_key_id id, const char *value)
{
	if (xs_key(id)->side == XS_FRONTEND_DIR)
		return store_set(xs, t, dev->frontend, id, value);
	return store_set(xs, t, dev->backend, id, value) &&
	       store_set(xs, t, dev->record, id, value);
}

/* What the xenbus protocol asks of every device. */
static bool write_common(struct xs_handle *xs, xs_transaction_t t, const struct device *dev)
{
	char fe_id[16], be_id[16], initialising[16], begin[16];
	const struct setting common[] = {
		{ XS_F_BACKEND, dev->backend },
		{ XS_F_BACKEND_ID, be_id },
		{ XS_F_STATE, initialising },
		{ XS_B_FRONTEND, dev->frontend },
		{ XS_B_FRONTEND_ID, fe_id },
		{ XS_B_ONLINE, "1" },
		{ XS_B_STATE, begin },
	};
	char path[XS_PATH_MAX];

	xs_format_u64(fe_id, sizeof(fe_id), dev->domid);
	xs_format_u64(be_id, sizeof(be_id), BACKEND_DOMID);
	xs_format_u64(initialising, sizeof(initialising), XB_INITIALISING);
	/* QEMU takes every disk of its kind that it finds in Initialising. */
	xs_format_u64(begin, sizeof(begin), dev->kind == XS_KIND_QDISK ? XB_UNKNOWN :
								     XB_INITIALISING);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (!device_set(xs, t, dev, common[i].id, common[i].value))
			return false;
	/* libxl follows this one of the record's keys; it is otherwise the frontend's. */
	return xs_key_path(path, sizeof(path), dev->record, XS_F_BACKEND, 0, 0) &&
	       store_write(xs, t, path, dev->backend);
}

bool device_write(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		  const struct setting *settings, size_t n)
{
	if (!device_remove(xs, t, dev) ||
	    !make_dir(xs, t, dev->frontend, dev->domid, BACKEND_DOMID) ||
	    !make_dir(xs, t, dev->backend, BACKEND_DOMID, dev->domid) ||
	    !write_common(xs, t, dev))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!device_set(xs, t, dev, settings[i].id, settings[i].value))
			return false;
	return true;
}

bool device_close(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		  bool abandon)
{
	char closing[16];
	uint64_t state;
	int rc;

	if (abandon && !xs_rm(xs, t, dev->frontend) && errno != ENOENT)
		return false;
	rc = store_get(xs, t, dev->backend, XS_B_STATE, 0, 0, &state);
	if (rc == -ENOENT)
		return true;	/* there is no backend to ask; do not make its directory anew */
	xs_format_u64(closing, sizeof(closing), XB_CLOSING);
	return store_set(xs, t, dev->backend, XS_B_ONLINE, "0") &&
	       ((!rc && state == XB_CLOSED) ||
		store_set(xs, t, dev->backend, XS_B_STATE, closing));
}

bool device_remove(struct xs_handle *xs, xs_transaction_t t, const struct device *dev)
{
	char device_dir[64], record_dir[64], backend_dom[64], error_dir[XS_PATH_MAX];

	snprintf(device_dir, sizeof(device_dir), "/local/domain/%u/device", dev->domid);
	snprintf(record_dir, sizeof(record_dir), "/libxl/%u/device", dev->domid);
	snprintf(backend_dom, sizeof(backend_dom), "/local/domain/%u", BACKEND_DOMID);
	snprintf(error_dir, sizeof(error_dir), "%s", dev->error);
	*strrchr(error_dir, '/') = '\0';
	return store_prune(xs, t, dev->frontend, device_dir) &&
	       store_prune(xs, t, dev->backend, backend_dom) &&
	       store_prune(xs, t, error_dir, backend_dom) &&
	       store_prune(xs, t, dev->record, record_dir);
}

/* 0, -EINVAL if it is malformed, or -errno. */
static int read_state(struct xs_handle *xs, const char *dir, enum xs_key_id id,
		      unsigned int *state)
{
	uint64_t value = XB_UNKNOWN;
	int rc = store_get(xs, XBT_NULL, dir, id, 0, 0, &value);

	*state = rc ? XB_UNKNOWN : (unsigned int)value;
	return rc;
}

void pair_read(struct xs_handle *xs, const struct device *dev, struct pair_view *view)
{
	int backend = read_state(xs, dev->backend, XS_B_STATE, &view->backend);
	int frontend = read_state(xs, dev->frontend, XS_F_STATE, &view->frontend);
	char *error = store_read(xs, XBT_NULL, dev->error);

	view->backend_there = backend != -ENOENT;
	view->frontend_there = frontend != -ENOENT;
	view->frontend_bad = frontend == -EINVAL;
	tool_escape(view->error, sizeof(view->error), error ? error : "",
		    error ? strlen(error) : 0);
	free(error);
}
