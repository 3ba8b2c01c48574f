/* SPDX-License-Identifier: MIT */
/*
 * disk.h - a virtual disk as the administrator describes it, and as xenstore holds it
 */
#ifndef XPV_DISK_H
#define XPV_DISK_H

#include <sys/types.h>

#include "tool.h"

struct disk {
	char *vdev;		/* as written: "xvdb" */
	uint32_t devid;		/* its number */
	char *target;		/* an absolute path */
	bool readonly, cdrom, direct_io_safe, discard, trusted;
};

/* disk.c: xl's disk specification */
/*
 * Parses a specification: n strings, each a part of it, as xl takes them. 0, or TOOL_FAILED with
 * an error printed. The caller ends *disk with disk_fini() either way.
 */
int disk_parse(struct disk *disk, const char *const *parts, size_t n);
void disk_fini(struct disk *disk);
/* "xvdb" or a number to a device number. 0, or TOOL_FAILED with an error printed. */
int disk_devid(const char *text, uint32_t *devid);

/* image.c: what it is served from */
/*
 * A file or a device, and the bytes of it that are served: two paths may name one, and a loop
 * device is a part of the file behind it.
 */
struct image {
	dev_t dev;
	ino_t ino;
	bool block;
	uint64_t start, end;	/* end is UINT64_MAX where nothing cuts it short */
};

/* Whether the backend could serve it. 0, or TOOL_FAILED with an error printed. */
int image_check(const char *path, bool readonly, struct image *image);
/* Just which one it is; false if there is none. */
bool image_identify(const char *path, struct image *image);
/* The same bytes of the same file; or some bytes in common. */
bool image_same(const struct image *a, const struct image *b);
bool image_overlaps(const struct image *a, const struct image *b);

#endif
