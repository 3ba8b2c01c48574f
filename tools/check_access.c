/* SPDX-License-Identifier: MIT */
/*
 * check_access.c - who may read and write what, and where the directories point
 *
 * The two ends of a device trust xenstore to keep them apart: what one writes the other may only
 * read. A guest that can write its backend's keys can make the backend open another image, so
 * every node of the backend's directory and of the record is looked at, not only the topmost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define AGAIN "detach the device and attach it again"

/* xenstore lists the owner first, with everyone's permissions, then single domains' own. */
static unsigned int permissions_of(const struct xs_permissions *perms, unsigned int n,
				   uint32_t domid)
{
	if (!n)
		return XS_PERM_NONE;
	if (perms[0].id == domid || !domid)	/* owners and Dom0 may do anything */
		return XS_PERM_READ | XS_PERM_WRITE;
	for (unsigned int i = 1; i < n; i++)
		if (perms[i].id == domid)
			return perms[i].perms;
	return perms[0].perms;
}

/* A directory as the toolstack makes it: the owner's, readable by the other end, closed to all
 * others. */
static void check_directory(struct check *c, const char *path, uint32_t owner, uint32_t reader)
{
	unsigned int n;
	struct xs_permissions *perms = xs_get_permissions(c->xs, c->t, path, &n);

	if (!perms)
		return;
	if (n && perms[0].id != owner)
		check_report(c, CHECK_ERROR, path, AGAIN, "owned by domain %u, not by domain %u",
			     perms[0].id, owner);
	if (!(permissions_of(perms, n, reader) & XS_PERM_READ))
		check_report(c, CHECK_ERROR, path, AGAIN,
			     "domain %u, the other end, cannot read it",
			     reader);
	if (n && perms[0].perms & XS_PERM_WRITE)
		check_report(c, CHECK_ERROR, path, AGAIN, "every domain may write it");
	else if (n && perms[0].perms & XS_PERM_READ)
		check_report(c, CHECK_NOTICE, path, AGAIN, "every domain may read it");
	free(perms);
}

/* Nothing at or below path may be the guest's to write. A name too long to be ours is skipped. */
static void check_unwritable(struct check *c, const char *path, uint32_t guest, unsigned int depth)
{
	char child[XS_PATH_MAX], **names;
	unsigned int n;
	struct xs_permissions *perms = xs_get_permissions(c->xs, c->t, path, &n);

	if (perms && permissions_of(perms, n, guest) & XS_PERM_WRITE)
		check_report(c, CHECK_ERROR, path, AGAIN, "the guest, domain %u, may write it",
			     guest);
	free(perms);
	if (!depth)
		return;
	names = xs_directory(c->xs, c->t, path, &n);
	for (unsigned int i = 0; names && i < n; i++)
		if (snprintf(child, sizeof(child), "%s/%s", path, names[i]) < (int)sizeof(child))
			check_unwritable(c, child, guest, depth - 1);
	free(names);
}

void check_access(struct check *c, const struct check_device *d)
{
	const struct device *dev = &d->dev;

	check_directory(c, dev->frontend, dev->domid, d->be);
	check_directory(c, dev->backend, d->be, dev->domid);
	if (dev->domid == d->be || !dev->domid)
		return;		/* a domain's device for itself: nothing to keep apart */
	check_unwritable(c, dev->backend, dev->domid, 1);
	check_unwritable(c, dev->record, dev->domid, 1);
}

/* What a key that names the other end must say; check_keys() sees to it if it says nothing. */
static void check_path(struct check *c, const char *dir, enum xs_key_id id, const char *expected)
{
	char *value = store_get_text(c->xs, c->t, dir, id), path[XS_PATH_MAX];

	if (value && strcmp(value, expected)) {
		xs_key_path(path, sizeof(path), dir, id, 0, 0);
		check_report(c, CHECK_ERROR, path, AGAIN, "points at %s, not at %s", value,
			     expected);
	}
	free(value);
}

static void check_domid(struct check *c, const char *dir, enum xs_key_id id, uint32_t expected)
{
	char path[XS_PATH_MAX];
	uint64_t value;

	if (store_get(c->xs, c->t, dir, id, 0, 0, &value) || value == expected)
		return;
	xs_key_path(path, sizeof(path), dir, id, 0, 0);
	check_report(c, CHECK_ERROR, path, AGAIN, "names domain %llu, not domain %u",
		     (unsigned long long)value, expected);
}

void check_links(struct check *c, const struct check_device *d)
{
	const struct device *dev = &d->dev;

	check_path(c, dev->backend, XS_B_FRONTEND, dev->frontend);
	check_path(c, dev->frontend, XS_F_BACKEND, dev->backend);
	check_path(c, dev->record, XS_B_FRONTEND, dev->frontend);
	check_path(c, dev->record, XS_F_BACKEND, dev->backend);
	check_domid(c, dev->backend, XS_B_FRONTEND_ID, dev->domid);
	check_domid(c, dev->frontend, XS_F_BACKEND_ID, d->be);
}
