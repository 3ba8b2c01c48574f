/* SPDX-License-Identifier: MIT */
/*
 * guest_negotiation.c - a guest program for scenarios: one disk, connected again and again with
 * other options
 *
 * Each line of its input has options as words of a command line. The disk is opened with them,
 * every slot of every ring is filled with reads of what is on the disk by now (the work of
 * connections before this one), then with writes of something new; large requests go both ways as
 * well. Then a line says what it came to, and the disk stays open until the next line, so that the
 * other end can be looked at. After the last one everything is read once more, and compared.
 *
 * usage: guest_negotiation DEVID <LINES	exit status 0 or 1
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define PAGE		4096
#define SECTORS		(PAGE / 512)
#define QUEUES		4
#define PAGES		(QUEUES * PV_BLK_SLOTS_MAX)	/* that the rings take together, at most */
#define LARGE		256				/* pages after these, in one go */
#define TIMEOUT_MS	10000

struct slot {
	struct pv_blk_req req;
	struct pv_blk_queue *queue;
	struct pv_blk_buffer *buffer;		/* if it has borrowed it, for itself and the next */
};

static uint32_t version[PAGES + LARGE];		/* what each page of the disk holds; 0: zeros */
static struct slot slots[PAGES];
static uint8_t large[LARGE * PAGE];
static uint32_t cell;				/* the connection's number, from 1 on */

static void make_page(uint8_t *data, uint32_t page, uint32_t of)
{
	uint64_t word = (page + 1ull) * of * 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < PAGE; i += sizeof(word), word = of ? word * 5 + 1 : 0)
		memcpy(data + i, &word, sizeof(word));
}

static bool page_is(const uint8_t *data, uint32_t page)
{
	uint8_t want[PAGE];

	make_page(want, page, version[page]);
	if (memcmp(data, want, PAGE) == 0)
		return true;
	fprintf(stderr, "cell %" PRIu32 ": page %" PRIu32 " is not what cell %" PRIu32 " wrote\n",
		cell, page, version[page]);
	return false;
}

static int failed(const char *what, int err)
{
	fprintf(stderr, "cell %" PRIu32 ": %s: %s\n", cell, what, pv_strerror(err));
	return -1;
}

/*
 * Every slot of every ring
 */

/* Fills one queue, with pages from `page` on; how many, or -1 if there are not as many as slots. */
static int fill_queue(struct pv_blk *blk, uint32_t queue, enum pv_blk_op op, uint32_t page)
{
	struct pv_blk_buffer *buffer = NULL;
	struct pv_blk_info info;
	uint32_t n = 0;

	pv_blk_info(blk, &info);
	for (; n < info.slots; n++) {
		struct slot *slot = &slots[page + n];
		enum pv_err err;

		*slot = (struct slot){ .queue = pv_blk_queue(blk, queue) };
		if (n % PV_BLK_PAGES == 0)
			buffer = slot->buffer = pv_blkq_buffer_get(slot->queue);
		if (!buffer)
			return failed("no buffer", PV_EAGAIN);
		slot->req = (struct pv_blk_req){
			.op = op, .sector = (uint64_t)(page + n) * SECTORS, .sectors = SECTORS,
			.buffer = buffer, .offset = n % PV_BLK_PAGES * PAGE,
		};
		if (op == PV_BLK_WRITE)
			make_page(buffer->data + slot->req.offset, page + n, cell);
		else
			memset(buffer->data + slot->req.offset, 0xee, PAGE);
		err = pv_blkq_submit(slot->queue, &slot->req);
		if (err)
			return failed("a ring's slot", err);
	}
	if (pv_blkq_submit(pv_blk_queue(blk, queue), &slots[0].req) != PV_EAGAIN)
		return failed("a ring that should be full", PV_EINVAL);
	return (int)n;
}

static int wait_for_all(struct guest *guest, struct pv_blk *blk, uint32_t n)
{
	while (n) {
		struct pv_blk_req *req = pv_blk_poll(blk);

		if (req && req->status)
			return failed("a request", req->status);
		n -= req != NULL;
		if (!req && guest_wait(guest, &blk, 1, TIMEOUT_MS) <= 0)
			return failed("no answer", PV_EPORT);
	}
	return 0;
}

