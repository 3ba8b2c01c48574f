/* SPDX-License-Identifier: MIT */
/*
 * schema.h - every xenstore key of every device, as tables
 *
 * The keys of a paravirtual device are its contract: who writes each one, of what type it is, in
 * what range, and what its absence means. That contract stands in the *.def files, once; from it
 * come the enumeration below, the parser, the documentation (`xpv schema`) and the linter
 * (`xpv check`). A key's name appears nowhere else.
 *
 * Freestanding: no libc, no allocation, no global state. All functions may be called from any
 * context and never block. Texts that come from xenstore are not trusted to be terminated, short
 * or sane: every parser takes a length.
 *
 * Sources: xen/io/blkif.h, xen/io/xenbus.h, docs/misc/xenstore-paths.pandoc.
 */
#ifndef XPV_SCHEMA_H
#define XPV_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest path and longest value that are handled (xen/io/xs_wire.h: 2048 relative, 3072
 * absolute, 4096 a message); ours are far below. */
#define XS_PATH_MAX	256
#define XS_VALUE_MAX	4096

#define XS_DOMID_MAX		0x7fef		/* below DOMID_FIRST_RESERVED of xen/xen.h */
#define XS_VDEV_MAX		((2u << 28) - 1)	/* larger device numbers are reserved */
#define XS_RING_ORDER_MAX	4		/* what Linux's xenbus maps at most */
#define XS_RING_PAGES_MAX	(1u << XS_RING_ORDER_MAX)
#define XS_QUEUES_MAX		256
#define XS_INDIRECT_SEGMENTS_MAX 4096		/* 8 pages of 512 segments (xen/io/blkif.h) */

/* The xenbus states, numbered as in xen/io/xenbus.h. */
enum xb_state {
	XB_UNKNOWN = 0,
	XB_INITIALISING = 1,
	XB_INIT_WAIT = 2,
	XB_INITIALISED = 3,
	XB_CONNECTED = 4,
	XB_CLOSING = 5,
	XB_CLOSED = 6,
	XB_RECONFIGURING = 7,
	XB_RECONFIGURED = 8,
	XB_STATE_COUNT
};

enum xs_class {
	XS_CLASS_COMMON,	/* keys that every device has; no device type of its own */
	XS_CLASS_VDISK,		/* device type "vbd" */
	XS_CLASS_VCONSOLE,	/* device type "console" */
	XS_CLASS_COUNT
};

/* What a backend's directory stands below. It need not be the frontend's type: backends that are
 * not the kernel's serve the same frontends, and libxl keeps them apart by this name. */
enum xs_kind {
	XS_KIND_VBD,		/* disks of the kernel's backend, or of what takes its place */
	XS_KIND_QDISK,		/* disks of QEMU's, and of others that libxl takes for QEMU */
	XS_KIND_CONSOLE,	/* consoles, whoever serves them */
	XS_KIND_COUNT
};

enum xs_type {
	XS_UINT,	/* decimal number in [min, max] */
	XS_BOOL,	/* 0 or 1 */
	XS_STATE,	/* an xb_state */
	XS_DOMID,	/* decimal number below DOMID_FIRST_RESERVED (0x7ff0) */
	XS_GREF,	/* grant reference: 32-bit decimal number */
	XS_PORT,	/* event channel port: 32-bit decimal number, not 0 */
	XS_CHOICE,	/* one of a list of words: choices, separated by '|' */
	XS_TEXT,	/* printable text without control bytes */
	XS_PATH,	/* an absolute xenstore path */
	XS_MESSAGE,	/* words for people, of any bytes but NUL: to be escaped and shown */
	XS_VALUE_TYPES	/* not XS_TYPE_COUNT, which is of xen/io/xs_wire.h */
};

enum xs_side { XS_FRONTEND_DIR, XS_BACKEND_DIR };

enum xs_writer { XS_BY_TOOLSTACK, XS_BY_BACKEND, XS_BY_FRONTEND, XS_BY_HOTPLUG, XS_WRITER_COUNT };

enum xs_presence {
	XS_REQUIRED,	/* a device without it cannot connect */
	XS_OPTIONAL,	/* absent means dflt */
	XS_WHEN,	/* required under the condition that doc names (one queue, ring order) */
	XS_DEPRECATED,	/* still understood, never written */
	XS_PRESENCE_COUNT
};

