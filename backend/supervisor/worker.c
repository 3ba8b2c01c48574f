/* SPDX-License-Identifier: MIT */
/*
 * worker.c - what the supervisor and its workers say about devices
 *
 * A device asks for its worker at any time; it is attached when that worker has greeted, and when
 * an earlier disk of the same number has been closed there. Whatever a worker says is taken as the
 * word of a process that talks to a guest: it is matched against what was asked of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "worker.h"

#define PATIENCE_NS	10000000000u	/* longer than a worker waits for its predecessor */

/* Takes devid out of the list; false: it is not there. */
static bool take_out(uint32_t *list, unsigned int *nr, uint32_t devid)
{
	for (unsigned int i = 0; i < *nr; i++) {
		if (list[i] == devid) {
			list[i] = list[--*nr];
			return true;
		}
	}
	return false;
}

static bool is_closing(const struct worker *w, uint32_t devid)
{
	for (unsigned int i = 0; i < w->nr_closing; i++) {
		if (w->closing[i] == devid)
			return true;
	}
	return false;
}

#define POSTPONED_MAX 100	/* about a second: longer than that is worth a word */

/* What a killed worker has begun takes as long as the disk does. */
static void not_lent(struct device *dev, int rc)
{
	if (rc != -EBUSY)
		device_attached(dev, -EAGAIN, "its image cannot be opened once more");
	else if (dev->postponed++ < POSTPONED_MAX)
		device_postpone(dev);
	else
		device_attached(dev, -EAGAIN, "what its last worker wrote is still on its way to "
				"the disk: see whether that works");
}

/* Its nodes were removed while its worker was being started. */
static bool frontend_gone(struct device *dev)
{
	uint64_t state;

	return store_number(dev, XBT_NULL, dev->fe_path, XS_F_STATE, 0, &state) == -ENOENT;
}

static void send_attach(struct device *dev)
{
	struct wire_msg msg = { .type = WIRE_ATTACH, .devid = dev->devid };
	int fds[WIRE_MAX_FDS], nr = 0, lent = -1;
	int rc;

	memset(fds, -1, sizeof(fds));
	dev->link = LINK_ATTACHING;
	if (dev->class->collect(dev, &msg, fds)) {
		if (frontend_gone(dev)) {
			dev->reason[0] = '\0';
			worker_forget(dev);
			dev->link = LINK_NONE;
			device_look(dev);
			return;
		}
		device_attached(dev, -EINVAL, "its frontend's keys do not fit");
		return;
	}
	if (dev->class->lend) {
		lent = fds[0] = dev->class->lend(dev);
		if (lent < 0) {
			not_lent(dev, lent);
			return;
		}
		dev->postponed = 0;
	}
	if (dev->class->complete)
		dev->class->complete(dev, &msg);
	while (nr < WIRE_MAX_FDS && fds[nr] >= 0)
		nr++;
	rc = wire_send(dev->worker->sock.fd, &msg, fds, nr);
	if (lent >= 0)
		close(lent);
	if (rc == -EAGAIN || rc == -EMFILE || rc == -ETOOMANYREFS)
		device_attached(dev, rc, strerror(-rc));
	/* any other failure: the worker is gone, and its pidfd tells */
}

static bool owes_answer(const struct worker *w)
{
	if (w->process.fd < 0 || w->leaving)
		return w->process.fd >= 0;
	for (const struct device *dev = w->sup->devices; dev; dev = dev->next) {
		if (dev->worker == w && (dev->link == LINK_ATTACHING || dev->unwanted))
			return true;
	}
	return !w->greeted;
}

void worker_be_patient(struct worker *w)
{
	if (!owes_answer(w))
		loop_timer_cancel(&w->sup->loop, &w->patience);
	else if (!w->patience.due_ns)
		loop_timer_set(&w->sup->loop, &w->patience, PATIENCE_NS);
}

void worker_out_of_patience(struct loop_timer *timer)
{
	worker_kill(container_of(timer, struct worker, patience), "it does not answer");
}

