/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - xpvd, the one backend process that reads what guests write in xenstore
 *
 *	host.c		what the host must have: event channels, grants, xenstored
 *	discover.c	watches -> which device needs a look
 *	device.c	a device's life, and what its worker's answers mean for it
 *	step.c		the look: both states in, one step of the table out, done
 *	claim.c		whether a device is ours to serve, or the kernel's, or QEMU's
 *	hotplug.c	devices that a script sets up
 *	primary.c	domains' primary consoles, which no directory of a backend's shows
 *	vconsole.c	a console: what is read of it, and what its clients find
 *	console_files.c	what it is served with: scrollback, socket, terminal
 *	console_log.c	its log: opened, rotated, opened again
 *	vdisk.c		what the steps mean for a disk: its features, its connection
 *	image.c		what a disk is served from: found, opened, measured
 *	sector.c	what its sectors are
 *	medium.c	media that are changed
 *	memory.c	disks without an image
 *	remote.c	disks that a server has
 *	format.c	images that are not raw: such a server for each
 *	header.c	what an image would have opened besides itself
 *	dial.c		connections to servers, made without waiting for them
 *	limit.c		how much of a disk its guest may use
 *	worker.c	what is said between us and the workers, one a guest and class
 *	process.c	their processes: started, started again, sent home
 *	adopt.c		those that an earlier supervisor left
 *	journal_file.c	the journal that a device's workers leave to each other
 *	store.c		xenstore through the schema: nothing unvalidated comes out of it
 *	control.c	what tools ask
 *	ring_stats.c	what the journals say of rings
 *
 * Nothing here is lost when xpvd dies: what exists is in xenstore, what is under way is in the
 * journals, and workers go on alone until the next xpvd connects to them.
 */
#ifndef XPV_SUPERVISOR_H
#define XPV_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenstore.h>

#include "format.h"
#include "log.h"
#include "loop.h"
#include "params.h"
#include "remote.h"
#include "schema.h"
#include "wire.h"

#define RUN_PATH_MAX	96	/* fits a Unix socket's address */
#define REASON_MAX	256

struct device;
struct json_object;
struct worker;

struct supervisor {
	struct loop loop;
	struct xs_handle *xs;		/* for what is asked and written */
	struct xs_handle *xs_watches;	/* ... and for what is heard of (host.c says why) */
	unsigned int domid;		/* our own: 0, or a driver domain's */
	const char *rundir;
	char libexec[RUN_PATH_MAX * 4];	/* where the workers' programs are */
	unsigned int spin_us;
	unsigned int max_queues;	/* that a disk is offered; a worker has a thread for each */
	const char *sysfs;		/* where the kernel shows its drivers */
	bool driver_known, driver[XS_KIND_COUNT];	/* the kernel's backends, as seen last */
	struct {
		bool served;		/* by us, and not by another daemon */
		const char *log_dir;	/* NULL: no logs */
		unsigned int rate;	/* looks at a page in 200 ms; 0: any number */
		unsigned int log_mib;	/* of a log file; 0: any size */
		bool escape;		/* escape characters do not go into logs */
	} consoles;
	bool debug;
	bool no_sandbox;		/* for debugging: workers are not confined */
	uid_t worker_uid;		/* who workers become, if we are root */
	gid_t worker_gid;
	bool broken;			/* ends because it cannot go on */
	bool leaving;			/* ends, and what serves disks is to go on */
	struct device *devices;
	struct worker *workers;
	struct loop_fd store_events, control, signals;
	struct loop_timer store_check;	/* a dead connection makes no event */
	struct loop_timer control_pause;	/* out of descriptors: no clients for a while */
};

/* What distinguishes a class of devices. Each function returns 0 or a negative value with
 * dev->reason set; all are called from device.c only. */
