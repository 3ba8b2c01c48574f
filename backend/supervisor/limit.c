/* SPDX-License-Identifier: MIT */
/*
 * limit.c - how much of a disk its guest may use, and whether it may at all
 *
 * The toolstack says so in the backend's directory, before the device connects or at any time
 * later; so it is known again whoever dies. A worker gets it with its disk; when the keys change,
 * it is told, and answers when that is in force: for a disk that is paused, when nothing is under
 * way any more.
 *
 * A value that the schema does not take keeps a disk from being opened. On one that is in use it
 * changes nothing, and is logged: a guest does not lose its disk over a slip of the pen.
 *
 * A disk is only paused as long as it is wanted. When it is to be detached, its guest has to be
 * able to end what it has begun.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisor.h"

/* Where a number belongs; 0 for one that is absent. */
static const struct {
	enum xs_key_id id;
	size_t at;
} numbers[] = {
	{ XS_B_LIMIT_IOPS, offsetof(struct wire_limit, iops) },
	{ XS_B_LIMIT_IOPS_BURST, offsetof(struct wire_limit, iops_burst) },
	{ XS_B_LIMIT_BPS, offsetof(struct wire_limit, bps) },
	{ XS_B_LIMIT_BPS_BURST, offsetof(struct wire_limit, bps_burst) },
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

bool limit_is_key(const char *name)
{
	unsigned int idx[2];
	const struct xs_key *key = xs_key_find(XS_CLASS_VDISK, XS_BACKEND_DIR, name, idx);

	for (size_t i = 0; i < NUMBERS; i++) {
		if (key == xs_key(numbers[i].id))
			return true;
	}
	return key && (key == xs_key(XS_B_PAUSED) || key == xs_key(XS_B_ONLINE));
}

static int read_keys(struct device *dev, struct wire_limit *out)
{
	uint64_t value, paused, online;

	*out = (struct wire_limit){ 0 };
	for (size_t i = 0; i < NUMBERS; i++) {
		if (store_setting(dev, numbers[i].id, &value))
			return -1;
		memcpy((char *)out + numbers[i].at, &value, sizeof(value));
	}
	if (store_setting(dev, XS_B_PAUSED, &paused) || store_setting(dev, XS_B_ONLINE, &online))
		return -1;
	out->paused = paused && online;
	return 0;
}

static bool same(const struct wire_limit *a, const struct wire_limit *b)
{
	return a->iops == b->iops && a->iops_burst == b->iops_burst && a->bps == b->bps &&
	       a->bps_burst == b->bps_burst && a->paused == b->paused;
}

int limit_read(struct device *dev)
{
	struct wire_limit limit;

	if (read_keys(dev, &limit))
		return -1;
	limit.serial = dev->limit.wanted.serial;
	dev->limit.stale = false;
	dev->limit.told &= same(&limit, &dev->limit.wanted);
	dev->limit.wanted = limit;
	return 0;
}

/* The reason that the device has for other things is left as it is. */
static const char *try_keys(struct device *dev, struct wire_limit *out)
{
	static char why[REASON_MAX];
	char kept[REASON_MAX];
	int rc;

	memcpy(kept, dev->reason, sizeof(kept));
	dev->reason[0] = '\0';
	rc = read_keys(dev, out);
	memcpy(why, dev->reason, sizeof(why));
	memcpy(dev->reason, kept, sizeof(kept));
	return rc ? why : NULL;
}

const char *limit_refresh(struct device *dev)
{
	struct wire_limit limit;
	const char *why = try_keys(dev, &limit);
	bool changed = dev->limit.stale;

	dev->limit.stale = false;
	if (why && changed && log_allowed(&dev->log_limit, device_name(dev)))
		log_error("%s: its limits stay as they are: %s", device_name(dev), why);
	if (why)
		return why;
	if (dev->limit.told && same(&limit, &dev->limit.wanted))
		return NULL;
	limit.serial = dev->limit.wanted.serial;
	dev->limit.wanted = limit;
	dev->limit.told = false;	/* one that is being attached was told the earlier ones */
	if (dev->link == LINK_ATTACHED)
		worker_limit(dev);
	return NULL;
}

void limit_look(struct device *dev)
{
	if (dev->limit.stale || (dev->link == LINK_ATTACHED && !dev->limit.told))
		limit_refresh(dev);
}

struct wire_limit limit_to_tell(struct device *dev)
{
	dev->limit.told = true;
	dev->limit.in_force = false;
	dev->limit.wanted.serial++;
	return dev->limit.wanted;
}

void limit_heard(struct device *dev, uint32_t serial)
{
	if (serial == dev->limit.wanted.serial)
		dev->limit.in_force = true;
}

bool limit_in_force(const struct device *dev)
{
	return dev->link == LINK_NONE || (dev->limit.told && dev->limit.in_force);
}
