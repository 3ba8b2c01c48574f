/* SPDX-License-Identifier: MIT */
/*
 * store.c - xenstore through the schema
 *
 * Every value is read once, into memory of ours, and is validated by the key's own entry in the
 * schema before anybody sees it. What does not fit becomes a reason that names the key, what it
 * says (escaped: a guest wrote it) and what would be accepted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor.h"

#define CONFLICTS 10

static int bad_value(struct device *dev, enum xs_key_id id, unsigned int i, unsigned int j,
		     const char *text, enum xs_err err)
{
	char name[XS_PATH_MAX], accepted[96], safe[64];

	xs_key_name(name, sizeof(name), id, i, j);
	xs_describe(xs_key(id), accepted, sizeof(accepted));
	device_reason(dev, "the key %s is \"%s\", which %s: it must be %s", name,
		      log_safe(safe, sizeof(safe), text), xs_strerror(err), accepted);
	return -EINVAL;
}

/* The raw value, to be freed; NULL: errno. */
static char *read_key(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
		      unsigned int i, unsigned int j, unsigned int *len)
{
	char path[XS_PATH_MAX];

	if (!xs_key_path(path, sizeof(path), dir, id, i, j)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return xs_read(dev->sup->xs, t, path, len);
}

/* -EINVAL is what a value gets that does not fit its key; xenstore's own EINVAL, which a dead
 * connection gives too, must not be taken for that, or a guest would be blamed for it. */
static int store_errno(void)
{
	return errno == EINVAL || errno == 0 ? -EIO : -errno;
}

int store_number_2(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
		   unsigned int i, unsigned int j, uint64_t *out)
{
	unsigned int len;
	char *text = read_key(dev, t, dir, id, i, j, &len);
	enum xs_err err;
	int rc = 0;

	if (!text)
		return store_errno();
	err = xs_parse(id, text, len, out);
	if (err != XS_OK)
		rc = bad_value(dev, id, i, j, text, err);
	free(text);
	return rc;
}

int store_number(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
		 unsigned int i, uint64_t *out)
{
	return store_number_2(dev, t, dir, id, i, 0, out);
}

int store_optional(struct device *dev, const char *dir, enum xs_key_id id, uint64_t *out)
{
	int rc = store_number(dev, XBT_NULL, dir, id, 0, out);

	if (rc != -ENOENT)
		return rc;
	*out = xs_default(id);
	return 0;
}

int store_setting(struct device *dev, enum xs_key_id id, uint64_t *out)
{
	int rc = store_optional(dev, dev->be_path, id, out);

	return rc ? device_reason(dev, "the key %s cannot be read: %s", xs_key(id)->name,
				  strerror(-rc)) : 0;
}

int store_text(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
	       char *buf, size_t size)
{
	unsigned int len;
	char *text = read_key(dev, t, dir, id, 0, 0, &len);
	enum xs_err err;
	int rc = 0;

	if (!text)
		return store_errno();
	err = len < size ? xs_parse(id, text, len, NULL) : XS_ETOOLONG;
	if (err != XS_OK)
		rc = bad_value(dev, id, 0, 0, text, err);
	else
		memcpy(buf, text, len + 1);
	free(text);
	return rc;
}

bool store_put(struct device *dev, xs_transaction_t t, enum xs_key_id id, const char *value)
{
	char path[XS_PATH_MAX];

	return xs_key_path(path, sizeof(path), dev->be_path, id, 0, 0) &&
	       xs_write(dev->sup->xs, t, path, value, (unsigned int)strlen(value));
}

bool store_put_number(struct device *dev, xs_transaction_t t, enum xs_key_id id, uint64_t value)
{
	char text[24];

	return xs_format_u64(text, sizeof(text), value) && store_put(dev, t, id, text);
}

/* Our state in this transaction; XB_UNKNOWN: the node is gone. */
static enum xb_state state_now(struct device *dev, xs_transaction_t t)
{
	uint64_t state = XB_UNKNOWN;

	store_number(dev, t, dev->be_path, XS_B_STATE, 0, &state);
	return (enum xb_state)state;
}

int store_switch_state(struct device *dev, enum xb_state mine, enum xb_state next,
		       bool (*write)(struct device *dev, xs_transaction_t t))
{
	struct xs_handle *xs = dev->sup->xs;

	for (int tries = 0; ; tries++) {
		xs_transaction_t t = xs_transaction_start(xs);

		if (t == XBT_NULL)
			return -errno;
		if (state_now(dev, t) != mine) {
			xs_transaction_end(xs, t, true);
			return -EAGAIN;
		}
		if ((write && !write(dev, t)) || !store_put_number(dev, t, XS_B_STATE, next)) {
			int err = errno;

			xs_transaction_end(xs, t, true);
			/* xenstored's word for a conflict that it meets before the end */
			if ((err == EIO || err == EINVAL) && tries < CONFLICTS)
				continue;
			return err ? -err : -EIO;
		}
		if (xs_transaction_end(xs, t, false))
			return 0;
		if (errno != EAGAIN)
			return -errno;
	}
}

/* Takes the device's node away, and the guest's if that leaves it empty. What guests share stays:
 * removing that would make transactions fail that have to do with other guests. */
static void remove_reason(struct xs_handle *xs, char *path)
{
	unsigned int nr = 0;
	char **names;

	xs_rm(xs, XBT_NULL, path);
	*strrchr(path, '/') = '\0';
	names = xs_directory(xs, XBT_NULL, path, &nr);
	free(names);
	if (names && nr == 0)
		xs_rm(xs, XBT_NULL, path);
}

void store_tell_reason(struct device *dev, const char *reason)
{
	struct xs_handle *xs = dev->sup->xs;
	char path[XS_PATH_MAX];

	if (strcmp(reason, dev->told) == 0 ||
	    !xs_error_path(path, sizeof(path), dev->sup->domid, dev->kind, dev->fe, dev->devid))
		return;
	snprintf(dev->told, sizeof(dev->told), "%s", reason);
	if (reason[0]) {
		xs_write(xs, XBT_NULL, path, reason, (unsigned int)strlen(reason));
		return;
	}
	*strrchr(path, '/') = '\0';
	remove_reason(xs, path);
}
