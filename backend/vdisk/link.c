/* SPDX-License-Identifier: MIT */
/*
 * link.c - what the supervisor tells a worker, and is told
 *
 * One supervisor at a time: the newest connection counts. The worker needs none to go on; but one
 * that has neither a supervisor nor a disk for a while has been forgotten, and ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "barrier.h"
#include "vdisk.h"

#define ORPHAN_NS	10000000000u

static void tell(struct worker *w, uint32_t type, uint32_t devid, int rc, const char *text)
{
	struct wire_msg msg = { .type = type, .devid = devid, .result = { .rc = rc } };

	/* without a supervisor: the next one hears of it when it connects */
	snprintf(msg.result.text, sizeof(msg.result.text), "%s", text);
	outbox_send(&w->outbox, &msg);
}

/* What libnbd is needed for speaks to the supervisor through this. */
static void say(struct nbd_host *host, const struct wire_msg *msg)
{
	struct worker *w = container_of(host, struct worker, nbd);

	outbox_send(&w->outbox, msg);
}

/* The disk's connection is over, and with it whatever waits for a server. */
static void stop_for_good(struct disk *disk)
{
	disk_stop(disk);
	if (disk->target.ops->abandon)
		disk->target.ops->abandon(&disk->target);
}

static struct disk **find_disk(struct worker *w, uint32_t devid)
{
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		if (w->disks[i]->devid == devid)
			return &w->disks[i];
	}
	return NULL;
}

static void drop_disk(struct worker *w, struct disk **at, bool forget)
{
	struct disk *disk = *at;

	disk_close(disk, forget);
	*at = w->disks[--w->nr_disks];
	free(disk);
}

static int attach(struct worker *w, const struct wire_msg *msg, int fds[WIRE_MAX_FDS], char *why)
{
	struct disk *disk;
	int rc;

	if (find_disk(w, msg->devid)) {
		/* Closing the descriptor of a journal that is in use would drop its lock. The
		 * supervisor is mistaken about us: a successor starts from what is written down. */
		log_error("a disk is attached a second time: ending");
		w->lane[0].loop.stop = true;
		fds[1] = -1;
		return -EEXIST;
	}
	if (w->quitting) {
		snprintf(why, WIRE_TEXT, "the worker is about to end");
		return -EAGAIN;
	}
	if (fds[0] < 0 || fds[1] < 0 || w->nr_disks == MAX_DISKS) {
		snprintf(why, WIRE_TEXT, "the worker cannot take the disk");
		return -EINVAL;
	}
	disk = malloc(sizeof(*disk));
	if (!disk) {
		snprintf(why, WIRE_TEXT, "out of memory");
		return -ENOMEM;
	}
	rc = disk_open(disk, &w->env, msg->devid, &msg->vdisk, fds[0], fds[1], why);
	fds[0] = fds[1] = -1;		/* the disk's now */
	w->disks[w->nr_disks++] = disk;
	if (rc)
		drop_disk(w, &w->disks[w->nr_disks - 1], false);
	else
		disk_serve(disk);
	return rc;
}

static void handle_link(struct worker *w, const struct wire_msg *msg, int fds[WIRE_MAX_FDS])
{
	char name[WIRE_EXPORT];
	int fd = fds[0];

	if (fd < 0)
		return;
	fds[0] = -1;
	snprintf(name, sizeof(name), "%.*s", WIRE_EXPORT - 1, msg->name);
	if (msg->type == WIRE_PROBE)
		nbd_probe_start(&w->nbd, msg->devid, fd, name);
	else
		target_nbd_link(&w->nbd, msg->devid, fd, name);
}

static void handle(struct worker *w, const struct wire_msg *msg, int fds[WIRE_MAX_FDS])
{
	char why[WIRE_TEXT] = "";
	struct disk **at;
	int rc;

	switch (msg->type) {
	case WIRE_ATTACH:
		rc = attach(w, msg, fds, why);
		tell(w, WIRE_ATTACHED, msg->devid, rc, why);
		break;
	case WIRE_DETACH:
	case WIRE_SUSPEND:
		at = find_disk(w, msg->devid);
		if (at)
			(*at)->keep = msg->type == WIRE_SUSPEND;
		if (at)
			stop_for_good(*at);
		else
			tell(w, WIRE_DETACHED, msg->devid, 0, "");
		break;
	case WIRE_RESIZE:
		at = find_disk(w, msg->devid);
		if (at)
			disk_resize(*at, msg->vdisk.sectors);
		tell(w, WIRE_RESIZED, msg->devid, 0, "");
		break;
	case WIRE_LIMIT:
		at = find_disk(w, msg->devid);
		if (at)
			throttle_set(*at, &msg->limit);
		break;
	case WIRE_PROBE:
	case WIRE_LINK:
		handle_link(w, msg, fds);
		break;
	case WIRE_QUIT:
		w->quitting = true;
		for (unsigned int i = 0; i < w->nr_disks; i++)
			disk_stop(w->disks[i]);
		break;
	default:
		log_warning("a message of unknown type %u was ignored", msg->type);
	}
}

