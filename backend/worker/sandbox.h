/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - a worker locks itself in, before it looks at anything that its guest wrote
 *
 *	sandbox.c	what the process is left with: an identity, an empty root, limits
 *	filter.c	the system calls that it is left with (seccomp)
 *
 * A worker opens its handles first, as root if it was started so; what it needs later comes by the
 * supervisor's socket. So nothing here leaves a way to open anything.
 */
#ifndef XPV_SANDBOX_H
#define XPV_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#ifdef __has_feature		/* clang's way to say it */
#if __has_feature(address_sanitizer)
#define SANDBOX_INSTRUMENTED true
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANDBOX_INSTRUMENTED true
#endif
#ifndef SANDBOX_INSTRUMENTED
#define SANDBOX_INSTRUMENTED false
#endif

#define SANDBOX_LANES	4

/* What a thread of the worker's has for itself. */
struct sandbox_lane {
	xenevtchn_handle *xce;
	int uring;			/* -1: there is none */
	int kick;			/* an eventfd by which others wake it; -1: there is none */
};

struct sandbox {
	uint32_t domid;			/* the guest */
	uid_t uid;			/* who to be, when started by root */
	gid_t gid;
	xengnttab_handle *xgt;
	struct sandbox_lane lane[SANDBOX_LANES];
	unsigned int nr_lanes;		/* more than one: it may make threads */
	int listener;			/* where supervisors connect */
	const int *calls;		/* what such workers call besides, SCMP_SYS(...) */
	size_t nr_calls;
	bool sockets;			/* it talks on stream sockets that it is handed */
	bool instrumented;		/* a sanitizer's run time needs more than the worker does */
};

/* All of it, in the order in which each step is still permitted; what cannot be is logged. 0; or
 * -errno, and the worker must not serve. */
int sandbox_enter(const struct sandbox *sb);

/* Its parts. sandbox.c: everything but the filter. */
int sandbox_drop(const struct sandbox *sb);
/* filter.c: from here on a call that is not among the worker's kills it. */
int sandbox_filter(const struct sandbox *sb);

#endif
