/* SPDX-License-Identifier: MIT */
/*
 * guest_queues.c - a guest that asks for queues that cannot be, or breaks one of several
 */
#include "rogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUES	4u		/* as many as are offered */

/* What struct rogue has of one ring, for each of several. */
struct queue {
	uint8_t *ring;
	uint32_t ref;
	evtchn_port_t port;
	struct blk_front front;
};

static struct queue queues[QUEUES];

/* The rogue's functions act on this queue from now on. */
static void take(struct rogue *r, unsigned int i)
{
	r->ring = queues[i].ring;
	r->ring_ref = queues[i].ref;
	r->port = queues[i].port;
	r->front = queues[i].front;
}

/* ... and not any more: where its ring is goes back. */
static void leave(struct rogue *r, unsigned int i)
{
	queues[i].front = r->front;
}

static void write_key(struct rogue *r, unsigned int queue, const char *key, uint64_t value)
{
	char path[64];

	snprintf(path, sizeof(path), "queue-%u/%s", queue, key);
	rogue_write_number(r, path, value);
}

static void remove_key(struct rogue *r, unsigned int queue, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "queue-%u/%s", queue, key);
	rogue_remove(r, path);
}

static void make(struct rogue *r, struct queue *q)
{
	xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(r->xce, 0);

	if (port < 0)
		rogue_fail("no event channel");
	q->port = (evtchn_port_t)port;
	q->ring = rogue_share(r, 0, true, &q->ref);
	memset(q->ring, 0, BLK_PAGE);
	q->front.abi = BLK_ABI_64;
	ring_front_init(&q->front.ring, q->ring, blk_ring_size(BLK_ABI_64, BLK_PAGE));
}

static void unmake(struct rogue *r, struct queue *q)
{
	if (q->ring)
		rogue_unshare(r, q->ring);
	if (q->port)
		xenevtchn_unbind(r->xce, q->port);
	*q = (struct queue){ 0 };
}

/* Fresh rings and ports, and their keys. */
static void prepare(struct rogue *r, unsigned int nr)
{
	r->ring = NULL;			/* ours, and none of rogue.c's to take back */
	r->port = 0;
	for (unsigned int i = 0; i < QUEUES; i++) {
		unmake(r, &queues[i]);
		remove_key(r, i, "ring-ref");
		remove_key(r, i, "event-channel");
	}
	rogue_remove(r, "ring-ref");
	rogue_remove(r, "event-channel");
	for (unsigned int i = 0; i < nr; i++) {
		make(r, &queues[i]);
		write_key(r, i, "ring-ref", queues[i].ref);
		write_key(r, i, "event-channel", queues[i].port);
	}
	rogue_write_number(r, "multi-queue-num-queues", nr);
	rogue_write(r, "protocol", "x86_64-abi");
	rogue_write_number(r, "feature-persistent", 0);
}

/* Closes as an honest guest, so that the next connection may be prepared. */
static void start_over(struct rogue *r)
{
	r->ring = NULL;
	r->port = 0;
	rogue_restart(r);
}

static void connect_prepared(struct rogue *r)
{
	rogue_write_number(r, "state", ST_INITIALISED);
	rogue_await(r, ST_CONNECTED);
	rogue_write_number(r, "state", ST_CONNECTED);
}

static void use_each(struct rogue *r, unsigned int nr)
{
	for (unsigned int i = nr; i-- > 0; ) {
		take(r, i);
		rogue_use(r);
		leave(r, i);
	}
}

static void connect_queues(struct rogue *r, unsigned int nr)
{
	prepare(r, nr);
	connect_prepared(r);
	use_each(r, nr);
}

static void refused(struct rogue *r)
{
	rogue_write_number(r, "state", ST_INITIALISED);
	rogue_await_stopped(r);
}

/* CVE-2026-45890: a frontend that asks for no queue at all, and others that cannot be. The flat
 * keys and those of four queues are there, so that the number alone is wrong. */
static void cve45890_numbers(struct rogue *r)
{
	static const char *const numbers[] = {
		"0", "5", "16", "256", "257", "4294967296", "4294967297", "18446744073709551617",
		"-1", "", "x", "2 ", "0x2", "2.0", "00000000000000000000002",
	};
	const size_t nr = sizeof(numbers) / sizeof(numbers[0]);

	for (size_t i = 0; i <= nr; i++) {
		prepare(r, QUEUES);
		rogue_write_number(r, "ring-ref", queues[0].ref);
		rogue_write_number(r, "event-channel", queues[0].port);
		rogue_write(r, "multi-queue-num-queues", numbers[i % nr]);
		refused(r);
		if (i == nr)
			return;
		start_over(r);
		connect_queues(r, QUEUES);
		start_over(r);
	}
}

