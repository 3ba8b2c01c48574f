/* SPDX-License-Identifier: MIT */
/*
 * check_scan.c - which devices there are to look at
 *
 * A device is known from up to three places: its backend's directory, its frontend's, and libxl's
 * record. All are listed, and each device is looked at once, whichever of them is missing. Only
 * what Dom0 alone can write says where a backend is; what a guest wrote is merely compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* The backend that a record names; false, with a finding, if it names none. */
static bool record_backend(struct check *c, const struct device *dev, enum xs_kind *kind,
			   uint32_t *be)
{
	char path[XS_PATH_MAX], quoted[CHECK_QUOTED], *value;
	unsigned int len;
	bool good;

	xs_key_path(path, sizeof(path), dev->record, XS_F_BACKEND, 0, 0);
	value = xs_read(c->xs, XBT_NULL, path, &len);
	if (!value)
		return false;	/* another kind of device, or gone since it was listed */
	good = device_recorded(c->xs, XBT_NULL, dev, kind, be);
	if (!good)
		check_report(c, CHECK_NOTICE, path, "look at the device with the tool that made it",
			     "%s is not the directory of a backend known to xpv",
			     check_quote(quoted, value, len));
	free(value);
	return good;
}

static bool backend_listed(struct check *c, enum xs_kind kind, uint32_t be, uint32_t domid,
			   uint32_t devid)
{
	char path[XS_PATH_MAX];

	xs_backend_path(path, sizeof(path), be, kind, domid, devid);
	return check_exists(c, path);
}

/* Of any kind. */
static bool served(struct check *c, enum xs_class class, uint32_t be, uint32_t domid,
		   uint32_t devid)
{
	for (unsigned int kind = 0; kind < XS_KIND_COUNT; kind++)
		if (xs_kind_class(kind) == class && backend_listed(c, kind, be, domid, devid))
			return true;
	return false;
}

/* QEMU's disks keep rules of their own. What is marked as ours is looked at. */
static bool is_qemus(struct check *c, enum xs_kind kind, const char *dir)
{
	uint64_t mark;

	return kind == XS_KIND_QDISK &&
	       store_get(c->xs, XBT_NULL, dir, XS_B_SERVED_BY, 0, 0, &mark);
}

/* Any kind will do where none is known. */
static enum xs_kind class_kind(enum xs_class class)
{
	unsigned int kind = 0;

	while (kind < XS_KIND_COUNT && xs_kind_class(kind) != class)
		kind++;
	return kind;
}

/* Devices that a record names, and whose backend directory is gone. */
static int check_records(struct check *c, enum xs_class class, uint32_t domid)
{
	uint32_t *list, be;
	enum xs_kind kind;
	size_t n = device_ids(c->xs, domid, class, &list);
	struct device dev;
	int rc = TOOL_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		device_find(c->xs, XBT_NULL, &dev, class_kind(class), domid, list[i]);
		if (record_backend(c, &dev, &kind, &be) && !is_qemus(c, kind, dev.record) &&
		    !backend_listed(c, kind, be, domid, list[i]))
			rc = check_device(c, kind, be, domid, list[i]);
	}
	free(list);
	return rc;
}

/* Frontends that neither a backend nor a record belongs to. */
static void check_frontends(struct check *c, enum xs_class class, uint32_t domid,
			    const uint32_t *backends, size_t count)
{
	char root[64], dir[XS_PATH_MAX];
	uint32_t *list;
	size_t n;

	xs_device_root(dir, sizeof(dir), class);
	snprintf(root, sizeof(root), "/local/domain/%u/%.32s", domid, dir);
	n = store_numbers(c->xs, XBT_NULL, root, UINT32_MAX, &list);
	for (size_t i = 0; i < n; i++) {
		struct device dev;
		bool found;

		device_init(&dev, class_kind(class), domid, list[i]);
		found = check_exists(c, dev.record);
		for (size_t b = 0; b < count && !found; b++)
			found = served(c, class, backends[b], domid, list[i]);
		if (!found)
			check_report(c, CHECK_ERROR, dev.frontend, CHECK_LEFTOVER,
				     "a frontend without backend and record");
	}
	free(list);
}

/* All devices of one kind that one backend's domain serves. */
static int check_backends(struct check *c, enum xs_kind kind, uint32_t be, uint32_t only)
{
	char root[64], dir[XS_PATH_MAX], path[XS_PATH_MAX], backend[XS_PATH_MAX];
	uint32_t *guests, *devices;
	int rc = TOOL_OK;
	size_t n, m;

	xs_backend_root(dir, sizeof(dir), kind);
	snprintf(root, sizeof(root), "/local/domain/%u/%.32s", be, dir);
	n = store_numbers(c->xs, XBT_NULL, root, XS_DOMID_MAX + 1, &guests);
	for (size_t i = 0; i < n && !rc; i++) {
		if (only != CHECK_ALL && guests[i] != only)
			continue;
		snprintf(path, sizeof(path), "%s/%u", root, guests[i]);
		m = store_numbers(c->xs, XBT_NULL, path, UINT32_MAX, &devices);
		for (size_t j = 0; j < m && !rc; j++) {
			xs_backend_path(backend, sizeof(backend), be, kind, guests[i], devices[j]);
			if (!is_qemus(c, kind, backend))
				rc = check_device(c, kind, be, guests[i], devices[j]);
		}
		free(devices);
	}
	free(guests);
	return rc;
}

int check_class(struct check *c, enum xs_class class, uint32_t only)
{
	uint32_t *domains, *recorded;
	size_t n = store_numbers(c->xs, XBT_NULL, "/local/domain", XS_DOMID_MAX + 1, &domains);
	size_t m = store_numbers(c->xs, XBT_NULL, "/libxl", XS_DOMID_MAX + 1, &recorded);
	int rc = TOOL_OK;

	for (unsigned int kind = 0; kind < XS_KIND_COUNT; kind++)
		for (size_t i = 0; i < n && !rc && xs_kind_class(kind) == class; i++)
			rc = check_backends(c, kind, domains[i], only);
	for (size_t i = 0; i < m && !rc; i++)
		if (only == CHECK_ALL || recorded[i] == only)
			rc = check_records(c, class, recorded[i]);
	for (size_t i = 0; i < n && !rc; i++)
		if (only == CHECK_ALL || domains[i] == only)
			check_frontends(c, class, domains[i], domains, n);
	free(domains);
	free(recorded);
	return rc;
}

/* Records of domains that are gone: libxl and xpv remove them, unless they were interrupted. */
void check_orphans(struct check *c)
{
	char path[64], remedy[64];
	uint32_t *list;
	size_t n = store_numbers(c->xs, XBT_NULL, "/libxl", XS_DOMID_MAX + 1, &list);

	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/libxl/%u", list[i]);
		snprintf(remedy, sizeof(remedy), "remove it with 'xpv destroy %u'", list[i]);
		if (!c->alive[list[i]] && check_exists(c, path))
			check_report(c, CHECK_ERROR, path, remedy,
				     "the record of domain %u, which no longer exists", list[i]);
	}
	free(list);
}
