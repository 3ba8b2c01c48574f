/* SPDX-License-Identifier: MIT */
/*
 * disk_thread.c - one disk, used by any number of threads at a time
 *
 * A frontend belongs to one thread. That thread is ours: others leave their transfers in a list,
 * wake it through an eventfd, and sleep on a condition of their own until theirs is over. It takes
 * the whole list at once, cuts it into requests, which go to the disk's queues in turn, keeps their
 * rings full, and wakes whoever is served. A transfer lives on the stack of the thread that waits
 * for it. (One thread for all queues: what it does for a request is little beside what nbdkit does,
 * and the backend has a thread for each.)
 *
 * What keeps wake-ups from being lost: whoever puts the first transfer into the empty list writes
 * to the eventfd, and the list is looked at after the eventfd was read. Responses and changes in
 * xenstore are guest_sleep()'s, armed before each sleep.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "disk_job.h"
#include "disk_thread.h"

#define IDLE_MS		1000

#define PIECE_SECTORS	256

/* A transfer, and who waits for it. */
struct transfer {
	struct disk_job job;
	struct transfer *next;
	bool waits;			/* in the list of what is to be sent */
	bool back;			/* the lock's, as is the condition */
	pthread_cond_t is_back;
};

struct list {
	struct transfer *head, *tail;
};

struct disk_thread {
	/* The thread's own. */
	struct guest *guest;
	struct pv_blk *blk;
	struct list to_send, over;
	uint32_t queue;			/* that the next piece goes to */
	struct pv_blk_req *reqs;
	struct pv_blk_req **free;
	size_t nr_free;

	pthread_t thread;
	int wake_fd;
	pthread_mutex_t lock;		/* for all below */
	struct list incoming;
	struct disk_view view;		/* that only the thread writes */
	bool stop;			/* it shall end */
	bool gone;			/* it has given the disk up: takes nothing more */
};

static void list_add(struct list *list, struct transfer *t)
{
	t->next = NULL;
	if (list->head)
		list->tail->next = t;
	else
		list->head = t;
	list->tail = t;
}

static struct transfer *list_take(struct list *list)
{
	struct transfer *t = list->head;

	if (t)
		list->head = t->next;
	return t;
}

/*
 * The disk's thread
 */

/* What is new; what others may know. False: it shall end. */
static bool look_around(struct disk_thread *t)
{
	struct transfer *transfer;
	bool stop;

	pthread_mutex_lock(&t->lock);
	while ((transfer = list_take(&t->incoming))) {
		transfer->waits = true;
		list_add(&t->to_send, transfer);
	}
	pv_blk_info(t->blk, &t->view.info);
	t->view.state = pv_blk_state(t->blk);
	t->view.reason = pv_blk_reason(t->blk);
	stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return !stop;
}

/* Several pieces are to fit the ring's buffers at a time; a discard needs none. */
static uint32_t piece_sectors(const struct disk_thread *t, const struct transfer *transfer)
{
	if (transfer->job.op == PV_BLK_DISCARD)
		return 1u << 30;
	return t->view.info.max_sectors < PIECE_SECTORS ? t->view.info.max_sectors : PIECE_SECTORS;
}

/* Submits to the queue whose turn it is, or to the next that has room. */
static enum pv_err submit(struct disk_thread *t, struct pv_blk_req *req)
{
	uint32_t queues = t->view.info.queues;
	uint32_t tries = 0;
	enum pv_err err;

	do {
		t->queue = t->queue + 1 < queues ? t->queue + 1 : 0;
		err = pv_blkq_submit(pv_blk_queue(t->blk, t->queue), req);
	} while (err == PV_EAGAIN && ++tries < queues);
	return err;
}

/* Sends pieces of one transfer; false: the rings take no more now. */
static bool send_pieces(struct disk_thread *t, struct transfer *transfer)
{
	while (t->nr_free) {
		struct pv_blk_req *req = t->free[t->nr_free - 1];
		enum pv_err err;

		if (!disk_job_cut(&transfer->job, piece_sectors(t, transfer), req))
			return true;
		req->user = transfer;
		err = submit(t, req);
		if (err == PV_EAGAIN)
			return false;
		if (err) {
			disk_job_fail(&transfer->job, err);
			return true;
		}
		disk_job_sent(&transfer->job, req);
		t->nr_free--;
	}
	return !transfer->job.more;
}

static void send_all(struct disk_thread *t)
{
	while (t->to_send.head && send_pieces(t, t->to_send.head)) {
		struct transfer *transfer = list_take(&t->to_send);

		transfer->waits = false;
		if (disk_job_over(&transfer->job))
			list_add(&t->over, transfer);
	}
	pv_blk_kick(t->blk);
}

