/* SPDX-License-Identifier: MIT */
/*
 * device_store.c - what a frontend reads from xenstore and writes there
 *
 * Called by device.c and by the classes. Nothing that is read is trusted: a value must be what the
 * schema accepts, and a backend's path must be the one that its domain, our domain and the
 * device's number make, so that no path is ever followed that another domain may have written.
 *
 * An absent key, an impossible key and a xenstore that does not answer are three things: the first
 * has a default or fails the device, the second fails it, the third (PV_EPORT) changes nothing and
 * is tried again.
 */
#include "device.h"

#define VALUE_MAX	128
#define LIST_BYTES	4096	/* the largest answer that xenstored gives */

/* Where a guest finds its own number, relative to its own directory. */
static const char own_domid_path[] = "domid";

static int read_key(struct pv_device *dev, const char *dir, enum xs_key_id id, char *value,
		    size_t *len)
{
	char path[XS_PATH_MAX];

	if (!xs_key_path(path, sizeof(path), dir, id, 0, 0))
		return PV_ETOOLONG;
	return pvos_xs_read(dev->os, path, value, VALUE_MAX, len);
}

int pv_device_read(struct pv_device *dev, enum xs_key_id id, uint64_t *out)
{
	const struct xs_key *key = xs_key(id);
	char value[VALUE_MAX];
	size_t len = 0;
	int rc = read_key(dev, dev->backend, id, value, &len);

	if (rc == PV_EPORT)
		return rc;
	if (rc == PV_ENOENT && key->presence != XS_REQUIRED) {
		*out = xs_default(id);
		return PV_OK;
	}
	if (rc == PV_ENOENT)
		return pv_device_fail(dev, PV_EBACKEND, "the backend did not write ", key->name);
	if (rc || xs_parse_key(key, value, len, out) != XS_OK)
		return pv_device_fail(dev, PV_EBACKEND, "the backend wrote an impossible ",
				      key->name);
	return PV_OK;
}

int pv_device_write(struct pv_device *dev, enum xs_key_id id, unsigned int i, unsigned int j,
		    const char *value)
{
	char path[XS_PATH_MAX];
	int rc;

	if (!xs_key_path(path, sizeof(path), dev->frontend, id, i, j))
		return pv_device_fail(dev, PV_ETOOLONG, "no path for ", xs_key(id)->name);
	rc = pvos_xs_write(dev->os, path, value);
	if (rc && rc != PV_EPORT)
		return pv_device_fail(dev, PV_EPORT, "xenstore does not let us write ",
				      xs_key(id)->name);
	return rc;
}

int pv_device_write_number(struct pv_device *dev, enum xs_key_id id, unsigned int i,
			   unsigned int j, uint64_t value)
{
	char text[24];

	xs_format_u64(text, sizeof(text), value);
	return pv_device_write(dev, id, i, j, text);
}

/*
 * Finding the backend
 */

static void watch_end(struct pv_device *dev, const char *dir, enum xs_key_id id)
{
	char path[XS_PATH_MAX];

	if (xs_key_path(path, sizeof(path), dir, id, 0, 0))
		pvos_xs_unwatch(dev->os, path, dev);
}

static int watch_begin(struct pv_device *dev, const char *dir, enum xs_key_id id)
{
	char path[XS_PATH_MAX];

	if (!xs_key_path(path, sizeof(path), dir, id, 0, 0))
		return PV_ETOOLONG;
	return pvos_xs_watch(dev->os, path, dev) ? PV_EPORT : PV_OK;
}

/* Learns who we are, and looks out for our own directory. */
int pv_device_start(struct pv_device *dev)
{
	char value[VALUE_MAX], number[24];
	uint64_t domid;
	size_t len;
	int rc;

	if (dev->started)
		return PV_OK;
	if (pvos_xs_read(dev->os, own_domid_path, value, sizeof(value), &len) ||
	    xs_parse(XS_B_FRONTEND_ID, value, len, &domid) != XS_OK)
		return PV_EPORT;
	dev->own_domid = (uint32_t)domid;
	xs_device_root(dev->frontend, sizeof(dev->frontend), dev->class->id);
	xs_format_u64(number, sizeof(number), dev->devid);
	pv_append(dev->frontend, sizeof(dev->frontend), "/");
	pv_append(dev->frontend, sizeof(dev->frontend), number);
	rc = watch_begin(dev, dev->frontend, XS_F_BACKEND);
	dev->started = !rc;
	return rc;
}

static void forget_backend(struct pv_device *dev)
{
	if (dev->located)
		watch_end(dev, dev->backend, XS_B_STATE);
	dev->located = false;
	dev->written = XB_UNKNOWN;
}

/* Our state as it stands in the store; what is not a state counts as none. */
static int read_own_state(struct pv_device *dev, enum xb_state *state)
{
	char value[VALUE_MAX];
	uint64_t number = XB_UNKNOWN;
	size_t len;
	int rc = read_key(dev, dev->frontend, XS_F_STATE, value, &len);

	if (rc == PV_EPORT)
		return rc;
	if (rc || xs_parse(XS_F_STATE, value, len, &number) != XS_OK)
		number = XB_UNKNOWN;
	*state = (enum xb_state)number;
	return PV_OK;
}

