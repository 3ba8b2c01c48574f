/* SPDX-License-Identifier: MIT */
/*
 * disk.h - one virtual disk in its worker, and the rings that it is reached by
 *
 * A struct disk is the device: geometry, target, whether it is being stopped. A struct queue is one
 * ring of it with all that is under way there, and belongs to one lane (a thread) alone. The path
 * of a request, and who owns each step:
 *
 *	throttle.c	whether the disk's limits let anything be taken
 *	queue.c		ring -> private copy -> journal
 *	intake.c	the segments of indirect requests -> private copy -> validate.c -> plan
 *	request.c	plan -> data from the guest -> target -> data to the guest
 *	queue.c		status -> journal -> ring -> one notification a batch
 *	connect.c	the connection around a queue: ring pages, event channel, journal
 *	disk.c		the device around its queues, and its target
 *	stopwatch.c	how long that took, of a sample
 *
 * Requests move in batches: whatever is on the ring is taken, what needs a grant copy is copied by
 * one call each way, and all that has ended is published at once.
 */
#ifndef XPV_VDISK_DISK_H
#define XPV_VDISK_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "limit.h"
#include "log.h"
#include "loop.h"
#include "stopwatch.h"
#include "target.h"
#include "validate.h"
#include "wire.h"
#include "worker/map.h"
#include "worker/replay.h"

#define DISK_BATCH		8	/* taken in one go: few, so that both ends work at once */
#define DISK_MAX_SLOTS		512	/* a ring of 16 pages */
#define DISK_BUFFER		(BLK_MAX_PIECES * BLK_PAGE)
#define DISK_UNDER_WAY		(16u << 20)	/* bytes: with so many, a queue takes no more */
#define DISK_KEEP		(16u << 20)	/* bytes of a disk's buffers, kept for the next */
#define DISK_MAX_PERSISTENT	1056	/* pages kept mapped, as Linux's backend */

struct disk;
struct lane;
struct queue;

/* What a worker's disks share. */
struct disk_env {
	uint32_t domid;
	xengnttab_handle *xgt;
	struct nbd_host *nbd;		/* NULL: no disk that a server has can be opened */
	struct lane *lanes;
	unsigned int nr_lanes;
};

enum request_phase { PHASE_NEW, PHASE_FLUSH_BEFORE, PHASE_DATA, PHASE_FLUSH_AFTER, PHASE_END };

struct request {
	struct queue *queue;
	struct request *next;		/* on one list at a time */
	uint64_t id;
	uint8_t op;			/* as the response has it */
	uint8_t phase;			/* enum request_phase */
	bool mapped;			/* every piece is in the grant cache */
	int16_t status;			/* enum blk_status */
	uint16_t slot;			/* in the journal, and of this array */
	char *buf;			/* DISK_BUFFER bytes that are ours */
	uint32_t touched;		/* of these, so many have memory behind them */
	uint64_t discarded;		/* bytes; of a discard, which is done in parts */
	struct stamp stamp;		/* whether it is timed */
	struct target_io io;
	struct blk_plan plan;
	struct iovec iov[BLK_MAX_PIECES];	/* io's */
};

/* A request that was taken, on its way to become a struct request. */
struct taken {
	unsigned int slot;
	bool unreadable;		/* it has segments apart, and they could not be copied */
	struct blk_req req;
};

struct request_list {
	struct request *head, **tail;
};

struct queue {
	struct disk *disk;
	struct lane *lane;		/* who serves it */
	struct queue *next_handed;
	bool served;			/* the lane has it; see lane.h */
	bool broken;			/* the guest broke the protocol: */
	char failed[WIRE_TEXT];		/* ... how */
	struct blk_back ring;
	void *ring_pages;
	uint32_t nr_ring_pages;
	evtchn_port_t port;		/* ours; 0: none */
	struct journal journal;
	struct grant_cache cache;

	struct request *reqs;		/* one a slot */
	char *buffers;
	uint16_t free_slot[DISK_MAX_SLOTS];
	unsigned int nr_free;
	uint64_t under_way;		/* bytes to be moved for what is under way */
	uint64_t touched;		/* bytes of buffers with memory behind them */
	struct request *barrier;	/* taken, waits until all before it are done */
	struct request_list ready;	/* their data is to be moved */
	struct request_list discards;	/* to be done, or done in part */
	struct request_list landed;	/* read; their data is to be given to the guest */
	struct request_list ended;	/* to be answered */
	bool throttled;			/* nothing is taken now, until the timer: */
	struct loop_timer throttle;
	uint32_t limit_seen;		/* disk->limit_serial, when the lane looked last ... */
	uint32_t limit_in_force;	/* ... and of what is in force here */
	struct journal_replay replay;	/* what a predecessor left */
	struct stopwatch watch;
};

