/* SPDX-License-Identifier: MIT */
/*
 * guest_ring.c - a guest that attacks the ring itself: indexes, slots that change, pages that go
 */
#include "rogue.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void jump(struct rogue *r, uint32_t by)
{
	const struct blk_req req = rogue_request(BLK_READ, 0, 0, 1);

	rogue_connect(r);
	for (unsigned int i = 0; i < 5; i++)
		rogue_expect(r, &req, BLK_OKAY);
	write_once(&r->front.ring.shared->req_prod, r->front.ring.req_prod + by);
	rogue_notify(r);
}

static void producer_33(struct rogue *r)
{
	jump(r, 33);
}

static void producer_2g(struct rogue *r)
{
	jump(r, 1u << 31);
}

static void producer_backwards(struct rogue *r)
{
	jump(r, UINT32_MAX);
}

static void producer_first_thing(struct rogue *r)
{
	rogue_prepare(r);
	r->front.ring.shared->req_prod = 0x12345678;
	rogue_write_number(r, "state", ST_INITIALISED);
}

static unsigned int take_answers(struct rogue *r)
{
	struct blk_rsp rsp;
	unsigned int n = 0;

	while (blk_front_pop(&r->front, &rsp) > 0)
		n++;
	return n;
}

/* What is the backend's is written all the time; it must neither read it back nor stop. Our
 * scribble may be the last, and hide what was answered: then one more request shows that, and there
 * has to be room for it. So there are few at a time, and more only if nothing has come for long. */
static void scribbled_backend_indexes(struct rogue *r)
{
	const struct blk_req read = rogue_request(BLK_READ, 8, 0, 1);

	rogue_connect(r);
	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t begin = rogue_ms(), more = begin + 1000;

		rogue_push(r, &read);
		write_once(&r->front.ring.shared->req_event, i * 2654435761u);
		write_once(&r->front.ring.shared->rsp_prod, r->front.ring.rsp_cons);
		rogue_notify(r);
		while (take_answers(r) == 0) {
			uint32_t room = ring_front_room(&r->front.ring);

			if (rogue_ms() > begin + ROGUE_WAIT_MS)
				rogue_fail("the backend has stopped answering");
			if (room > r->front.ring.size / 2 || (room > 0 && rogue_ms() > more)) {
				more = rogue_ms() + 1000;
				rogue_push(r, &read);
			}
			rogue_notify(r);
			usleep(100);
		}
	}
	usleep(100000);
	write_once(&r->front.ring.shared->rsp_prod, r->front.ring.req_prod);
	while (ring_front_pending(&r->front.ring) > 0) {
		struct blk_rsp rsp;

		blk_front_pop(&r->front, &rsp);
	}
}

/* --- XSA-155: a request that changes after it was published --- */

enum { GOOD, ELSEWHERE, EVIL, NR_FACES };

struct flipper {
	struct rogue *r;
	struct blk64_req face[NR_FACES];
	bool stop;
};

/* Flips each slot for a while between what is good and what is not, as fast as it can. */
static void *flip(void *arg)
{
	struct flipper *f = arg;
	volatile struct blk64_req *slots = (void *)(f->r->ring + RING_HEADER);

	for (unsigned int n = 0; !read_once(&f->stop); n++) {
		const struct blk64_req *from = &f->face[n & 1 ? GOOD : n & 2 ? ELSEWHERE : EVIL];
		volatile struct blk64_req *to = &slots[n / 16 % 32];

		to->sector = from->sector;
		to->nr_segs = from->nr_segs;
		memcpy((void *)(uintptr_t)to->rest, from->rest, sizeof(from->rest));
	}
	return NULL;
}

/* The good request writes to the first page of the disk. One other differs in its sector alone, the
 * next in all that is validated: were a field fetched again after it was judged, the write would go
 * elsewhere (the sector's byte is 2 MiB, modulo 2^64). The scenario looks whether it did. */
static void xsa155_flipping_slots(struct rogue *r)
{
	struct flipper f = { .r = r };
	uint64_t end = rogue_ms() + 1500;
	unsigned int answered = 0, errors = 0;
	struct blk_req good = rogue_request(BLK_WRITE, 0, 0, 1);
	pthread_t thread;

	rogue_connect(r);
	good.seg[0].gref = r->gref[0];
	f.face[GOOD] = (struct blk64_req){ .op = BLK_WRITE, .nr_segs = 1 };
	memcpy(f.face[GOOD].rest, good.seg, sizeof(good.seg));
	f.face[ELSEWHERE] = f.face[GOOD];
	f.face[ELSEWHERE].sector = 1ull << 55 | 4096;
	for (unsigned int i = 0; i < BLK_MAX_SEGS; i++)
		good.seg[i] = (struct blk_seg){ 0x00ffffff, 7, 250, 0xffff };
	f.face[EVIL] = f.face[ELSEWHERE];
	f.face[EVIL].nr_segs = 200;
	memcpy(f.face[EVIL].rest, good.seg, sizeof(good.seg));
	memset(r->data[0], 0, BLK_PAGE);
	if (pthread_create(&thread, NULL, flip, &f))
		rogue_fail("no thread");
	/* for a while, and until the flips were seen to matter */
	while (rogue_ms() < end ||
	       ((errors == 0 || errors == answered) && rogue_ms() < end + ROGUE_WAIT_MS)) {
		struct blk_rsp rsp;

		while (ring_front_room(&r->front.ring) > 0)
			blk64_front_push(&r->front.ring, &f.face[GOOD]);
		ring_front_publish(&r->front.ring);
		rogue_notify(r);
		while (blk_front_pop(&r->front, &rsp) > 0) {
			answered++;
			errors += rsp.status != BLK_OKAY;
		}
	}
	write_once(&f.stop, true);
	pthread_join(thread, NULL);
	end = rogue_ms() + ROGUE_WAIT_MS;
	while (ring_front_room(&r->front.ring) < 32 && rogue_ms() < end) {
		struct blk_rsp rsp;

		while (blk_front_pop(&r->front, &rsp) > 0)
			answered++;
	}
	if (ring_front_room(&r->front.ring) < 32)
		rogue_fail("not all requests were answered");
	if (errors == 0 || errors == answered)
		rogue_fail("of %u requests %u failed: nothing was flipped", answered, errors);
}

