/* SPDX-License-Identifier: MIT */
/*
 * rogue.h - a frontend by hand, for guests that attack their backend
 *
 * Does the handshake key by key and the ring slot by slot, with nothing between an attack and
 * shared memory: every step of it can be left out, repeated, or done wrong. What fails ends the
 * program with status 1 and one line that says what; so an attack reads as the story that it is.
 */
#ifndef XPV_ROGUE_H
#define XPV_ROGUE_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "blk_abi.h"

#define ROGUE_PAGES	64		/* pages for data, granted to the backend */
#define ROGUE_DATA	0xda7a0000u	/* in a request: + n stands for the gref of data page n */
#define ROGUE_WAIT_MS	60000		/* far longer than anything takes, also emulated */
#define ROGUE_SECRET	0x5e		/* what the attacked disk is full of, where it is watched */

enum rogue_state { ST_INITIALISING = 1, ST_INIT_WAIT, ST_INITIALISED, ST_CONNECTED, ST_CLOSING,
		   ST_CLOSED };

struct rogue {
	struct xs_handle *xs;
	xenevtchn_handle *xce;
	xengntshr_handle *xgs;
	unsigned int devid;
	char dir[128], backend[128];
	evtchn_port_t port;		/* 0: none */
	uint8_t *ring;			/* NULL: not shared */
	uint32_t ring_ref;
	uint8_t *data[ROGUE_PAGES];	/* each shared alone; NULL: taken back */
	uint32_t gref[ROGUE_PAGES];
	struct blk_front front;
};

struct attack {
	const char *name;
	/* Returns if the guest saw what it should; otherwise rogue_fail(). */
	void (*play)(struct rogue *r);
	/* What becomes of the device. */
	enum { LIVES, STOPS, ANY, GONE } then;
};

_Noreturn void rogue_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void rogue_open(struct rogue *r, unsigned int devid);
/* Gives back pages, port and handles; states stay as they are. */
void rogue_close(struct rogue *r);

/* Keys of our own directory. */
void rogue_write(struct rogue *r, const char *key, const char *value);
void rogue_write_bytes(struct rogue *r, const char *key, const void *value, size_t len);
void rogue_write_number(struct rogue *r, const char *key, uint64_t value);
void rogue_remove(struct rogue *r, const char *key);
/* -1: absent, or not a number. */
int rogue_backend_number(struct rogue *r, const char *key);
/* Waits until the backend is in this state. */
void rogue_await(struct rogue *r, enum rogue_state state);
/* Waits until it has given the device up: Closing or Closed. */
void rogue_await_stopped(struct rogue *r);

/* Whatever the device is in, from Closed to Initialising: the backend offers it again. */
void rogue_restart(struct rogue *r);
/* A fresh ring and port; their keys, in order; nothing is announced. */
void rogue_prepare(struct rogue *r);
/* rogue_prepare(), Initialised, and Connected when the backend is. */
void rogue_connect(struct rogue *r);
/* Closes in order. */
void rogue_disconnect(struct rogue *r);

/* A page for data, granted to domid. */
uint8_t *rogue_share(struct rogue *r, uint32_t domid, bool writable, uint32_t *gref);
void rogue_unshare(struct rogue *r, void *page);

/* nr whole pages from data page `page` on, whose grefs rogue_push() fills in. */
struct blk_req rogue_request(uint8_t op, uint64_t sector, unsigned int page, unsigned int nr);
/* Puts requests in and publishes; tells the backend, whether it asked or not. */
void rogue_push(struct rogue *r, const struct blk_req *req);
void rogue_notify(struct rogue *r);
/* Waits for an answer. */
struct blk_rsp rogue_answer(struct rogue *r);
int rogue_do(struct rogue *r, const struct blk_req *req);
/* One request, which must be answered with this status. */
void rogue_expect(struct rogue *r, const struct blk_req *req, int status);
/* The connection works: writes a page (if the disk may be written), reads it, compares. */
void rogue_use(struct rogue *r);

uint64_t rogue_ms(void);

/* main() of a program of attacks: usage NAME DEVID, or `list`. After an attack the program ends
 * as a crashing guest would, with everything left as it is. `recover` starts over and uses the
 * disk as an honest guest. */
int rogue_main(int argc, char **argv, const struct attack *attacks, size_t nr);

#endif