struct device_class {
	enum xs_class id;
	const char *program;		/* the worker's */
	const char *program_nbd;	/* of one that has disks on servers as well */
	/* Whether that may be opened. 1: yes; 0: not yet, with a reason if it is worth one. What
	 * changes it is below the backend's directory. */
	int (*ready)(struct device *dev);
	/* Opens what the device stands for and sets dev->identity; idempotent. 1: that takes a
	 * while, and device_look() is called when it is done. */
	int (*prepare)(struct device *dev);
	/* Writes what the backend offers. */
	bool (*publish)(struct device *dev, xs_transaction_t t);
	/* Reads what the frontend asks for into msg; fds stay the device's. */
	int (*collect)(struct device *dev, struct wire_msg *msg, int *fds);
	/* True if the journal is about the connection that the frontend asks for. */
	bool (*is_current)(struct device *dev);
	/* Writes what a connected frontend needs to know. */
	bool (*announce)(struct device *dev, xs_transaction_t t);
	/* The worker's first descriptor, which is closed when that has it; -EBUSY: what an earlier
	 * worker has begun is still under way; -EAGAIN: not at the moment. NULL: collect() has
	 * it. */
	int (*lend)(const struct device *dev);
	/* Completes the message that attaches it with what may have changed since collect(). */
	void (*complete)(struct device *dev, struct wire_msg *msg);
	/* A worker that an earlier supervisor left serves it: opens what that one knew of. */
	int (*adopt)(struct device *dev);
	/* What its worker is told in its arguments, from argv[argc] on; how many there are then. */
	unsigned int (*arguments)(const struct supervisor *sup, char **argv, unsigned int argc);
	/* How much has been done for it, by all workers that it had. */
	uint64_t (*progress)(const struct device *dev);
	/* The worker has something to say that only such devices know. False: nothing known.
	 * fds are closed afterwards, unless they are set to -1. */
	bool (*heard)(struct device *dev, const struct wire_msg *msg, int fds[WIRE_MAX_FDS]);
	/* In place of the states in xenstore, for devices that have none (NULL: they have): does
	 * what there is to do, as far as it can be done without waiting. */
	void (*look)(struct device *dev);
	/* Looks whether a connected device, of a worker that is idle in our eyes, is to serve
	 * something else. True: it has begun to. */
	bool (*change)(struct device *dev);
	/* Closes what prepare or adopt opened; idempotent. */
	void (*release)(struct device *dev);
};

/* Where a device stands with its worker. */
enum link_state {
	LINK_NONE,		/* no worker knows of it */
	LINK_PROBING,		/* it is being found out what there is to be attached */
	LINK_WAITING,		/* to be attached as soon as the worker greets */
	LINK_ATTACHING,		/* WIRE_ATTACH sent */
	LINK_ATTACHED,
	LINK_DETACHING,		/* WIRE_DETACH sent */
};

/* Whether a device is ours to serve. */
enum claim { CLAIM_UNDECIDED, CLAIM_OURS, CLAIM_OTHERS };

struct device {
	struct supervisor *sup;
	struct device *next;
	const struct device_class *class;
	enum xs_kind kind;		/* what its directory stands below */
	enum claim claim;
	unsigned int fe, devid;		/* the frontend's domain, the device's number */
	char be_path[XS_PATH_MAX], fe_path[XS_PATH_MAX], fe_state[XS_PATH_MAX];
	bool watched;			/* fe_state is */
	bool dirty;			/* something has changed: look again */
	bool failed;			/* broken for good, until the frontend starts over */
	bool domain_gone;
	bool unwanted;			/* its guest or its nodes went while its worker closed it */
	bool preparing;			/* class->prepare has said 1 */
	bool orphaned;			/* its worker has gone: to be told */
	bool troubled;			/* `reason` is about a server that may come back */
	enum xb_state mine;		/* as last read from the store */
	enum xb_state next_state;	/* to be written when the link has changed */
	enum link_state link;
	unsigned int postponed;		/* so often, because an earlier worker had it in use */
	struct worker *worker;
	char reason[REASON_MAX];	/* why it failed; "": it did not */
	char told[REASON_MAX];		/* what the error node says */
	struct loop_timer retry;	/* a host failure is to be got over */
	uint64_t identity[2];		/* tells what the device stands for from its namesakes */
	struct log_limit log_limit;	/* a guest can change states as often as it likes */

