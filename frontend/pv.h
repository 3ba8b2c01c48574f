/* SPDX-License-Identifier: MIT */
/*
 * pv.h - paravirtual frontends for any kernel
 *
 * A frontend is a struct that the caller owns and a few functions that advance it. Nothing in here
 * blocks, sleeps, starts a thread or keeps a global: the loop is the caller's (PORTING.md shows
 * one in thirty lines). A device's life:
 *
 *	pv_blk_init()		in memory of the caller's
 *	pv_blk_step() ...	on each watch event, until pv_blk_state() is PV_OPEN
 *	pv_blk_submit()		any number, then one pv_blk_kick()
 *	pv_blk_poll()		on each event: hands the finished requests back
 *	pv_blk_close()		and pv_blk_step() until PV_CLOSED
 *	pv_blk_fini()
 *
 * One device belongs to one thread (or lock) at a time; different devices are independent of each
 * other, and so are the queues of one ("Queues" below). Memory is taken (pvos_grant_pages) only
 * while a device connects, never for a request.
 *
 * A console's life is the same, with bytes in place of requests: pv_console_write() and
 * pv_console_read(), then one pv_console_kick().
 *
 * The backend is not trusted with anything but the disk's contents. What it writes to xenstore and
 * to the ring is checked; a device whose backend breaks the protocol is given up, with the first
 * reason kept, and the kernel around it goes on. Pages that it may still reach are not reused.
 */
#ifndef XPV_PV_H
#define XPV_PV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pv_os;

enum pv_err {
	PV_OK = 0,
	PV_EAGAIN = -1,		/* no room now: poll, wait for an event, try again */
	PV_EINVAL = -2,		/* the caller asked for something that cannot be */
	PV_ERANGE = -3,		/* beyond the end of the disk */
	PV_EALIGN = -4,		/* not a multiple of the disk's sector size */
	PV_EREADONLY = -5,	/* a write to a read-only disk */
	PV_ENOTSUP = -6,	/* the backend does not offer it */
	PV_EIO = -7,		/* the backend could not do it */
	PV_EGONE = -8,		/* the device was closed or taken away */
	PV_EBACKEND = -9,	/* the backend broke the protocol */
	PV_EBUSY = -10,		/* the backend still holds pages of ours, or the caller buffers */
	PV_ENOMEM = -11,	/* no pages, grants or channels left */
	PV_ENOENT = -12,	/* no such node in xenstore */
	PV_ETOOLONG = -13,	/* does not fit the buffer */
	PV_EPORT = -14,		/* the port's own failure */
};

/* A short phrase, without a full stop. Any context. */
const char *pv_strerror(int err);

enum pv_state {
	PV_OPENING,	/* the handshake goes on */
	PV_OPEN,	/* requests flow */
	PV_PAUSED,	/* the backend starts over; what is outstanding will be sent to it again */
	PV_CLOSING,	/* no new requests; waits for the backend to let go */
	PV_CLOSED,	/* nothing is granted any more: pv_*_fini() */
	PV_STATE_COUNT
};

const char *pv_state_name(enum pv_state state);

/* For the port: a watch that was set with this token has fired. Steps the device. */
void pv_watch_fired(void *token);

/*
 * blk*.c: the vdisk frontend
 */

#define PV_BLK_BYTES		8192	/* the memory of a device with one ring of one page */
#define PV_BLK_DEPTH		32	/* requests at a time in a ring, for each of its pages */
#define PV_BLK_ORDER_MAX	4	/* a ring has up to 2^4 pages ... */
#define PV_BLK_SLOTS_MAX	(PV_BLK_DEPTH << PV_BLK_ORDER_MAX)	/* ... so many requests */
#define PV_BLK_QUEUES_MAX	16	/* rings of a device */
#define PV_BLK_PAGES		11	/* pages in a buffer */
#define PV_BLK_BUFFER_SECTORS	88	/* the same in sectors of 512 bytes */
#define PV_BLK_MAX_SECTORS	2048	/* in a request, at most; see pv_blk_info */
/* Borrowed buffers for a request of so many sectors: a large one wants a page for itself. */
#define PV_BLK_CHAIN(sectors)									\
	((sectors) <= PV_BLK_BUFFER_SECTORS ? 1 : ((sectors) + 7) / 8 / PV_BLK_PAGES + 1)

struct pv_blk;
struct pv_blk_queue;

enum pv_blk_op {			/* numbered as in xen/io/blkif.h */
	PV_BLK_READ = 0,
	PV_BLK_WRITE = 1,
	PV_BLK_BARRIER = 2,	/* a write that nothing overtakes in either direction */
	PV_BLK_FLUSH = 3,	/* makes what has finished before durable; no data */
	PV_BLK_DISCARD = 5,	/* the sectors' contents are not needed any more; no data */
};