struct disk {
	struct disk_env *env;
	uint32_t devid;
	char name[24];			/* for the log: "guest 3 vbd 51712" */
	struct blk_geometry geo;	/* but for its size, which may grow at any time: */
	uint64_t sectors;
	struct target target;
	bool persistent;
	int journal_fd;			/* kept: closing it would drop the lock */
	struct queue queue[WIRE_MAX_QUEUES];
	unsigned int nr_queues;		/* of these, that were opened */
	pthread_mutex_t limit_lock;	/* for: */
	struct limit limit;
	bool limited, paused;		/* written by the main thread, read by all; so is */
	uint32_t limit_serial;		/* ... this, after them */
	bool limit_due;			/* the supervisor is to hear that they are in force: */
	uint32_t limit_answer;		/* ... its own number for them */
	bool closing;			/* nothing more is taken */
	bool stopping;			/* to be closed when nothing is under way ... */
	bool keep;			/* ... and to be taken up again: the journal stays */
	const char *failed;		/* the first violation that was seen; NULL: none */
};

/* disk.c: the main thread's */

/* Connects a disk as the supervisor says, or takes it up from a dead predecessor. Both descriptors
 * are the disk's from here on, also on failure. 0; or -errno, and *why (WIRE_TEXT bytes) says what
 * failed: disk_close() is then due. No queue is served before disk_serve(). */
int disk_open(struct disk *disk, struct disk_env *env, uint32_t devid,
	      const struct wire_vdisk *conn, int target_fd, int journal_fd, char *why);
/* Says in *why which part could not be had, for the errno in rc, and returns that. */
int open_failed(char *why, int rc, const char *what);
/* Hands its queues over to their lanes. */
void disk_serve(struct disk *disk);
/* Takes no more requests. */
void disk_stop(struct disk *disk);
/* How the guest broke the protocol, in the first case that was seen; NULL: it did not. */
const char *disk_failed(struct disk *disk);
/* True: its lanes have given all queues back, so that disk_close() may be called. */
bool disk_given_back(const struct disk *disk);
/* It has grown; never becomes smaller. */
void disk_resize(struct disk *disk, uint64_t sectors);
/* Unmaps and closes everything. forget: the connection is over; otherwise the journal keeps it for
 * a successor. Idempotent. */
void disk_close(struct disk *disk, bool forget);

/* connect.c */

/* Connects ring `index` of a disk; its disk and lane are set. 0; or -errno, and *why as
 * disk_open(). queue_close() undoes what was done. */
int queue_open(struct queue *q, unsigned int index, const struct wire_vdisk *conn, char *why);
/* True: the journal is about this very connection, which a predecessor served. */
bool queue_is_known(const struct queue *q, unsigned int index, const struct wire_vdisk *conn);
/* resume: the ring is taken up where the journal says; otherwise both begin anew. 0; or -EPROTO:
 * the ring does not fit what was answered. */
int queue_begin_or_resume(struct queue *q, unsigned int index, const struct wire_vdisk *conn,
			  bool resume);
/* The lane's first act: does again what a predecessor left, and tells the guest. */
void queue_start(struct queue *q);
/* True: nothing is under way any more. */
bool queue_idle(const struct queue *q);
/* As disk_close(). */
void queue_close(struct queue *q, bool forget);

/* queue.c */

/* Takes, moves and answers what is there, at most one batch. True: something was done. */
bool queue_run(struct queue *q);
/* True if there may be something to take (one read of shared memory). */
bool queue_pending(const struct queue *q);
/* Asks for a notification of the next request. True: there is one already. */
bool queue_arm(struct queue *q);
/* The guest broke the protocol: the disk stops for good, and the queue keeps the first reason. */
void queue_fail(struct queue *q, const char *why);

/* throttle.c */

/* The queue is about to be opened, when its disk's limits are known. */
void throttle_init(struct queue *q);
/* From now on: its answer is due when they are in force. The main thread's. */
void throttle_set(struct disk *disk, const struct wire_limit *limit);
/* True: all lanes know of them, and for a paused disk nothing is under way. */
bool throttle_in_force(const struct disk *disk);
/* The lane's look at what has changed, before it takes anything. */
void throttle_look(struct queue *q);
/* What may be taken now; nothing: queue->throttled, perhaps. */
struct limit_room throttle_room(struct queue *q);
/* This one was: is there room for another? */
bool throttle_fits(struct limit_room *room, const struct blk_req *req);
/* These were, and are known by now. */
void throttle_charge(struct queue *q, const struct taken *taken, unsigned int nr);
/* Waits no more. */
void throttle_end(struct queue *q);

/* intake.c */

/* Sends requests that are in the journal on their way: to be answered, to be held, to be done. nr
 * <= DISK_BATCH. */
void queue_begin(struct queue *q, struct taken *taken, unsigned int nr);
/* The same with one that a predecessor took, and with its answer if it had one. */
void queue_replay(struct queue *q, unsigned int slot);
/* A request was answered: its memory is for the next. */
void request_free(struct request *r);

/* request.c */

/* Starts a planned request, or brings one whose last phase has ended to its next. */
void request_advance(struct request *r);
/* Moves the data of all requests that are ready, and of those that have landed. */
void queue_move_data(struct queue *q);

static inline void request_append(struct request_list *list, struct request *r)
{
	r->next = NULL;
	*list->tail = r;
	list->tail = &r->next;
}

/* Takes the whole list. */
static inline struct request *request_take_all(struct request_list *list)
{
	struct request *head = list->head;

	list->head = NULL;
	list->tail = &list->head;
	return head;
}

#endif
