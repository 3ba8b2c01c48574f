/* SPDX-License-Identifier: MIT */
/*
 * check_device.c - one device, from all sides
 *
 * It is looked at in a transaction that is thrown away: what is seen is one moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

static void read_pair(struct check *c, struct check_device *d)
{
	char *error = store_read(c->xs, c->t, d->dev.error);
	uint64_t online = xs_default(XS_B_ONLINE), frontend = XB_UNKNOWN;

	d->backend = (unsigned int)store_get_or(c->xs, c->t, d->dev.backend, XS_B_STATE,
						XB_UNKNOWN);
	/* where it stands for Initialising, so that QEMU leaves it alone */
	if (d->dev.kind == XS_KIND_QDISK && d->backend == XB_UNKNOWN)
		d->backend = XB_INITIALISING;
	d->frontend_bad = store_get(c->xs, c->t, d->dev.frontend, XS_F_STATE, 0, 0, &frontend) ==
			  -EINVAL;
	d->frontend = (unsigned int)frontend;
	d->online = store_get_or(c->xs, c->t, d->dev.backend, XS_B_ONLINE, online);
	tool_escape(d->error, sizeof(d->error), error ? error : "", error ? strlen(error) : 0);
	free(error);
}

bool check_exists(struct check *c, const char *path)
{
	unsigned int len;
	char *value = xs_read(c->xs, c->t, path, &len);

	if (!value)
		return false;
	free(value);
	return true;
}

/* Which of the three trees there are, and whose they are. False if there is nothing to compare. */
static bool check_trees(struct check *c, const struct check_device *d)
{
	const struct device *dev = &d->dev;
	bool backend = check_exists(c, dev->backend), frontend = check_exists(c, dev->frontend);
	bool record = check_exists(c, dev->record);

	if (!backend && !frontend && !record)
		return false;	/* detached since it was listed */
	if (!c->alive[dev->domid]) {
		check_report(c, CHECK_ERROR, backend ? dev->backend : frontend ? dev->frontend :
			     dev->record, CHECK_LEFTOVER,
			     "left over from domain %u, which no longer exists", dev->domid);
		return false;
	}
	if (!backend) {
		check_report(c, CHECK_ERROR, dev->backend, "detach the device and attach it again",
			     "the device has no backend directory");
		return false;
	}
	if (!c->alive[d->be])
		check_report(c, CHECK_ERROR, dev->backend,
			     "start that domain again, or detach the device with --force",
			     "the backend's domain %u no longer exists", d->be);
	if (!record)
		check_report(c, CHECK_NOTICE, dev->record,
			     "attach devices with xpv or xl to have them listed",
			     "there is no record, so neither xpv nor xl lists the device or "
			     "detaches it");
	if (!frontend)
		check_report(c, CHECK_ERROR, dev->frontend, "detach the device with --force",
			     "the device has no frontend directory");
	return frontend;
}

static bool snapshot(struct check *c)
{
	c->t = xs_transaction_start(c->xs);
	return c->t != XBT_NULL;
}

static void drop_snapshot(struct check *c)
{
	xs_transaction_end(c->xs, c->t, true);
	c->t = XBT_NULL;
}

/* A device may have been caught between two states: what moves gets a second, and a new look. */
static bool settle(struct check *c, struct check_device *d)
{
	static const struct timespec second = { .tv_sec = 1 };

	read_pair(c, d);
	if (c->waited || !check_moving(d))
		return true;
	drop_snapshot(c);
	nanosleep(&second, NULL);
	c->waited = true;
	if (!snapshot(c))
		return false;
	read_pair(c, d);
	return true;
}

int check_device(struct check *c, enum xs_kind kind, uint32_t be, uint32_t domid,
		 uint32_t devid)
{
	struct check_device d = { .be = be };

	device_init(&d.dev, kind, domid, devid);
	xs_backend_path(d.dev.backend, sizeof(d.dev.backend), be, kind, domid, devid);
	xs_error_path(d.dev.error, sizeof(d.dev.error), be, kind, domid, devid);
	if (!snapshot(c) || !settle(c, &d))
		return tool_error("xenstore gives no transaction: %s; try again", strerror(errno));
	c->devices++;
	if (check_trees(c, &d)) {
		check_links(c, &d);
		check_access(c, &d);
		check_keys(c, &d);
		check_pair(c, &d);
	}
	drop_snapshot(c);
	return TOOL_OK;
}