enum pv_blk_layout { PV_BLK_NATIVE, PV_BLK_LAYOUT_64, PV_BLK_LAYOUT_32 };

/*
 * What is asked of the backend; it may offer less, and pv_blk_info says what it came to. All zero
 * is one ring of one page: it is what every backend takes, what PV_BLK_BYTES holds, and 1.4 MiB of
 * granted pages. A larger ring or more of them is worth that much again for every page, which only
 * the caller knows whether it has.
 */
struct pv_blk_options {
	enum pv_blk_layout layout;	/* of the ring; NATIVE but in tests */
	bool no_persistent;		/* do not offer persistent grants */
	bool no_indirect;		/* no messages with their segments apart */
	uint8_t ring_order;		/* pages of a ring: up to 2^this; PV_BLK_ORDER_MAX */
	uint8_t queues;			/* rings: up to this; at most PV_BLK_QUEUES_MAX; 0 is 1 */
	uint16_t buffers;		/* of each queue, at most; 0: one for each request */
};

/* Sets what a word of a command line says: order=0..4, queues=1..16, buffers=1..512,
 * persistent=on|off, indirect=on|off, abi=native|64|32. PV_ENOENT: there is no such option;
 * PV_EINVAL: none of its values. Options are untouched then. Any context. */
int pv_blk_option(struct pv_blk_options *options, const char *word);

/*
 * Data pages. Grants are made once, when the device connects: for each queue up to one buffer of
 * PV_BLK_PAGES contiguous pages for each slot of its ring (or options.buffers; fewer if the port
 * runs out, at least one). They stay granted
 * until the device is closed, whether or not the backend keeps persistent grants: without them it
 * copies or maps the same pages for each request. (Ending a grant after each request would bound
 * what a backend can see to the requests in flight; the price is a hypercall a page.) So no page
 * of the kernel's own is ever granted, whether or not the toolstack's key `trusted` says that the
 * backend is to be trusted: what it can see is zeros and the disk's own data. Data is copied
 * through a buffer, or the caller borrows one and works in it directly. A large request is copied
 * through several buffers; or it works in a chain of borrowed ones, PV_BLK_CHAIN() of them linked
 * by `next`, with the data in order from the first one's beginning, PV_BLK_BUFFER_SECTORS in each.
 * What the data leaves of the last one is the core's.
 */
struct pv_blk_buffer {
	uint8_t *data;			/* PV_BLK_PAGES contiguous pages; the backend sees them */
	struct pv_blk_buffer *next;	/* borrowed: the caller's, for a chain; else the core's */
	uint32_t grefs[PV_BLK_PAGES];	/* the core's */
	uint32_t state;			/* the core's */
};

/*
 * A request. The caller owns the memory and leaves it, and the data, alone from a successful
 * pv_blk_submit() until pv_blk_poll() hands it back, which happens exactly once.
 */
struct pv_blk_req {
	/* The caller's; not changed by the core. */
	enum pv_blk_op op;
	uint32_t sectors;		/* of 512 bytes, as always in blkif; 0 for FLUSH; any number
					 * for DISCARD; others: at most max_sectors, with buffers
					 * what is in them, BARRIER: PV_BLK_BUFFER_SECTORS */
	uint64_t sector;		/* the first */
	bool secure;			/* DISCARD: nobody is to read again what was there */
	void *data;			/* copied from or to; or NULL, and ... */
	struct pv_blk_buffer *buffer;	/* ... a borrowed buffer, or the first of a chain, ... */
	uint32_t offset;		/* ... from this byte on, a multiple of 512; chain: 0 */
	void *user;			/* not looked at */

	enum pv_err status;		/* set when handed back: 0, EIO, ENOTSUP, EGONE, EBACKEND;
					 * ERANGE and EREADONLY if a new backend is smaller or
					 * read-only */

	/* The core's. */
	struct pv_blk_req *next, *prev;
	struct pv_blk_buffer *bounce;
	uint32_t weight, parts, queue;
};

struct pv_blk_info {
	uint64_t sectors;		/* of 512 bytes */
	uint32_t sector_size;		/* requests are multiples of this; 512 to 4096 */
	uint32_t physical_sector_size;
	uint32_t queues;		/* in use: 0 to queues - 1 */
	uint32_t slots;			/* of a queue's ring: requests at a time, if data is in
					 * borrowed buffers or they have none ... */
	uint32_t depth;			/* ... and if it is copied */
	uint32_t max_sectors;		/* in one request; large ones take room for several */
	uint32_t discard_granularity;	/* bytes: what is discarded is whole units of this ... */
	uint32_t discard_alignment;	/* ... the first of which begins here; the rest stays */
	bool readonly, removable, cdrom;
	bool flush, barrier, persistent, indirect, discard, discard_secure;
};

