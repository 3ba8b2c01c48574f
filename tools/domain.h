/* SPDX-License-Identifier: MIT */
/*
 * domain.h - guests: making them, watching over them, ending them
 */
#ifndef XPV_DOMAIN_H
#define XPV_DOMAIN_H

#include "config.h"
#include "tool.h"

/*
 * Who makes a domain, and what is the domain's: its memory, its machine, its records in the store.
 */
struct domain_maker {
	/* Makes it, paused and without disks. 0 with *out, or TOOL_FAILED with an error printed and
	 * everything undone. */
	int (*make)(struct xs_handle *xs, xc_interface *xch, const struct config *config,
		    struct domain *out);
	/* Ends it, with its disks. As domain_destroy(). */
	int (*end)(struct xs_handle *xs, xc_interface *xch, const struct domain *dom);
};

extern const struct domain_maker domain_maker_sim, domain_maker_xl;

/* domain.c */
/*
 * Makes a guest: domain, store records, machine, disks; it is left paused. 0 with *out, or
 * TOOL_FAILED with an error printed and everything undone.
 */
int domain_create(struct xs_handle *xs, xc_interface *xch, const struct config *config,
		  struct domain *out);
/* Ends a guest at once and removes what stands in the store for it. 0, or TOOL_FAILED with an
 * error printed. A domain that is gone already is no error. */
int domain_destroy(struct xs_handle *xs, xc_interface *xch, const struct domain *dom);
/* Whether somebody in the guest can be expected to answer: it runs, and was not made empty. */
bool domain_is_live(struct xs_handle *xs, xc_interface *xch, uint32_t domid);
/* What the makers share: the disks of a guest that is ending, and its records. 0 or -errno. */
int domain_remove_traces(struct xs_handle *xs, const struct domain *dom);
int domain_say_not_ended(const struct domain *dom, int err);	/* TOOL_FAILED */

/* domain_sim.c */
/* Where the guest's output goes; false with an error printed if the path is too long. */
bool domain_log_path(char *buf, size_t size, const char *name);

/* domain_store.c: a guest's records in xenstore, as libxl writes them */
/* 0, or -errno; -EEXIST: a guest of that UUID exists, -ENOTUNIQ: one of that name,
 * -ECANCELED: an error has been printed. */
int domain_store_write(struct xs_handle *xs, xc_interface *xch, uint32_t domid,
		       const struct config *config);
/* Removes all of it, as found from what Dom0 alone writes. 0 or -errno; -EBUSY: the guest still
 * has disks, and not `even_so`. */
int domain_store_remove(struct xs_handle *xs, uint32_t domid, bool even_so);
/* Whether there are any, be there such a guest or not. */
bool domain_store_exists(struct xs_handle *xs, uint32_t domid);
/* Whether it was made without a kernel. */
bool domain_store_empty(struct xs_handle *xs, uint32_t domid);

/* monitor.c: the process that watches over a guest */
/*
 * Leaves a process behind that acts when the guest ends, as its configuration says. No handle to
 * Xen may be open. Returns a pipe's reading end, or -1 with an error printed: it ends when the
 * process does, and says before, in one letter of enum monitor_word, what became of the guest.
 */
int monitor_start(const struct config *config, const struct domain *dom);

enum monitor_word {
	MONITOR_POWEROFF = 'p',
	MONITOR_CRASH = 'c',
	MONITOR_REBOOT = 'r',
	MONITOR_GONE = 'g'	/* destroyed by somebody else */
};

/* follow.c: a guest's output as it comes */
/* Where the log ends now; 0 if there is none. */
off_t follow_begin(const char *log);
struct follower {
	int fd;			/* can be read when there is something to look at */
	int log, grown, monitor;
	int word;		/* the monitor's; 0: it has ended without one; -1: not yet */
};

/* From `from` on. TOOL_OK, or TOOL_FAILED with an error printed. */
int follower_begin(struct follower *f, const char *log, off_t from, int monitor);
void follower_end(struct follower *f);
/* What the log has more, as read(2) returns. */
ssize_t follower_read(struct follower *f, char *buf, size_t size);
/* Whether the monitor has spoken, or ended; read once more after that. */
bool follower_over(struct follower *f);
/* Copies the log to stdout until then. Returns the word, or -1 if a signal ended it, or stdout does
 * not take it. */
int follow(struct follower *f);

/* create_sim.c, create_xl.c: `create` as the user sees it */
struct create_request {
	bool console, paused, json;
};

int create_sim(const struct config *config, const struct create_request *req);
int create_xl(const struct config *config, const struct create_request *req);

#endif
