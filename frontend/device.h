/* SPDX-License-Identifier: MIT */
/*
 * device.h - what the frontends of all classes share, private to the core
 *
 * A class embeds struct pv_device and supplies struct pv_class: what to write, read and give up at
 * the turns of the handshake. device.c decides when, from xenstore-schema's step table.
 */
#ifndef XPV_FRONTEND_DEVICE_H
#define XPV_FRONTEND_DEVICE_H

#include "os.h"
#include "pv.h"
#include "schema.h"

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define PV_REASON_MAX	128

struct pv_device;

/* All return an enum pv_err. On an error other than PV_EPORT they have called pv_device_fail(). */
struct pv_class {
	enum xs_class id;
	/* Before each step: takes up what requests have found out; fails the device if need be. */
	void (*noticed)(struct pv_device *dev);
	/* Grant the ring, open the channel, write them to xenstore. */
	int (*publish)(struct pv_device *dev);
	/* Read what the backend offers; requests flow. */
	int (*connect)(struct pv_device *dev);
	/* The connected backend has touched its state again: an online resize. */
	int (*changed)(struct pv_device *dev);
	/* Requests stop. Nothing may be given back yet. If the device is not wanted any more, as
	 * when it has failed, every outstanding request is handed back. */
	void (*disconnect)(struct pv_device *dev);
	/* The connection is over: give up its ring and channel, keep what is outstanding. */
	int (*reset)(struct pv_device *dev);
	/* Ask once more for pages that the backend held on to. PV_EBUSY: it still does. */
	int (*reclaim)(struct pv_device *dev);
	/* Give up everything. PV_EBUSY: not all of it can be yet. */
	int (*release)(struct pv_device *dev);
};

struct pv_device {
	const struct pv_class *class;
	struct pv_os *os;
	uint32_t devid;
	uint32_t own_domid;
	uint32_t backend_domid;

	enum xb_state mine;	/* our place in the step table */
	enum xb_state written;	/* what stands in xenstore; XB_UNKNOWN: not ours to say */
	bool wanted;
	bool published;		/* there may be grants, made out to backend_domid */
	bool was_connected;
	bool started;		/* our domid is known, the first watch is set */
	bool located;		/* the backend's directory is known and watched */
	bool vanished;		/* our own directory was removed: never write there again */
	bool released;
	bool attention;		/* a step is due although no watch fires */

	uint64_t retry_at;	/* when to ask for pages, or xenstore, again; 0: need not */
	uint64_t log_second;
	uint32_t log_lines;

	enum pv_err error;
	char reason[PV_REASON_MAX];
	char frontend[32];	/* device/vbd/51712 */
	char backend[96];	/* /local/domain/0/backend/vbd/7/51712 */
};

/* device.c */
void pv_device_init(struct pv_device *dev, const struct pv_class *class, struct pv_os *os,
		    uint32_t devid);
int pv_device_step(struct pv_device *dev);
bool pv_device_wants_step(const struct pv_device *dev);
void pv_device_close(struct pv_device *dev);
enum pv_state pv_device_state(const struct pv_device *dev);

/* Something could not be done now: the device tries again in 100 ms. */
void pv_device_hold(struct pv_device *dev);

/* Gives the device up, with its first reason; from any context. detail may be NULL. Always returns
 * err, so that a failing function can end with it. */
int pv_device_fail(struct pv_device *dev, enum pv_err err, const char *reason, const char *detail);
void pv_device_log(struct pv_device *dev, enum pv_log_level level, const char *text,
		   const char *detail);

/* Appends to a terminated text; what does not fit is cut off. */
void pv_append(char *buf, size_t size, const char *text);

/* device_store.c. All return PV_OK, PV_EPORT, or the error with which they failed the device. */

/* Learns who we are, and looks out for our own directory. Repeatable. */
int pv_device_start(struct pv_device *dev);
/* Finds the backend, or finds that the device is gone. */
int pv_device_locate(struct pv_device *dev);
/* The backend's state, as a number for the step table; anything but a state is XB_STATE_COUNT. */
int pv_device_read_peer(struct pv_device *dev, unsigned int *peer);
/* Writes our state, if the store has another and the device is still there. */
int pv_device_write_state(struct pv_device *dev);
void pv_device_unwatch(struct pv_device *dev);
/* The numbers of this domain's devices of a class, in xenstore's order; how many, or an error. */
int pv_device_list(struct pv_os *os, enum xs_class class, uint32_t *devids, size_t max);

/* A key of the backend's, validated; its default where it is absent. */
int pv_device_read(struct pv_device *dev, enum xs_key_id id, uint64_t *out);
/* A key of ours. NULL removes it. i and j are its indexes, if it has some. */
int pv_device_write(struct pv_device *dev, enum xs_key_id id, unsigned int i, unsigned int j,
		    const char *value);
int pv_device_write_number(struct pv_device *dev, enum xs_key_id id, unsigned int i,
			   unsigned int j, uint64_t value);

#endif
