/* SPDX-License-Identifier: MIT */
/*
 * main.c - xpv-vdisk, the worker that serves one guest's disks
 *
 * Started by xpvd with a listening socket, and after that independent of it: the worker serves its
 * disks whether a supervisor is connected or not. It reads no xenstore and opens no file; images
 * and journals come as descriptors.
 *
 * The loop: run all disks until none has anything to do; look again for a while, because waking a
 * processor costs more than a few microseconds of looking; then ask each ring for a notification,
 * look once more, and sleep. Looking is given up on a guest that rarely has anything soon
 * (spin_ns adapts between 0 and the limit).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "disk.h"
#include "loop.h"

#define MAX_DISKS	256
#define SPIN_CHECK	64		/* looks between two readings of the clock */
#define ORPHAN_NS	10000000000u	/* no disk and no supervisor for so long: nobody's worker */

struct worker {
	struct loop loop;
	struct disk_env env;
	struct loop_fd listener, supervisor, events, completions;
	struct loop_timer orphan;
	struct disk *disks[MAX_DISKS];
	unsigned int nr_disks;
	bool quitting;			/* finish what is under way, keep the journals */
	uint64_t spin_max_ns, spin_ns;
};

static void tell(struct worker *w, uint32_t type, uint32_t devid, int rc, const char *text)
{
	struct wire_msg msg = { .type = type, .devid = devid, .result = { .rc = rc } };

	if (w->supervisor.fd < 0)
		return;		/* the next one hears of it when it connects */
	snprintf(msg.result.text, sizeof(msg.result.text), "%s", text);
	wire_send(w->supervisor.fd, &msg, NULL, 0);
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

	if (fds[0] < 0 || fds[1] < 0 || find_disk(w, msg->devid) || w->nr_disks == MAX_DISKS) {
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
	return rc;
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
		at = find_disk(w, msg->devid);
		if (at)
			disk_stop(*at);
		else
			tell(w, WIRE_DETACHED, msg->devid, 0, "");
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
		close(loop_del(&w->loop, source));
		loop_timer_set(&w->loop, &w->orphan, ORPHAN_NS);
		return;
	}
	handle(w, &msg, fds);
	for (int i = 0; i < WIRE_MAX_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* A new supervisor replaces the old one, and hears what there is. */
static void listener_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, listener);
	struct wire_msg hello = { .type = WIRE_HELLO,
				  .hello = { WIRE_VERSION, w->env.domid, getpid(),
					     w->nr_disks } };
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (w->supervisor.fd >= 0)
		close(loop_del(&w->loop, &w->supervisor));
	loop_timer_cancel(&w->loop, &w->orphan);
	w->supervisor = (struct loop_fd){ .fd = fd, .ready = supervisor_ready };
	if (loop_add(&w->loop, &w->supervisor)) {
		close(fd);
		w->supervisor.fd = -1;
		return;
	}
	wire_send(fd, &hello, NULL, 0);
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		struct disk *disk = w->disks[i];

		tell(w, disk->failed[0] ? WIRE_FAILED : WIRE_ATTACHED, disk->devid,
		     disk->failed[0] ? -EPROTO : 0, disk->failed);
	}
}

static void events_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, events);
	xenevtchn_port_or_error_t port = xenevtchn_pending(w->env.xce);

	if (port < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		log_error("the event channels are gone: %s", strerror(errno));
		w->loop.stop = true;
		return;
	}
	xenevtchn_unmask(w->env.xce, (evtchn_port_t)port);
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		struct journal_stats *stats = &w->disks[i]->journal.head->stats;

		if (w->disks[i]->port == (evtchn_port_t)port)
			write_once(&stats->notify_in, stats->notify_in + 1);
	}
}

/* All that there is to do is done by run_disks(). */
static void completions_ready(struct loop_fd *source)
{
	(void)source;
}

static void orphaned(struct loop_timer *timer)
{
	struct worker *w = container_of(timer, struct worker, orphan);

	if (w->nr_disks == 0)
		w->loop.stop = true;
}

/* Ends what is to end and has nothing under way. */
static void finish_disks(struct worker *w)
{
	for (unsigned int i = w->nr_disks; i-- > 0; ) {
		struct disk *disk = w->disks[i];
		uint32_t devid = disk->devid;

		if (!disk->stopping || !disk_idle(disk))
			continue;
		drop_disk(w, &w->disks[i], !w->quitting);
		tell(w, WIRE_DETACHED, devid, 0, "");
	}
}

static bool run_disks(struct worker *w)
{
	bool busy = false;

	if (w->env.uring && uring_reap(w->env.uring) > 0)
		busy = true;
	for (unsigned int i = 0; i < w->nr_disks; i++) {
		struct disk *disk = w->disks[i];
		bool failed = disk->failed[0];

		busy |= disk_run(disk);
		if (disk->failed[0] && !failed)
			tell(w, WIRE_FAILED, disk->devid, -EPROTO, disk->failed);
	}
	if (w->env.uring)
		uring_flush(w->env.uring);
	finish_disks(w);
	return busy;
}

/* Looks for work without sleeping. True: there is some. */
static bool spin(struct worker *w)
{
	uint64_t end = 0;

	if (w->spin_ns == 0)
		return false;
	for (unsigned int n = 0; ; n++) {
		for (unsigned int i = 0; i < w->nr_disks; i++) {
			if (disk_pending(w->disks[i]))
				return true;
		}
		if (w->env.uring && uring_reap(w->env.uring) > 0)
			return true;
		if (n % SPIN_CHECK == 0) {
			uint64_t now = loop_now();

			if (end == 0)
				end = now + w->spin_ns;
			else if (now >= end)
				return false;
		}
		cpu_relax();
	}
}

