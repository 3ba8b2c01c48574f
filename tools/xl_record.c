/* SPDX-License-Identifier: MIT */
/*
 * xl_record.c - what libxl rebuilds a domain from
 *
 * When a guest reboots, is saved or migrates, xl makes it anew from a description that libxl keeps
 * beside xenstore. A disk that is in xenstore and not in there is dropped without a word, so that
 * one that is attached is added; one that is detached needs nothing, for libxl forgets what is in
 * the description and not in xenstore.
 *
 * In its next life the disk is one of xl's own: libxl writes its nodes and runs a hotplug script
 * for it, and xpvd serves it. Which script that is, is decided here. It cannot be that of the nodes
 * that xpv writes itself, /bin/true, for nobody would then say that the disk is ready. block-xpv,
 * if it is installed, names any file as it is; otherwise it is xl's own, which sets up loop
 * devices.
 *
 * libxl has a lock for the description which others are not to touch: two attaches by xpv exclude
 * each other here, and an attach by xl in the same instant may be lost, to be found at the next
 * reboot.
 */
#include <errno.h>
#include <fcntl.h>
#include <libxl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "xl.h"

#define DESCRIPTION "libxl-json"
#define OUR_SCRIPT "/etc/xen/scripts/block-xpv"
#define KERNEL_BACKEND "/sys/bus/xen-backend/drivers/vbd"	/* serves vbds in our place */

/* What xl is to name as its target: for our script with the words before it that only we know. */
static char *target(const struct disk *disk, bool ours)
{
	char words[DISK_WORDS], *text = NULL;

	if (!ours || !*disk_words_text(disk, words))
		return strdup(disk->target);
	return asprintf(&text, "%s,%s", words, disk->target) < 0 ? NULL : text;
}

/* The disk as xl would have read it from a configuration; false if memory is short. */
static bool describe(const struct disk *disk, libxl_device_disk *d)
{
	bool ours = !access(OUR_SCRIPT, X_OK) && access(KERNEL_BACKEND, F_OK);
	char vdev[32];

	xs_vdev_name(vdev, sizeof(vdev), disk->devid);
	libxl_device_disk_init(d);
	d->pdev_path = target(disk, ours);
	d->vdev = strdup(vdev);
	d->backend = LIBXL_DISK_BACKEND_PHY;
	d->format = *disk->target ? LIBXL_DISK_FORMAT_RAW : LIBXL_DISK_FORMAT_EMPTY;
	if (ours)
		d->script = strdup("block-xpv");
	d->readwrite = !disk->readonly;
	d->is_cdrom = disk->cdrom;
	d->removable = disk->cdrom;
	d->direct_io_safe = disk->direct_io_safe;
	libxl_defbool_set(&d->discard_enable, disk->discard);
	libxl_defbool_set(&d->trusted, disk->trusted);
	return d->pdev_path && d->vdev;
}

/* In the place of what had the name before, or after the others. */
static bool put(libxl_domain_config *config, const struct disk *disk)
{
	libxl_device_disk d, *disks;
	int i;

	if (!describe(disk, &d))
		return false;
	for (i = 0; i < config->num_disks; i++) {
		if (!strcmp(config->disks[i].vdev, d.vdev)) {
			libxl_device_disk_dispose(&config->disks[i]);
			config->disks[i] = d;
			return true;
		}
	}
	disks = realloc(config->disks, ((size_t)i + 1) * sizeof(*disks));
	if (!disks) {
		libxl_device_disk_dispose(&d);
		return false;
	}
	disks[i] = d;
	config->disks = disks;
	config->num_disks = i + 1;
	return true;
}

static bool rewrite(libxl_ctx *ctx, uint32_t domid, const char *old, const struct disk *disk)
{
	libxl_domain_config config;
	char *text = NULL;
	bool ok;

	libxl_domain_config_init(&config);
	ok = !libxl_domain_config_from_json(ctx, &config, old) && put(&config, disk);
	if (ok)
		text = libxl_domain_config_to_json(ctx, &config);
	ok = text && !libxl_userdata_store(ctx, domid, DESCRIPTION, (const uint8_t *)text,
					   (int)strlen(text) + 1);
	free(text);
	libxl_domain_config_dispose(&config);
	return ok;
}

/* A domain that libxl did not make has no description, and needs none. */
static bool update(libxl_ctx *ctx, uint32_t domid, const struct disk *disk)
{
	uint8_t *data = NULL;
	int len = 0;
	bool ok;

	if (libxl_userdata_retrieve(ctx, domid, DESCRIPTION, &data, &len))
		return false;
	ok = len <= 0 || (!data[len - 1] && rewrite(ctx, domid, (const char *)data, disk));
	free(data);
	return ok;
}

/* Held until it is closed; -1: it cannot be had. */
static int lock(void)
{
	char path[XS_PATH_MAX];
	int fd;

	if (!tool_make_rundir("") || !tool_runpath(path, sizeof(path), "xl-record.lock"))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

/* xl's own script makes a loop device of a file; what else there is, only ours can name. */
static bool can_come_back(const struct disk *disk)
{
	return disk->kind == XS_TARGET_FILE || !access(OUR_SCRIPT, X_OK);
}

void xl_record_disk(const struct domain *dom, const struct disk *disk)
{
	libxl_ctx *ctx = NULL;
	bool ok = false;
	int fd;

	if (!can_come_back(disk)) {
		tool_warn("%s: a reboot of domain %u will lose it, for " OUR_SCRIPT " is not "
			  "there; attach it again then", disk->vdev, dom->domid);
		return;
	}
	fd = lock();

	if (fd >= 0 && !libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &tool_silent))
		ok = update(ctx, dom->domid, disk);
	if (!ok)
		tool_warn("%s: libxl does not take note of it, and a reboot of domain %u will lose "
			  "it; attach it again then", disk->vdev, dom->domid);
	if (ctx)
		libxl_ctx_free(ctx);
	if (fd >= 0)
		close(fd);
}
