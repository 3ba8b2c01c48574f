/* SPDX-License-Identifier: MIT */
/*
 * vdisk_node.c - a virtual disk's nodes, in one transaction
 *
 * Whether the number is free, whether the image is in use elsewhere, and the writing itself see
 * one state of the store: of two attaches that race, one wins and the other sees why it lost.
 *
 * An image may have many readers, or one writer and no one else, which is the rule of xl's block
 * script. Who uses what is read from libxl's records, which guests can neither read nor write.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdisk.h"

static bool text_is(struct xs_handle *xs, xs_transaction_t t, const char *dir,
		    enum xs_key_id id, const char *expected)
{
	char *value = store_get_text(xs, t, dir, id);
	bool same = value && !strcmp(value, expected);

	free(value);
	return same;
}

static const char *mode_of(const struct disk *disk)
{
	return disk->readonly ? "r" : "w";
}

static const char *type_of(const struct disk *disk)
{
	return disk->cdrom ? "cdrom" : "disk";
}

/* What a record names, as a copy of its params to be freed; NULL: nothing that is known. */
static char *record_target(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
			   struct xs_target *target)
{
	char *params = store_get_text(xs, t, dev->record, XS_B_PARAMS);

	if (!params || !xs_target_parse(params, target))
		return params;
	free(params);
	return NULL;
}

/* The image that a target names, identified; false if there is none. */
static bool target_image(const struct xs_target *target, struct image *image)
{
	const char *path = target->path;

	if (path && *path != '/' && strchr(path, ':'))
		path = strchr(path, ':') + 1;	/* QEMU's disks: "raw:/path" */
	return path && image_identify(path, image);
}

/* The same words, or another path to the same image, in the same format. */
static bool serves_image(struct xs_handle *xs, xs_transaction_t t,
			 const struct vdisk_addition *add)
{
	struct xs_target target;
	char *params = record_target(xs, t, &add->dev, &target);
	struct image image;
	bool same = params && (!strcmp(params, add->disk->target) ||
			       (add->image && target.kind == add->disk->kind &&
				target_image(&target, &image) && image_same(&image, add->image)));

	free(params);
	return same;
}

/* What the device that has our number is to us. */
static enum vdisk_node compare(struct xs_handle *xs, xs_transaction_t t,
			       const struct vdisk_addition *add)
{
	const struct device *dev = &add->dev;

	if (!text_is(xs, t, dev->record, XS_B_MODE, mode_of(add->disk)) ||
	    !text_is(xs, t, dev->record, XS_B_DEVICE_TYPE, type_of(add->disk)) ||
	    !serves_image(xs, t, add))
		return VDISK_TAKEN;
	return text_is(xs, t, dev->backend, XS_B_ONLINE, "1") ? VDISK_SAME : VDISK_LEAVING;
}

/* Whether the disk with this record keeps us from having the image. */
static bool conflicts(struct xs_handle *xs, xs_transaction_t t, const struct device *other,
		      const struct vdisk_addition *add)
{
	struct xs_target target;
	struct image image;
	bool found = false;
	char *params;

	if (add->disk->readonly && text_is(xs, t, other->record, XS_B_MODE, "r"))
		return false;
	params = record_target(xs, t, other, &target);
	if (params && add->image)
		found = target_image(&target, &image) && image_overlaps(&image, add->image);
	else if (params && add->disk->kind == XS_TARGET_NBD)
		found = !strcmp(params, add->disk->target);
	free(params);
	return found;
}

static bool find_conflict(struct xs_handle *xs, xs_transaction_t t, struct vdisk_addition *add)
{
	uint32_t *domids, *devids;
	bool found = false;
	char root[64];
	size_t n = store_numbers(xs, t, "/libxl", DOMID_FIRST_RESERVED, &domids);

	for (size_t i = 0; i < n && !found; i++) {
		size_t disks;

		if (!xs_is_domain_introduced(xs, domids[i]))
			continue;	/* what a dead guest left behind */
		device_record_root(root, sizeof(root), domids[i], XS_CLASS_VDISK);
		disks = store_numbers(xs, t, root, UINT32_MAX, &devids);
		for (size_t j = 0; j < disks && !found; j++) {
			device_find(xs, t, &add->other, XS_KIND_VBD, domids[i], devids[j]);
			found = conflicts(xs, t, &add->other, add);
		}
		free(devids);
	}
	free(domids);
	return found;
}

/* What is xpv's own, or old: written only if asked for, as libxl does with such keys. */
static bool write_extras(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
			 const struct disk *disk)
{
	const struct {
		enum xs_key_id key;
		unsigned int value;
	} extras[] = {
		{ XS_B_DIRECT_IO_SAFE, disk->direct_io_safe },
		{ XS_B_DIRECT, disk->direct },
		{ XS_B_BACKING, disk->backing },
		{ XS_B_RECONNECT, disk->reconnect },
		{ XS_B_WANTED_SECTOR_SIZE, disk->sector_size },
		{ XS_B_WANTED_PHYSICAL_SIZE, disk->physical_sector_size },
	};
	char text[16];

	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
		xs_format_u64(text, sizeof(text), extras[i].value);
		if (extras[i].value && !device_set(xs, t, dev, extras[i].key, text))
			return false;
	}
	return true;
}