void worker_send_waiting(struct worker *w)
{
	struct device *dev = w->sup->devices;

	while (w->greeted && !w->leaving && dev) {
		if (dev->worker == w && dev->link == LINK_PROBING)
			remote_worker_ready(dev);
		if (dev->worker == w && dev->link == LINK_WAITING && dev->remote.used &&
		    !w->speaks_nbd) {
			worker_dismiss(w);	/* its successor will */
		} else if (dev->worker == w && dev->link == LINK_WAITING &&
			   !is_closing(w, dev->devid)) {
			send_attach(dev);
			dev = w->sup->devices;	/* that may have changed the list */
		} else {
			dev = dev->next;
		}
	}
	worker_be_patient(w);
}

void worker_attach(struct device *dev)
{
	dev->worker = worker_for(dev->sup, dev->class, dev->fe);
	if (!dev->worker) {
		dev->link = LINK_ATTACHING;
		device_attached(dev, -ENOMEM, "out of memory");
		return;
	}
	dev->link = LINK_WAITING;
	worker_send_waiting(dev->worker);
}

/* A worker that cannot be told holds the image until it has gone, and nobody may hear before that
 * the device is closed: its end is the answer. */
static void end_service(struct device *dev, enum wire_type type)
{
	struct wire_msg msg = { .type = type, .devid = dev->devid };
	struct worker *w = dev->worker;

	if (dev->link == LINK_DETACHING)
		return;
	if (dev->link == LINK_PROBING || dev->link == LINK_WAITING || !w || w->process.fd < 0) {
		dev->link = LINK_NONE;
		return;
	}
	dev->link = LINK_DETACHING;
	if (w->sock.fd < 0)
		return;		/* it is being ended */
	if (w->nr_closing == WORKER_DEVICES || wire_send(w->sock.fd, &msg, NULL, 0))
		worker_kill(w, "it cannot be told to close a disk");
	else
		w->closing[w->nr_closing++] = dev->devid;
}

void worker_detach(struct device *dev)
{
	end_service(dev, WIRE_DETACH);
}

void worker_suspend(struct device *dev)
{
	end_service(dev, WIRE_SUSPEND);
}

/* Requests may take long to end, and a guest that is there may wait for them. But a worker that
 * hangs would keep the image and the memory of one that is gone. */
void worker_await(struct device *dev)
{
	uint64_t state;

	if (dev->link != LINK_DETACHING || !dev->worker)
		return;
	dev->unwanted = dev->domain_gone ||
			store_number(dev, XBT_NULL, dev->be_path, XS_B_STATE, 0, &state) == -ENOENT;
	worker_be_patient(dev->worker);
}

static struct worker *worker_of(const struct device *dev)
{
	struct worker *w = dev->sup->workers;

	while (w && (w->class != dev->class || w->domid != dev->fe))
		w = w->next;
	return w;
}

bool worker_has(const struct device *dev)
{
	const struct worker *w = worker_of(dev);

	for (unsigned int i = 0; w && i < w->nr_adopted; i++) {
		if (w->adopted[i] == dev->devid)
			return true;
	}
	for (unsigned int i = 0; w && i < w->nr_broken; i++) {
		if (w->broken[i] == dev->devid)
			return true;
	}
	return false;
}

void worker_claim(struct device *dev)
{
	struct worker *w = worker_of(dev);
	bool broken;

	if (!w)
		return;
	broken = take_out(w->broken, &w->nr_broken, dev->devid);
	if (!broken && !take_out(w->adopted, &w->nr_adopted, dev->devid))
		return;
	dev->worker = w;
	dev->link = LINK_ATTACHED;
	if (dev->class->adopt(dev))
		log_error("%s: %s", device_name(dev), dev->reason);
	log_info("%s: worker %d serves it already", device_name(dev), (int)w->pid);
	if (broken)
		device_broken(dev, "its guest broke the protocol");
}

