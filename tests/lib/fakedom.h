/* SPDX-License-Identifier: MIT */
/*
 * fakedom.h - a domain inside a test: the frontends' twelve functions over arrays, and a vdisk
 * backend at the other end that does exactly what a test tells it
 *
 * Nothing happens by itself. A write to the store marks watches as fired, fake_run() delivers them;
 * the backend moves only when called. Pages are separate allocations that are freed when their
 * grants end, so that AddressSanitizer sees who comes too late. What must never happen (a page
 * freed while the backend holds it, a foreign port closed) ends the test at once.
 */
#ifndef XPV_FAKEDOM_H
#define XPV_FAKEDOM_H

#include "blk_abi.h"
#include "os.h"
#include "pv.h"
#include "schema.h"

#define FAKE_DOMID	7
#define FAKE_DEVID	51712
#define FAKE_GRANTS	4096
#define FAKE_NODES	384
#define FAKE_WATCHES	32
#define FAKE_PORTS	64
#define FAKE_GREF_BASE	900	/* so that grefs and indexes are not mixed up */

struct fake_node {
	char path[XS_PATH_MAX];
	char value[256];
};

struct fake_watch {
	char path[XS_PATH_MAX];
	void *token;
	bool used, fired;
};

struct fake_grant {
	uint8_t *page;			/* NULL: free */
	uint16_t domid;
	bool held;			/* the backend does not let go */
	bool first;			/* of its allocation */
};

struct pv_os {
	struct fake_node nodes[FAKE_NODES];
	struct fake_watch watches[FAKE_WATCHES];
	struct fake_grant grants[FAKE_GRANTS];
	bool ports[FAKE_PORTS];
	_Atomic unsigned int notified;
	uint64_t clock;
	int grants_left;		/* grant calls that succeed; -1: all */
	uint32_t largest_grant, most_granted;	/* pages at a time, and in all; 0: any number */
	int ports_left;
	int store_fails_in;		/* this many operations from now one fails; -1: none */
	unsigned int store_ops, state_writes, logged;
	char states[32];		/* the frontend's states, in the order written */
};

struct pv_os *fake_new(void);
/* Frees everything; nothing may be granted, watched or open any more. */
void fake_free(struct pv_os *os);
/* The same, but as when a domain dies: whatever is left goes with it. */
void fake_abandon(struct pv_os *os);
unsigned int fake_granted(const struct pv_os *os);
unsigned int fake_ports_open(const struct pv_os *os);
/* The domain's store as another domain sees it: absolute paths. NULL value removes a tree. */
void fake_write(struct pv_os *os, const char *path, const char *value);
const char *fake_read(const struct pv_os *os, const char *path);
/* Delivers fired watches, and steps the device (may be NULL) if it wants that, until quiet. */
void fake_run(struct pv_os *os, struct pv_blk *blk);
/* The grants' page, or NULL. */
uint8_t *fake_page(struct pv_os *os, uint32_t gref);
void fake_hold_all(struct pv_os *os, bool held);

/* The toolstack and the backend. */

struct fake_backend {
	struct pv_os *os;
	uint32_t devid;
	unsigned int state;
	uint32_t nr_queues;		/* that the frontend has chosen */
	struct blk_back back;		/* the first */
	struct blk_back others[PV_BLK_QUEUES_MAX - 1];
	uint8_t *disk;
	uint64_t sectors;
	uint32_t max_segs;		/* of an indirect request; set by the test, with its key */
	uint32_t served;
};

void be_key(struct fake_backend *be, enum xs_key_id id, const char *value);
const char *fe_key(const struct fake_backend *be, enum xs_key_id id);
/* 0 if there is none, or it is not a number. */
uint32_t fe_number(const struct fake_backend *be, enum xs_key_id id);
unsigned int fe_state(const struct fake_backend *be);
/* Makes both directories, states 1 and 1, as a toolstack does. */
void be_attach(struct fake_backend *be, struct pv_os *os, uint32_t devid, uint64_t sectors);
/* Removes both directories. */
void be_remove(struct fake_backend *be);
void be_free(struct fake_backend *be);
void be_set_state(struct fake_backend *be, unsigned int state);
/* A key with its indexes. */
void be_key_at(struct fake_backend *be, enum xs_key_id id, unsigned int i, unsigned int j,
	       const char *value);
const char *fe_key_at(const struct fake_backend *be, enum xs_key_id id, unsigned int i,
		      unsigned int j);
/* Takes up the rings that the frontend published, as blkif.h says where they are; false: a key is
 * missing, or what it names is no ring. */
bool be_finds_rings(struct fake_backend *be);
/* The same, and goes Connected; the test ends if they are not there. */
void be_connect(struct fake_backend *be);
/* Attaches, and walks both ends to Connected. */
void be_open(struct fake_backend *be, struct pv_os *os, struct pv_blk *blk, uint64_t sectors);
/* What a good backend does next, by the step table. online as the toolstack says. */
void be_step(struct fake_backend *be, bool online);
void be_step_until_open(struct fake_backend *be, struct pv_blk *blk);
struct blk_back *be_queue(struct fake_backend *be, uint32_t i);
/* Forgets its rings, as when its process dies. */
void be_drop(struct fake_backend *be);
/* Of the first queue, and of any. */
bool be_pop(struct fake_backend *be, struct blk_req *req);
bool be_pop_of(struct fake_backend *be, uint32_t queue, struct blk_req *req);
/* Answers; the frontend sees it at once. */
void be_respond(struct fake_backend *be, uint64_t id, uint8_t op, int16_t status);
void be_respond_on(struct fake_backend *be, uint32_t queue, uint64_t id, uint8_t op,
		   int16_t status);
/* Does what a request asks on the disk; the status for it. */
int16_t be_execute(struct fake_backend *be, const struct blk_req *req);
/* Serves at most max requests, of all queues; how many there were. */
unsigned int be_serve(struct fake_backend *be, unsigned int max);
unsigned int be_serve_of(struct fake_backend *be, uint32_t queue, unsigned int max);

#endif
