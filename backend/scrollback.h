/* SPDX-License-Identifier: MIT */
/*
 * scrollback.h - what a console's workers leave to each other, and what they keep of its output
 *
 * A file in the run directory, mapped by its worker: this head, and from SCROLL_DATA on a ring of
 * bytes. The output's byte with position p stands at p modulo the ring's size. The positions count
 * all bytes that were ever taken off the shared page or put into it, so their low halves are the
 * page's own counters out_cons and in_prod.
 *
 * A worker may be killed between any two of its stores. It takes output in this order:
 *
 *	1. the bytes are copied into the ring, behind out_pos
 *	2. out_pos moves on
 *	3. out_cons in the shared page does: now the guest may overwrite what was taken
 *
 * A successor publishes out_pos again. After 1 it copies the same bytes to the same place; after 2
 * they are here, and not taken again. Bytes behind out_pos may be half copied, so the oldest of the
 * ring, as many as the page holds, are not to be read. Input goes the same way with in_pos and
 * in_prod.
 *
 * Who has output written somewhere else keeps how far in here, and moves that after writing; the
 * log's position is in one store with the file's offset, so that what was written and not noted is
 * written again in the same place.
 */
#ifndef XPV_SCROLLBACK_H
#define XPV_SCROLLBACK_H

#include <stddef.h>
#include <stdint.h>

#define SCROLL_MAGIC	0x6c6f7263u
#define SCROLL_VERSION	1u
#define SCROLL_DATA	4096u		/* where the ring begins */
#define SCROLL_MIN	8192u		/* bytes of a ring: powers of two */
#define SCROLL_MAX	131072u
#define SCROLL_DEFAULT	65536u

/* How far the log is. */
struct scroll_log {
	uint64_t pos;		/* of the output */
	uint64_t offset;	/* in the file */
	uint64_t file;		/* its inode */
	uint32_t in_line;	/* the last byte was no newline */
	uint32_t unused;
};

/* All of it is written by the worker; the supervisor reads. */
struct scroll_head {
	uint32_t magic, version;	/* written by the supervisor */
	uint32_t domid, devid;		/* likewise */
	uint64_t domain;		/* likewise; of domains of that number, which */
	uint32_t size;			/* likewise; of the ring */
	uint32_t port;			/* the guest's port that it is about; 0: none yet */
	uint64_t base;			/* nothing before this was seen */
	uint64_t out_pos, in_pos;
	uint64_t pty_pos;
	uint64_t lost;			/* bytes that the log or the pty was too slow for */
	uint32_t log_turn;		/* which of the two holds */
	uint32_t unused;
	struct scroll_log log[2];
};

_Static_assert(sizeof(struct scroll_head) <= SCROLL_DATA, "the head is before the ring");

#endif
