/* SPDX-License-Identifier: MIT */
/*
 * check_keys.c - what stands in a device's two directories, against the schema
 *
 * Three passes: every key that is there must be valid; every key that the device needs in its
 * present state must be there; and a few keys must fit each other. A guest can fill its own
 * directory with whatever it likes, so the number of complaints about strange keys is bounded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

#define STRANGERS_SHOWN 8	/* in one directory */
#define GAPS_SHOWN 4		/* of one ring */

struct dir {
	struct check *c;
	const struct check_device *d;
	const char *path;
	enum xs_side side;
	unsigned int strangers;
};

/* Who to turn to if a key is wrong or missing. */
static const char *const remedies[XS_WRITER_COUNT] = {
	[XS_BY_TOOLSTACK] = "detach the device and attach it again",
	[XS_BY_BACKEND] = "restart the backend with 'xpv restart'",
	[XS_BY_FRONTEND] = "the guest's driver must write it",
	[XS_BY_HOTPLUG] = "see /var/log/xen/xen-hotplug.log",
};

static void check_value(struct dir *dir, const struct xs_key *key, const char *path)
{
	char accepts[128], quoted[CHECK_QUOTED], *value;
	unsigned int len;
	enum xs_err err;

	value = xs_read(dir->c->xs, dir->c->t, path, &len);
	if (!value)
		return;
	err = xs_parse_key(key, value, len, NULL);
	if (err) {
		xs_describe(key, accepts, sizeof(accepts));
		check_report(dir->c, CHECK_ERROR, path, remedies[key->writer],
			     "%s %s: the %s should have written %s",
			     check_quote(quoted, value, len),
			     xs_strerror(err), xs_writer_name(key->writer), accepts);
	}
	free(value);
}

static void check_stranger(struct dir *dir, const char *path)
{
	if (dir->strangers++ < STRANGERS_SHOWN)
		check_report(dir->c, CHECK_NOTICE, path, "no action is needed",
			     "not in the schema");
}

static void check_names(struct dir *dir, const char *queue);

/* One node; `name` is its name from the device's directory on. */
static void check_node(struct dir *dir, const char *name)
{
	char path[XS_PATH_MAX], ring[64];
	const struct xs_key *key;
	unsigned int idx[2];

	if (snprintf(path, sizeof(path), "%s/%s", dir->path, name) >= (int)sizeof(path)) {
		check_stranger(dir, dir->path);
		return;
	}
	key = xs_key_find(dir->d->dev.class, dir->side, name, idx);
	if (key) {
		check_value(dir, key, path);
		return;
	}
	/* A queue's directory is no key itself, but has keys below it. */
	if (snprintf(ring, sizeof(ring), "%s/%s", name, xs_key(XS_F_RING_REF)->name) <
	    (int)sizeof(ring) && xs_key_find(dir->d->dev.class, dir->side, ring, idx))
		check_names(dir, name);
	else
		check_stranger(dir, path);
}

/* All nodes in a queue's directory, or with NULL in the device's. No key is deeper than that. */
static void check_names(struct dir *dir, const char *queue)
{
	char path[XS_PATH_MAX], name[XS_PATH_MAX], **names;
	unsigned int n = 0;
	int len;

	snprintf(path, sizeof(path), "%s%s%s", dir->path, queue ? "/" : "", queue ? queue : "");
	names = xs_directory(dir->c->xs, dir->c->t, path, &n);
	for (unsigned int i = 0; names && i < n; i++) {
		len = snprintf(name, sizeof(name), "%s%s%s", queue ? queue : "", queue ? "/" : "",
			       names[i]);
		if (len < (int)sizeof(name))
			check_node(dir, name);
		else
			check_stranger(dir, path);
	}
	free(names);
}

/* True if the key is there, in whatever shape. */
static bool present(const struct dir *dir, enum xs_key_id id, unsigned int i, unsigned int j)
{
	return store_get(dir->c->xs, dir->c->t, dir->path, id, i, j, NULL) != -ENOENT;
}

static void report_missing(struct dir *dir, enum xs_key_id id, unsigned int i, unsigned int j)
{
	const struct xs_key *key = xs_key(id);
	char path[XS_PATH_MAX], accepts[128];

	xs_key_path(path, sizeof(path), dir->path, id, i, j);
	xs_describe(key, accepts, sizeof(accepts));
	check_report(dir->c, CHECK_ERROR, path, remedies[key->writer],
		     "missing: the %s should have written %s", xs_writer_name(key->writer),
		     accepts);
}

/* A backend's own keys are due when it is connected, a frontend's when its ring is published;
 * the toolstack's, and both states, always. */
static bool is_due(const struct dir *dir, enum xs_key_id id)
{
	const struct xs_key *key = xs_key(id);

	if (key->presence != XS_REQUIRED)
		return false;
	if (key->writer == XS_BY_BACKEND && id != XS_B_STATE)
		return dir->d->backend == XB_CONNECTED;
	return true;
}

static void check_required(struct dir *dir)
{
	for (unsigned int id = 0; id < XS_KEY_COUNT; id++) {
		const struct xs_key *key = xs_key(id);

		if (key->side == dir->side && is_due(dir, id) &&
		    (key->class == dir->d->dev.class || key->class == XS_CLASS_COMMON) &&
		    !present(dir, id, 0, 0))
			report_missing(dir, id, 0, 0);
	}
}

static uint64_t number(const struct dir *dir, enum xs_key_id id)
{
	return store_get_or(dir->c->xs, dir->c->t, dir->path, id, xs_default(id));
}