	/* the journal's file (journal_file.c) */
	int journal_fd;
	struct journal_head *journal;	/* section 0's; journal_file_head() has the others' */
	unsigned int journal_sections;

	/* image.c */
	struct {
		int fd;
		uint64_t sectors;
		uint32_t sector_size, physical_sector_size;	/* bytes */
		uint32_t wanted_sector_size, wanted_physical;	/* 0: not said */
		bool readonly, direct, discard, discard_secure;
		bool grown;		/* and the guest has not been told */
		uint32_t discard_granularity, discard_alignment;	/* bytes */
		enum xs_target_kind kind;
		uint32_t reconnect;	/* seconds */
		char target[XS_PATH_MAX * 2];
		char medium[XS_PATH_MAX * 2];	/* of a drive: what params said; "": empty */
		char why_empty[REASON_MAX];	/* what it said could not be opened */
		bool changing;		/* a medium is on its way out of its worker */
		bool changed;		/* another one is in, and the guest has not been told */
	} disk;
	/* limit.c */
	struct {
		struct wire_limit wanted;	/* as the store says */
		bool stale;		/* it may say something else */
		bool told;		/* to its worker, or to the one that it will have */
		bool in_force;		/* and that has answered */
	} limit;
	/* vconsole.c and those after it; descriptors are -1 where there is none */
	struct {
		int scroll_fd, log_fd, listener, pty, pty_slave;
		const struct scroll_head *head;
		char tty[64];		/* the terminal's name */
		char log_path[XS_PATH_MAX * 2];
	} console;
	struct remote remote;
	struct format format;
};

/* device.c */
struct device *device_find(struct supervisor *sup, enum xs_kind kind, unsigned int fe,
			   unsigned int devid);
/* The same, by what a worker knows of it: of all kinds, at most one is ours. */
struct device *device_served(struct supervisor *sup, enum xs_class class, unsigned int fe,
			     unsigned int devid);
struct device *device_create(struct supervisor *sup, enum xs_kind kind, unsigned int fe,
			     unsigned int devid);
/* The device that a frontend's watch belongs to; NULL: gone, or not such a token. */
struct device *device_by_token(struct supervisor *sup, const char *token);
/* Does what the pair of states asks for, as far as it can be done without waiting. */
void device_look(struct device *dev);
/* Has events about its frontend lead to it. False: they do not. */
bool device_watch(struct device *dev);
/* Forgets the device, whose nodes are gone; the worker is told. */
void device_remove(struct device *dev);
/* What keeps a connected disk's server away, for people to read; "": nothing does any more. */
void device_trouble(struct device *dev, const char *why);
/* From worker.c: the worker has answered, or died. */
void device_attached(struct device *dev, int rc, const char *why);
void device_detached(struct device *dev);
void device_broken(struct device *dev, const char *why);
void device_worker_lost(struct device *dev);
/* The device cannot go on, for dev->reason. Before it was ever offered, it waits where it is for
 * the toolstack to do something about it; afterwards it asks its frontend to let go. */
void device_fail(struct device *dev);
/* The host cannot serve a connection that exists, for dev->reason: the guest waits, and it is tried
 * again in a while. */
