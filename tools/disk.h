/* SPDX-License-Identifier: MIT */
/*
 * disk.h - a virtual disk as the administrator describes it, and as xenstore holds it
 */
#ifndef XPV_DISK_H
#define XPV_DISK_H

#include <sys/types.h>

#include "limit.h"
#include "params.h"
#include "tool.h"

struct disk {
	char *vdev;		/* as written: "xvdb" */
	uint32_t devid;		/* its number */
	char *target;		/* as the key params says it: an absolute path, or see params.h;
				 * "" is an empty drive, whose kind is XS_TARGET_NULL */
	enum xs_target_kind kind;	/* what the target is */
	bool readonly, cdrom, direct_io_safe, discard, trusted;
	bool direct;		/* past the host's page cache */
	bool backing;		/* the image may name other files that are a part of it */
	struct limits limits;
	unsigned int reconnect;	/* seconds that I/O waits for a lost server; 0: not said */
	unsigned int sector_size, physical_sector_size;	/* bytes; 0: the image's own */
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

/* disk_words.c: takes out of one part of a specification what libxlutil does not know. 0, or
 * TOOL_FAILED with an error printed. */
int disk_take_words(struct disk *disk, char *spec);
/* The same words again, as they stand before a target that block-xpv is to serve; empty: none is
 * needed. Returns buf. */
#define DISK_WORDS 224
const char *disk_words_text(const struct disk *disk, char buf[DISK_WORDS]);

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

/* Whether the backend could serve it; unit: what its size must be a multiple of, 0 if it is not
 * served as it is. 0, or TOOL_FAILED with an error printed. */
int image_check(const char *path, bool readonly, unsigned int unit, struct image *image);
/* The same of a disk's target; what is no file is left to the backend, and *image as it was. */
int disk_check(const struct disk *disk, struct image *image);
/* Just which one it is; false if there is none. */
bool image_identify(const char *path, struct image *image);
/* The same bytes of the same file; or some bytes in common. */
bool image_same(const struct image *a, const struct image *b);
bool image_overlaps(const struct image *a, const struct image *b);

#endif