static void supervisor_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, supervisor);
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];
	int rc = wire_receive(source->fd, &msg, fds);

	if (rc == -EAGAIN)
		return;
	if (rc <= 0) {
		outbox_open(&w->outbox, &w->lane[0].loop, -1);
		close(loop_del(&w->lane[0].loop, source));
		loop_timer_set(&w->lane[0].loop, &w->orphan, ORPHAN_NS);
		return;
	}
	handle(w, &msg, fds);
	wire_drop(fds);
}

/* A new supervisor replaces the old one, and hears what there is. */
static void listener_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, listener);
	struct wire_msg hello = { .type = WIRE_HELLO,
				  .hello = { WIRE_VERSION, w->env.domid, getpid(), w->nr_disks,
					     nbd_spoken ? WIRE_SPEAKS_NBD : 0 } };
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (w->supervisor.fd >= 0)
		close(loop_del(&w->lane[0].loop, &w->supervisor));
	loop_timer_cancel(&w->lane[0].loop, &w->orphan);
	w->supervisor = (struct loop_fd){ .fd = fd, .ready = supervisor_ready };
	if (loop_add(&w->lane[0].loop, &w->supervisor)) {
		close(fd);
		w->supervisor.fd = fd = -1;
	}
	outbox_open(&w->outbox, &w->lane[0].loop, fd);
	if (fd < 0)
		return;
	outbox_send(&w->outbox, &hello);
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		struct disk *disk = w->disks[i];

		tell(w, disk->failed ? WIRE_FAILED : WIRE_ATTACHED, disk->devid,
		     disk->failed ? -EPROTO : 0, disk->failed ? disk->failed : "");
	}
	target_nbd_ask_again(&w->nbd);
}

static void orphaned(struct loop_timer *timer)
{
	struct worker *w = container_of(timer, struct worker, orphan);

	if (w->nr_disks == 0)
		w->lane[0].loop.stop = true;
}

int link_start(struct worker *w)
{
	w->nbd = (struct nbd_host){ .loop = &w->lane[0].loop, .domid = w->env.domid, .say = say };
	w->env.nbd = nbd_spoken ? &w->nbd : NULL;
	w->supervisor.fd = -1;
	outbox_open(&w->outbox, &w->lane[0].loop, -1);
	w->orphan.expired = orphaned;
	w->listener.ready = listener_ready;
	loop_timer_set(&w->lane[0].loop, &w->orphan, ORPHAN_NS);
	/* listen() makes this process the one that SO_PEERCRED names to whoever connects */
	return listen(w->listener.fd, 4) ? -errno : loop_add(&w->lane[0].loop, &w->listener);
}

void link_close(struct worker *w)
{
	nbd_probe_stop_all(&w->nbd);
	while (w->nr_disks > 0)
		drop_disk(w, &w->disks[0], false);
	outbox_open(&w->outbox, &w->lane[0].loop, -1);
	if (w->supervisor.fd >= 0)
		close(w->supervisor.fd);
}

bool link_idle(const struct worker *w)
{
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		const struct disk *disk = w->disks[i];

		for (unsigned int q = 0; q < disk->nr_queues; q++) {
			if (disk->queue[q].served && !queue_idle(&disk->queue[q]))
				return false;
		}
	}
	return true;
}

static void tell_new_failure(struct worker *w, struct disk *disk)
{
	if (!disk->failed && disk_failed(disk))
		tell(w, WIRE_FAILED, disk->devid, -EPROTO, disk->failed);
}

static void tell_limited(struct worker *w, struct disk *disk)
{
	const struct wire_msg msg = { .type = WIRE_LIMITED, .devid = disk->devid,
				      .limit = { .serial = disk->limit_answer } };

	disk->limit_due = false;
	outbox_send(&w->outbox, &msg);
}

static bool any_lane_broken(const struct worker *w)
{
	for (unsigned int i = 0; i < w->env.nr_lanes; i++) {
		if (load_acquire(&w->lane[i].broken))
			return true;
	}
	return false;
}

bool link_turn(struct lane *lane)
{
	struct worker *w = container_of(lane, struct worker, lane[0]);

	for (unsigned int i = w->nr_disks; i-- > 0; ) {
		struct disk *disk = w->disks[i];
		uint32_t devid = disk->devid;

		tell_new_failure(w, disk);
		if (disk->limit_due && throttle_in_force(disk))
			tell_limited(w, disk);
		if (!disk->stopping || !disk_given_back(disk))
			continue;
		drop_disk(w, &w->disks[i], !w->quitting && !disk->keep);
		tell(w, WIRE_DETACHED, devid, 0, "");
	}
	return !any_lane_broken(w) && (!w->quitting || w->nr_disks > 0);
}