/* The memory of a device with these options; at most PV_BLK_BYTES if all are zero (or NULL). */
size_t pv_blk_bytes(const struct pv_blk_options *options);
/* Makes a device in `memory`, pv_blk_bytes() bytes aligned to 16. devid is its number in xenstore
 * (51712 is xvda). No I/O, cannot fail: an option beyond its maximum is that; options may be NULL.
 * The device need not exist yet: it stays PV_OPENING until a toolstack makes it. */
struct pv_blk *pv_blk_init(void *memory, struct pv_os *os, uint32_t devid,
			   const struct pv_blk_options *options);

/* Advances the handshake as far as it goes: reads xenstore, writes, grants. Call it once at the
 * beginning; then pv_watch_fired() does it, and the caller whenever pv_blk_wants_step(). Not for
 * interrupts. Does not block unless the port's functions do; a bounded number of operations.
 * Returns PV_OK, also when the device has failed (see pv_blk_error), or PV_EPORT. */
int pv_blk_step(struct pv_blk *blk);

/* There is something for pv_blk_step() to do although no watch has fired: a failure that
 * polling noticed, or pages to ask back (paced: true every 100 ms). Any context. */
bool pv_blk_wants_step(const struct pv_blk *blk);

enum pv_state pv_blk_state(const struct pv_blk *blk);
/* Why the device failed or was closed by the other side: PV_OK, PV_EGONE, PV_EBACKEND, PV_ENOMEM;
 * and the first reason in words, NULL if there is none. Valid until fini. */
enum pv_err pv_blk_error(const struct pv_blk *blk);
const char *pv_blk_reason(const struct pv_blk *blk);
/* What the backend says of the disk; all zero before PV_OPEN. `sectors` may change while the disk
 * is open: an online resize; or, if it is removable, another medium, and 0 is none. Any context. */
void pv_blk_info(const struct pv_blk *blk, struct pv_blk_info *info);

/*
 * Queues. A queue is a ring with an event channel, slots and buffers of its own. Each belongs to
 * one thread (or lock) at a time, and they do not disturb each other. All else of a device (step,
 * pv_watch_fired, close, abort, fini) wants its queues to itself: take all their locks. Requests
 * have an order within their queue only: a barrier is one there, and a flush is about what had
 * finished, on whatever queue, when it was submitted.
 *
 * A backend that starts over is sent what is outstanding again, on the same queue. If it takes
 * fewer queues than there were, what was on queue i goes to, and comes back from, i % info.queues.
 */

/* The device's queue i, from 0 to options.queues - 1; NULL beyond. For the device's life. */
struct pv_blk_queue *pv_blk_queue(struct pv_blk *blk, uint32_t i);

/* Puts a request on the ring, checked against the disk's size, mode and features; the backend sees
 * it at the next kick. Data to be written is copied before it returns, and once more if the
 * backend starts over. PV_OK, or an error, and then the request was not taken: EAGAIN (no slot or
 * buffer; also while PAUSED), EINVAL (also for a queue that is not in use), ERANGE, EALIGN,
 * EREADONLY, ENOTSUP, EGONE. Any context. */
enum pv_err pv_blkq_submit(struct pv_blk_queue *q, struct pv_blk_req *req);
/* Shows the backend what was submitted, and notifies it if it asked for that. Any context. */
void pv_blkq_kick(struct pv_blk_queue *q);

/* The next finished request, or NULL. Costs no system call or hypercall, unless a backend that
 * starts over took a smaller ring, and what did not fit is sent. When the backend breaks the
 * protocol every outstanding request comes back with PV_EBACKEND, those of other queues after the
 * next step (or pv_blk_poll). Any context. */
struct pv_blk_req *pv_blkq_poll(struct pv_blk_queue *q);
/* There is something to poll. Costs one load of shared memory: for a loop that spins. */
bool pv_blkq_pending(const struct pv_blk_queue *q);
/* Asks the backend for an event at its next response; call it just before sleeping. True: there is
 * something to poll or step already, do not sleep. Any context. */
bool pv_blkq_arm(struct pv_blk_queue *q);

/* Borrows a buffer for any number of requests of this queue; NULL: none free now, or not connected
 * yet. It counts towards what submitting has for copies. Its contents are whatever was there last.
 * Put it back, also after the device has failed; never while a request uses it. Those of a chain
 * one by one; `next` is the core's again then. Any context. */
struct pv_blk_buffer *pv_blkq_buffer_get(struct pv_blk_queue *q);
void pv_blkq_buffer_put(struct pv_blk_queue *q, struct pv_blk_buffer *buffer);

