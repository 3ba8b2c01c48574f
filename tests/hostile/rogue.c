/* SPDX-License-Identifier: MIT */
/*
 * rogue.c - the handshake and the ring of a guest that means harm
 */
#include "rogue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_US 1000

_Noreturn void rogue_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("rogue: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

uint64_t rogue_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool read_key(struct rogue *r, const char *dir, const char *key, char *buf, size_t size)
{
	unsigned int len;
	char path[256];
	char *value;

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	value = xs_read(r->xs, XBT_NULL, path, &len);
	if (value)
		snprintf(buf, size, "%s", value);
	free(value);
	return value;
}

void rogue_open(struct rogue *r, unsigned int devid)
{
	*r = (struct rogue){ .devid = devid };
	r->xs = xs_open(0);
	r->xce = xenevtchn_open(NULL, 0);
	r->xgs = xengntshr_open(NULL, 0);
	if (!r->xs || !r->xce || !r->xgs)
		rogue_fail("this is no domain: %s", strerror(errno));
	snprintf(r->dir, sizeof(r->dir), "device/vbd/%u", devid);
	if (!read_key(r, r->dir, "backend", r->backend, sizeof(r->backend)))
		rogue_fail("there is no disk %u", devid);
	for (unsigned int i = 0; i < ROGUE_PAGES; i++)
		r->data[i] = rogue_share(r, 0, true, &r->gref[i]);
}

static void drop_ring(struct rogue *r)
{
	if (r->ring)
		rogue_unshare(r, r->ring);
	r->ring = NULL;
	if (r->port)
		xenevtchn_unbind(r->xce, r->port);
	r->port = 0;
}

void rogue_close(struct rogue *r)
{
	drop_ring(r);
	for (unsigned int i = 0; i < ROGUE_PAGES; i++) {
		if (r->data[i])
			rogue_unshare(r, r->data[i]);
		r->data[i] = NULL;
	}
	xengntshr_close(r->xgs);
	xenevtchn_close(r->xce);
	xs_close(r->xs);
}

void rogue_write_bytes(struct rogue *r, const char *key, const void *value, size_t len)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", r->dir, key);
	if (!xs_write(r->xs, XBT_NULL, path, value, (unsigned int)len))
		rogue_fail("writing %s: %s", path, strerror(errno));
}

void rogue_write(struct rogue *r, const char *key, const char *value)
{
	rogue_write_bytes(r, key, value, strlen(value));
}

void rogue_write_number(struct rogue *r, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	rogue_write(r, key, text);
}

void rogue_remove(struct rogue *r, const char *key)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", r->dir, key);
	xs_rm(r->xs, XBT_NULL, path);
}

int rogue_backend_number(struct rogue *r, const char *key)
{
	char text[32], *end;
	long n;

	if (!read_key(r, r->backend, key, text, sizeof(text)))
		return -1;
	n = strtol(text, &end, 10);
	return *text && !*end ? (int)n : -1;
}

static void await(struct rogue *r, unsigned int states, const char *what)
{
	uint64_t end = rogue_ms() + ROGUE_WAIT_MS;
	int state;

	do {
		state = rogue_backend_number(r, "state");
		if (state >= 0 && state < 32 && states & 1u << state)
			return;
		usleep(POLL_US);
	} while (rogue_ms() < end);
	rogue_fail("the backend is in state %d, not %s", state, what);
}

void rogue_await(struct rogue *r, enum rogue_state state)
{
	static const char *const names[] = {
		[ST_INITIALISING] = "Initialising", [ST_INIT_WAIT] = "InitWait",
		[ST_INITIALISED] = "Initialised", [ST_CONNECTED] = "Connected",
		[ST_CLOSING] = "Closing", [ST_CLOSED] = "Closed",
	};

	await(r, 1u << state, names[state]);
}

void rogue_await_stopped(struct rogue *r)
{
	await(r, 1u << ST_CLOSING | 1u << ST_CLOSED, "Closing or Closed");
}

/* An honest end of whatever was before. Only Closed will do: a backend that is still in InitWait
 * may be about to connect to what this frontend has just taken back. */
void rogue_restart(struct rogue *r)
{
	rogue_write_number(r, "state", ST_CLOSED);
	rogue_await(r, ST_CLOSED);
	drop_ring(r);
	rogue_write_number(r, "state", ST_INITIALISING);
	rogue_await(r, ST_INIT_WAIT);
}

void rogue_prepare(struct rogue *r)
{
	xenevtchn_port_or_error_t port;

	drop_ring(r);
	r->ring = rogue_share(r, 0, true, &r->ring_ref);
	port = xenevtchn_bind_unbound_port(r->xce, 0);
	if (port < 0)
		rogue_fail("no event channel: %s", strerror(errno));
	r->port = (evtchn_port_t)port;
	memset(r->ring, 0, BLK_PAGE);
	r->front.abi = BLK_ABI_64;
	ring_front_init(&r->front.ring, r->ring, blk_ring_size(BLK_ABI_64, BLK_PAGE));
	rogue_remove(r, "multi-queue-num-queues");
	rogue_write_number(r, "ring-ref", r->ring_ref);
	rogue_write_number(r, "event-channel", r->port);
	rogue_write(r, "protocol", "x86_64-abi");
	rogue_write_number(r, "feature-persistent", 0);
}

void rogue_connect(struct rogue *r)
{
	rogue_prepare(r);
	rogue_write_number(r, "state", ST_INITIALISED);
	rogue_await(r, ST_CONNECTED);
	rogue_write_number(r, "state", ST_CONNECTED);
}

