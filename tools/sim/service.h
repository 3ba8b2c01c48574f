/* SPDX-License-Identifier: MIT */
/* A daemon of the simulator: how it is started, and whether it runs. */
#ifndef XPV_SIM_SERVICE_H
#define XPV_SIM_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

struct service {
	const char *name;	/* also of its log, log/<name>.log */
	char *const *argv;	/* argv[0]: the path */
	const char *preload;	/* LD_PRELOAD, or NULL */
	bool ready_fd;		/* it takes --ready-fd FD as its last arguments */
	pid_t pid;		/* 0: not running */
};

/* Starts it; with ready_fd, waits until it is ready. 0 or -errno. */
int service_start(struct service *service);
/* Ends it: SIGTERM, and SIGKILL after `timeout` ms. Reaps it. */
void service_stop(struct service *service, int timeout);

#endif
