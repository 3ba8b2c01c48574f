/* SPDX-License-Identifier: MIT */
/*
 * medium.c - drives whose medium comes, goes and changes under their guest
 *
 * The toolstack changes a medium by writing `params`, as libxl does; an empty one is an empty
 * drive, which the guest sees as a disk of no sectors. What is in the drive stands in `medium`, so
 * that whoever comes later, another supervisor or a tool, knows whether that is what `params` asks
 * for.
 *
 * The guest stays connected. Its worker finishes what is under way and lets go of the disk, but
 * leaves the journal; then the disk is attached as after a worker's death, only that something
 * else is served. Meanwhile requests wait in the ring. The guest hears of it as of a resize:
 * `sectors`, and then the same `state`. A medium that cannot be opened is an empty drive, with the
 * reason in the error node, for a guest should not wait for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "supervisor.h"

bool medium_may_change(struct device *dev)
{
	uint64_t removable;

	return store_number(dev, XBT_NULL, dev->be_path, XS_B_REMOVABLE, 0, &removable) == 0 &&
	       removable;
}

/* A key's text; libxl leaves params out, or empty. False: it cannot be read. */
static bool read_or_empty(struct device *dev, enum xs_key_id id, char *buf, size_t size)
{
	int rc = store_text(dev, XBT_NULL, dev->be_path, id, buf, size);

	if (rc == -ENOENT)
		buf[0] = '\0';
	return rc == 0 || rc == -ENOENT;
}

bool medium_is_other(struct device *dev, const char *medium)
{
	char params[XS_PATH_MAX * 2];

	return medium_may_change(dev) &&
	       read_or_empty(dev, XS_B_PARAMS, params, sizeof(params)) &&
	       strcmp(params, medium) != 0;
}

/* A new drive is refused with its medium, so that the toolstack learns of it; a guest that comes
 * back gets an empty one. One that is connected waits for the medium that it has been using. */
static bool may_be_empty(struct device *dev)
{
	return dev->disk.changed || (!device_is_new(dev) && !journal_file_connected(dev));
}

int medium_open(struct device *dev)
{
	char before[XS_PATH_MAX * 2];
	int rc;

	dev->disk.changed = journal_file_connected(dev) &&
			    read_or_empty(dev, XS_B_MEDIUM, before, sizeof(before)) &&
			    medium_is_other(dev, before);
	dev->disk.why_empty[0] = '\0';
	if (!read_or_empty(dev, XS_B_PARAMS, dev->disk.medium, sizeof(dev->disk.medium)))
		return -1;
	if (!dev->disk.medium[0])
		return image_open_empty(dev);
	rc = image_open_medium(dev);
	if (rc >= 0 || !may_be_empty(dev))
		return rc;
	memcpy(dev->disk.why_empty, dev->reason, sizeof(dev->disk.why_empty));
	dev->reason[0] = '\0';
	image_close(dev);
	return image_open_empty(dev);
}

bool medium_announce(struct device *dev, xs_transaction_t t)
{
	return store_put(dev, t, XS_B_MEDIUM, dev->disk.medium);
}

bool medium_change(struct device *dev)
{
	char medium[XS_PATH_MAX * 2];

	if (!read_or_empty(dev, XS_B_MEDIUM, medium, sizeof(medium)) ||
	    !medium_is_other(dev, medium))
		return false;
	log_info("%s: its medium is to be changed", device_name(dev));
	dev->disk.changing = true;
	worker_suspend(dev);
	return true;
}

bool medium_is_out(struct device *dev)
{
	bool changing = dev->disk.changing;

	dev->disk.changing = false;
	if (!changing || dev->failed)
		return false;
	dev->class->release(dev);
	return true;
}

static bool put_medium(struct device *dev, xs_transaction_t t)
{
	return medium_announce(dev, t) && store_put_number(dev, t, XS_B_SECTORS, dev->disk.sectors);
}

static void say_why_empty(struct device *dev)
{
	if (!dev->disk.why_empty[0])
		return;
	memcpy(dev->reason, dev->disk.why_empty, sizeof(dev->reason));
	if (log_allowed(&dev->log_limit, device_name(dev)))
		log_warning("%s: its drive is empty: %s", device_name(dev), dev->reason);
	store_tell_reason(dev, dev->reason);
}

void medium_changed(struct device *dev)
{
	int rc;

	say_why_empty(dev);
	if (!dev->disk.changed)
		return;
	dev->disk.changed = false;
	rc = store_switch_state(dev, XB_CONNECTED, XB_CONNECTED, put_medium);
	if (rc == 0)
		log_info("%s: it has %s, %llu sectors", device_name(dev),
			 dev->disk.sectors ? dev->disk.target : "no medium",
			 (unsigned long long)dev->disk.sectors);
	else if (rc != -EAGAIN)
		log_error("%s: xenstore does not take its new medium: %s", device_name(dev),
			  strerror(-rc));
}
