/* SPDX-License-Identifier: MIT */
/*
 * guest_takeover.c - a guest that prepares a trap for its worker's successor
 *
 * Each attack connects, uses the disk, changes what a successor will rely on, and says "ready":
 * the scenario then kills the worker. What the successor finds does not fit; it must stop this disk
 * alone, with a reason, and serve the others.
 */
#include "rogue.h"

#include <stdio.h>
#include <unistd.h>

#define SETTLE_US	200000

static void ready_to_be_served_anew(struct rogue *r)
{
	puts("ready");
	fflush(stdout);
	rogue_await_stopped(r);
}

static void scribbled(struct rogue *r, uint32_t by)
{
	rogue_connect(r);
	rogue_use(r);
	/* The last response is there before the worker has noted that it is; a successor cannot
	 * know better than that note. */
	usleep(SETTLE_US);
	write_once(&r->front.ring.shared->rsp_prod, r->front.ring.rsp_cons + by);
	ready_to_be_served_anew(r);
}

static void rsp_prod_ahead(struct rogue *r)
{
	scribbled(r, 7);
}

static void rsp_prod_behind(struct rogue *r)
{
	scribbled(r, UINT32_MAX);
}

static void rsp_prod_far(struct rogue *r)
{
	scribbled(r, 1u << 31);
}

static void req_prod_far(struct rogue *r)
{
	rogue_connect(r);
	rogue_use(r);
	puts("ready");
	fflush(stdout);
	/* the worker that is alive sees it first, or its successor does */
	write_once(&r->front.ring.shared->req_prod, r->front.ring.req_prod + 100);
	rogue_await_stopped(r);
}

/* A grant that the backend uses cannot be taken back at once: on Xen it is tried again every
 * second, and a successor may be quicker. Then the disk simply goes on; the scenario knows where it
 * may. */
static void ring_revoked(struct rogue *r)
{
	uint64_t end = rogue_ms() + 20000;
	int state;

	rogue_connect(r);
	rogue_use(r);
	rogue_unshare(r, r->ring);
	r->ring = NULL;
	puts("ready");
	fflush(stdout);
	do {
		usleep(SETTLE_US);
		state = rogue_backend_number(r, "state");
	} while (state == ST_CONNECTED && rogue_ms() < end);
}

static void port_closed(struct rogue *r)
{
	rogue_connect(r);
	rogue_use(r);
	xenevtchn_unbind(r->xce, r->port);
	r->port = 0;
	ready_to_be_served_anew(r);
}

static void keys_changed(struct rogue *r)
{
	rogue_connect(r);
	rogue_use(r);
	rogue_write(r, "ring-ref", "-1");
	ready_to_be_served_anew(r);
}

static const struct attack attacks[] = {
	{ "xsa86-rsp-prod-ahead", rsp_prod_ahead, STOPS },
	{ "xsa86-rsp-prod-behind", rsp_prod_behind, STOPS },
	{ "xsa86-rsp-prod-far", rsp_prod_far, STOPS },
	{ "xsa86-req-prod-far", req_prod_far, STOPS },
	{ "ring-revoked", ring_revoked, STOPS },
	{ "port-closed", port_closed, STOPS },
	{ "keys-changed", keys_changed, STOPS },
};

int main(int argc, char **argv)
{
	return rogue_main(argc, argv, attacks, sizeof(attacks) / sizeof(attacks[0]));
}
