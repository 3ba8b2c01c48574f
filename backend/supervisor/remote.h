/* SPDX-License-Identifier: MIT */
/*
 * remote.h - a disk that a server has, as the supervisor sees it
 */
#ifndef XPV_REMOTE_H
#define XPV_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "dial.h"
#include "params.h"
#include "wire.h"

struct device;

enum remote_known { REMOTE_UNKNOWN, REMOTE_GOOD, REMOTE_BAD };

struct remote {
	bool used;		/* the disk is of this kind: its worker has to speak the protocol */
	struct xs_target server;
	uint64_t salt;		/* tells it from others of the same address, now or later */
	struct dial dial;
	struct loop_timer again;	/* when to dial again */
	struct loop_timer limit;	/* when finding out takes too long */
	uint64_t dialled_ns;
	bool wanted;		/* its worker waits for a connection */
	int socket;		/* dialled, and its worker cannot take it yet; -1: none */
	bool asked;		/* the worker is finding out */
	/* What was found out, until somebody asks. */
	enum remote_known known;
	uint64_t known_of;
	uint64_t bytes;
	uint32_t unit;		/* it takes no less at a time, in bytes */
	bool readonly;
	uint32_t discards;	/* units of so many bytes; 0: it does not */
	char why[WIRE_TEXT + 160];
};

/* Sets up what the others need; once. */
void remote_init(struct device *dev);
/* Finds out what the server has: dev->disk is filled in. 0; 1: device_look() is called when it is
 * known; -1 with a reason. */
int remote_open(struct device *dev);
/* Idempotent; what was found out stays. */
void remote_close(struct device *dev);
/* Its worker is there, and may be told. */
void remote_worker_ready(struct device *dev);
/* From the worker: what a server has; that a connection is missing. */
void remote_probed(struct device *dev, const struct wire_probed *result);
void remote_wanted(struct device *dev);
/* From format.c: the server is a process of ours, and has ended. */
void remote_server_ended(struct device *dev);
/* True unless a guest is connected to something else than what the disk now is. */
bool remote_is_same(struct device *dev);

#endif
