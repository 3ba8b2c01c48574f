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
#include <getopt.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vdisk.h"
#include "worker/sandbox.h"

#define NOBODY	65534

/* The simulator's grant device hangs up when its hypervisor is gone (and has something to read when
 * another lane asks for something); Xen's cannot be watched. */
static void grants_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, grants);

	log_error("the hypervisor is gone");
	w->lane[0].loop.stop = true;
}

static int open_handles(struct worker *w)
{
	unsigned int *nr = &w->env.nr_lanes;
	int rc = 0;

	for (*nr = 0; *nr < w->max_lanes && rc == 0; ++*nr)
		rc = lane_open(&w->lane[*nr], *nr > 0 ? &w->lane[0] : NULL, w->spin_max_ns);
	if (rc)
		return rc;
	w->env.lanes = w->lane;
	w->lane[0].turn = link_turn;
	w->env.xgt = xengnttab_open(NULL, 0);
	if (!w->env.xgt) {
		log_error("/dev/xen/gntdev: %s: load the module xen-gntdev", strerror(errno));
		return -1;
	}
	w->grants = (struct loop_fd){ xengnttab_fd(w->env.xgt), grants_ready };
	rc = loop_add_hangup(&w->lane[0].loop, &w->grants);
	if (rc == 0 || rc == -EPERM)
		rc = link_start(w);
	if (rc)
		log_error("setting the event loop up: %s", strerror(-rc));
	return rc;
}

/* What target_file.c and target_memory.c call, besides io_uring. */
static const int disk_calls[] = {
	SCMP_SYS(fdatasync),
	SCMP_SYS(fstatfs),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev2),
};

static int lock_in(const struct worker *w)
{
	struct sandbox sb = {
		.domid = w->env.domid,
		.uid = w->uid,
		.gid = w->gid,
		.xgt = w->env.xgt,
		.listener = w->listener.fd,
		.nr_lanes = w->env.nr_lanes,
		.sockets = nbd_spoken,
		.calls = disk_calls,
		.nr_calls = sizeof(disk_calls) / sizeof(disk_calls[0]),
		.instrumented = SANDBOX_INSTRUMENTED,
	};

	for (unsigned int i = 0; i < w->env.nr_lanes; i++)
		sb.lane[i] = (struct sandbox_lane){
			.xce = w->lane[i].xce,
			.uring = w->lane[i].uring ? uring_fd(w->lane[i].uring) : -1,
			.kick = w->lane[i].kicked.fd,
		};
	if (!w->no_sandbox)
		return sandbox_enter(&sb);
	log_warning("not confined, as --no-sandbox says: not for guests that are not trusted");
	return 0;
}

/* No lane may serve what is being closed. */
static void close_handles(struct worker *w)
{
	for (unsigned int i = 0; i < w->env.nr_lanes; i++)
		lane_stop(&w->lane[i]);
	/* To close a journal is to unlock it. While something is under way only the process's end
	 * may do that: the kernel ends what uses its memory first. */
	if (!link_idle(w)) {
		log_warning("ending with requests under way: a successor does them again");
		_exit(1);
	}
	link_close(w);
	for (unsigned int i = w->env.nr_lanes; i-- > 0; )
		lane_close(&w->lane[i]);
	if (w->env.xgt)
		xengnttab_close(w->env.xgt);
}

static void usage(FILE *out)
{
	fputs("usage: xpv-vdisk --domid N --listen-fd FD [--lanes N] [--spin-us N] [--uid N]\n"
	      "                 [--gid N] [--no-sandbox] [--debug]\n"
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
		{ "lanes", required_argument, NULL, 't' },
		{ "spin-us", required_argument, NULL, 's' },
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "no-sandbox", no_argument, NULL, 'n' },
		{ "debug", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long domid = ~0ul, listener = ~0ul, spin_us = 0, uid = NOBODY, gid = NOBODY;
	unsigned long lanes = 1;
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd': ok &= number(optarg, UINT16_MAX, &domid); break;
		case 'l': ok &= number(optarg, INT32_MAX, &listener); break;
		case 't': ok &= number(optarg, WIRE_MAX_QUEUES, &lanes) && lanes > 0; break;
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
	w->max_lanes = (unsigned int)lanes;
	w->spin_max_ns = spin_us * 1000;
	w->uid = (uid_t)uid;
	w->gid = (gid_t)gid;
	return ok && optind == argc && domid != ~0ul && listener != ~0ul;
}

int main(int argc, char **argv)
{
	static struct worker w = { .supervisor = { .fd = -1 } };
	int rc;

	log_init("xpv-vdisk", LOG_INFO);
	if (!parse(&w, argc, argv)) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_ARENA_MAX, 1);	/* lanes allocate rarely: no heap for each */
	rc = target_memory_init();
	if (rc == 0)
		rc = open_handles(&w);
	if (rc == 0)
		rc = lock_in(&w);
	if (rc == 0)
		rc = lane_serve(&w.lane[0]);
	close_handles(&w);
	return rc ? 1 : 0;
}
