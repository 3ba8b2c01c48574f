/* SPDX-License-Identifier: MIT */
/*
 * nbd_client.h - one connection to a server: libnbd in the event loop
 *
 * Its owner embeds it, and hears once that it is ready (the handshake is over) and once that it is
 * lost, from the event loop in both cases: never from within a call of the owner's. Not from
 * interrupts, and not from libnbd's own callbacks, which may not call libnbd.
 */
#ifndef XPV_VDISK_NBD_CLIENT_H
#define XPV_VDISK_NBD_CLIENT_H

#include <libnbd.h>

#include "loop.h"

struct nbd_client {
	struct loop *loop;
	struct loop_fd source;
	struct loop_timer patience;	/* with the handshake */
	struct loop_timer look;		/* something happened outside of the event loop */
	struct nbd_handle *handle;	/* NULL: not connected */
	bool ready, output;
	/* The owner's: */
	void (*on_ready)(struct nbd_client *c);
	void (*on_lost)(struct nbd_client *c, const char *why);
	/* Commands may have ended: called after libnbd has had its turn. */
	void (*on_turn)(struct nbd_client *c);
};

/* Begins the handshake for the export on a connected socket, which is the client's from here on,
 * also on failure. The owner's functions and the loop are set. 0 or -errno. */
int nbd_client_start(struct nbd_client *c, int fd, const char *name);
/* Closes the connection; nothing is called any more, and no buffer is touched. Idempotent. */
void nbd_client_stop(struct nbd_client *c);
/* To be called after commands were given to the handle. */
void nbd_client_issued(struct nbd_client *c);
/* libnbd's reason for the last failure, in one line without its function's name. */
const char *nbd_client_error(void);

#endif
