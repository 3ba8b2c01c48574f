/* SPDX-License-Identifier: MIT */
/*
 * nbd.h - disks that a server of network block devices has
 *
 *	nbd_client.c	one connection: libnbd on a socket that is handed to us, in the event loop
 *	nbd_probe.c	what a server has, for the supervisor to know before there is a disk
 *	target_nbd.c	the target: what is under way, and what becomes of it when a server is lost
 *	nbd_none.c	in their place in a worker that is built without libnbd
 *
 * A worker makes no socket. The supervisor connects, and whatever the server then says is heard
 * here, where nobody but the guest whose server it is can be harmed by it.
 */
#ifndef XPV_VDISK_NBD_H
#define XPV_VDISK_NBD_H

#include "loop.h"
#include "target.h"
#include "wire.h"

struct nbd_probe;
struct nbd_target;

/* What a worker's disks of this kind share. */
struct nbd_host {
	struct loop *loop;
	uint32_t domid;			/* the guest, for the log */
	/* Sends to the supervisor, if there is one. */
	void (*say)(struct nbd_host *host, const struct wire_msg *msg);
	struct nbd_probe *probes;
	struct nbd_target *targets;
};

/* Whether this program speaks the protocol. */
extern const bool nbd_spoken;

/* fd is the target's, if that is 0; -errno. */
int target_nbd_open(struct target *t, struct nbd_host *host, uint32_t devid,
		    const struct wire_vdisk *conn, int fd);
/* A connection for a disk that asked for one; fd is ours from here on. */
void target_nbd_link(struct nbd_host *host, uint32_t devid, int fd, const char *name);
/* A supervisor has come that knows of nothing: asks again for what is missing. */
void target_nbd_ask_again(struct nbd_host *host);
/* Finds out what is at the other end, and says so; fd is ours from here on. */
void nbd_probe_start(struct nbd_host *host, uint32_t devid, int fd, const char *name);
void nbd_probe_stop_all(struct nbd_host *host);

#endif