/* One key of the last queue is not there, or says what cannot be. */
static void keys_of_a_queue(struct rogue *r)
{
	static const struct { const char *key, *value; } wrong[] = {
		{ "ring-ref", NULL }, { "event-channel", NULL }, { "ring-ref", "" },
		{ "ring-ref", "4294967296" }, { "event-channel", "0" }, { "event-channel", "-1" },
		{ "ring-ref", "4000000" }, { "event-channel", "4000" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char path[64];

		if (i > 0)
			start_over(r);
		prepare(r, QUEUES);
		snprintf(path, sizeof(path), "queue-%u/%s", QUEUES - 1, wrong[i].key);
		if (wrong[i].value)
			rogue_write(r, path, wrong[i].value);
		else
			rogue_remove(r, path);
		refused(r);
	}
}

static void one_port_for_two(struct rogue *r)
{
	prepare(r, QUEUES);
	write_key(r, 2, "event-channel", queues[1].port);
	refused(r);
}

static void one_ring_for_two(struct rogue *r)
{
	prepare(r, QUEUES);
	write_key(r, 3, "ring-ref", queues[0].ref);
	refused(r);
}

/* More than one queue needs the keys of each: those of one alone are none. */
static void flat_keys_for_two(struct rogue *r)
{
	prepare(r, 0);
	make(r, &queues[0]);
	rogue_write_number(r, "ring-ref", queues[0].ref);
	rogue_write_number(r, "event-channel", queues[0].port);
	rogue_write_number(r, "multi-queue-num-queues", 2);
	refused(r);
}

/* ... and one may say that it is one. */
static void flat_keys_for_one(struct rogue *r)
{
	prepare(r, 0);
	make(r, &queues[0]);
	rogue_write_number(r, "ring-ref", queues[0].ref);
	rogue_write_number(r, "event-channel", queues[0].port);
	rogue_write_number(r, "multi-queue-num-queues", 1);
	connect_prepared(r);
	use_each(r, 1);
	take(r, 0);
}

static void xsa86_one_of_four(struct rogue *r)
{
	connect_queues(r, QUEUES);
	take(r, 3);
	write_once(&r->front.ring.shared->req_prod, r->front.ring.req_prod + 33);
	rogue_notify(r);
}

static void all_of_four(struct rogue *r)
{
	connect_queues(r, QUEUES);
	for (unsigned int i = 0; i < QUEUES; i++)
		write_once(&queues[i].front.ring.shared->req_prod,
			   queues[i].front.ring.req_prod + (i % 2 ? 1u << 31 : UINT32_MAX));
	for (unsigned int i = 0; i < QUEUES; i++)
		xenevtchn_notify(r->xce, queues[i].port);
}

static void come_and_go(struct rogue *r)
{
	for (unsigned int i = 0; i < 24; i++) {
		connect_queues(r, 2 + i % (QUEUES - 1));
		start_over(r);
	}
	connect_queues(r, QUEUES);
	take(r, 1);
}

static void fill_all(struct rogue *r)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		take(r, i);
		for (unsigned int n = 0; n < 32; n++) {
			const struct blk_req req = rogue_request(n % 2 ? BLK_READ : BLK_WRITE,
								 n * 8 % 64, n, 8);

			rogue_push(r, &req);
		}
		rogue_notify(r);
		leave(r, i);
	}
}

static void close_in_flight(struct rogue *r)
{
	for (unsigned int i = 0; i < 12; i++) {
		connect_queues(r, QUEUES);
		fill_all(r);
		if (i % 2)
			rogue_write_number(r, "state", ST_CLOSING);
		start_over(r);
	}
	connect_queues(r, QUEUES);
	take(r, 2);
}

static void vanish_in_flight(struct rogue *r)
{
	connect_queues(r, QUEUES);
	fill_all(r);				/* and the process ends */
}

static const struct attack attacks[] = {
	{ "cve-2026-45890-numbers", cve45890_numbers, STOPS },
	{ "keys-of-a-queue", keys_of_a_queue, STOPS },
	{ "one-port-for-two", one_port_for_two, STOPS },
	{ "one-ring-for-two", one_ring_for_two, STOPS },
	{ "flat-keys-for-two", flat_keys_for_two, STOPS },
	{ "flat-keys-for-one", flat_keys_for_one, LIVES },
	{ "xsa86-one-of-four", xsa86_one_of_four, STOPS },
	{ "all-of-four", all_of_four, STOPS },
	{ "come-and-go", come_and_go, LIVES },
	{ "close-in-flight", close_in_flight, LIVES },
	{ "vanish-in-flight", vanish_in_flight, ANY },
};

/* After an attack, and before the first: all four work. */
static void recover(unsigned int devid)
{
	struct rogue r;

	rogue_open(&r, devid);
	start_over(&r);
	connect_queues(&r, QUEUES);
	start_over(&r);
	prepare(&r, 0);
	rogue_close(&r);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "recover") == 0)
		recover((unsigned int)strtoul(argv[2], NULL, 10));
	return rogue_main(argc, argv, attacks, sizeof(attacks) / sizeof(attacks[0]));
}
