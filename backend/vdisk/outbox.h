/* SPDX-License-Identifier: MIT */
/*
 * outbox.h - what the supervisor is told, in order, however busy it is
 *
 * A socket holds some 160 messages, and a worker may have 256 disks. What does not fit is kept, and
 * goes when there is room. There is no end to be set to that but the supervisor's: each message is
 * the answer to one of its own, or about something that happens to a disk once.
 */
#ifndef XPV_VDISK_OUTBOX_H
#define XPV_VDISK_OUTBOX_H

#include "loop.h"
#include "wire.h"

struct letter;

struct outbox {
	struct loop *loop;
	int fd;				/* the connection's, which stays the caller's; -1: none */
	struct letter *head, **tail;
	struct loop_timer again;
};

/* Drops what was for another connection. fd: of the new one, or -1. */
void outbox_open(struct outbox *box, struct loop *loop, int fd);
/* Sends a message, now or later; without a connection it is forgotten. */
void outbox_send(struct outbox *box, const struct wire_msg *msg);

#endif
