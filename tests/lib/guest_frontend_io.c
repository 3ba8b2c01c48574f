/* SPDX-License-Identifier: MIT */
/*
 * guest_frontend_io.c - a guest program for scenarios: a disk through guest.h, in every manner
 *
 * Writes the whole disk through a frontend with each combination of ring layout, persistent grants
 * and polling, in pieces of odd sizes, and reads it back through the next one.
 *
 * usage: guest_frontend_io DEVID	prints one line a manner; exit status 0 or 1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define SECTOR	512

struct manner {
	const char *name;
	struct pv_blk_options blk;
	struct guest_options guest;
};

static const struct manner manners[] = {
	{ "64-bit, persistent, sleeping", { .layout = PV_BLK_LAYOUT_64 }, { 0 } },
	{ "32-bit, persistent, sleeping", { .layout = PV_BLK_LAYOUT_32 }, { 0 } },
	{ "64-bit, copied, sleeping", { .layout = PV_BLK_LAYOUT_64, .no_persistent = true },
	  { 0 } },
	{ "32-bit, copied, polling", { .layout = PV_BLK_LAYOUT_32, .no_persistent = true },
	  { .spin_us = 50 } },
	{ "64-bit, persistent, direct requests only", { .layout = PV_BLK_LAYOUT_64,
							.no_indirect = true }, { 0 } },
	{ "native, persistent, polling", { .layout = PV_BLK_NATIVE }, { .spin_us = 50 } },
};

static void make(uint8_t *data, size_t sectors, unsigned int seed)
{
	for (size_t i = 0; i < sectors * SECTOR; i++)
		data[i] = (uint8_t)((i / SECTOR) * 7 + (i % SECTOR) * 13 + seed * 101);
}

/* Moves the whole disk, in pieces from one sector to many requests. */
static int move(struct guest_blk *disk, enum pv_blk_op op, uint8_t *data, size_t sectors)
{
	static const size_t pieces[] = { 1, 7, 8, 88, 89, 1000, 3000 };
	size_t done = 0;

	for (size_t i = 0; done < sectors; i++) {
		size_t n = pieces[i % (sizeof(pieces) / sizeof(pieces[0]))];
		int rc;

		if (n > sectors - done)
			n = sectors - done;
		rc = guest_blk_io(disk, op, done, data + done * SECTOR, n);
		if (rc)
			return rc;
		done += n;
	}
	return PV_OK;
}

/* Reads what the last manner wrote (seed - 1, unless this is the first), writes its own. */
static int use(struct guest_blk *disk, unsigned int seed)
{
	struct pv_blk_info info;
	uint8_t *data, *want;
	int rc = PV_ENOMEM;

	pv_blk_info(guest_blk_core(disk), &info);
	data = malloc(info.sectors * SECTOR);
	want = malloc(info.sectors * SECTOR);
	if (data && want) {
		rc = move(disk, PV_BLK_READ, data, info.sectors);
		make(want, info.sectors, seed - 1);
		if (!rc && seed > 0 && memcmp(data, want, info.sectors * SECTOR) != 0)
			rc = PV_EIO;
		make(data, info.sectors, seed);
		if (!rc)
			rc = move(disk, PV_BLK_WRITE, data, info.sectors);
		if (!rc)
			rc = guest_blk_flush(disk);
		if (!rc && guest_blk_io(disk, PV_BLK_READ, info.sectors, data, 1) != PV_ERANGE)
			rc = PV_EINVAL;
	}
	free(want);
	free(data);
	return rc;
}

static int run(uint32_t devid, unsigned int index)
{
	const struct manner *manner = &manners[index];
	struct guest_blk *disk;
	const char *why;
	struct guest *guest = guest_open(&manner->guest, &why);
	int rc, end = PV_OK;

	if (!guest) {
		fprintf(stderr, "guest_frontend_io: cannot open %s\n", why);
		return 1;
	}
	rc = guest_blk_open(guest, devid, 10000, &manner->blk, &disk);
	if (!rc) {
		rc = use(disk, index);
		end = guest_blk_close(disk, 10000);
	}
	guest_close(guest);
	printf("%s: %s, close: %s\n", manner->name, pv_strerror(rc), pv_strerror(end));
	return rc || end;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: guest_frontend_io DEVID\n");
		return 2;
	}
	for (unsigned int i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
		if (run((uint32_t)strtoul(argv[1], NULL, 10), i))
			return 1;
	return 0;
}
