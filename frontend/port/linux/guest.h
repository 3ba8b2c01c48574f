/* SPDX-License-Identifier: MIT */
/*
 * guest.h - frontends in a Linux process: a loop, and a simple vdisk
 *
 * For tools, tests and benchmarks. guest_blk_*() is synchronous and keeps all rings full; a program
 * that wants more uses pv_blk_*() on guest_blk_core() and sleeps in guest_wait(). Errors are enum
 * pv_err. One thread a guest.
 */
#ifndef XPV_GUEST_H
#define XPV_GUEST_H

#include "os.h"
#include "pv.h"

struct guest;
struct guest_blk;

struct guest_options {
	unsigned int spin_us;	/* how long guest_wait() polls before it sleeps */
	bool verbose;		/* the core's informational lines go to stderr too */
	bool catch_signals;	/* SIGTERM and SIGINT end a sleep instead of the process */
	/* Takes every line of the core's, in place of stderr. */
	void (*log)(enum pv_log_level level, const char *line);
};

/* NULL on failure: *why says what could not be opened, errno the reason. options may be NULL. */
struct guest *guest_open(const struct guest_options *options, const char **why);
/* Gives everything back that its disks still hold. */
void guest_close(struct guest *g);
struct pv_os *guest_os(struct guest *g);
/* A signal asked the program to end. */
bool guest_interrupted(const struct guest *g);

enum guest_event { GUEST_EVENT = 1, GUEST_INPUT = 2, GUEST_INTERRUPTED = 4 };

/* Sleeps until a notification, a watch, a signal or input on fd (-1: none) is there, or timeout_ms
 * has passed (-1: never), and steps the devices whose watches fired. A set of enum guest_event, 0
 * for the time-out, or PV_EPORT when xenstore or the hypervisor is gone. */
int guest_sleep(struct guest *g, int timeout_ms, int fd);
/* The same for a program that waits for responses of these disks: polls for spin_us, then arms
 * them, then sleeps. Returns at once if there is something to poll. */
int guest_wait(struct guest *g, struct pv_blk *const *blks, size_t nr, int timeout_ms);

/* Opens a disk and waits until it is connected. PV_ENOENT: not within timeout_ms. */
int guest_blk_open(struct guest *g, uint32_t devid, int timeout_ms,
		   const struct pv_blk_options *options, struct guest_blk **out);
/* Closes it in order; PV_EBUSY if the backend does not let go within timeout_ms (its pages are
 * then kept until guest_close). The disk must not be used any more in either case. */
int guest_blk_close(struct guest_blk *disk, int timeout_ms);
struct pv_blk *guest_blk_core(struct guest_blk *disk);
/* What its options let its queues have at a time, all together. */
size_t guest_blk_requests(const struct guest_blk *disk);

/* Reads or writes nr sectors of 512 bytes from lba on. The first error, or PV_OK. When a signal
 * interrupts it the disk is given up. */
int guest_blk_io(struct guest_blk *disk, enum pv_blk_op op, uint64_t lba, void *data, size_t nr);
int guest_blk_flush(struct guest_blk *disk);

#endif
