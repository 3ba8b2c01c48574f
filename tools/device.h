/* SPDX-License-Identifier: MIT */
/*
 * device.h - a device's nodes in xenstore
 *
 * A device is three trees: the frontend's directory, which the guest owns; the backend's, which
 * Dom0 owns and the guest reads; and libxl's record, which only Dom0 sees, and from which alone
 * anything is ever found again: what a guest can write never says what is removed (XSA-178). The
 * record is also what makes `xl block-list` and `xl destroy` know our devices.
 */
#ifndef XPV_DEVICE_H
#define XPV_DEVICE_H

#include "tool.h"

struct device {
	enum xs_class class;
	enum xs_kind kind;		/* what its backend's directory stands below */
	uint32_t domid, devid;
	char frontend[XS_PATH_MAX], backend[XS_PATH_MAX];
	char record[XS_PATH_MAX];	/* /libxl/<domid>/device/<type>/<devid> */
	char error[XS_PATH_MAX];	/* where the backend says why it failed */
};

/* device.c: the nodes */
/* A device that has, or will have, a backend of this kind in Dom0. */
void device_init(struct device *dev, enum xs_kind kind, uint32_t domid, uint32_t devid);
/* A device that there is: of the kind that its record says, or of `kind` if there is no record or
 * it names no backend that could be ours. */
void device_find(struct xs_handle *xs, xs_transaction_t t, struct device *dev, enum xs_kind kind,
		 uint32_t domid, uint32_t devid);
/* The kind and the domain of the backend that its record names; false: it names none that xpv knows
 * of. Neither may be NULL. */
bool device_recorded(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		     enum xs_kind *kind, uint32_t *be);
/* The kind that xpvd would serve a new device of: the kernel's own backend comes first where it is
 * loaded, and then it is one that the kernel knows nothing of. */
enum xs_kind device_kind(enum xs_class class);

/* Where the records of a guest's devices of one class are. */
void device_record_root(char *buf, size_t size, uint32_t domid, enum xs_class class);

/* A key and its value; the schema knows in which directory it stands. */
struct setting {
	enum xs_key_id id;
	const char *value;
};

/* All of these work in a transaction and return false with errno if the store fails. */
bool device_exists(struct xs_handle *xs, xs_transaction_t t, const struct device *dev);
/* Makes the three trees with their permissions: what all devices have, and the settings. */
bool device_write(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		  const struct setting *settings, size_t n);
/* Adds a key to a device that has been written. */
bool device_set(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		enum xs_key_id id, const char *value);
/* Asks the backend to close for good; with `abandon` as if the guest were gone: its directory
 * vanishes, and the backend need not wait for it. */
bool device_close(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		  bool abandon);
/* Removes the three trees, the error text and each parent that is left empty. */
bool device_remove(struct xs_handle *xs, xs_transaction_t t, const struct device *dev);

/* The devices of one class that a guest has; *list is to be freed. */
size_t device_ids(struct xs_handle *xs, uint32_t domid, enum xs_class class, uint32_t **list);

/* The two ends of a device, as seen from the toolstack. */
struct pair_view {
	bool frontend_there, backend_there;	/* there is such a directory, with a state */
	unsigned int frontend, backend;		/* their xenbus states; 0 if absent or malformed */
	bool frontend_bad;			/* the guest has written something else there */
	char error[256];			/* the backend's reason, escaped; "" if none */
};

void pair_read(struct xs_handle *xs, const struct device *dev, struct pair_view *view);

#endif