static bool write_node(struct xs_handle *xs, xs_transaction_t t, const struct vdisk_addition *add)
{
	const struct disk *disk = add->disk;
	bool foreign = add->dev.kind == XS_KIND_QDISK;
	char devid[16], name[32];
	const struct setting settings[] = {
		{ XS_F_VIRTUAL_DEVICE, devid },
		{ XS_F_DEVICE_TYPE, type_of(disk) },
		{ XS_F_TRUSTED, disk->trusted ? "1" : "0" },
		{ XS_B_PARAMS, disk->target },
		{ XS_B_REMOVABLE, disk->cdrom ? "1" : "0" },
		{ XS_B_BOOTABLE, "1" },
		{ XS_B_DEV, name },	/* not as spelled: libxl knows fewer spellings */
		{ XS_B_TYPE, foreign ? "qdisk" : "phy" },	/* libxl's word for the kind */
		{ XS_B_MODE, mode_of(disk) },
		{ XS_B_DEVICE_TYPE, type_of(disk) },
		{ XS_B_DISCARD_ENABLE, disk->discard ? "1" : "0" },
		{ XS_B_SPECIFICATION, "xen" },
		/* Nothing is left to be set up. libxl runs the script when it detaches or destroys,
		 * and calls it a failure if there is none. */
		{ XS_B_SCRIPT, VDISK_NO_SCRIPT },
		{ XS_B_HOTPLUG_STATUS, "connected" },
	};
	size_t n = sizeof(settings) / sizeof(settings[0]);

	xs_format_u64(devid, sizeof(devid), disk->devid);
	xs_vdev_name(name, sizeof(name), disk->devid);
	return device_write(xs, t, &add->dev, settings, n) &&
	       (!foreign || device_set(xs, t, &add->dev, XS_B_SERVED_BY, "xpv")) &&
	       write_extras(xs, t, &add->dev, disk) &&
	       limits_write(xs, t, &add->dev, &disk->limits);
}

/* Read within the transaction: a guest that is destroyed meanwhile makes it start again. */
static bool domain_there(struct xs_handle *xs, xs_transaction_t t, uint32_t domid)
{
	char path[64], *value;

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	value = store_read(xs, t, path);
	free(value);
	return value || errno != ENOENT;
}

/* Also if it was attached when the kernel's backend was not loaded, or the other way round. */
static bool is_there(struct xs_handle *xs, xs_transaction_t t, struct device *dev)
{
	struct device found;

	device_find(xs, t, &found, dev->kind, dev->domid, dev->devid);
	if (!device_exists(xs, t, &found))
		return false;
	*dev = found;
	return true;
}

static int add_node(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	struct vdisk_addition *add = arg;

	if (!domain_there(xs, t, add->dev.domid))
		add->outcome = VDISK_NO_DOMAIN;
	else if (is_there(xs, t, &add->dev))
		add->outcome = compare(xs, t, add);
	else if (find_conflict(xs, t, add))
		add->outcome = VDISK_SHARED;
	else if (write_node(xs, t, add))
		add->outcome = VDISK_WRITTEN;
	else
		return -errno;
	return 0;
}

int vdisk_add_node(struct xs_handle *xs, struct vdisk_addition *add)
{
	return store_transact(xs, add_node, add);
}

/* Whether it is a drive, and xpv's; a connected one says what is in it. */
static enum vdisk_node look_at_drive(struct xs_handle *xs, xs_transaction_t t,
				     const struct device *dev)
{
	char *medium;

	if (!device_exists(xs, t, dev))
		return VDISK_ABSENT;
	if (!text_is(xs, t, dev->record, XS_B_DEVICE_TYPE, "cdrom"))
		return VDISK_NO_DRIVE;
	if (!text_is(xs, t, dev->backend, XS_B_ONLINE, "1"))
		return VDISK_LEAVING;
	if (dev->kind == XS_KIND_QDISK && !text_is(xs, t, dev->backend, XS_B_SERVED_BY, "xpv"))
		return VDISK_FOREIGN;
	medium = store_get_text(xs, t, dev->backend, XS_B_MEDIUM);
	free(medium);
	return medium || !text_is(xs, t, dev->backend, XS_B_STATE, "4") ? VDISK_WRITTEN :
									  VDISK_FOREIGN;
}

static int fill_node(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	struct vdisk_addition *add = arg;

	device_find(xs, t, &add->dev, add->dev.kind, add->dev.domid, add->dev.devid);
	add->outcome = look_at_drive(xs, t, &add->dev);
	if (add->outcome == VDISK_WRITTEN && find_conflict(xs, t, add))
		add->outcome = VDISK_SHARED;
	if (add->outcome == VDISK_WRITTEN &&
	    !device_set(xs, t, &add->dev, XS_B_PARAMS, add->disk->target))
		return -errno;
	return 0;
}

int vdisk_fill_node(struct xs_handle *xs, struct vdisk_addition *add)
{
	return store_transact(xs, fill_node, add);
}