static void disown(struct worker *w, const uint32_t *list, unsigned int *nr)
{
	for (unsigned int i = 0; i < *nr && w->nr_closing < WORKER_DEVICES; i++) {
		struct wire_msg msg = { .type = WIRE_DETACH, .devid = list[i] };

		wire_send(w->sock.fd, &msg, NULL, 0);
		w->closing[w->nr_closing++] = list[i];
	}
	*nr = 0;
}

void workers_disown(struct supervisor *sup)
{
	for (struct worker *w = sup->workers; w; w = w->next) {
		disown(w, w->adopted, &w->nr_adopted);
		disown(w, w->broken, &w->nr_broken);
	}
}

void worker_forget(struct device *dev)
{
	dev->worker = NULL;
}

void worker_resize(struct device *dev)
{
	const struct wire_msg msg = { .type = WIRE_RESIZE, .devid = dev->devid,
				      .vdisk = { .sectors = dev->disk.sectors } };

	/* on failure the worker is gone or stuck, and its successor has the size from the start */
	wire_send(dev->worker->sock.fd, &msg, NULL, 0);
}

void worker_limit(struct device *dev)
{
	const struct wire_msg msg = { .type = WIRE_LIMIT, .devid = dev->devid,
				      .limit = limit_to_tell(dev) };

	/* a worker that is gone has a successor, which has them from the start */
	if (wire_send(dev->worker->sock.fd, &msg, NULL, 0) == -EAGAIN)
		dev->limit.told = false;
}

int worker_say(struct device *dev, const struct wire_msg *msg, const int *fds, int nr)
{
	if (!dev->worker || dev->worker->sock.fd < 0)
		return -ENOTCONN;
	return wire_send(dev->worker->sock.fd, msg, fds, nr);
}

/* A message from a worker that has greeted. What only one class knows is that class's. */
static void heard(struct worker *w, struct wire_msg *msg, int fds[WIRE_MAX_FDS])
{
	struct device *dev = device_served(w->sup, w->class->id, w->domid, msg->devid);

	msg->result.text[WIRE_TEXT - 1] = '\0';
	if (dev && dev->worker != w)
		dev = NULL;
	switch (msg->type) {
	case WIRE_ATTACHED:
		if (dev)
			device_attached(dev, msg->result.rc, msg->result.text);
		break;
	case WIRE_DETACHED:
		take_out(w->closing, &w->nr_closing, msg->devid);
		/* unasked if an earlier supervisor asked; one that leaves keeps its journals */
		if (dev && (dev->link == LINK_DETACHING ||
			    (dev->link == LINK_ATTACHED && !w->leaving)))
			device_detached(dev);
		worker_send_waiting(w);
		break;
	case WIRE_FAILED:
		if (dev)
			device_broken(dev, msg->result.text);
		break;
	default:
		if (msg->type == WIRE_PROBED)
			msg->probed.text[WIRE_TEXT - 1] = '\0';
		if (msg->type > WIRE_LAST || (dev && !dev->class->heard(dev, msg, fds)))
			worker_kill(w, "it sent a message of unknown type");
	}
}

void worker_socket_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, sock);
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];
	int rc = wire_receive(source->fd, &msg, fds);

	if (rc == -EAGAIN)
		return;
	if (rc <= 0) {
		close(loop_del(&w->sup->loop, source));
		/* one that cannot be told to let go must not go on, unless it is about to end as it
		 * was asked to; its pidfd tells the rest */
		if (w->process.fd >= 0 && !w->leaving)
			pidfd_send_signal(w->process.fd, SIGKILL, NULL, 0);
		return;
	}
	if (w->greeted) {
		heard(w, &msg, fds);
		worker_be_patient(w);
	} else if (msg.type == WIRE_HELLO && msg.hello.version == WIRE_VERSION &&
		   msg.hello.domid == w->domid) {
		w->greeted = true;
		w->speaks_nbd = msg.hello.flags & WIRE_SPEAKS_NBD;
		worker_send_waiting(w);
		workers_sweep(w->sup);		/* its devices may be gone meanwhile */
	} else {
		worker_kill(w, "it does not greet as it should");
	}
	wire_drop(fds);
}
