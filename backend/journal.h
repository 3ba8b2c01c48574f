/* SPDX-License-Identifier: MIT */
/*
 * journal.h - what a worker leaves for its successor, and what others may read of it
 *
 * One file a device, below the run directory (a tmpfs), mapped by the worker that serves it; the
 * supervisor maps all but the slots, reads the counters, and clears `connected` when no worker
 * does. It outlives them both. It has one section a queue, at a fixed stride, and each section
 * holds for one connection of that queue's ring:
 *
 *   - the private copy of every request that was taken off the ring and not answered,
 *   - how far requests were taken and responses were published,
 *   - counters, and how long requests took (meter.h).
 *
 * A worker may be killed between any two instructions, and its successor must answer each request
 * exactly once: a response overwrites the slot of another request, and a frontend gives a device
 * up for good on one response that it does not expect. Hence the order of stores, all of them by
 * the one thread that owns the ring:
 *
 *   take	copy the request into a free slot, mark it TAKEN with its index, then advance
 *		req_cons. A TAKEN slot whose index req_cons has not passed does not count: its
 *		request is still on the ring.
 *   answer	mark the slot ANSWERED with status and response index, then write the response
 *		into the ring, then publish rsp_prod, then mark the slot FREE. An ANSWERED slot
 *		whose index the ring's rsp_prod has passed is done; otherwise the frontend has seen
 *		nothing, and the same status is given again under a new index.
 *
 * A slot is FREE before it is used again, so a stale index never meets a new request. One field is
 * both written by us and reachable by the guest: the ring's rsp_prod. The successor believes it
 * only between the journal's own bounds.
 */
#ifndef XPV_JOURNAL_H
#define XPV_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "blk_abi.h"
#include "meter.h"

#define JOURNAL_MAGIC	0x4a76706bu
#define JOURNAL_VERSION	3
#define JOURNAL_HEAD	4096	/* a section's first page; the meter follows */
#define JOURNAL_SLOTS	(JOURNAL_HEAD + METER_BYTES)	/* ... and then the slots */
#define JOURNAL_MAX_SLOTS	512	/* a ring of 16 pages */

/* Monotonic counters; one writer, read at any time without locks. Times and sizes in the units
 * that the names say. They count over all connections and workers of the device. */
struct journal_stats {
	uint64_t read_reqs, write_reqs, flush_reqs, barrier_reqs, other_reqs;
	uint64_t read_bytes, write_bytes;
	uint64_t errors;	/* requests answered with an error */
	uint64_t notify_in;	/* notifications received */
	uint64_t notify_out;	/* notifications sent */
	uint64_t batches;	/* times that a batch of responses was published */
	uint64_t replayed;	/* requests that a successor found unfinished */
	uint64_t restarts;	/* workers that took the device over */
	uint64_t discard_reqs, discard_bytes;
	uint64_t indirect_reqs;	/* of the reads and writes, those with their segments apart */
};

/* What tells one connection of a ring from another. */
struct journal_ring {
	uint32_t gref0, port, abi;
	uint32_t nr_queues;	/* of the device's connection */
};

struct journal_head {
	uint32_t magic, version;
	uint32_t domid, devid;
	uint32_t nr_slots;	/* room in the section */
	/* The connection that the slots belong to; connected is set last and cleared first. Section
	 * 0's is that of the device: set after and cleared before the others'. */
	uint32_t connected;
	struct journal_ring ring;
	uint32_t req_cons;	/* requests taken */
	uint32_t rsp_prod;	/* responses known to be published */
	uint64_t identity[2];	/* section 0's: what the device stood for (struct device) */
	struct journal_stats stats;
};

enum journal_state { JOURNAL_FREE, JOURNAL_TAKEN, JOURNAL_ANSWERED };

struct journal_slot {
	uint32_t state;		/* enum journal_state */
	uint32_t req_index;	/* TAKEN: its position on the ring */
	uint32_t rsp_index;	/* ANSWERED: its response's */
	int32_t status;		/* ANSWERED: enum blk_status */
	struct blk_req req;
};

_Static_assert(sizeof(struct journal_head) <= JOURNAL_HEAD, "one page");

/* The meter of a head that is mapped with what follows it. */
static inline struct meter *journal_meter(struct journal_head *head)
{
	return (struct meter *)(void *)((char *)head + JOURNAL_HEAD);
}

/* Of one section that has so many slots. */
static inline size_t journal_bytes(uint32_t nr_slots)
{
	size_t bytes = JOURNAL_SLOTS + (size_t)nr_slots * sizeof(struct journal_slot);

	return (bytes + 4095) & ~(size_t)4095;
}

/* Where a section begins. The stride is that of the largest ring, so that no section ever moves;
 * what a smaller one leaves is a hole in the file. */
static inline size_t journal_section(unsigned int queue)
{
	return queue * journal_bytes(JOURNAL_MAX_SLOTS);
}

#endif
