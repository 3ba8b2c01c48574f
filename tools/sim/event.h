/* SPDX-License-Identifier: MIT */
/*
 * The mask/pending protocol of a simulated event channel.
 *
 * A port's word has two bits. An event handle receives port numbers through a socket, its queue.
 * Three things happen to a word, each in one atomic step:
 *
 *	raise	sets PENDING			(the peer's notify, a VIRQ, bind_interdomain)
 *	take	sets MASKED, clears PENDING	(the owner read the port's number from its queue)
 *	unmask	clears MASKED			(the owner is ready for more)
 *
 * Rule: whoever brings the word to {PENDING, not MASKED} queues the port number, once.
 *
 * No wake-up is lost. The steps on one word are totally ordered. The state {PENDING, not MASKED}
 * is entered only by a raise that found 0, or by an unmask that found both bits; each sees that
 * it did, and queues. The state is left only by a take, which needs a queued number. So in that
 * state a number is queued or about to be; in the state {PENDING, MASKED} the owner has yet to
 * unmask, and its unmask queues; otherwise nothing is pending. A raise that finds PENDING may
 * rely on an earlier one: the take that follows reads a value later in the order than this raise,
 * and so acquires all that was written before it.
 *
 * If the actor is killed between step and queueing, its port closes, and the hypervisor queues
 * the other end's number again if the word says that it is due. A number queued twice is a
 * spurious event: harmless, since a take always returns the port to its caller. An owner killed
 * between reading a number and the take leaves it to whoever carries the handle on, for whom the
 * hypervisor queues it again (evtchn_attach).
 *
 * A notifier may raise a port after the hypervisor closed it and before it learns so. A port is
 * therefore given out with a clear word, and the notifier, who afterwards finds that his own port's
 * generation moved, asks the hypervisor to queue the number if it is due (lib/evtchn.c).
 *
 * A queue can be full. The sender then counts `overflow` in the owner's header and tries once
 * more. If that fails too, the queue is still full after the count has moved, so the owner is to
 * read from it, sees the count moved, and looks through all its ports.
 */
#ifndef XPV_SIM_EVENT_H
#define XPV_SIM_EVENT_H

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "memory.h"

enum {
	SIM_PENDING = 1,
	SIM_MASKED = 2,
};

/* Each returns true if the caller has to queue the port number. */
static inline bool sim_port_raise(struct sim_port *port)
{
	return atomic_fetch_or(&port->word, SIM_PENDING) == 0;
}

static inline bool sim_port_unmask(struct sim_port *port)
{
	return atomic_fetch_and(&port->word, ~SIM_MASKED) == (SIM_PENDING | SIM_MASKED);
}

static inline bool sim_port_due(struct sim_port *port)
{
	return atomic_load(&port->word) == SIM_PENDING;
}

static inline void sim_port_take(struct sim_port *port)
{
	atomic_exchange(&port->word, SIM_MASKED);
}

/* Queue a port number. Returns 0, or -errno: the owner is gone, and with it the wish to be told. */
static inline int sim_queue_send(int queue, struct sim_header *owner, uint32_t port)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (send(queue, &port, sizeof(port), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EAGAIN)
			return -errno;
		if (attempt == 0)
			atomic_fetch_add(&owner->overflow, 1);
	}
	return 0;
}

#endif