void rogue_disconnect(struct rogue *r)
{
	rogue_write_number(r, "state", ST_CLOSING);
	rogue_await_stopped(r);
	rogue_write_number(r, "state", ST_CLOSED);
	rogue_await(r, ST_CLOSED);
	drop_ring(r);
}

uint8_t *rogue_share(struct rogue *r, uint32_t domid, bool writable, uint32_t *gref)
{
	uint8_t *page = xengntshr_share_pages(r->xgs, domid, 1, gref, writable);

	if (!page)
		rogue_fail("no page can be granted: %s", strerror(errno));
	return page;
}

void rogue_unshare(struct rogue *r, void *page)
{
	xengntshr_unshare(r->xgs, page, 1);
}

struct blk_req rogue_request(uint8_t op, uint64_t sector, unsigned int page, unsigned int nr)
{
	struct blk_req req = { .op = op, .id = sector ^ (uint64_t)page << 40, .sector = sector,
			       .nr_segs = (uint16_t)nr };

	for (unsigned int i = 0; i < nr && i < BLK_MAX_SEGS; i++)
		req.seg[i] = (struct blk_seg){ ROGUE_DATA + page + i, 0, BLK_PAGE_SECTORS - 1, 0 };
	return req;
}

static void resolve(struct rogue *r, struct blk_req *req)
{
	if (req->op == BLK_DISCARD || req->op == BLK_INDIRECT)
		return;
	for (unsigned int i = 0; i < BLK_MAX_SEGS; i++) {
		uint32_t page = req->seg[i].gref - ROGUE_DATA;

		if (page < ROGUE_PAGES)
			req->seg[i].gref = r->gref[page];
	}
}

void rogue_push(struct rogue *r, const struct blk_req *req)
{
	struct blk_req mine = *req;

	if (ring_front_room(&r->front.ring) == 0)
		rogue_fail("the ring is full");
	resolve(r, &mine);
	blk_front_push(&r->front, &mine);
	ring_front_publish(&r->front.ring);
}

void rogue_notify(struct rogue *r)
{
	xenevtchn_notify(r->xce, r->port);
}

struct blk_rsp rogue_answer(struct rogue *r)
{
	uint64_t end = rogue_ms() + ROGUE_WAIT_MS;
	struct blk_rsp rsp;
	int rc;

	while ((rc = blk_front_pop(&r->front, &rsp)) == 0 && rogue_ms() < end)
		usleep(20);
	if (rc == 0)
		rogue_fail("a request was not answered");
	if (rc < 0)
		rogue_fail("the backend broke the ring");
	return rsp;
}

int rogue_do(struct rogue *r, const struct blk_req *req)
{
	struct blk_rsp rsp;

	rogue_push(r, req);
	rogue_notify(r);
	rsp = rogue_answer(r);
	if (rsp.id != req->id ||
	    rsp.op != (req->op == BLK_INDIRECT ? req->indirect_op : req->op))
		rogue_fail("the answer is for another request");
	return rsp.status;
}

void rogue_expect(struct rogue *r, const struct blk_req *req, int status)
{
	int got = rogue_do(r, req);

	if (got != status)
		rogue_fail("operation %u, %u segments, sector %llx: status %d, not %d", req->op,
			   req->nr_segs, (unsigned long long)req->sector, got, status);
}

void rogue_use(struct rogue *r)
{
	const struct blk_req write = rogue_request(BLK_WRITE, 0, 0, 1);
	const struct blk_req read = rogue_request(BLK_READ, 0, 1, 1);
	bool writable = !(rogue_backend_number(r, "info") & 4);

	memset(r->data[0], ROGUE_SECRET, BLK_PAGE);
	memset(r->data[1], 0, BLK_PAGE);
	if (writable)
		rogue_expect(r, &write, BLK_OKAY);
	rogue_expect(r, &read, BLK_OKAY);
	if (writable && memcmp(r->data[0], r->data[1], BLK_PAGE))
		rogue_fail("what was read is not what was written");
}

static int play(const struct attack *attack, unsigned int devid)
{
	static struct rogue r;

	rogue_open(&r, devid);
	rogue_restart(&r);
	attack->play(&r);
	if (attack->then == STOPS)
		rogue_await_stopped(&r);
	if (attack->then == LIVES)
		rogue_use(&r);
	/* as a guest that crashes: nothing is given back but by the kernel */
	return 0;
}

static int recover(unsigned int devid)
{
	struct rogue r;

	rogue_open(&r, devid);
	rogue_restart(&r);
	rogue_connect(&r);
	rogue_use(&r);
	rogue_disconnect(&r);
	rogue_close(&r);
	return 0;
}

static const char *const outcomes[] = { [LIVES] = "lives", [STOPS] = "stops", [ANY] = "any",
					[GONE] = "gone" };

int rogue_main(int argc, char **argv, const struct attack *attacks, size_t nr)
{
	unsigned int devid = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < nr; i++)
			printf("%s %s\n", attacks[i].name, outcomes[attacks[i].then]);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "recover") == 0)
		return recover(devid);
	for (size_t i = 0; argc == 3 && i < nr; i++) {
		if (strcmp(argv[1], attacks[i].name) == 0)
			return play(&attacks[i], devid);
	}
	fprintf(stderr, "usage: %s list | recover DEVID | ATTACK DEVID\n", argv[0]);
	return 2;
}
