/* SPDX-License-Identifier: MIT */
/*
 * remote.c - disks that a server of network block devices has
 *
 * We connect, since a worker can make no socket; the worker speaks with whoever is at the other
 * end, since we hold what a server is not to get at. So before such a disk is offered, its guest's
 * worker is started and handed a connection, and says what there is (LINK_PROBING). Later it asks
 * for another one whenever the one that it has is lost, for as long as the disk is attached.
 *
 * A disk that is connected already is not looked at again, by this supervisor or the next: its
 * size is in the journal, the rest is what its guest was told, and the worker holds every new
 * connection against it. What such a disk
 * is, is its address; two with the same address are the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "worker.h"

#define AGAIN_NS	1000000000u
#define PAUSE_NS	200000000u
#define SOON_NS		50000000u
#define RESTART_NS	100000000u
#define LIMIT_NS	UINT64_C(8000000000)	/* the toolstack waits for 10 s */

static uint64_t hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);	/* FNV-1a */

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t identity(const struct device *dev)
{
	return hash(dev->disk.target) ^ dev->remote.salt;
}

static void drop_socket(struct device *dev)
{
	if (dev->remote.socket >= 0)
		close(dev->remote.socket);
	dev->remote.socket = -1;
}

static void stop(struct device *dev)
{
	dial_cancel(&dev->remote.dial);
	loop_timer_cancel(&dev->sup->loop, &dev->remote.again);
	drop_socket(dev);
	dev->remote.asked = false;
}

/* It is known, or why it cannot be. */
static void found(struct device *dev, enum remote_known known, const char *why)
{
	char safe[WIRE_TEXT];

	stop(dev);
	loop_timer_cancel(&dev->sup->loop, &dev->remote.limit);
	dev->remote.known = known;
	dev->remote.known_of = identity(dev);
	snprintf(dev->remote.why, sizeof(dev->remote.why), "%.120s: %s", dev->disk.target,
		 log_safe(safe, sizeof(safe), why));
	if (dev->link == LINK_PROBING)
		dev->link = LINK_NONE;
	device_look(dev);
}

static void limit_over(struct loop_timer *timer)
{
	struct remote *r = container_of(timer, struct remote, limit);

	found(container_of(r, struct device, remote), REMOTE_BAD,
	      "its server does not answer: see whether it runs");
}

static void dial(struct device *dev)
{
	int rc = dial_start(&dev->remote.dial, dev->sup, &dev->remote.server);

	dev->remote.dialled_ns = loop_now();
	if (rc)
		loop_timer_set(&dev->sup->loop, &dev->remote.again, AGAIN_NS);
}

/* A server of our own may have to be started first. */
static void again_due(struct loop_timer *timer)
{
	struct remote *r = container_of(timer, struct remote, again);
	struct device *dev = container_of(r, struct device, remote);

	if (dev->disk.fd < 0 && dev->link != LINK_PROBING) {
		remote_wanted(dev);	/* it could not even be opened */
		return;
	}
	if (xs_target_is_format(dev->disk.kind) && !format_runs(dev) && format_restart(dev)) {
		device_trouble(dev, dev->reason);
		loop_timer_set(&dev->sup->loop, timer, AGAIN_NS);
		return;
	}
	dial(dev);
}

/* Another process that still has the image may be about to end: one whose disk was detached. */
void remote_server_ended(struct device *dev)
{
	char text[WIRE_TEXT + 32];

	if (dev->link == LINK_PROBING && !strstr(dev->format.last_words, " lock")) {
		snprintf(text, sizeof(text), "%s", dev->format.last_words);
		found(dev, REMOTE_BAD, text);
		return;
	}
	dial_cancel(&dev->remote.dial);
	loop_timer_set(&dev->sup->loop, &dev->remote.again, RESTART_NS);
}

/* Hands the connection on; the worker decides what becomes of it. */
static bool hand_on(struct device *dev, uint32_t type, int fd)
{
	struct wire_msg msg = { .type = type, .devid = dev->devid };

	snprintf(msg.name, sizeof(msg.name), "%s", dev->remote.server.name);
	return dev->worker && dev->worker->sock.fd >= 0 &&
	       wire_send(dev->worker->sock.fd, &msg, &fd, 1) == 0;
}

static void dialled(struct dial *d, int fd, const char *why)
{
	struct remote *r = container_of(d, struct remote, dial);
	struct device *dev = container_of(r, struct device, remote);
	char text[WIRE_TEXT + 32];

	if (fd < 0 && format_runs(dev)) {
		loop_timer_set(&dev->sup->loop, &r->again, SOON_NS);	/* it has just begun */
		return;
	}
	if (fd < 0) {
		snprintf(text, sizeof(text), "its server: %s: see whether it runs", why);
		if (dev->link == LINK_PROBING) {
			found(dev, REMOTE_BAD, text);
			return;
		}
		device_trouble(dev, text);
		loop_timer_set(&dev->sup->loop, &r->again, AGAIN_NS);
		return;
	}
	if (dev->link == LINK_PROBING) {
		r->socket = fd;
		remote_worker_ready(dev);
		return;
	}
	if (r->wanted && hand_on(dev, WIRE_LINK, fd))
		r->wanted = false;
	close(fd);
}

