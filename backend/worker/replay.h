/* SPDX-License-Identifier: MIT */
/*
 * replay.h - a worker's side of the journal
 *
 * struct journal is the mapping of one queue's section; the functions are the only ones that store
 * into it, in the order that ../journal.h prescribes. All belong to the thread that owns the ring.
 */
#ifndef XPV_REPLAY_H
#define XPV_REPLAY_H

#include <stdbool.h>

#include "journal.h"

struct journal {
	struct journal_head *head;	/* NULL: not open */
	struct journal_slot *slots;
	size_t bytes;
};

/* Waits until no predecessor has the device any more: the lock goes only when the last thread of a
 * killed process is gone, and with it its last write to the disk by the page cache. (Those with
 * O_DIRECT may still be on their way; for them the supervisor has a lock on the image.) It is the
 * process's until it closes fd, or any other descriptor of the file. 0; -EBUSY: somebody still
 * serves it; -errno. */
int journal_lock(int fd);
/* Maps a queue's section of the file behind fd, which stays the caller's. 0; -EINVAL: not a
 * journal for this queue; -errno. */
int journal_open(struct journal *j, int fd, unsigned int queue, uint32_t domid, uint32_t devid);
/* Idempotent, once journal_open() was called. */
void journal_close(struct journal *j);

/* A new connection: its nr_slots slots are free, counters of the ring zero. */
void journal_begin(struct journal *j, const struct journal_ring *ring, uint32_t nr_slots);
/* The connection is over; nothing of it can be replayed. */
void journal_end(struct journal *j);
/* True: the journal is about this very connection, which a predecessor served. */
bool journal_matches(const struct journal *j, const struct journal_ring *ring,
		     uint32_t nr_slots);

/* What a successor finds. */
struct journal_replay {
	uint32_t req_cons, rsp_prod;	/* where to take the ring up */
	unsigned int nr;		/* slots to be done, in the order of their taking: */
	uint16_t slot[JOURNAL_MAX_SLOTS];
};

/* Reads the journal against the ring's own rsp_prod (hostile). Slots that are done become free;
 * the rest is listed in *out. 0; -EPROTO: rsp_prod is not one that we can have published. */
int journal_recover(struct journal *j, uint32_t shared_rsp_prod, uint32_t nr_slots,
		    struct journal_replay *out);

/* Records that `req`, at ring position index, was taken; the slot must be free. */
void journal_take(struct journal *j, unsigned int slot, uint32_t index, const struct blk_req *req);
/* Records the answer that is about to be written into the ring at rsp_index. */
void journal_answer(struct journal *j, unsigned int slot, uint32_t rsp_index, int status);
/* rsp_prod has been published: */
void journal_published(struct journal *j, uint32_t rsp_prod);
/* ... and so this slot is done. */
void journal_free(struct journal *j, unsigned int slot);

#endif
