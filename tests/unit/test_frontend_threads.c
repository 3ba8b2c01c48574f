/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_threads.c - a thread and a lock a queue, as pv.h allows it, while the backend
 * starts over with more and fewer queues; for ThreadSanitizer too
 *
 * Each thread plays both ends of its queue. Who has all locks steps the device.
 */
#include "test_frontend_rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define QUEUES		4
#define SLOTS		6		/* requests of a thread at a time */
#define ROUNDS		4000
#define RESTARTS	60
#define REGION		8		/* sectors that a request writes, then reads */

struct job {
	struct pv_blk_req req;
	_Atomic bool back;
	uint8_t data[REGION * 512];
};

struct owner {
	pthread_t thread;
	pthread_mutex_t lock;
	struct rig *r;
	uint32_t index;
	uint32_t sent, done;
	struct job jobs[SLOTS];
};

static struct owner owners[QUEUES];
static _Atomic uint32_t finished;

static void lock_all(void)
{
	for (int i = 0; i < QUEUES; i++)
		pthread_mutex_lock(&owners[i].lock);
}

static void unlock_all(void)
{
	for (int i = 0; i < QUEUES; i++)
		pthread_mutex_unlock(&owners[i].lock);
}

static uint8_t value(const struct owner *o, uint32_t n)
{
	return (uint8_t)(o->index * 61 + n / SLOTS / 2 * 7 + n % SLOTS);
}

/* Odd turns read what even ones wrote. */
static void send(struct owner *o)
{
	struct job *job = &o->jobs[o->sent % SLOTS];
	bool write = o->sent / SLOTS % 2 == 0;

	memset(job->data, write ? value(o, o->sent) : 0xee, sizeof(job->data));
	job->back = false;
	job->req = (struct pv_blk_req){
		.op = write ? PV_BLK_WRITE : PV_BLK_READ, .sectors = REGION, .data = job->data,
		.sector = (o->index * SLOTS + o->sent % SLOTS) * REGION, .user = job,
	};
	if (pv_blkq_submit(pv_blk_queue(o->r->blk, o->index), &job->req) == PV_OK)
		o->sent++;
}

/* What comes back may have been another thread's, whose queue is not in use. */
static void take(struct owner *o)
{
	struct pv_blk_req *req;

	while ((req = pv_blkq_poll(pv_blk_queue(o->r->blk, o->index))))
		((struct job *)req->user)->back = true;
}

static void check(struct owner *o)
{
	while (o->done < o->sent && o->jobs[o->done % SLOTS].back) {
		struct job *job = &o->jobs[o->done % SLOTS];

		if (job->req.status != PV_OK || job->data[0] != value(o, o->done) ||
		    memcmp(job->data, job->data + 1, sizeof(job->data) - 1) != 0)
			abort();
		o->done++;
	}
}

static void *own(void *arg)
{
	struct owner *o = arg;
	struct pv_blk_queue *q = pv_blk_queue(o->r->blk, o->index);

	while (o->done < ROUNDS * SLOTS) {
		pthread_mutex_lock(&o->lock);
		if (o->sent < ROUNDS * SLOTS && o->sent - o->done < SLOTS)
			send(o);
		pv_blkq_kick(q);
		if (o->sent % 3 == 0 && !pv_blkq_pending(q))
			be_serve_of(&o->r->be, o->index, 5);
		if (!pv_blkq_arm(q) || pv_blkq_pending(q))
			take(o);
		pthread_mutex_unlock(&o->lock);
		check(o);
	}
	finished++;
	while (finished < QUEUES) {	/* others' requests may be on this queue */
		pthread_mutex_lock(&o->lock);
		be_serve_of(&o->r->be, o->index, 64);
		take(o);
		pthread_mutex_unlock(&o->lock);
	}
	return NULL;
}

static void test_each_queue_has_its_thread(void **state)
{
	static const char *const queues[] = { "4", "2", "3", "1", "4" };
	struct pv_blk_options options = { .queues = QUEUES, .buffers = 5 };
	struct rig *r = rig_open(options, (struct offer){ NULL, "4" });

	(void)state;
	for (uint32_t i = 0; i < QUEUES; i++) {
		owners[i] = (struct owner){ .r = r, .index = i };
		pthread_mutex_init(&owners[i].lock, NULL);
	}
	for (uint32_t i = 0; i < QUEUES; i++)
		assert_int_equal(pthread_create(&owners[i].thread, NULL, own, &owners[i]), 0);
	for (int i = 0; i < RESTARTS && finished < QUEUES; i++) {
		usleep(500);
		lock_all();
		rig_restart(r, (struct offer){ NULL, queues[i % 5] });
		unlock_all();
	}
	lock_all();
	rig_restart(r, (struct offer){ NULL, "4" });
	unlock_all();
	for (uint32_t i = 0; i < QUEUES; i++)
		assert_int_equal(pthread_join(owners[i].thread, NULL), 0);
	for (uint32_t i = 0; i < QUEUES; i++)
		pthread_mutex_destroy(&owners[i].lock);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_queue_has_its_thread),
	};

	return cmocka_run_group_tests_name("frontend threads", tests, NULL, NULL);
}