void device_hold(struct device *dev);
/* What it waits for will be there in a moment: it asks for its worker again then. */
void device_postpone(struct device *dev);
/* Nobody has begun with it: its nodes are as the toolstack made them. */
bool device_is_new(const struct device *dev);
/* "guest 3 vbd 51712"; valid until the next call. */
const char *device_name(const struct device *dev);
/* Keeps the first reason; returns -1. */
int device_reason(struct device *dev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* step.c */
/* Reads the states and does one step. 0: look again; 1: enough, or the device is gone. */
int device_step(struct device *dev);
/* Opens what the device stands for. 0; 1: it will be looked at again; -1 with dev->reason. */
int device_open(struct device *dev);
/* Writes our state, with what belongs to it. 0, also if somebody else changed it first; -1 with
 * dev->reason. */
int device_go(struct device *dev, enum xb_state next,
	      bool (*write)(struct device *dev, xs_transaction_t t));

/* host.c: both 0 or -1, logged */
int host_check(const struct supervisor *sup);
int host_open_store(struct supervisor *sup);

/* discover.c */
/* Sets the watches. 0 or -errno. */
int discover_start(struct supervisor *sup);
/* Looks at all devices that are marked dirty. */
void discover_run(struct supervisor *sup);
const struct device_class *device_class_of(enum xs_class id);
/* The children of a node that are numbers below limit; calls found() for each. */
void each_number(struct supervisor *sup, const char *path, uint64_t limit,
		 void (*found)(struct supervisor *sup, const char *path, unsigned int n,
			       void *arg), void *arg);

/* claim.c */
/* Whether the device is ours; decided once, and logged. */
bool device_claim(struct device *dev);
/* Its number is free: others that have it are to be decided anew. */
void device_unclaim(struct device *dev);
/* Looks whether the kernel's backends have come or gone. */
void claims_refresh(struct supervisor *sup);

/* hotplug.c */
/* 1: no script, or it is done; 0: it has yet to end; -1 with dev->reason: it failed. */
int hotplug_ready(struct device *dev);

/* vdisk.c */
extern const struct device_class vdisk_class;

/* primary.c */
#define PRIMARY_TOKEN	"introduce"	/* of its watch's events: primary_scan() is to be called */
/* Watches for domains. 0 or -errno. */
int primary_start(struct supervisor *sup);
/* Finds the consoles of domains that are there. */
void primary_scan(struct supervisor *sup);

/* vconsole.c */
extern const struct device_class vconsole_class;

/* console_files.c */
/* Creates the directories. 0 or -errno. */
int console_files_init(struct supervisor *sup);
void console_init(struct device *dev);
/* Opens or makes what is not open; size: of a new scrollback. Idempotent. 0 or -1 with
 * dev->reason. */
int console_open(struct device *dev, uint32_t size);
/* The scrollback alone, where there is one. 0 or -1 with dev->reason. */
int console_adopt(struct device *dev);
/* Takes the socket and the terminal that an adopted worker has; fds taken are set to -1. */
void console_keep(struct device *dev, int fds[WIRE_MAX_FDS]);
void console_close(struct device *dev);
/* "RUNDIR/console/3-0.sock". False: it does not fit. */
bool console_socket_path(const struct device *dev, char *buf, size_t size);
/* Removes what consoles have left that went while there was no xpvd. */
void console_sweep(struct supervisor *sup);

/* console_log.c */
/* Opens the log, if there is to be one; else a file that takes everything. */
int console_log_open(struct device *dev);
/* It is full: begins another. */
void console_log_rotate(struct device *dev);
/* Somebody has moved the files away: begins others. */
void console_logs_reopen(struct supervisor *sup);

/* image.c */
/* Opens what serves the disk, finds its size and identity; idempotent. 0 or -1 with a reason. */
int image_open(struct device *dev);
/* The same, from medium.c: of a drive that is closed, and has something or nothing in it. */
int image_open_medium(struct device *dev);
int image_open_empty(struct device *dev);
void image_close(struct device *dev);
/* A descriptor of it for a worker, to be closed when that has it; -EBUSY: what an earlier worker
 * wrote is still under way; -EAGAIN: not at the moment. */
int image_lend(const struct device *dev);

/* rings.c */
/* Writes how many rings a frontend may have, and how large. */
bool rings_offer(struct device *dev, xs_transaction_t t);
/* Reads which the frontend has chosen. 0, or negative, with dev->reason where a key is wrong. */
int rings_read(struct device *dev, struct wire_vdisk *disk);

/* sector.c */
struct medium {
	uint64_t bytes;
	uint32_t logical, physical;	/* sizes of its sectors, in bytes */
	uint32_t unit;			/* it takes no less at a time; 0: whatever it is */
};

/* What a block device says of itself; of anything else, 512 bytes. No `bytes`, no `unit`. */
struct medium sector_ask(int fd);
/* What O_DIRECT takes. */
uint32_t sector_direct_unit(int fd);
/* Decides what the guest's disk has; -1 with a reason: that cannot be. */
int sector_settle(struct device *dev, const struct medium *m);

/* medium.c */
/* A drive: what is in it may change while its guest is connected. */
bool medium_may_change(struct device *dev);
/* True: it is one, and params wants something else than this in it. */
bool medium_is_other(struct device *dev, const char *medium);
/* As image_open(), of a drive. */
int medium_open(struct device *dev);
/* Writes what is in it. */
bool medium_announce(struct device *dev, xs_transaction_t t);
/* Begins to change the medium of a connected drive, if params wants another. */
bool medium_change(struct device *dev);
/* The worker has let go of the disk. True: for this, and the connection goes on. */
bool medium_is_out(struct device *dev);
/* The worker serves the new medium: the guest may know. */
void medium_changed(struct device *dev);

/* resize.c */
/* Makes the image that much larger, or (bytes 0) takes it as large as it is, and tells the worker
 * and then the guest. NULL, or why not, valid until the next call. */
const char *device_resize(struct device *dev, uint64_t bytes);
/* The worker takes requests for all of a disk that has grown: the guest may know. */
void device_resized(struct device *dev);

/* limit.c */
/* True: a key in the backend's directory that limit.c reads. */
bool limit_is_key(const char *name);
/* Reads the keys of a disk that is to be opened. 0 or -1 with dev->reason. */
int limit_read(struct device *dev);
/* Reads them again, and tells the worker if they are others. NULL, or why they stay as they are,
 * valid until the next call. */
const char *limit_refresh(struct device *dev);
/* The same if they may have changed, or its worker has not been told. */
void limit_look(struct device *dev);
/* What a worker is told. */
struct wire_limit limit_to_tell(struct device *dev);
void limit_heard(struct device *dev, uint32_t serial);
/* Nothing is done any more that the limits do not allow. */
bool limit_in_force(const struct device *dev);

/* discard.c */
/* Whether the open image is able to discard, and in what units. */
void image_find_discard(struct device *dev);
/* Whether it is permitted; one that is not able to need not be asked. */
bool image_may_discard(struct device *dev);
/* The same for a disk that a server has: it discards in units of so many bytes; 0: not at all. */
void image_take_discard(struct device *dev, uint32_t unit);
/* ... and for one whose guest has been told already. */
void image_recall_discard(struct device *dev);

/* memory.c */
/* As image_open(), for a disk of that kind. */
int memory_open(struct device *dev, const struct xs_target *target);
/* The disk is gone, and its data with it. */
void memory_remove(const struct device *dev);
/* Removes the data of disks that went while there was no xpvd. */
void memory_sweep(struct supervisor *sup);

/* adopt.c */
void workers_adopt(struct supervisor *sup);

/* worker.c */
/* If one of them serves this device, which was just discovered, it is its worker. */
void worker_claim(struct device *dev);
/* What they serve and nobody claimed is to be closed. */
void workers_disown(struct supervisor *sup);
/* True if one of them serves it: dev need not be ours for that. */
bool worker_has(const struct device *dev);
/* Asks for dev to be served (class->collect is called when the worker is ready). */
void worker_attach(struct device *dev);
void worker_detach(struct device *dev);
/* The same, and the connection stays in the journal: it will be attached again. */
void worker_suspend(struct device *dev);
/* Tells it the disk's new size; device_resized() follows. */
void worker_resize(struct device *dev);
/* Tells it what the disk's limits are; limit_heard() follows. */
void worker_limit(struct device *dev);
/* The device waits for an answer: for one that nobody wants any more not without end. */
void worker_await(struct device *dev);
/* Says something that only its class knows; fds stay the caller's. 0 or -errno. */
int worker_say(struct device *dev, const struct wire_msg *msg, const int *fds, int nr);
/* Forgets that the device waits for anything. */
void worker_forget(struct device *dev);

/* process.c */
/* Sends workers without devices home. */
void workers_sweep(struct supervisor *sup);
/* Lets a guest's workers (all: every guest's) of a class (COMMON: of any) finish what is under way
 * and replaces them. How many were. */
unsigned int workers_restart(struct supervisor *sup, unsigned int domid, bool all,
			     enum xs_class class);
/* For listings: 0 if there is none. */
int worker_pid(const struct worker *worker);
/* True: it was asked to finish, and a successor takes over. */
bool worker_leaving(const struct worker *worker);
void workers_close(struct supervisor *sup);

/* run_file.c */
#define RUN_FILE_NAME 32
/* The name that a device's files have, perhaps with a suffix; its length. */
int run_file_name(const struct device *dev, char *buf, size_t size);
/* True: there is a device of that name. */
bool run_file_belongs(const struct supervisor *sup, const char *name);
/* The device's file of this kind, which is a directory's name. False: it does not fit. */
bool run_file_path(const struct device *dev, const char *kind, char *buf, size_t size);
/* Removes those that belong to no device. */
void run_files_sweep(struct supervisor *sup, const char *kind);

/* journal_file.c */
/* Opens or creates the device's journal, mapped; idempotent. 0 or -1 with dev->reason. */
int journal_file_open(struct device *dev);
/* Makes room for that many rings of so many slots, before their connection begins. 0 or -errno. */
int journal_file_grow(struct device *dev, unsigned int queues, uint32_t slots);
/* A queue's section, for which journal_file_grow() has made room. */
struct journal_head *journal_file_head(const struct device *dev, unsigned int queue);
/* The counters of all queues together; zeros if there is no journal. */
struct journal_stats;
void journal_file_stats(const struct device *dev, struct journal_stats *sum);
/* Ends a worker that nobody knows of and that still has the journal: an earlier supervisor's, whose
 * name was lost. */
void journal_file_evict(struct device *dev);
/* No worker serves the device and the connection is over: what it left is void. */
void journal_file_void(struct device *dev);
/* Its worker has gone: notes when, unless that one has. */
void journal_file_alone(struct device *dev);
void journal_file_close(struct device *dev, bool remove);
/* Creates the directory. 0 or -errno. */
int journal_file_init(struct supervisor *sup);
/* True if an earlier supervisor left a journal that is about a connection. */
bool journal_file_connected(struct device *dev);
/* Removes the journals of devices that are gone: their nodes went while there was no xpvd. */
void journal_file_sweep(struct supervisor *sup);

/* store.c */
/* 0 and *out; -ENOENT; -EINVAL (dev->reason says which key and why); -errno. */
int store_number(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
		 unsigned int i, uint64_t *out);
/* The same for a key with two indexes. */
int store_number_2(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
		   unsigned int i, unsigned int j, uint64_t *out);
/* A number that may be absent, outside of transactions: its default then. 0 or -errno. */
int store_optional(struct device *dev, const char *dir, enum xs_key_id id, uint64_t *out);
/* The same of the backend's own directory: 0, or -1 with dev->reason. */
int store_setting(struct device *dev, enum xs_key_id id, uint64_t *out);
/* The same for text, at most size - 1 bytes long. */
int store_text(struct device *dev, xs_transaction_t t, const char *dir, enum xs_key_id id,
	       char *buf, size_t size);
bool store_put(struct device *dev, xs_transaction_t t, enum xs_key_id id, const char *value);
bool store_put_number(struct device *dev, xs_transaction_t t, enum xs_key_id id, uint64_t value);
/* In one transaction: checks that our state is still `mine`, calls write (may be NULL), writes
 * the state. 0; -EAGAIN: the state is another now, look again; -errno. */
int store_switch_state(struct device *dev, enum xb_state mine, enum xb_state next,
		       bool (*write)(struct device *dev, xs_transaction_t t));
/* Tells administrators why the device does not work ("": it does). */
void store_tell_reason(struct device *dev, const char *reason);

/* ring_stats.c */
/* Adds what was counted. */
void ring_counters(struct json_object *out, const struct journal_stats *stats);
/* An array with each ring of a device: where it stands, what was counted, and, if timed, how long
 * requests took. */
struct json_object *ring_list(const struct device *dev, bool timed);

/* control.c */
int control_start(struct supervisor *sup);
void control_stop(struct supervisor *sup);

#endif