static bool collect(struct disk_thread *t)
{
	struct pv_blk_req *req;
	bool any = false;

	while ((req = pv_blk_poll(t->blk))) {
		struct transfer *transfer = req->user;

		t->free[t->nr_free++] = req;
		disk_job_back(&transfer->job, req->status);
		/* One that failed before all of it was sent leaves that list first. */
		if (disk_job_over(&transfer->job) && !transfer->waits)
			list_add(&t->over, transfer);
		any = true;
	}
	return any;
}

static void hand_back(struct disk_thread *t)
{
	struct transfer *transfer;

	if (!t->over.head)
		return;
	pthread_mutex_lock(&t->lock);
	while ((transfer = list_take(&t->over))) {
		transfer->back = true;
		pthread_cond_signal(&transfer->is_back);
	}
	pthread_mutex_unlock(&t->lock);
}

/* False: xenstore or the hypervisor is gone. */
static bool sleep_until_event(struct disk_thread *t, bool busy)
{
	uint64_t count;
	int rc;

	if (pv_blk_wants_step(t->blk))
		pv_blk_step(t->blk);
	busy |= pv_blk_arm(t->blk);
	rc = guest_sleep(t->guest, busy ? 0 : IDLE_MS, t->wake_fd);
	if (rc > 0 && (rc & GUEST_INPUT) && read(t->wake_fd, &count, sizeof(count)) < 0)
		return errno == EAGAIN;
	return rc >= 0;
}

/* Everybody is told, those that come later too. */
static void give_up(struct disk_thread *t)
{
	struct transfer *transfer;

	pv_blk_abort(t->blk);
	pthread_mutex_lock(&t->lock);
	t->gone = true;
	pthread_mutex_unlock(&t->lock);
	look_around(t);
	collect(t);
	while ((transfer = list_take(&t->to_send))) {
		disk_job_fail(&transfer->job, PV_EGONE);
		list_add(&t->over, transfer);
	}
	hand_back(t);
}

static void *serve(void *arg)
{
	struct disk_thread *t = arg;

	while (look_around(t)) {
		bool busy;

		send_all(t);
		busy = collect(t);	/* then there is room for more */
		hand_back(t);
		if (!sleep_until_event(t, busy)) {
			give_up(t);
			break;
		}
	}
	return NULL;
}

/*
 * Everybody else
 */

static void wake(struct disk_thread *t)
{
	static const uint64_t one = 1;

	/* It cannot fail: the counter would have to be full. */
	while (write(t->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Signals are for the threads of the program around us. */
static int start_thread(struct disk_thread *t)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&t->thread, NULL, serve, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static void free_thread(struct disk_thread *t)
{
	free(t->reqs);
	free(t->free);
	free(t);
}

static struct disk_thread *make_thread(size_t requests)
{
	struct disk_thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->reqs = calloc(requests, sizeof(*t->reqs));
	t->free = calloc(requests, sizeof(struct pv_blk_req *));
	if (!t->reqs || !t->free) {
		free_thread(t);
		return NULL;
	}
	for (; t->nr_free < requests; t->nr_free++)
		t->free[t->nr_free] = &t->reqs[t->nr_free];
	return t;
}

struct disk_thread *disk_thread_start(struct guest *guest, struct guest_blk *disk, size_t requests)
{
	struct disk_thread *t = make_thread(requests);
	int r;

	if (!t)
		return NULL;
	t->guest = guest;
	t->blk = guest_blk_core(disk);
	t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = t->wake_fd < 0 ? errno : pthread_mutex_init(&t->lock, NULL);
	if (!r) {
		look_around(t);
		r = start_thread(t);
	}
	if (!r)
		return t;
	if (t->wake_fd >= 0)
		close(t->wake_fd);
	free_thread(t);
	errno = r;
	return NULL;
}

void disk_thread_stop(struct disk_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_mutex_unlock(&t->lock);
	wake(t);
	pthread_join(t->thread, NULL);
	pthread_mutex_destroy(&t->lock);
	close(t->wake_fd);
	free_thread(t);
}

enum pv_err disk_thread_io(struct disk_thread *t, enum pv_blk_op op, uint64_t sector,
			   uint64_t sectors, void *data)
{
	struct transfer transfer = { .is_back = PTHREAD_COND_INITIALIZER };
	bool first, gone;

	disk_job_init(&transfer.job, op, sector, sectors, data);
	pthread_mutex_lock(&t->lock);
	gone = t->gone;
	first = !t->incoming.head;
	if (!gone)
		list_add(&t->incoming, &transfer);
	pthread_mutex_unlock(&t->lock);
	if (gone)
		return PV_EGONE;
	if (first)
		wake(t);
	pthread_mutex_lock(&t->lock);
	while (!transfer.back)
		pthread_cond_wait(&transfer.is_back, &t->lock);
	pthread_mutex_unlock(&t->lock);
	pthread_cond_destroy(&transfer.is_back);
	return transfer.job.status;
}

void disk_thread_view(struct disk_thread *t, struct disk_view *view)
{
	pthread_mutex_lock(&t->lock);
	*view = t->view;
	pthread_mutex_unlock(&t->lock);
}
