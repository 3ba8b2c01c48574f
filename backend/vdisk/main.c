/* SPDX-License-Identifier: MIT */
/*
 * main.c - xpv-vdisk, the worker that serves one guest's disks
 *
 * Started by xpvd with a listening socket, and after that independent of it: the worker serves its
 * disks whether a supervisor is connected or not. It reads no xenstore and opens no file; images
 * and journals come as descriptors. When its handles are open it locks itself in, and only then
 * does it hear of a disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdisk.h"
#include "worker/sandbox.h"

#define NOBODY	65534

static void count_notification(struct disk *disk, evtchn_port_t port)
{
	for (unsigned int i = 0; i < disk->nr_queues; i++) {
		struct journal_stats *stats = &disk->queue[i].journal.head->stats;

		if (disk->queue[i].port == port)
			write_once(&stats->notify_in, stats->notify_in + 1);
	}
}

static void events_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, events);
	xenevtchn_port_or_error_t port = xenevtchn_pending(w->lane.xce);

	if (port < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		log_error("the event channels are gone: %s", strerror(errno));
		w->loop.stop = true;
		return;
	}
	xenevtchn_unmask(w->lane.xce, (evtchn_port_t)port);
	for (unsigned int i = 0; i < w->nr_disks; i++)
		count_notification(w->disks[i], (evtchn_port_t)port);
}

/* The simulator's grant device hangs up when its hypervisor is gone; Xen's cannot be watched. */
static void grants_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, grants);

	log_error("the hypervisor is gone");
	w->loop.stop = true;
}

/* All that there is to do is done by serve(). */
static void completions_ready(struct loop_fd *source)
{
	(void)source;
}

static int open_handles(struct worker *w)
{
	int rc;

	w->lane.xce = xenevtchn_open(NULL, 0);
	if (!w->lane.xce) {
		log_error("/dev/xen/evtchn: %s: load the module xen-evtchn", strerror(errno));
		return -1;
	}
	w->env.xgt = xengnttab_open(NULL, 0);
	if (!w->env.xgt) {
		log_error("/dev/xen/gntdev: %s: load the module xen-gntdev", strerror(errno));
		return -1;
	}
	w->lane.uring = uring_create(&rc);
	if (!w->lane.uring)
		log_info("io_uring: %s: I/O is done in place, one request at a time",
			 strerror(-rc));

	rc = loop_init(&w->loop);
	w->lane.loop = &w->loop;
	w->events = (struct loop_fd){ xenevtchn_fd(w->lane.xce), events_ready };
	if (fcntl(w->events.fd, F_SETFL, fcntl(w->events.fd, F_GETFL) | O_NONBLOCK) == 0 &&
	    rc == 0)
		rc = loop_add(&w->loop, &w->events);
	w->grants = (struct loop_fd){ xengnttab_fd(w->env.xgt), grants_ready };
	if (rc == 0)
		rc = loop_add(&w->loop, &w->grants);
	if (rc == 0 || rc == -EPERM)
		rc = link_start(w);
	if (rc == 0 && w->lane.uring) {
		w->completions = (struct loop_fd){ uring_fd(w->lane.uring), completions_ready };
		rc = loop_add(&w->loop, &w->completions);
	}
	if (rc)
		log_error("setting the event loop up: %s", strerror(-rc));
	return rc;
}

/* What target_file.c calls, besides io_uring. */
static const int disk_calls[] = {
	SCMP_SYS(fdatasync),
	SCMP_SYS(fstatfs),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev2),
};

static int lock_in(const struct worker *w)
{
	const struct sandbox sb = {
		.domid = w->env.domid,
		.uid = w->uid,
		.gid = w->gid,
		.xce = w->lane.xce,
		.xgt = w->env.xgt,
		.listener = w->listener.fd,
		.uring = w->lane.uring ? uring_fd(w->lane.uring) : -1,
		.sockets = nbd_spoken,
		.calls = disk_calls,
		.nr_calls = sizeof(disk_calls) / sizeof(disk_calls[0]),
		.instrumented = SANDBOX_INSTRUMENTED,
	};

	if (!w->no_sandbox)
		return sandbox_enter(&sb);
	log_warning("not confined, as --no-sandbox says: not for guests that are not trusted");
	return 0;
}

static void close_handles(struct worker *w)
{
	link_close(w);
	uring_destroy(w->lane.uring);
	if (w->env.xgt)
		xengnttab_close(w->env.xgt);
	if (w->lane.xce)
		xenevtchn_close(w->lane.xce);
	loop_fini(&w->loop);
}

static void usage(FILE *out)
{
	fputs("usage: xpv-vdisk --domid N --listen-fd FD [--spin-us N] [--uid N] [--gid N]\n"
	      "                 [--no-sandbox] [--debug]\n"
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
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "no-sandbox", no_argument, NULL, 'n' },
		{ "debug", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long domid = ~0ul, listener = ~0ul, spin_us = 0, uid = NOBODY, gid = NOBODY;
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd': ok &= number(optarg, UINT16_MAX, &domid); break;
		case 'l': ok &= number(optarg, INT32_MAX, &listener); break;
		case 's': ok &= number(optarg, 1000000, &spin_us); break;
		case 'u': ok &= number(optarg, UINT32_MAX - 1, &uid); break;
		case 'g': ok &= number(optarg, UINT32_MAX - 1, &gid); break;
		case 'n': w->no_sandbox = true; break;
		case 'v': log_init("xpv-vdisk", LOG_DEBUG); break;
		case 'h': usage(stdout); exit(0);
		default: ok = false;
		}
	}
	w->env.domid = (uint32_t)domid;
	w->listener.fd = (int)listener;
	w->spin_max_ns = spin_us * 1000;
	w->uid = (uid_t)uid;
	w->gid = (gid_t)gid;
	return ok && optind == argc && domid != ~0ul && listener != ~0ul;
}

int main(int argc, char **argv)
{
	static struct worker w = { .loop = { .epfd = -1 }, .supervisor = { .fd = -1 } };
	int rc;

	log_init("xpv-vdisk", LOG_INFO);
	if (!parse(&w, argc, argv)) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	w.spin_ns = w.spin_max_ns;
	rc = open_handles(&w);
	if (rc == 0)
		rc = lock_in(&w);
	if (rc == 0)
		rc = serve(&w);
	close_handles(&w);
	return rc ? 1 : 0;
}