/* Success makes looking worth more, failure less; a little is always tried again. */
static void adapt(struct worker *w, bool found)
{
	if (found)
		w->spin_ns = w->spin_max_ns;
	else
		w->spin_ns = w->spin_ns / 2 > w->spin_max_ns / 16 ? w->spin_ns / 2 :
			     w->spin_max_ns / 16;
}

static bool arm_disks(struct worker *w)
{
	bool pending = false;

	for (unsigned int i = 0; i < w->nr_disks; i++)
		pending |= disk_arm(w->disks[i]);
	return pending;
}

static int serve(struct worker *w)
{
	unsigned int rounds = 0;
	uint64_t slept;
	int rc = 0;

	while (!w->loop.stop && rc >= 0 && !(w->quitting && w->nr_disks == 0)) {
		if (run_disks(w)) {
			if (++rounds % 64 == 0)		/* a busy guest hides no supervisor */
				rc = loop_once(&w->loop, 0);
			continue;
		}
		if (spin(w)) {
			adapt(w, true);
			continue;
		}
		if (arm_disks(w))
			continue;
		slept = loop_now();
		rc = loop_once(&w->loop, w->env.uring && uring_queued(w->env.uring) ? 1 : -1);
		adapt(w, loop_now() - slept < w->spin_max_ns);
	}
	return rc < 0 ? rc : 0;
}

static int open_handles(struct worker *w)
{
	int rc;

	w->env.xce = xenevtchn_open(NULL, 0);
	if (!w->env.xce) {
		log_error("/dev/xen/evtchn: %s: load the module xen-evtchn", strerror(errno));
		return -1;
	}
	w->env.xgt = xengnttab_open(NULL, 0);
	if (!w->env.xgt) {
		log_error("/dev/xen/gntdev: %s: load the module xen-gntdev", strerror(errno));
		return -1;
	}
	w->env.uring = uring_create(&rc);
	if (!w->env.uring)
		log_info("io_uring: %s: I/O is done in place, one request at a time",
			 strerror(-rc));

	/* listen() makes this process the one that SO_PEERCRED names to whoever connects */
	rc = listen(w->listener.fd, 4) ? -errno : loop_init(&w->loop);
	w->events = (struct loop_fd){ xenevtchn_fd(w->env.xce), events_ready };
	if (fcntl(w->events.fd, F_SETFL, fcntl(w->events.fd, F_GETFL) | O_NONBLOCK) == 0 &&
	    rc == 0)
		rc = loop_add(&w->loop, &w->events);
	if (rc == 0)
		rc = loop_add(&w->loop, &w->listener);
	if (rc == 0 && w->env.uring) {
		w->completions = (struct loop_fd){ uring_fd(w->env.uring), completions_ready };
		rc = loop_add(&w->loop, &w->completions);
	}
	if (rc)
		log_error("setting the event loop up: %s", strerror(-rc));
	return rc;
}

static void close_handles(struct worker *w)
{
	while (w->nr_disks > 0)
		drop_disk(w, &w->disks[0], false);
	if (w->supervisor.fd >= 0)
		close(w->supervisor.fd);
	uring_destroy(w->env.uring);
	if (w->env.xgt)
		xengnttab_close(w->env.xgt);
	if (w->env.xce)
		xenevtchn_close(w->env.xce);
	loop_fini(&w->loop);
}

static void usage(FILE *out)
{
	fputs("usage: xpv-vdisk --domid N --listen-fd FD [--spin-us N] [--debug]\n"
	      "Serves one guest's disks. Started by xpvd; not for use by hand.\n", out);
}

static bool number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out <= max;
}

static bool parse(struct worker *w, int argc, char **argv)
{
	static const struct option options[] = {
		{ "domid", required_argument, NULL, 'd' },
		{ "listen-fd", required_argument, NULL, 'l' },
		{ "spin-us", required_argument, NULL, 's' },
		{ "debug", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long domid = ~0ul, listener = ~0ul, spin_us = 0;
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd': ok &= number(optarg, UINT16_MAX, &domid); break;
		case 'l': ok &= number(optarg, INT32_MAX, &listener); break;
		case 's': ok &= number(optarg, 1000000, &spin_us); break;
		case 'v': log_init("xpv-vdisk", LOG_DEBUG); break;
		case 'h': usage(stdout); exit(0);
		default: ok = false;
		}
	}
	w->env.domid = (uint32_t)domid;
	w->listener.fd = (int)listener;
	w->spin_max_ns = spin_us * 1000;
	return ok && optind == argc && domid != ~0ul && listener != ~0ul;
}

int main(int argc, char **argv)
{
	static struct worker w = {
		.supervisor = { .fd = -1 },
		.listener = { .fd = -1, .ready = listener_ready },
		.orphan = { .expired = orphaned },
	};
	int rc;

	log_init("xpv-vdisk", LOG_INFO);
	if (!parse(&w, argc, argv)) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	w.spin_ns = w.spin_max_ns;
	rc = open_handles(&w);
	if (rc == 0) {
		loop_timer_set(&w.loop, &w.orphan, ORPHAN_NS);
		rc = serve(&w);
	}
	close_handles(&w);
	return rc ? 1 : 0;
}
