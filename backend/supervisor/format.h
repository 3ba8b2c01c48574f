/* SPDX-License-Identifier: MIT */
/*
 * format.h - images that are not raw, each served by a qemu-storage-daemon of its own
 */
#ifndef XPV_FORMAT_H
#define XPV_FORMAT_H

#include <stdbool.h>
#include <sys/types.h>

#include "loop.h"
#include "params.h"

struct device;
struct supervisor;

struct format {
	struct loop_fd process;		/* a pidfd; fd -1: none that we know of */
	pid_t pid;
	bool backing;			/* other files that it names may be opened */
	char last_words[192];		/* why it ended; "": it runs, or was never started */
};

void format_init(struct device *dev);
/* Whether QEMU makes room in such an image of what is discarded; whatever its daemon says. */
bool format_discards(enum xs_target_kind kind);
/* Has the image served, and sets dev->remote.server to where. 0 or -1 with a reason. */
int format_open(struct device *dev, const struct xs_target *target);
/* Ends the process, also one of an earlier supervisor's; idempotent. */
void format_close(struct device *dev);
/* True: it runs, so that a connection that is refused may be accepted soon. */
bool format_runs(const struct device *dev);
/* Starts it again if it has ended. 0 or -1 with a reason. */
int format_restart(struct device *dev);
/* Ends those whose disks went while there was no xpvd. */
void format_sweep(struct supervisor *sup);

#endif