/* One queue's port and pages; queue is meaningful if there are several. */
static void check_ring(struct dir *dir, bool several, unsigned int queue, bool numbered,
		       unsigned int pages)
{
	static const enum xs_key_id keys[2][3] = {
		{ XS_F_EVENT_CHANNEL, XS_F_RING_REF, XS_F_RING_REF_N },
		{ XS_F_QUEUE_EVENT_CHANNEL, XS_F_QUEUE_RING_REF, XS_F_QUEUE_RING_REF_N },
	};
	const enum xs_key_id *key = keys[several];
	unsigned int gaps = 0;

	if (!present(dir, key[0], queue, 0))
		report_missing(dir, key[0], queue, 0);
	/* A single page may stand under either name. */
	if (pages == 1 && present(dir, key[1], queue, 0))
		return;
	if (!numbered) {
		report_missing(dir, key[1], queue, 0);
		return;
	}
	for (unsigned int page = 0; page < pages && gaps < GAPS_SHOWN; page++) {
		unsigned int i = several ? queue : page, j = several ? page : 0;

		if (present(dir, key[2], i, j))
			continue;
		report_missing(dir, key[2], i, j);
		gaps++;
	}
}

/* The conditional keys of a frontend that says its ring is there. */
static void check_transport(struct dir *dir)
{
	unsigned int state = dir->d->frontend;
	unsigned int queues = (unsigned int)number(dir, XS_F_MULTI_QUEUE_NUM_QUEUES);
	bool by_order = present(dir, XS_F_RING_PAGE_ORDER, 0, 0);
	unsigned int pages = by_order ? 1u << number(dir, XS_F_RING_PAGE_ORDER)
				      : (unsigned int)number(dir, XS_F_NUM_RING_PAGES);
	unsigned int before = dir->c->errors;

	if (state != XB_INITIALISED && state != XB_CONNECTED)
		return;
	for (unsigned int q = 0; q < queues && dir->c->errors < before + GAPS_SHOWN; q++)
		check_ring(dir, queues > 1, q, by_order || pages > 1, pages);
}

/* What a frontend chose must be within what its backend offers. */
static void check_choice(struct dir *fe, const struct dir *be, enum xs_key_id chosen,
			 enum xs_key_id offered)
{
	uint64_t have = number(fe, chosen), limit = number(be, offered);
	char path[XS_PATH_MAX];

	if (have <= limit)
		return;
	xs_key_path(path, sizeof(path), fe->path, chosen, 0, 0);
	check_report(fe->c, CHECK_ERROR, path, remedies[XS_BY_FRONTEND],
		     "%llu is more than the backend's %s, %llu", (unsigned long long)have,
		     xs_key(offered)->name, (unsigned long long)limit);
}

/* The sizes must be powers of two that fit each other, and the disk. */
static void check_geometry(struct dir *be)
{
	uint64_t size = number(be, XS_B_SECTOR_SIZE), bytes = number(be, XS_B_SECTORS) << 9;
	uint64_t physical = number(be, XS_B_PHYSICAL_SECTOR_SIZE);
	char path[XS_PATH_MAX];

	if (!size)
		return;
	xs_key_path(path, sizeof(path), be->path, XS_B_SECTOR_SIZE, 0, 0);
	if (size & (size - 1))
		check_report(be->c, CHECK_ERROR, path, remedies[XS_BY_BACKEND],
			     "%llu is not a power of two", (unsigned long long)size);
	if (bytes % size)
		check_report(be->c, CHECK_ERROR, path, remedies[XS_BY_BACKEND],
			     "the disk's %llu bytes are not a multiple of it",
			     (unsigned long long)bytes);
	/* one that is absent or malformed has been found already */
	if (store_get_or(be->c->xs, be->c->t, be->path, XS_B_SECTORS, 1) == 0 &&
	    !number(be, XS_B_REMOVABLE)) {
		xs_key_path(path, sizeof(path), be->path, XS_B_SECTORS, 0, 0);
		check_report(be->c, CHECK_ERROR, path, remedies[XS_BY_BACKEND],
			     "0, and the disk is no drive that could be empty");
	}
	if (physical % size) {
		xs_key_path(path, sizeof(path), be->path, XS_B_PHYSICAL_SECTOR_SIZE, 0, 0);
		check_report(be->c, CHECK_ERROR, path, remedies[XS_BY_BACKEND],
			     "%llu is not a multiple of sector-size", (unsigned long long)physical);
	}
}

static void check_vdisk(struct dir *fe, struct dir *be)
{
	check_transport(fe);
	check_choice(fe, be, XS_F_MULTI_QUEUE_NUM_QUEUES, XS_B_MULTI_QUEUE_MAX_QUEUES);
	if (!present(be, XS_B_MAX_RING_PAGES, 0, 0))
		check_choice(fe, be, XS_F_RING_PAGE_ORDER, XS_B_MAX_RING_PAGE_ORDER);
	check_geometry(be);
}

void check_keys(struct check *c, const struct check_device *d)
{
	struct dir fe = { c, d, d->dev.frontend, XS_FRONTEND_DIR, 0 };
	struct dir be = { c, d, d->dev.backend, XS_BACKEND_DIR, 0 };
	struct dir *const dirs[] = { &fe, &be };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		check_names(dirs[i], NULL);
		if (dirs[i]->strangers > STRANGERS_SHOWN)
			check_report(c, CHECK_NOTICE, dirs[i]->path, "no action is needed",
				     "%u more keys that are not in the schema",
				     dirs[i]->strangers - STRANGERS_SHOWN);
		check_required(dirs[i]);
	}
	if (d->dev.class == XS_CLASS_VDISK)
		check_vdisk(&fe, &be);
}