static int fill_all(struct guest *guest, struct pv_blk *blk, enum pv_blk_op op)
{
	struct pv_blk_info info;
	uint32_t n = 0;
	bool good = true;

	pv_blk_info(blk, &info);
	for (uint32_t q = 0; q < info.queues; q++) {
		int filled = fill_queue(blk, q, op, n);

		if (filled < 0)
			return -1;
		n += (uint32_t)filled;
	}
	pv_blk_kick(blk);
	if (wait_for_all(guest, blk, n))
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		const struct pv_blk_req *req = &slots[i].req;

		if (op == PV_BLK_WRITE)
			version[i] = cell;
		else
			good &= page_is(req->buffer->data + req->offset, i);
	}
	for (uint32_t i = 0; i < n; i++)
		if (slots[i].buffer)
			pv_blkq_buffer_put(slots[i].queue, slots[i].buffer);
	return good ? 0 : -1;
}

/*
 * Requests of 128 KiB
 */

static int move_large(struct guest_blk *disk)
{
	uint64_t at = (uint64_t)PAGES * SECTORS;
	int rc = guest_blk_io(disk, PV_BLK_READ, at, large, LARGE * SECTORS);

	if (rc)
		return failed("a large read", rc);
	for (uint32_t i = 0; i < LARGE; i++)
		if (!page_is(large + i * PAGE, PAGES + i))
			return -1;
	for (uint32_t i = 0; i < LARGE; i++) {
		make_page(large + i * PAGE, PAGES + i, cell);
		version[PAGES + i] = cell;
	}
	rc = guest_blk_io(disk, PV_BLK_WRITE, at, large, LARGE * SECTORS);
	if (!rc)
		rc = guest_blk_flush(disk);
	return rc ? failed("a large write", rc) : 0;
}

/*
 * Connections
 */

static int parse(char *line, struct pv_blk_options *options)
{
	*options = (struct pv_blk_options){ .ring_order = 0 };
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (pv_blk_option(options, word))
			return failed(word, PV_EINVAL);
	options->buffers = (uint16_t)((PV_BLK_DEPTH << options->ring_order) / PV_BLK_PAGES + 1);
	if (options->buffers < 32)
		options->buffers = 32;
	return options->queues > QUEUES ? failed("too many queues", PV_EINVAL) : 0;
}

static int use(struct guest *guest, struct guest_blk *disk)
{
	struct pv_blk *blk = guest_blk_core(disk);
	struct pv_blk_info info;

	if (fill_all(guest, blk, PV_BLK_READ) || fill_all(guest, blk, PV_BLK_WRITE) ||
	    move_large(disk))
		return -1;
	pv_blk_info(blk, &info);
	printf("cell %" PRIu32 ": queues %" PRIu32 " slots %" PRIu32 " persistent %d indirect %d "
	       "sector %" PRIu32 "\n", cell, info.queues, info.slots, info.persistent,
	       info.indirect, info.sector_size);
	fflush(stdout);
	return 0;
}

static int compare_all(struct guest_blk *disk)
{
	for (uint32_t page = 0; page < PAGES + LARGE; page += LARGE) {
		int rc = guest_blk_io(disk, PV_BLK_READ, (uint64_t)page * SECTORS, large,
				      LARGE * SECTORS);

		if (rc)
			return failed("the last read", rc);
		for (uint32_t i = 0; i < LARGE; i++)
			if (!page_is(large + i * PAGE, page + i))
				return -1;
	}
	printf("everything is as it was written\n");
	return 0;
}

static int run(struct guest *guest, uint32_t devid)
{
	struct guest_blk *disk = NULL;
	char line[256];
	int rc;

	while (fgets(line, sizeof(line), stdin)) {
		struct pv_blk_options options;

		cell++;
		if (disk && guest_blk_close(disk, TIMEOUT_MS))
			return failed("close", PV_EBUSY);
		if (parse(line, &options))
			return -1;
		rc = guest_blk_open(guest, devid, TIMEOUT_MS, &options, &disk);
		if (rc)
			return failed("open", rc);
		if (use(guest, disk))
			return -1;
	}
	if (!disk || compare_all(disk))
		return -1;
	return guest_blk_close(disk, TIMEOUT_MS);
}

int main(int argc, char **argv)
{
	struct guest *guest;
	const char *why;
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: guest_negotiation DEVID <LINES\n");
		return 2;
	}
	guest = guest_open(NULL, &why);
	if (!guest) {
		fprintf(stderr, "guest_negotiation: cannot open %s\n", why);
		return 1;
	}
	rc = run(guest, (uint32_t)strtoul(argv[1], NULL, 10));
	guest_close(guest);
	return rc ? 1 : 0;
}