/* Every byte of the ring is noise, all the time, its indexes included. */
static void ring_of_noise(struct rogue *r)
{
	uint64_t end = rogue_ms() + 1500, seed = 88172645463325252;

	rogue_connect(r);
	while (rogue_ms() < end) {
		for (unsigned int i = 0; i < 1000; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			r->ring[seed % BLK_PAGE] = (uint8_t)(seed >> 40);
			if (i % 16 == 0)	/* plausible now and then */
				write_once(&r->front.ring.shared->req_prod,
					   read_once(&r->front.ring.shared->rsp_prod) + seed % 33);
		}
		rogue_notify(r);
	}
}

/* --- things that go while they are in use --- */

static void publish_32(struct rogue *r, uint8_t op)
{
	rogue_connect(r);
	for (unsigned int i = 0; i < 32; i++) {
		const struct blk_req req = rogue_request(op, i * 8 % 64, i, 8);

		rogue_push(r, &req);
	}
	rogue_notify(r);
}

static void close_in_flight(struct rogue *r)
{
	for (unsigned int i = 0; i < 20; i++) {
		publish_32(r, i % 2 ? BLK_READ : BLK_WRITE);
		if (i % 4 < 2)
			rogue_write_number(r, "state", ST_CLOSING);
		rogue_restart(r);
	}
	rogue_connect(r);
}

static void revoke_data_in_flight(struct rogue *r)
{
	publish_32(r, BLK_READ);
	for (unsigned int i = 0; i < ROGUE_PAGES; i++)
		rogue_unshare(r, r->data[i]);
	for (unsigned int i = 0; i < 32; i++)
		rogue_answer(r);		/* each is answered, with whatever */
	for (unsigned int i = 0; i < ROGUE_PAGES; i++)
		r->data[i] = rogue_share(r, 0, true, &r->gref[i]);
}

static void revoke_ring_in_flight(struct rogue *r)
{
	publish_32(r, BLK_WRITE);
	rogue_unshare(r, r->ring);
	r->ring = NULL;
	rogue_restart(r);
	rogue_connect(r);
}

static void close_port_in_flight(struct rogue *r)
{
	publish_32(r, BLK_READ);
	xenevtchn_unbind(r->xce, r->port);
	r->port = 0;
	for (unsigned int i = 0; i < 32; i++)
		rogue_answer(r);
	rogue_restart(r);
	rogue_connect(r);
}

static void vanish_in_flight(struct rogue *r)
{
	publish_32(r, BLK_WRITE);		/* and the process ends */
}

/* XSA-331, 332: nothing but notifications, for which there is no request. */
static void xsa332_event_storm(struct rogue *r)
{
	uint64_t end = rogue_ms() + 1000;

	rogue_connect(r);
	for (unsigned int i = 0; i < 1000000 || rogue_ms() < end; i++)
		rogue_notify(r);
}

/* Persistent grants that are never the same: the cache has to give old ones up. */
static void xsa371_persistent_pages_without_end(struct rogue *r)
{
	rogue_prepare(r);
	rogue_write_number(r, "feature-persistent", 1);
	rogue_write_number(r, "state", ST_INITIALISED);
	rogue_await(r, ST_CONNECTED);
	for (unsigned int i = 0; i < 3000; i++) {
		struct blk_req req = rogue_request(BLK_READ, 8, 0, 1);
		uint8_t *page = rogue_share(r, 0, true, &req.seg[0].gref);

		rogue_expect(r, &req, BLK_OKAY);
		rogue_unshare(r, page);
	}
}

static const struct attack attacks[] = {
	{ "xsa86-producer-33", producer_33, STOPS },
	{ "xsa86-producer-2g", producer_2g, STOPS },
	{ "xsa86-producer-backwards", producer_backwards, STOPS },
	{ "xsa86-producer-first-thing", producer_first_thing, STOPS },
	{ "xsa86-scribbled-backend-indexes", scribbled_backend_indexes, LIVES },
	{ "xsa155-flipping-slots", xsa155_flipping_slots, LIVES },
	{ "ring-of-noise", ring_of_noise, ANY },
	{ "close-in-flight", close_in_flight, LIVES },
	{ "revoke-data-in-flight", revoke_data_in_flight, LIVES },
	{ "revoke-ring-in-flight", revoke_ring_in_flight, LIVES },
	{ "close-port-in-flight", close_port_in_flight, LIVES },
	{ "vanish-in-flight", vanish_in_flight, ANY },
	{ "xsa332-event-storm", xsa332_event_storm, LIVES },
	{ "xsa371-persistent-pages-without-end", xsa371_persistent_pages_without_end, LIVES },
};

int main(int argc, char **argv)
{
	return rogue_main(argc, argv, attacks, sizeof(attacks) / sizeof(attacks[0]));
}