/* One enumerator a key: XS_<SIDE>_<NAME>, e.g. XS_B_SECTORS, XS_F_RING_REF. */
enum xs_key_id {
#define XS_KEY(id, ...) id,
#include "common.def"
#include "vdisk.def"
#include "vconsole.def"
#undef XS_KEY
	XS_KEY_COUNT
};

struct xs_key {
	const char *name;	/* may hold %u once or twice: an index (ring-ref%u, queue-%u/...) */
	enum xs_class class;
	enum xs_side side;	/* the directory that it stands in */
	enum xs_writer writer;
	enum xs_type type;
	enum xs_presence presence;
	uint64_t min, max;	/* of a number; of a text: its length */
	const char *dflt;	/* the meaning of its absence; NULL: none */
	const char *choices;	/* XS_CHOICE: the words, separated by '|'; a last '|': or nothing */
	const char *doc;	/* one sentence, without a final full stop */
};

/* schema.c: the tables */
extern const struct xs_key xs_keys[XS_KEY_COUNT];

/* The key's record; id is trusted (our own constant). */
static inline const struct xs_key *xs_key(enum xs_key_id id) { return &xs_keys[id]; }

/* Finds the key that `name` (relative to the device's directory, e.g. "queue-3/ring-ref1") is an
 * instance of; NULL: none. Fills idx[0..1] with its indexes. */
const struct xs_key *xs_key_find(enum xs_class class, enum xs_side side, const char *name,
				 unsigned int idx[2]);

/* "vbd"; NULL for XS_CLASS_COMMON. */
const char *xs_class_type(enum xs_class class);
/* "vdisk"; "common" for XS_CLASS_COMMON. */
const char *xs_class_name(enum xs_class class);
/* "qdisk"; NULL out of range. */
const char *xs_kind_name(enum xs_kind kind);
/* The class of the devices that such a backend serves; XS_CLASS_COMMON out of range. */
enum xs_class xs_kind_class(enum xs_kind kind);
/* Where the kernel's own backend of that kind is while it is loaded, below sysfs, and the name of
 * its module; NULL: the kernel has none. */
const char *xs_kind_driver(enum xs_kind kind);
const char *xs_kind_module(enum xs_kind kind);
/* "Connected" and so on, as xen/io/xenbus.h names them; "invalid" out of range. */
const char *xb_state_name(unsigned int state);
const char *xs_writer_name(enum xs_writer writer);
const char *xs_type_name(enum xs_type type);
const char *xs_presence_name(enum xs_presence presence);
const char *xs_side_name(enum xs_side side);

/* parse.c: typed and validating */
enum xs_err {
	XS_OK = 0,
	XS_EEMPTY,	/* no text */
	XS_ESYNTAX,	/* not of the key's type */
	XS_ERANGE,	/* of the type, but outside [min, max] or not among the choices */
	XS_ETOOLONG,	/* does not fit the caller's buffer */
	XS_ECOUNT
};

/* One short phrase: "is not a decimal number" ... Takes the key so that ranges are shown by the
 * caller through xs_describe(). */
const char *xs_strerror(enum xs_err err);

/* Decimal digits only: no sign, no blank, no 0x, no leading '+', at most 20 digits, no overflow. */
enum xs_err xs_parse_u64(const char *text, size_t len, uint64_t *out);

/* Validates text against the key's type and range. For numeric types (UINT, BOOL, STATE, DOMID,
 * GREF, PORT) *out is the number; for CHOICE the index of the word; for TEXT, PATH and MESSAGE the
 * length. *out is untouched on error. out may be NULL. */
enum xs_err xs_parse(enum xs_key_id id, const char *text, size_t len, uint64_t *out);
enum xs_err xs_parse_key(const struct xs_key *key, const char *text, size_t len, uint64_t *out);

/* The numeric meaning of the key's absence (its dflt parsed); 0 if there is none. */
uint64_t xs_default(enum xs_key_id id);

/* What the key accepts, in words: "a number from 0 to 4", "one of r, w". Truncates to size. */
void xs_describe(const struct xs_key *key, char *buf, size_t size);

/* path.c: paths and numbers, written without stdio. All return the length written (without the
 * terminator), or 0 when it does not fit; buf is terminated whenever size > 0. */
size_t xs_format_u64(char *buf, size_t size, uint64_t value);
/* The key's name with its indexes filled in. */
size_t xs_key_name(char *buf, size_t size, enum xs_key_id id, unsigned int i, unsigned int j);
/* dir + "/" + key name. */
size_t xs_key_path(char *buf, size_t size, const char *dir, enum xs_key_id id,
		   unsigned int i, unsigned int j);
