/* SPDX-License-Identifier: MIT */
/*
 * guest_disk.c - the disk that a server's parameters name (see guest_disk.h)
 *
 * nbdkit forks after it has looked at its parameters, and once it has, nobody may see what it says.
 * So all that can be known of a disk without connecting to it is found out before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "guest_disk.h"
#include "schema.h"

#define CLOSE_MS	10000
#define DISKS		64	/* that are looked at */

static void log_line(enum pv_log_level level, const char *line)
{
	if (level == PV_LOG_ERROR)
		nbdkit_error("%s", line);
	else
		nbdkit_debug("%s", line);
}

static int open_guest(struct guest **guest)
{
	const struct guest_options options = { .log = log_line };
	const char *why;

	*guest = guest_open(&options, &why);
	if (*guest)
		return 0;
	nbdkit_error("cannot open %s: %s: run nbdkit in a Xen guest, or by 'xpv sim run --dom DOM'",
		     why, strerror(errno));
	return -1;
}

int guest_disk_name(struct guest_disk *disk, const char *name)
{
	if (xs_vdev_parse(name, strlen(name), &disk->devid) != XS_OK) {
		nbdkit_error("dev=%s: not a disk's name: say xvda, hda, sda, d0p0, or a device "
			     "number", name);
		return -1;
	}
	disk->name = name;
	return 0;
}

int guest_disk_option(struct guest_disk *disk, const char *key, const char *value)
{
	char word[64];
	int rc = PV_EINVAL;

	if (snprintf(word, sizeof(word), "%s=%s", key, value) < (int)sizeof(word))
		rc = pv_blk_option(&disk->options, word);
	if (rc == PV_ENOENT)
		nbdkit_error("unknown parameter '%s': see 'nbdkit PLUGIN --help'", key);
	else if (rc)
		nbdkit_error("%s=%s: impossible value: see 'nbdkit PLUGIN --help'", key, value);
	return rc ? -1 : 0;
}

/* The names of these disks, as many as fit. */
static void list_names(char *buf, size_t size, const uint32_t *devids, int n)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; i < n && len + 32 < size; i++) {
		char name[24];

		xs_vdev_name(name, sizeof(name), devids[i]);
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "", name);
	}
}

static int find(const struct guest_disk *disk, struct pv_os *os)
{
	uint32_t devids[DISKS];
	char names[256];
	int n = pv_blk_list(os, devids, DISKS);

	if (n < 0) {
		nbdkit_error("dev=%s: cannot look for it: %s", disk->name, pv_strerror(n));
		return -1;
	}
	for (int i = 0; i < n; i++)
		if (devids[i] == disk->devid)
			return 0;
	list_names(names, sizeof(names), devids, n);
	nbdkit_error("dev=%s: this domain has no such disk: %s%s", disk->name,
		     n ? "it has " : "attach it with 'xpv block-attach'", names);
	return -1;
}

int guest_disk_find(const struct guest_disk *disk)
{
	struct guest *guest;
	int rc;

	if (open_guest(&guest))
		return -1;
	rc = find(disk, guest_os(guest));
	guest_close(guest);
	return rc;
}

int guest_disk_open(struct guest_disk *disk)
{
	int rc;

	if (open_guest(&disk->guest))
		return -1;
	rc = guest_blk_open(disk->guest, disk->devid, (int)disk->timeout_s * 1000, &disk->options,
			    &disk->blk);
	if (!rc)
		return 0;
	if (rc == PV_ENOENT)
		nbdkit_error("dev=%s: not connected within %u s: 'xpv check' says what it waits "
			     "for", disk->name, disk->timeout_s);
	else
		nbdkit_error("dev=%s: %s: see the backend's log", disk->name, pv_strerror(rc));
	guest_close(disk->guest);
	disk->guest = NULL;
	return -1;
}

void guest_disk_close(struct guest_disk *disk)
{
	if (!disk->guest)
		return;
	if (guest_blk_close(disk->blk, CLOSE_MS))
		nbdkit_error("dev=%s: its backend did not let go in %d s", disk->name,
			     CLOSE_MS / 1000);
	guest_close(disk->guest);
	disk->guest = NULL;
}
