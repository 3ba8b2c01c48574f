/* SPDX-License-Identifier: MIT */
/*
 * wire.h - what the supervisor and a worker say to each other
 *
 * One SOCK_SEQPACKET connection a worker: a message is one packet, struct wire_msg, with at most
 * WIRE_MAX_FDS file descriptors. The worker listens on a socket that the supervisor made for it,
 * and greets every supervisor that connects with WIRE_HELLO and a WIRE_ATTACHED for each device
 * that it serves. So a new supervisor takes up the workers of an old one, and a worker needs no
 * supervisor to go on serving.
 *
 *	supervisor -> worker			worker -> supervisor
 *	WIRE_ATTACH devid, vdisk + fds		WIRE_ATTACHED devid, result (rc 0, or why not)
 *	WIRE_DETACH devid			WIRE_DETACHED devid (nothing is mapped any more)
 *	WIRE_SUSPEND devid			... and the journal is as a dead worker's
 *	WIRE_RESIZE devid, vdisk.sectors	WIRE_RESIZED devid (requests may reach there)
 *	WIRE_LIMIT devid, limit			WIRE_LIMITED devid, serial (it is in force)
 *	WIRE_QUIT (finish, keep the journals)	WIRE_FAILED devid, result: the guest's fault
 *
 * Both ends are the same build (WIRE_VERSION says so), and the worker is trusted less: the
 * supervisor bounds-checks all that it reads.
 */
#ifndef XPV_WIRE_H
#define XPV_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#define WIRE_VERSION	5
#define WIRE_MAX_FDS	6	/* even: the kernel pads to that, and would pass one more */
#define WIRE_TEXT	192
#define WIRE_EXPORT	256
#define WIRE_MAX_GREFS	16	/* ring pages: 2^max-ring-page-order */
#define WIRE_MAX_QUEUES	4	/* of a disk, each with a thread of the worker's */

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_ATTACH,
	WIRE_ATTACHED,
	WIRE_DETACH,
	WIRE_DETACHED,
	WIRE_FAILED,
	WIRE_QUIT,
	WIRE_RESIZE,
	WIRE_RESIZED,
	/* of disks that a server of network block devices has */
	WIRE_PROBE,		/* supervisor: find out what this server has */
	WIRE_PROBED,
	WIRE_LINK_WANTED,	/* worker: its connection is lost, or was never made */
	WIRE_LINK,		/* supervisor: there is one */
	WIRE_TROUBLE,		/* worker: why it is not connected; "": it is */
	WIRE_SUSPEND,		/* supervisor: as WIRE_DETACH, and the journal is kept */
	WIRE_LIMIT,		/* supervisor: how much may be taken off the ring */
	WIRE_LIMITED,		/* worker: it takes no more; paused: nothing is under way */
	/* of consoles */
	WIRE_KEEP,		/* worker: what a successor of its is to have (fds) */
	WIRE_LOG_FULL,		/* worker: its log is as long as it may be */
	WIRE_LOG,		/* supervisor: another file to write it to (fd) */
	WIRE_LAST = WIRE_LOG
};

enum wire_hello_flags {
	WIRE_SPEAKS_NBD = 1 << 0,	/* such disks can be attached */
};

enum wire_target { WIRE_FILE, WIRE_NULL, WIRE_NBD };

enum wire_vdisk_flags {
	WIRE_READONLY = 1 << 0,
	WIRE_PERSISTENT = 1 << 1,	/* both ends offer persistent grants */
	WIRE_DISCARD = 1 << 2,		/* the disk takes discards */
	WIRE_DIRECT = 1 << 3,		/* the target was opened with O_DIRECT */
	WIRE_SECURE = 1 << 4,		/* the disk takes secure discards as well */
};

/* How much of a disk its guest may use. It comes with WIRE_ATTACH too, and WIRE_LIMITED follows. */
struct wire_limit {
	uint64_t iops, iops_burst;	/* requests a second, and at once; 0: any, the usual */
	uint64_t bps, bps_burst;	/* the same in bytes */
	uint32_t paused;		/* nothing is taken */
	uint32_t serial;		/* for the answer */
};

/* One ring of a disk's. */
struct wire_queue {
	uint32_t port;			/* the frontend's event channel port */
	uint32_t gref[WIRE_MAX_GREFS];
};

/* A disk's connection, as the supervisor has read and checked it. */
struct wire_vdisk {
	uint64_t sectors;		/* 512-byte units */
	uint32_t sector_size;
	uint32_t flags;			/* enum wire_vdisk_flags */
	uint32_t target;		/* enum wire_target */
	uint32_t reconnect;		/* NBD: seconds that I/O waits for a lost server */
	uint32_t abi;			/* enum blk_abi */
	uint32_t nr_queues;
	uint32_t nr_grefs;		/* pages of each ring */
	struct wire_queue queue[WIRE_MAX_QUEUES];
	struct wire_limit limit;
};

enum wire_console_flags {
	WIRE_LOG_ESCAPE = 1 << 0,	/* escape characters do not go into the log */
};

/* A console's connection; fds: enum console_fd of vconsole/console.h. */
struct wire_console {
	uint32_t port;			/* the guest's event channel port */
	uint32_t gref;			/* of its page */
	uint32_t size;			/* bytes of scrollback */
	uint32_t flags;			/* enum wire_console_flags */
	uint32_t rate;			/* looks at the page in 200 ms; 0: any number */
	uint32_t unused;
	uint64_t log_max;		/* bytes of a log file; 0: any number */
};

struct wire_result {
	int32_t rc;			/* 0 or -errno */
	char text[WIRE_TEXT];		/* one line, terminated */
};

struct wire_probed {
	uint64_t bytes;
	int32_t rc;			/* 0 or -errno; then text says why */
	uint32_t readonly;
	uint32_t unit;			/* it takes no less at a time, in bytes */
	uint32_t discards;		/* units of so many bytes; 0: it does not */
	char text[WIRE_TEXT];
};

struct wire_msg {
	uint32_t type;			/* enum wire_type */
	uint32_t devid;
	union {
		struct {
			uint32_t version, domid;
			int32_t pid;
			uint32_t nr_devices, flags;
		} hello;
		struct wire_vdisk vdisk;	/* WIRE_ATTACH; fds: target, journal */
		struct wire_console console;	/* WIRE_ATTACH, of that class */
		struct wire_result result;	/* also of WIRE_TROUBLE */
		struct wire_probed probed;
		struct wire_limit limit;	/* WIRE_LIMIT; WIRE_LIMITED: its serial */
		char name[WIRE_EXPORT];		/* WIRE_PROBE, WIRE_LINK; fd: the socket */
	};
};

_Static_assert(WIRE_MAX_FDS % 2 == 0, "no more than fit are received");

/* Sends a message with fds (which stay the caller's). 0 or -errno; never blocks: -EAGAIN. */
int wire_send(int sock, const struct wire_msg *msg, const int *fds, int nr_fds);

/* Receives one; fds[] is filled with nr_fds new descriptors (close-on-exec), which are the
 * caller's, and the rest with -1. 1: a message; 0: the peer is gone; -EAGAIN; -errno. A packet of
 * the wrong size is -EPROTO, its descriptors closed. */
int wire_receive(int sock, struct wire_msg *msg, int fds[WIRE_MAX_FDS]);
/* Closes the descriptors that came with a message and are not wanted. */
void wire_drop(int fds[WIRE_MAX_FDS]);

#endif