/* /local/domain/<be>/backend/<kind>/<fe>/<devid> */
size_t xs_backend_path(char *buf, size_t size, unsigned int be, enum xs_kind kind,
		       unsigned int fe, unsigned int devid);
/* /local/domain/<fe>/device/<type>/<devid> */
size_t xs_frontend_path(char *buf, size_t size, unsigned int fe, enum xs_class class,
			unsigned int devid);
/* /local/domain/<fe>/console: the directory of a domain's primary console. */
size_t xs_primary_console_path(char *buf, size_t size, unsigned int fe);
/* /local/domain/<be>/error/<path below /local/domain/<be>/>/error: where a driver says why it
 * failed (Linux's xenbus_dev_error convention). */
size_t xs_error_path(char *buf, size_t size, unsigned int be, enum xs_kind kind,
		     unsigned int fe, unsigned int devid);
/* /local/domain/<fe>/error/device/<type>/<devid>/error: the same for a frontend. The guest writes
 * it: a hint to show, never to act upon. */
size_t xs_frontend_error_path(char *buf, size_t size, unsigned int fe, enum xs_class class,
			      unsigned int devid);
/* "backend/<kind>" : what a backend watches, relative to its own domain. */
size_t xs_backend_root(char *buf, size_t size, enum xs_kind kind);
/* "device/<type>" : where a frontend looks, relative to its own domain. */
size_t xs_device_root(char *buf, size_t size, enum xs_class class);
/* Takes a backend path (absolute, or relative as a watch on "backend/vbd" reports it) apart:
 * true if it is exactly a device's directory or below it. rest: what follows, without the slash
 * ("state"), "" if nothing. */
bool xs_split_backend_path(const char *path, enum xs_kind *kind, unsigned int *fe,
			   unsigned int *devid, const char **rest);

/* vdev.c: a virtual disk's name and number (docs/man/xen-vbd-interface.7) */
/* "xvda", "xvdb3", "sda", "hdc", "xvdaa", or a decimal or 0x number -> device number. */
enum xs_err xs_vdev_parse(const char *text, size_t len, uint32_t *vdev);
/* device number -> "xvdb3"; falls back to the decimal number for foreign encodings. */
size_t xs_vdev_name(char *buf, size_t size, uint32_t vdev);

/* hotplug.c: who sets up what a device stands for, and how far that has come */
enum xs_hotplug {
	XS_HOTPLUG_DONE,	/* there is nothing to be done, or it was done */
	XS_HOTPLUG_RUNNING,	/* a script has yet to say how it ended */
	XS_HOTPLUG_FAILED
};

/* From the values of a backend's keys script and hotplug-status, NULL if absent. A script runs once
 * the backend is in InitWait; what it sets up may not be touched before it is done. */
enum xs_hotplug xs_hotplug(const char *script, const char *status);

/* state.c: the life of a device as a table */
enum xb_action {
	XB_STAY,	/* nothing to do but to write next, if it differs */
	XB_PUBLISH,	/* write what we offer (backend: features; frontend: ring, port) */
	XB_CONNECT,	/* read what the peer wrote, connect */
	XB_DISCONNECT,	/* stop the data path; a backend unmaps and closes its channel as well */
	XB_RESET,	/* the last connection is over: give up what is left of it, start anew */
	XB_REMOVE,	/* both ends are closed for good: give up everything */
	XB_VIOLATION,	/* the peer may not do this in this state: fail the device */
	XB_ACTION_COUNT
};

/* "connect" and so on. */
const char *xb_action_name(enum xb_action action);

struct xb_step {
	enum xb_state next;	/* the state to write once the action has succeeded */
	enum xb_action action;
};

/* What a backend in state `mine` does when it sees its frontend in `peer` (0: no frontend node).
 * online: the toolstack still wants the device (backend key "online"). Any pair of numbers is
 * accepted, also out of range: it is a violation. Peers that skip states are tolerated. */
struct xb_step xb_backend_step(unsigned int mine, unsigned int peer, bool online);
/* The same for a frontend that sees its backend in `peer` (0: no backend node). wanted: the guest
 * wants the device open. */
struct xb_step xb_frontend_step(unsigned int mine, unsigned int peer, bool wanted);

#endif
