/* SPDX-License-Identifier: MIT */
/*
 * blk_guest.c - the workload in a guest, through the vdisk frontend
 *
 * Runs in a domain (`xpv sim run --dom DOM -- blk_guest 51712`). The pages are borrowed from the
 * frontend, so no data is copied on this side, as none is with virtio. Notifications are counted
 * where they leave and enter the process: the linker puts the functions below in the place of
 * libxenevtchn's (--wrap).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenevtchn.h>

#include "bench.h"
#include "guest.h"

#define TIMEOUT_MS	10000
#define PAGE_SECTORS	(BENCH_PAGE / 512)
#define MAX_BUFFERS	PV_BLK_DEPTH	/* of a ring of one page */

struct bench_guest {
	struct guest *guest;
	struct guest_blk *disk;
	struct pv_blk *blk;
	struct pv_blk_buffer *buffers[MAX_BUFFERS];
	unsigned int nr_buffers;
	struct pv_blk_req reqs[BENCH_MAX_QD];	/* one a tag */
};

static uint64_t sent, received;

int __real_xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port);
int __wrap_xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port);
xenevtchn_port_or_error_t __real_xenevtchn_pending(xenevtchn_handle *xce);
xenevtchn_port_or_error_t __wrap_xenevtchn_pending(xenevtchn_handle *xce);

int __wrap_xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	sent++;
	return __real_xenevtchn_notify(xce, port);
}

xenevtchn_port_or_error_t __wrap_xenevtchn_pending(xenevtchn_handle *xce)
{
	xenevtchn_port_or_error_t port = __real_xenevtchn_pending(xce);

	received += port >= 0;
	return port;
}

/* What has happened since the last call belongs to the bench that is running. */
static void count(struct bench *b)
{
	b->sent += sent;
	b->received += received;
	sent = received = 0;
}

/* The next of the buffers, or NULL. */
static struct pv_blk_buffer *borrow(struct bench_guest *g)
{
	struct pv_blk_buffer *buffer = g->nr_buffers < MAX_BUFFERS ? pv_blk_buffer_get(g->blk) :
								     NULL;

	if (buffer)
		g->buffers[g->nr_buffers++] = buffer;
	return buffer;
}

/* Small blocks share a buffer, large ones have a chain of them each. */
static int take_pages(struct bench *b, struct bench_guest *g)
{
	const uint32_t sectors = b->pages * PAGE_SECTORS;
	const unsigned int in_one = PV_BLK_PAGES / b->pages;

	for (unsigned int tag = 0; tag < b->qd; tag++) {
		const bool shared = in_one > 0 && tag % in_one > 0;
		struct pv_blk_buffer *first = shared ? g->reqs[tag - 1].buffer : borrow(g);
		struct pv_blk_buffer *last = first;

		for (unsigned int n = PV_BLK_CHAIN(sectors); last && n > 1; n--)
			last = last->next = borrow(g);
		if (!last)
			return bench_error("grants are too scarce for %u blocks of %u pages; allow "
					   "more, or say a smaller --qd", b->qd, b->pages);
		g->reqs[tag] = (struct pv_blk_req){
			.op = b->write ? PV_BLK_WRITE : PV_BLK_READ,
			.sectors = sectors,
			.buffer = first,
			.offset = in_one ? (uint32_t)(tag % in_one * bench_bytes(b)) : 0,
		};
	}
	return 0;
}

static int guest_connect(struct bench *b, struct bench_guest *g, uint32_t devid)
{
	struct pv_blk_info info;
	const char *why;
	int rc;

	g->guest = guest_open(NULL, &why);
	if (!g->guest)
		return bench_error("cannot open %s: %s; run it in a guest, or by "
				   "'xpv sim run --dom DOM'", why, strerror(errno));
	rc = guest_blk_open(g->guest, devid, TIMEOUT_MS, NULL, &g->disk);
	if (rc)
		return bench_error("vdisk %u: %s; is it attached?", devid, pv_strerror(rc));
	g->blk = guest_blk_core(g->disk);
	pv_blk_info(g->blk, &info);
	if (info.sectors / (b->pages * PAGE_SECTORS) < b->blocks)
		return bench_error("vdisk %u has only %llu sectors; say --size", devid,
				   (unsigned long long)info.sectors);
	if (info.depth < b->qd)
		return bench_error("vdisk %u takes only %u requests at a time; say --qd", devid,
				   info.depth);
	return take_pages(b, g);
}

static int bench_guest_open(struct bench *b)
{
	struct bench_guest *g = calloc(1, sizeof(*g));
	char *end;
	unsigned long devid = strtoul(b->target, &end, 10);

	if (!g)
		return bench_error("out of memory; give the domain more");
	b->state = g;
	if (*end || end == b->target)
		return bench_error("%s: not a number; name the vdisk as xenstore does (xvda is "
				   "51712)", b->target);
	return guest_connect(b, g, (uint32_t)devid);
}

static void *bench_guest_page(struct bench *b, unsigned int tag, unsigned int i)
{
	struct bench_guest *g = b->state;
	struct pv_blk_buffer *buffer = g->reqs[tag].buffer;

	for (; i >= PV_BLK_PAGES; i -= PV_BLK_PAGES)
		buffer = buffer->next;
	return buffer->data + g->reqs[tag].offset + (size_t)i * BENCH_PAGE;
}

static int bench_guest_submit(struct bench *b, unsigned int tag, uint64_t block)
{
	struct bench_guest *g = b->state;
	enum pv_err err;

	g->reqs[tag].sector = block * b->pages * PAGE_SECTORS;
	err = pv_blk_submit(g->blk, &g->reqs[tag]);
	return err ? bench_error("block %llu: %s", (unsigned long long)block, pv_strerror(err)) : 0;
}

static void bench_guest_kick(struct bench *b)
{
	struct bench_guest *g = b->state;

	pv_blk_kick(g->blk);
	count(b);
}

static int bench_guest_collect(struct bench *b, uint16_t *tags)
{
	struct bench_guest *g = b->state;
	struct pv_blk_req *req;
	int n = 0;

	while ((req = pv_blk_poll(g->blk))) {
		if (req->status)
			return bench_error("sector %llu: %s", (unsigned long long)req->sector,
					   pv_strerror(req->status));
		tags[n++] = (uint16_t)(req - g->reqs);
	}
	return n;
}

static bool bench_guest_pending(struct bench *b)
{
	return pv_blk_pending(((struct bench_guest *)b->state)->blk);
}

static int bench_guest_sleep(struct bench *b)
{
	struct bench_guest *g = b->state;
	int rc = guest_wait(g->guest, &g->blk, 1, 1000);

	count(b);
	return rc < 0 ? bench_error("%s", pv_strerror(rc)) : 0;
}

static void bench_guest_close(struct bench *b)
{
	struct bench_guest *g = b->state;

	if (!g)
		return;
	for (unsigned int i = 0; i < g->nr_buffers; i++)
		pv_blk_buffer_put(g->blk, g->buffers[i]);
	if (g->blk)
		guest_blk_close(g->disk, TIMEOUT_MS);
	if (g->guest)
		guest_close(g->guest);
	free(g);
}

static const struct contestant guest = {
	.name = "xpv",
	.operand = "DEVID",
	.open = bench_guest_open,
	.page = bench_guest_page,
	.submit = bench_guest_submit,
	.kick = bench_guest_kick,
	.collect = bench_guest_collect,
	.pending = bench_guest_pending,
	.sleep = bench_guest_sleep,
	.close = bench_guest_close,
};

int main(int argc, char **argv)
{
	return bench_main(&guest, argc, argv);
}
