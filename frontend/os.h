/* SPDX-License-Identifier: MIT */
/*
 * os.h - the twelve functions that a port supplies
 *
 * The frontends are freestanding: all that they need from a kernel goes through here, and mem*.
 * `os` is the port's own; the core passes on what pv_*_init() was given and never looks inside.
 *
 * Context. The core calls pvos_evtchn_notify(), pvos_log() and pvos_clock() from wherever its own
 * caller is (perhaps an interrupt), so these may not block. It calls the others only from
 * pv_*_step() and pv_*_fini(), where a port may block if its caller can bear that.
 *
 * Errors are enum pv_err of pv.h, negative. PV_EPORT is for what the port itself cannot do at the
 * moment (xenstore does not answer); the core leaves everything as it is and tries again at the
 * next step.
 */
#ifndef XPV_OS_H
#define XPV_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pv_os;

enum pv_log_level { PV_LOG_INFO, PV_LOG_ERROR };

/*
 * Memory
 */

/* Allocates nr (1 to 16) pages of 4096 bytes, contiguous, page-aligned and zeroed, grants each to
 * domid (writable, unless readonly), and fills grefs[0..nr-1]. The zeroing is not a courtesy: the
 * peer sees the whole pages (XSA-403). PV_ENOMEM: no pages or no grant entries left; nothing is
 * kept then. */
int pvos_grant_pages(struct pv_os *os, uint16_t domid, uint32_t nr, bool readonly,
		     void **pages, uint32_t *grefs);

/* Ends the grants and frees the pages of one pvos_grant_pages(): all of them, or none.
 * PV_EBUSY: the peer still holds one; all pages stay allocated and nothing may be reused (XSA-376,
 * XSA-396). The core keeps them aside and asks again. A port whose kernel does that keeping by
 * itself always returns 0. */
int pvos_ungrant_pages(struct pv_os *os, void *pages, uint32_t nr, const uint32_t *grefs);

/*
 * Event channels
 */

/* Makes a channel that domid may connect to. Its events wake the port's loop. */
int pvos_evtchn_open(struct pv_os *os, uint16_t domid, uint32_t *port);
void pvos_evtchn_close(struct pv_os *os, uint32_t port);
/* Must not block. A channel with nobody at its other end is not an error. */
void pvos_evtchn_notify(struct pv_os *os, uint32_t port);

/*
 * Xenstore. Paths are terminated; relative ones are relative to this domain.
 */

/* Reads a value into buf and its length into *len; no terminator is added or needed. PV_ENOENT:
 * there is none, or it is not ours to read. PV_ETOOLONG: it does not fit size. */
int pvos_xs_read(struct pv_os *os, const char *path, char *buf, size_t size, size_t *len);
/* Writes a terminated value; NULL removes the node, and that there was none is no error. */
int pvos_xs_write(struct pv_os *os, const char *path, const char *value);
/* The names of a node's children into buf, each terminated; *len counts all bytes. */
int pvos_xs_list(struct pv_os *os, const char *path, char *buf, size_t size, size_t *len);
/* From now on pv_watch_fired(token) is called, in a context where pv_*_step() may be, when
 * something at or below path has changed, and once at the beginning. */
int pvos_xs_watch(struct pv_os *os, const char *path, void *token);
/* After it returns pv_watch_fired() is not called for this pair any more, not even for an event
 * that was queued before. */
void pvos_xs_unwatch(struct pv_os *os, const char *path, void *token);

/*
 * The rest
 */

/* One line without a newline; it may quote nothing that a peer wrote. Bounded in rate. */
void pvos_log(struct pv_os *os, enum pv_log_level level, const char *line);
/* Nanoseconds since some moment, never going back. */
uint64_t pvos_clock(struct pv_os *os);

#ifdef __cplusplus
}
#endif

#endif
