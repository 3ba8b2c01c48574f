/* SPDX-License-Identifier: MIT */
/* The parts of `xpv sim` that have files of their own. */
#ifndef XPV_SIM_VERBS_H
#define XPV_SIM_VERBS_H

/* cmd_sim.c */
const char *sim_usage(void);

/* sim/status.c, sim/run.c: as the verbs of tool.h */
int sim_status(int argc, char **argv);
int sim_run(int argc, char **argv);

#endif
