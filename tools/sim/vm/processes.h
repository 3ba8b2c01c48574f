/* SPDX-License-Identifier: MIT */
/* The processes that descend from this one. */
#ifndef XPV_SIM_PROCESSES_H
#define XPV_SIM_PROCESSES_H

/* Adopt orphaned descendants, so that they stay findable. */
void processes_adopt(void);
/* Send a signal to every descendant. Returns how many there were. */
int processes_signal(int signal);
/* Kill every descendant and reap them all. */
void processes_kill(void);

#endif
