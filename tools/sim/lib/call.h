/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the libxencall replacement. A hypercall function gets the raw arguments, of
 * which pointers are addresses in our own process, and returns 0 or more, or -errno.
 */
#ifndef XPV_SIM_CALL_H
#define XPV_SIM_CALL_H

#include <xenctrl.h>	/* before any other header of Xen's */
#include <xencall.h>

#include "client.h"

typedef long call_fn(struct sim_client *client, const uint64_t *arg);

call_fn call_domctl;		/* call_domctl.c */
call_fn call_sysctl;		/* call_sysctl.c */
call_fn call_evtchn;		/* call_guest.c: what a domain may ask for itself */
call_fn call_hvm;
call_fn call_sched;
call_fn call_version;
call_fn call_memory;

/* call_domctl.c: one domain as Xen's structure */
void call_fill_info(const struct sim_domain_info *from, struct xen_domctl_getdomaininfo *to);

static inline void *call_ptr(uint64_t arg)
{
	return (void *)(uintptr_t)arg;
}

#endif
