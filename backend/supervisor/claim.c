/* SPDX-License-Identifier: MIT */
/*
 * claim.c - who serves a device: we, the kernel or QEMU
 *
 * Below one frontend type there may be three backends, and two that serve one device would write
 * to one image. Who it is follows from the kind that the device's directory stands below:
 *
 *	vbd	the kernel's, while its driver (xen-blkback) is loaded; ours while it is not
 *	qdisk	QEMU's, but for those that the toolstack has marked as ours (served-by)
 *
 * Nothing here can be written by a guest. What we serve stays ours until its nodes go, also if the
 * driver is loaded later: letting go would not keep the driver from it. That is said as an error,
 * with the remedy. A driver that is unloaded leaves its devices to us; it can be unloaded only when
 * it serves none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

#define KEEP_OUT "'modprobe -r %s', and keep it out by 'blacklist %s' in /etc/modprobe.d"

static bool driver_loaded(const struct supervisor *sup, enum xs_kind kind)
{
	const char *driver = xs_kind_driver(kind);
	char path[XS_PATH_MAX * 2];

	return driver && snprintf(path, sizeof(path), "%s/%s", sup->sysfs, driver) <
			 (int)sizeof(path) && !access(path, F_OK);
}

static unsigned int count_ours(const struct supervisor *sup, enum xs_kind kind)
{
	unsigned int n = 0;

	for (const struct device *dev = sup->devices; dev; dev = dev->next)
		n += dev->kind == kind && dev->claim == CLAIM_OURS;
	return n;
}

/* The driver came or went since we looked last. */
static void driver_changed(struct supervisor *sup, enum xs_kind kind)
{
	const char *module = xs_kind_module(kind);
	unsigned int n = count_ours(sup, kind);

	if (sup->driver[kind] && n)
		log_error("%s has been loaded and may write to the images of %u disks that xpvd "
			  "serves: detach those, then " KEEP_OUT, module, n, module, module);
	else if (sup->driver[kind])
		log_line(sup->driver_known ? LOG_ERROR : LOG_INFO,
			 "%s is loaded and takes every %s: for xpvd to serve them, " KEEP_OUT,
			 module, xs_kind_name(kind), module, module);
	else
		log_info("%s is not loaded: xpvd serves every %s", module, xs_kind_name(kind));
	for (struct device *dev = sup->devices; dev && !sup->driver[kind]; dev = dev->next) {
		if (dev->kind == kind && dev->claim == CLAIM_OTHERS) {
			dev->claim = CLAIM_UNDECIDED;
			dev->dirty = true;
		}
	}
}

void claims_refresh(struct supervisor *sup)
{
	for (unsigned int kind = 0; kind < XS_KIND_COUNT; kind++) {
		bool loaded = driver_loaded(sup, kind);

		if (!xs_kind_driver(kind) || (sup->driver_known && loaded == sup->driver[kind]))
			continue;
		sup->driver[kind] = loaded;
		driver_changed(sup, kind);
	}
	sup->driver_known = true;
}

/* The same disk of the same guest, below another kind: only one of them can be served. */
static bool number_taken(const struct device *dev)
{
	const struct device *other = device_served(dev->sup, dev->class->id, dev->fe, dev->devid);

	return other && other != dev;
}

static bool leave(struct device *dev, const char *to)
{
	log_info("%s: left to %s", device_name(dev), to);
	journal_file_close(dev, false);
	dev->claim = CLAIM_OTHERS;
	return false;
}

static bool take(struct device *dev, const char *why)
{
	log_info("%s: served by xpvd: %s", device_name(dev), why);
	dev->claim = CLAIM_OURS;
	return true;
}

static bool claim_by_driver(struct device *dev)
{
	const char *module = xs_kind_module(dev->kind);
	char why[64];

	if (!dev->sup->driver[dev->kind]) {
		snprintf(why, sizeof(why), "%s is not loaded", module);
		return take(dev, why);
	}
	if (!worker_has(dev) && !journal_file_connected(dev))
		return leave(dev, module);
	log_error("%s: %s is loaded and may write to the image that xpvd serves it from: detach "
		  "it, then " KEEP_OUT, device_name(dev), module, module, module);
	return take(dev, "it was before");
}

/* While the store fails, nothing is decided. */
static bool claim_by_mark(struct device *dev)
{
	char text[8];
	int rc = store_text(dev, XBT_NULL, dev->be_path, XS_B_SERVED_BY, text, sizeof(text));

	if (rc == 0)
		return take(dev, "its toolstack says so");
	return rc == -ENOENT || rc == -EINVAL ? leave(dev, "QEMU") : false;
}

bool device_claim(struct device *dev)
{
	if (dev->claim != CLAIM_UNDECIDED)
		return dev->claim == CLAIM_OURS;
	claims_refresh(dev->sup);
	if (number_taken(dev)) {
		log_error("%s: below %s it cannot be served while it is served below another kind: "
			  "detach one of the two", device_name(dev), xs_kind_name(dev->kind));
		dev->claim = CLAIM_OTHERS;
		return false;
	}
	return xs_kind_driver(dev->kind) ? claim_by_driver(dev) : claim_by_mark(dev);
}

void device_unclaim(struct device *dev)
{
	for (struct device *d = dev->sup->devices; d; d = d->next) {
		if (d != dev && d->class == dev->class && d->fe == dev->fe &&
		    d->devid == dev->devid && d->claim == CLAIM_OTHERS) {
			d->claim = CLAIM_UNDECIDED;
			d->dirty = true;
		}
	}
}
