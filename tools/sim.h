/* SPDX-License-Identifier: MIT */
/*
 * sim.h - the simulator, as the rest of the tools sees it
 *
 * A simulator is a hypervisor daemon, xenstored and xpvd, all below one $XPV_RUNDIR; see
 * sim/README.md. What runs in it is told by its environment: which libraries to load, which store
 * to talk to, which domain it is in.
 */
#ifndef XPV_SIM_H
#define XPV_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenctrl.h>

/* sim/env.c: the environment */
/* A simulator serves $XPV_RUNDIR (by default /run/xpv). */
bool sim_running(void);
/*
 * Called first in main(): if a simulator runs and we are not in its environment yet, sets it and
 * executes this program again. Returns 0 when there is nothing to do, -1 with an error printed.
 */
int sim_enter(char **argv);
const char *sim_rundir(void);
/* rundir + "/" + name; false if it does not fit. */
bool sim_path(char *buf, size_t size, const char *name);
/* Where a program of ours is, beside this one or in ../lib/xpv; false: nowhere. */
bool sim_program(char *buf, size_t size, const char *name);
/*
 * Sets the environment of domain 0's programs in this process; -errno if the libraries are
 * absent.
 */
int sim_env_dom0(void);
/* Goes from there to the environment of a guest's programs. */
int sim_env_guest(uint32_t domid);

/* sim/build.c: what libxl does to a new domain: store and console pages, their ports, parameters
 * and keys, and the introduction to xenstored. 0 or -errno. */
int sim_domain_build(xc_interface *xch, uint32_t domid);

/* sim/start.c: a domain's machine, xpv-sim-vm, detached from us. `program` may be NULL; argv[0] is
 * its name; `log` gets its output. Returns when the guest's xenstore answers: 0 or -errno. */
int sim_vm_start(uint32_t domid, const char *program, char *const argv[], const char *log);

#endif
