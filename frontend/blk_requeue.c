/* SPDX-License-Identifier: MIT */
/*
 * blk_requeue.c - requests, when connections come and go
 *
 * When a backend starts over, the lists of what is outstanding (not the rings) are the truth: each
 * is put on its queue's new ring in its old order, so that flushes and barriers keep their meaning.
 * A request that the old backend had done without saying so is done twice, which reads, writes,
 * flushes and discards can stand.
 *
 * The next backend may take less. Of fewer queues, each gets what several had, one list after the
 * other; every request remembers the queue that it was submitted to, and returns there when a later
 * backend takes as many again. On a smaller ring, what does not fit waits, and follows as responses
 * come; until all of it is there, nothing else is taken that could overtake it.
 */
#include "blk.h"

void blk_list_append(struct req_list *list, struct pv_blk_req *req)
{
	req->next = NULL;
	req->prev = list->tail;
	if (list->tail)
		list->tail->next = req;
	else
		list->head = req;
	list->tail = req;
}

void blk_list_remove(struct req_list *list, struct pv_blk_req *req)
{
	if (req->prev)
		req->prev->next = req->next;
	else
		list->head = req->next;
	if (req->next)
		req->next->prev = req->prev;
	else
		list->tail = req->prev;
}

void blk_slots_init(struct pv_blk_queue *q)
{
	for (uint32_t i = 0; i < q->nr_slots; i++) {
		struct blk_slot *slot = &q->slots[i];

		slot->req = NULL;
		slot->id = (slot->id & ~(uint64_t)(BLK_ID_STEP - 1)) | i;
		q->free_slots[i] = (uint16_t)(q->nr_slots - 1 - i);
	}
	q->nr_free_slots = q->nr_slots;
}

/* A smaller ring may have less room than there is weight. But it always has room for the heaviest
 * request while it is empty, so that everything is sent in the end; and once there is no more
 * weight than slots, nothing waits. */
void blk_put_waiting(struct pv_blk_queue *q)
{
	while (q->waiting && q->waiting->weight <= q->nr_free_slots) {
		struct pv_blk_req *req = q->waiting;

		q->waiting = req->next;
		blk_put_on_ring(q, req);
	}
	pv_blkq_kick(q);
}

/* Takes the lists of all queues apart, one after the other. */
static struct req_list take_all(struct pv_blk *blk)
{
	struct req_list all = { NULL, NULL };

	blk_for_each_queue(blk, q) {
		struct pv_blk_req *req, *next;

		for (req = q->outstanding.head; req; req = next) {
			next = req->next;
			blk_list_append(&all, req);
		}
		q->outstanding = (struct req_list){ NULL, NULL };
		q->waiting = NULL;
		q->weight = 0;
	}
	return all;
}

void blk_requeue(struct pv_blk *blk)
{
	struct req_list all = take_all(blk);
	struct pv_blk_req *req, *next;

	for (req = all.head; req; req = next) {
		struct pv_blk_queue *q = &blk->queues[req->queue % blk->nr_queues];
		enum pv_err err = blk_check(q, req);	/* it may be another disk by now */

		next = req->next;
		blk_list_append(&q->outstanding, req);
		q->weight += req->weight;
		if (err)
			blk_finish(q, req, err);
	}
	for (uint32_t i = 0; i < blk->nr_queues; i++) {
		blk->queues[i].waiting = blk->queues[i].outstanding.head;
		blk_put_waiting(&blk->queues[i]);
	}
}

void blk_finish_all(struct pv_blk_queue *q, enum pv_err status)
{
	while (q->outstanding.head)
		blk_finish(q, q->outstanding.head, status);
	blk_slots_init(q);
}