/* The same for who has the whole device: these three use queue 0 ... */
enum pv_err pv_blk_submit(struct pv_blk *blk, struct pv_blk_req *req);
struct pv_blk_buffer *pv_blk_buffer_get(struct pv_blk *blk);
void pv_blk_buffer_put(struct pv_blk *blk, struct pv_blk_buffer *buffer);
/* ... and these all queues. */
void pv_blk_kick(struct pv_blk *blk);
struct pv_blk_req *pv_blk_poll(struct pv_blk *blk);
bool pv_blk_pending(const struct pv_blk *blk);
bool pv_blk_arm(struct pv_blk *blk);

/* Begins an orderly end; pv_blk_step() does the rest. What is outstanding may still finish until
 * the backend closes; the rest comes back with PV_EGONE. */
void pv_blk_close(struct pv_blk *blk);
/* The same at once: whatever is outstanding can be polled now, with PV_EGONE. For an owner that
 * cannot wait for a backend that does not answer; what it asked for may still happen. */
void pv_blk_abort(struct pv_blk *blk);
/* The end. PV_OK: the memory is the caller's again. PV_EBUSY: not PV_CLOSED yet (buffers borrowed,
 * requests not polled, a backend that does not let go); the memory and the granted pages must stay
 * untouched, perhaps for good. */
int pv_blk_fini(struct pv_blk *blk);

/* The device numbers of this domain's vdisks, in xenstore's order; how many, or an error. */
int pv_blk_list(struct pv_os *os, uint32_t *devids, size_t max);

/*
 * console*.c: the vconsole frontend
 *
 * Two streams of bytes in one page. A domain has a primary console from its birth, and may have
 * secondary ones, which are devices like disks. Bytes that are written stay in the page until a
 * backend takes them, also while there is none yet or it starts over; none is lost or repeated.
 * The backend is trusted with the bytes, and with nothing else: counters that cannot be end the
 * console, not the kernel.
 */

#define PV_CONSOLE_BYTES	512	/* the memory of a console */
#define PV_CONSOLE_OUT		2048	/* bytes written that a backend has not taken, at most */
#define PV_CONSOLE_IN		1024	/* bytes typed that were not read, at most */

struct pv_console;

/* Makes a secondary console in `memory`, PV_CONSOLE_BYTES aligned to 16; as pv_blk_init(). Number 0
 * is the primary one's, and is not used here. */
struct pv_console *pv_console_init(void *memory, struct pv_os *os, uint32_t devid);
/* Makes the primary one, PV_OPEN at once. The page, and the port whose events wake the caller, are
 * what the domain was born with (a PV guest's start_info, HVM_PARAM_CONSOLE_PFN and _EVTCHN): they
 * are the port's to find, and stay its own. It goes on where whoever used the page before left it:
 * a boot loader, or the kernel that crashed. */
struct pv_console *pv_console_init_primary(void *memory, struct pv_os *os, void *page,
					   uint32_t port);

/* As pv_blk_step() and pv_blk_wants_step(). A primary console has no handshake, and its step no
 * xenstore work: any context. */
int pv_console_step(struct pv_console *con);
bool pv_console_wants_step(const struct pv_console *con);
enum pv_state pv_console_state(const struct pv_console *con);
/* As pv_blk_error() and pv_blk_reason(), but at once when reading or writing finds out. */
enum pv_err pv_console_error(const struct pv_console *con);
const char *pv_console_reason(const struct pv_console *con);

/* Puts bytes into the page: how many fitted, perhaps none; or PV_EGONE, PV_EBACKEND. It never
 * waits: what to do with the rest (wait for an event, or drop it) is the caller's. Any context. */
int pv_console_write(struct pv_console *con, const void *data, size_t len);
/* Takes bytes that were typed: how many, perhaps none; or PV_EGONE, PV_EBACKEND. Any context. */
int pv_console_read(struct pv_console *con, void *data, size_t max);
/* Notifies the backend, if anything was written or read since the last time. Any context. */
void pv_console_kick(struct pv_console *con);
/* There is something to read, or to be told. Costs one load of shared memory. */
bool pv_console_pending(const struct pv_console *con);
/* Call it just before sleeping. True: there is something to read or step, or room again after a
 * write that did not fit; do not sleep. Any context. */
bool pv_console_arm(struct pv_console *con);
/* Bytes written that no backend has taken yet: for who ends the domain after its last words. 0 once
 * the console has failed. */
size_t pv_console_unsent(const struct pv_console *con);

/* Begins the end; pv_console_step() does the rest. What was not taken is lost. */
void pv_console_close(struct pv_console *con);
/* As pv_blk_fini(). A primary console's page is not touched any more from PV_CLOSED on. */
int pv_console_fini(struct pv_console *con);
/* The numbers of this domain's secondary consoles; as pv_blk_list(). */
int pv_console_list(struct pv_os *os, uint32_t *devids, size_t max);

#ifdef __cplusplus
}
#endif

#endif
