/* SPDX-License-Identifier: MIT */
/* What a simulated kernel can do with an event channel, or its console, and a program cannot. */
#ifndef XPV_SIM_EVTCHN_H
#define XPV_SIM_EVTCHN_H

#include <xenevtchn.h>

/* Receive the events of a port that the toolstack allocated for our domain. 0, or -1 with errno. */
int sim_evtchn_adopt(xenevtchn_handle *xce, evtchn_port_t port);
/* The primary console of our domain: its page, which stays mapped as long as the handle is open,
 * and its port, adopted. NULL with errno: the domain has none. */
void *sim_console_open(xenevtchn_handle *xce, evtchn_port_t *port);

#endif
