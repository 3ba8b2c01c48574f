/* SPDX-License-Identifier: MIT */
/*
 * limit.h - how much of a disk its guest may use: in words, in the store, and in force
 */
#ifndef XPV_TOOLS_LIMIT_H
#define XPV_TOOLS_LIMIT_H

#include "device.h"

enum limit_of { LIMIT_IOPS, LIMIT_BPS, LIMITS };

struct limits {
	struct {
		bool said;		/* otherwise it stays as it is */
		uint64_t rate, burst;	/* 0: none; the backend's usual one */
	} of[LIMITS];
};

#define LIMIT_WORDS "iops=N[@BURST], bps=SIZE[@BURST]"

/* limit.c: words and keys */
/* Takes "iops=500@1000" or "bps=8M", or "none" in place of a number. 1; 0: it is another word; -1:
 * it is wrong, and `why` says how. */
int limits_take(struct limits *limits, const char *word, size_t len, char *why, size_t size);
/* "iops=500@1000 bps=8M", or "none". Returns buf. */
char *limits_text(const struct limits *limits, char *buf, size_t size);
/* What the store has, all of it said; what the schema does not take counts as none. */
void limits_read(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		 struct limits *limits);
/* Writes those that are said, and removes the keys of those that are none. False with errno. */
bool limits_write(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		  const struct limits *limits);
/* Adds {"iops", "iops-burst", "bps", "bps-burst", "paused"} as the store has them. */
void limits_json(struct xs_handle *xs, const struct device *dev, struct json_object *obj);

/* limit_apply.c: changing them under the guest */
enum limit_pause { LIMIT_PAUSE_KEEP, LIMIT_PAUSE, LIMIT_UNPAUSE };

struct limit_change {
	const struct limits *limits;	/* NULL: they stay */
	enum limit_pause pause;
};

/* Whether xpvd serves the disk; *dev is it. 0, or TOOL_FAILED with an error printed. */
int limit_find(struct xs_handle *xs, const struct domain *dom, uint32_t devid,
	       struct device *dev);
/* Writes the change in one transaction, and waits until it is in force: then a disk that was paused
 * has nothing under way. 0, or TOOL_FAILED with an error printed. */
int limit_apply(struct xs_handle *xs, const struct device *dev, const char *name,
		const struct limit_change *change);

#endif