/* The backend's directory stands below one of the kinds that serve our class. */
static bool is_backend(struct pv_device *dev, unsigned int domid, const char *path, size_t path_len)
{
	for (unsigned int kind = 0; kind < XS_KIND_COUNT; kind++) {
		size_t len = xs_backend_path(dev->backend, sizeof(dev->backend), domid, kind,
					     dev->own_domid, dev->devid);

		if (xs_kind_class(kind) == dev->class->id && len == path_len &&
		    __builtin_memcmp(path, dev->backend, len) == 0)
			return true;
	}
	return false;
}

/* Takes the backend's path only if it is one that the toolstack may have written. */
static int adopt_backend(struct pv_device *dev, const char *path, size_t path_len)
{
	char value[VALUE_MAX];
	uint64_t number;
	size_t len;
	int rc = read_key(dev, dev->frontend, XS_F_BACKEND_ID, value, &len);

	if (rc == PV_EPORT)
		return rc;
	if (rc || xs_parse(XS_F_BACKEND_ID, value, len, &number) != XS_OK)
		return pv_device_fail(dev, PV_EBACKEND, "backend-id is missing or no domain", NULL);
	if (!is_backend(dev, (unsigned int)number, path, path_len))
		return pv_device_fail(dev, PV_EBACKEND, "the backend's path is not this device's",
				      NULL);
	dev->backend_domid = (uint32_t)number;
	rc = read_own_state(dev, &dev->written);
	if (!rc)
		rc = watch_begin(dev, dev->backend, XS_B_STATE);
	dev->located = !rc;
	return rc;
}

/* Our directory is gone, or was made anew. Before anything was granted that only means "not yet";
 * afterwards it is the end: what stands there now, or will, is another device. */
static void note_vanished(struct pv_device *dev)
{
	if (!dev->located)
		return;
	if (dev->mine == XB_INITIALISING && !dev->published)
		forget_backend(dev);
	else
		dev->vanished = true;
}

int pv_device_locate(struct pv_device *dev)
{
	char path[VALUE_MAX];
	enum xb_state state;
	size_t len;
	int rc;

	if (dev->vanished)
		return PV_OK;
	rc = read_key(dev, dev->frontend, XS_F_BACKEND, path, &len);
	if (rc == PV_EPORT)
		return rc;
	if (rc == PV_ENOENT) {
		note_vanished(dev);
		return PV_OK;
	}
	if (rc)
		len = 0;	/* too long to be what it must be */
	if (dev->located) {
		rc = read_own_state(dev, &state);
		if (rc)
			return rc;
		/* Nobody but us changes it in a device's life: this is the next one. */
		if (state != dev->written)
			note_vanished(dev);
	}
	if (dev->vanished)
		return PV_OK;
	if (!dev->located)
		return dev->error ? PV_OK : adopt_backend(dev, path, len);
	if (dev->backend[len] != '\0' || __builtin_memcmp(path, dev->backend, len) != 0) {
		pv_device_fail(dev, PV_EBACKEND, "the backend's path has changed", NULL);
		dev->vanished = true;
	}
	return PV_OK;
}

/* What the backend's state is, as a number for the step table. */
int pv_device_read_peer(struct pv_device *dev, unsigned int *peer)
{
	char value[VALUE_MAX];
	uint64_t state = XB_UNKNOWN;
	size_t len;
	int rc;

	*peer = XB_UNKNOWN;
	if (!dev->located || dev->vanished)
		return PV_OK;
	rc = read_key(dev, dev->backend, XS_B_STATE, value, &len);
	if (rc == PV_EPORT)
		return rc;
	if (rc != PV_ENOENT && (rc || xs_parse(XS_B_STATE, value, len, &state) != XS_OK))
		state = XB_STATE_COUNT;
	*peer = (unsigned int)state;
	return PV_OK;
}

int pv_device_write_state(struct pv_device *dev)
{
	int rc;

	if (!dev->located || dev->vanished || dev->written == dev->mine)
		return PV_OK;
	rc = pv_device_write_number(dev, XS_F_STATE, 0, 0, dev->mine);
	if (!rc)
		dev->written = dev->mine;
	return rc;
}

void pv_device_unwatch(struct pv_device *dev)
{
	forget_backend(dev);
	if (dev->started)
		watch_end(dev, dev->frontend, XS_F_BACKEND);
	dev->started = false;
}

int pv_device_list(struct pv_os *os, enum xs_class class, uint32_t *devids, size_t max)
{
	char root[32], names[LIST_BYTES];
	size_t len, count = 0;
	int rc;

	xs_device_root(root, sizeof(root), class);
	rc = pvos_xs_list(os, root, names, sizeof(names), &len);
	if (rc)
		return rc == PV_ENOENT ? 0 : rc;
	for (size_t i = 0, end; i < len && count < max; i = end + 1) {
		uint64_t devid;

		for (end = i; end < len && names[end]; end++)
			;
		if (xs_parse_u64(names + i, end - i, &devid) == XS_OK && devid <= UINT32_MAX)
			devids[count++] = (uint32_t)devid;
	}
	return (int)count;
}
