/* SPDX-License-Identifier: MIT */
/*
 * check.h - the parts of `xpv check`
 *
 * The linter reads and never writes. It looks at each device in a transaction of its own, which
 * it throws away: what it sees is one moment, and a device that is attached meanwhile is there
 * whole or not at all.
 */
#ifndef XPV_CHECK_H
#define XPV_CHECK_H

#include "device.h"

enum severity {
	CHECK_NOTICE,	/* worth knowing, nothing is broken */
	CHECK_ERROR
};

struct check {
	struct xs_handle *xs;
	xs_transaction_t t;		/* of the device that is being looked at */
	struct json_object *findings;	/* NULL: they are printed as they come */
	unsigned int devices, errors, notices;
	bool waited;			/* devices on the move have had their second look */
	bool alive[XS_DOMID_MAX + 1];	/* the domains that exist */
};

struct check_device {
	struct device dev;
	uint32_t be;			/* the backend's domain */
	unsigned int backend, frontend;	/* their states; Unknown if absent or malformed */
	bool frontend_bad;		/* malformed */
	bool online;
	char error[256];		/* the backend's reason, escaped; "" if there is none */
};

#define CHECK_ALL UINT32_MAX		/* no domain has this id */
#define CHECK_LEFTOVER "remove it with 'xenstore-rm'"

/* cmd_check.c: one finding, a line. Values in it must have been through check_quote(), unless the
 * schema's parser has found them to be sane. */
void check_report(struct check *c, enum severity severity, const char *path, const char *remedy,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A value from the store, bounded and escaped, in quotes. Returns buf. */
#define CHECK_QUOTED 72
const char *check_quote(char buf[CHECK_QUOTED], const char *value, size_t len);

/* check_scan.c: all devices of a class, or only those of the guest `only`. TOOL_OK whatever is
 * found; TOOL_FAILED, with the error printed, if the store fails. */
int check_class(struct check *c, enum xs_class class, uint32_t only);
/* Records of domains that are gone. */
void check_orphans(struct check *c);

/* check_run.c: what is in the run directory for disks that are gone. */
void check_run(struct check *c);

/* check_device.c: one device; returns as check_class() does */
int check_device(struct check *c, enum xs_kind kind, uint32_t be, uint32_t domid,
		 uint32_t devid);
bool check_exists(struct check *c, const char *path);

/* check_keys.c: what stands in the two directories, against the schema */
void check_keys(struct check *c, const struct check_device *d);

/* check_access.c: who may read and write what, and where the directories point */
void check_access(struct check *c, const struct check_device *d);
void check_links(struct check *c, const struct check_device *d);

/* check_pair.c: whether the states fit, and who holds the device up */
/* True if the two ends may be on their way: a second look a moment later says more. */
bool check_moving(const struct check_device *d);
void check_pair(struct check *c, const struct check_device *d);

#endif