void remote_worker_ready(struct device *dev)
{
	struct worker *w = dev->worker;

	if (dev->link != LINK_PROBING || !w || !w->greeted || w->leaving)
		return;
	if (!w->speaks_nbd) {
		worker_dismiss(w);	/* its successor does, for we are a device of its guest */
		return;
	}
	if (dev->remote.socket < 0 || dev->remote.asked)
		return;
	dev->remote.asked = hand_on(dev, WIRE_PROBE, dev->remote.socket);
	drop_socket(dev);
}

void remote_probed(struct device *dev, const struct wire_probed *result)
{
	char text[WIRE_TEXT + 32];

	if (dev->link != LINK_PROBING || !dev->remote.asked)
		return;
	snprintf(text, sizeof(text), "its server: %.*s", WIRE_TEXT - 1, result->rc ? result->text :
		 "its size makes no sense");
	dev->remote.bytes = result->bytes;
	dev->remote.unit = result->unit > BLK_SECTOR ? result->unit : BLK_SECTOR;
	dev->remote.readonly = result->readonly;
	dev->remote.discards = result->discards;
	found(dev, result->rc || result->bytes < BLK_SECTOR || result->bytes > INT64_MAX ?
	      REMOTE_BAD : REMOTE_GOOD, text);
}

void remote_wanted(struct device *dev)
{
	if (dev->link != LINK_ATTACHED && dev->link != LINK_ATTACHING)
		return;
	dev->remote.wanted = true;
	dev->reason[0] = '\0';
	/* an earlier supervisor may have opened it */
	if (dev->disk.fd < 0 && dev->class->prepare(dev)) {
		device_trouble(dev, dev->reason);
		loop_timer_set(&dev->sup->loop, &dev->remote.again, AGAIN_NS);
		return;
	}
	/* a worker may ask as often as it likes */
	if (dev->remote.dial.answer.fd >= 0 || dev->remote.again.due_ns)
		return;
	if (loop_now() - dev->remote.dialled_ns < PAUSE_NS)
		loop_timer_set(&dev->sup->loop, &dev->remote.again, PAUSE_NS);
	else
		again_due(&dev->remote.again);
}

bool remote_is_same(struct device *dev)
{
	return !journal_file_connected(dev) || dev->disk.changed ||
	       dev->journal->identity[0] == identity(dev);
}

/* Fills in what the disk is. */
static int open_as(struct device *dev, uint64_t sectors, uint32_t unit)
{
	const struct medium medium = { .bytes = sectors * BLK_SECTOR, .logical = unit,
				       .physical = unit, .unit = unit };

	if (sector_settle(dev, &medium))
		return -1;
	dev->disk.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (dev->disk.fd < 0)
		return device_reason(dev, "/dev/null: %s", strerror(errno));
	dev->disk.sectors = sectors;
	dev->identity[0] = identity(dev);
	dev->identity[1] = sectors;
	return 0;
}

static int take_known(struct device *dev)
{
	struct remote *r = &dev->remote;
	enum remote_known known = r->known;

	r->known = REMOTE_UNKNOWN;
	if (known == REMOTE_BAD)
		return device_reason(dev, "%s", r->why);
	if (r->readonly && !dev->disk.readonly)
		return device_reason(dev, "%s: its server lets it only be read: attach it with "
				     "access=ro, or let it be written to there", dev->disk.target);
	if (open_as(dev, r->bytes / BLK_SECTOR, r->unit))
		return -1;
	image_take_discard(dev, r->discards);
	return 0;
}

int remote_open(struct device *dev)
{
	struct remote *r = &dev->remote;

	r->used = true;
	if (journal_file_connected(dev) && !dev->disk.changed) {
		if (open_as(dev, dev->journal->identity[1], BLK_SECTOR))
			return -1;
		image_recall_discard(dev);
		return 0;
	}
	if (r->known != REMOTE_UNKNOWN && r->known_of == identity(dev))
		return take_known(dev);
	stop(dev);
	dev->worker = worker_for(dev->sup, dev->class, dev->fe);
	if (!dev->worker)
		return device_reason(dev, "out of memory");
	dev->link = LINK_PROBING;
	if (!r->limit.due_ns)		/* otherwise its worker has died meanwhile */
		loop_timer_set(&dev->sup->loop, &r->limit, LIMIT_NS);
	dial(dev);
	remote_worker_ready(dev);
	return 1;
}

void remote_close(struct device *dev)
{
	stop(dev);
	loop_timer_cancel(&dev->sup->loop, &dev->remote.limit);
	dev->remote.wanted = false;
}

void remote_init(struct device *dev)
{
	struct remote *r = &dev->remote;

	r->socket = r->dial.answer.fd = -1;
	r->dial.done = dialled;
	r->again.expired = again_due;
	r->limit.expired = limit_over;
}
