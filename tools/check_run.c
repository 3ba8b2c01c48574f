/* SPDX-License-Identifier: MIT */
/*
 * check_run.c - what xpvd has in the run directory for disks that are gone
 *
 * Memory of a ram disk, and the daemon that serves an image: both are xpvd's to remove when their
 * disk goes, or when it starts again. They are called after the disk, "<guest>-<number>".
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static bool number(const char *text, size_t len, uint32_t *out)
{
	uint64_t n;

	if (xs_parse_u64(text, len, &n) || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* Whether a disk of that guest and number has a backend here. */
static bool has_backend(struct check *c, uint32_t domid, uint32_t devid)
{
	char path[XS_PATH_MAX];
	bool found = false;

	for (unsigned int kind = 0; kind < XS_KIND_COUNT && !found; kind++)
		found = xs_kind_class(kind) == XS_CLASS_VDISK &&
			xs_backend_path(path, sizeof(path), 0, kind, domid, devid) &&
			check_exists(c, path);
	return found;
}

static void check_entry(struct check *c, const char *dir, const char *name, const char *what)
{
	/* "<domid>-<class>-<devid>" */
	const char *first = strchr(name, '-'), *last = strrchr(name, '-');
	const char *end = strchr(name, '.');
	char path[XS_PATH_MAX], file[64];
	uint32_t domid, devid;

	if (!first || (end && strcmp(end, ".pid") != 0) ||
	    !number(name, (size_t)(first - name), &domid) ||
	    !number(last + 1, end ? (size_t)(end - last - 1) : strlen(last + 1), &devid) ||
	    has_backend(c, domid, devid))
		return;
	snprintf(file, sizeof(file), "%s/%.40s", dir, name);
	if (tool_runpath(path, sizeof(path), file))
		check_report(c, CHECK_ERROR, path, "start xpvd, or start it again: it removes that",
			     "%s of disk %u of domain %u, which is gone", what, devid, domid);
}

void check_run(struct check *c)
{
	static const struct {
		const char *dir, *what;
	} places[] = {
		{ "ram", "the memory" },
		{ "format", "the process that serves the image" },
	};
	char path[XS_PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct dirent *entry;
		DIR *dir = tool_runpath(path, sizeof(path), places[i].dir) ? opendir(path) : NULL;

		while (dir && (entry = readdir(dir)))
			check_entry(c, places[i].dir, entry->d_name, places[i].what);
		if (dir)
			closedir(dir);
	}
}
