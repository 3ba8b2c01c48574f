/* SPDX-License-Identifier: MIT */
/*
 * linux_os.h - what `struct pv_os` is in a Linux process
 *
 * The same program runs in a Linux guest (over /dev/xen/gntalloc, evtchn and xenbus) and in the
 * simulator: both stand behind the same three libraries.
 */
#ifndef XPV_LINUX_OS_H
#define XPV_LINUX_OS_H

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "os.h"

struct os_watch;

struct pv_os {
	xengntshr_handle *gntshr;
	xenevtchn_handle *evtchn;
	struct xs_handle *xs;
	struct os_watch *watches;
	unsigned int next_watch;
	bool verbose;			/* informational lines as well */
	void (*log)(enum pv_log_level level, const char *line);	/* all lines; NULL: stderr */
};

/* Opens the three handles. NULL, or what could not be opened, with errno. */
const char *linux_os_open(struct pv_os *os);
void linux_os_close(struct pv_os *os);

/* Takes one queued event of each kind, if there is one. 1: there was; 0: none; PV_EPORT: the other
 * side of the handle is gone. */
int linux_os_take_event(struct pv_os *os);
int linux_os_take_watch(struct pv_os *os);

/* primary.c: the page of the domain's primary console, for pv_console_init_primary(), and its port;
 * both are the handles' and go with them. NULL: it is not ours to use, or there is none. */
void *linux_os_primary_console(struct pv_os *os, uint32_t *port);

#endif
