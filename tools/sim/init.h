/* SPDX-License-Identifier: MIT */
/*
 * The simulator's supervising process, as `xpv sim` sees it. It holds a lock on its pid file for as
 * long as it lives; the file `pids` beside it names what it runs.
 */
#ifndef XPV_SIM_INIT_H
#define XPV_SIM_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#define INIT_PID_FILE	"sim/init.pid"
#define INIT_PIDS_FILE	"sim/pids"
#define INIT_LOG	"log/sim.log"

struct init_options {
	bool no_xpvd;
	bool xenconsoled;
	bool consoles;		/* served by xpvd */
};

/* init.c: becomes the supervising process. Says "READY\n", or one line of error, into `report`. */
int init_run(const struct init_options *options, int report);
/* files.c: the process that holds the pid file; 0: none; or -errno. */
pid_t init_pid(void);
/* Takes the pid file: a descriptor that holds the lock, or -errno; -EAGAIN: another has it. */
int init_lock(void);
/* Makes the folders; on failure *what is the path at fault. */
int init_make_folders(char *what, size_t size);
/* Removes all that a simulator leaves but its logs. Only for the holder of the lock. */
void init_remove_files(void);

#endif
