/* SPDX-License-Identifier: MIT */
/*
 * outbox.c - what the supervisor is told, in order, however busy it is (outbox.h)
 */
#include <errno.h>
#include <stdlib.h>

#include "barrier.h"
#include "log.h"
#include "vdisk/outbox.h"

#define AGAIN_NS	2000000u

struct letter {
	struct letter *next;
	struct wire_msg msg;
};

static void drop_first(struct outbox *box)
{
	struct letter *first = box->head;

	box->head = first->next;
	if (!box->head)
		box->tail = &box->head;
	free(first);
}

/* A connection that is broken takes everything: its end is heard of elsewhere. */
static void try_again(struct loop_timer *timer)
{
	struct outbox *box = container_of(timer, struct outbox, again);

	while (box->head && wire_send(box->fd, &box->head->msg, NULL, 0) != -EAGAIN)
		drop_first(box);
	if (box->head)
		loop_timer_set(box->loop, &box->again, AGAIN_NS);
}

void outbox_open(struct outbox *box, struct loop *loop, int fd)
{
	while (box->head)
		drop_first(box);
	if (box->loop)
		loop_timer_cancel(box->loop, &box->again);
	*box = (struct outbox){ .loop = loop, .fd = fd, .tail = &box->head,
				.again.expired = try_again };
}

void outbox_send(struct outbox *box, const struct wire_msg *msg)
{
	struct letter *letter;

	if (box->fd < 0)
		return;
	if (!box->head && wire_send(box->fd, msg, NULL, 0) != -EAGAIN)
		return;
	letter = malloc(sizeof(*letter));
	if (!letter) {
		log_error("out of memory: the supervisor is not told something");
		return;
	}
	*letter = (struct letter){ .msg = *msg };
	*box->tail = letter;
	box->tail = &letter->next;
	loop_timer_set(box->loop, &box->again, AGAIN_NS);
}
