/* SPDX-License-Identifier: MIT */
/*
 * main.c - xpv-vconsole, the worker that serves one guest's consoles
 *
 * Started by xpvd with a listening socket, and after that independent of it. It reads no xenstore
 * and opens no file: scrollback, log, terminal and the clients' socket come as descriptors. When
 * its handles are open it locks itself in, and only then does it hear of a console.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vconsole.h"
#include "worker/sandbox.h"

#define NOBODY		65534
#define MAX_EVENTS	64	/* in a round; clients are to have their turn */

static struct console *console_of(struct worker *w, evtchn_port_t port)
{
	for (unsigned int i = 0; i < w->nr_consoles; i++) {
		if (w->consoles[i]->port == port)
			return w->consoles[i];
	}
	return NULL;
}

static void events_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, events);

	for (int i = 0; i < MAX_EVENTS; i++) {
		int r = xenevtchn_pending(w->env.xce);
		struct console *c = r < 0 ? NULL : console_of(w, (evtchn_port_t)r);

		if (r < 0 && errno != EAGAIN && errno != EINTR) {
			log_error("event channels: %s", strerror(errno));
			w->env.loop.stop = true;
		}
		if (r < 0)
			return;
		if (c)
			console_event(c);
	}
}

/* The simulator's grant device hangs up when its hypervisor is gone; Xen's cannot be watched. */
static void grants_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, grants);

	log_error("the hypervisor is gone");
	w->env.loop.stop = true;
}

static int watch_handles(struct worker *w)
{
	int rc;

	w->events = (struct loop_fd){ xenevtchn_fd(w->env.xce), events_ready };
	if (fcntl(w->events.fd, F_SETFL, fcntl(w->events.fd, F_GETFL) | O_NONBLOCK))
		return -errno;
	rc = loop_add(&w->env.loop, &w->events);
	if (rc)
		return rc;
	w->grants = (struct loop_fd){ xengnttab_fd(w->env.xgt), grants_ready };
	rc = loop_add_hangup(&w->env.loop, &w->grants);
	return rc == -EPERM ? 0 : rc;
}

static int open_handles(struct worker *w)
{
	int rc = loop_init(&w->env.loop);

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
	if (rc == 0)
		rc = watch_handles(w);
	if (rc == 0)
		rc = link_start(w);
	if (rc)
		log_error("setting the event loop up: %s", strerror(-rc));
	return rc;
}

/* For descriptors that come later: the terminal, the log, clients. */
static const int console_calls[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(pwrite64),
	SCMP_SYS(read),
	SCMP_SYS(write),
};

static int lock_in(const struct worker *w)
{
	const struct sandbox sb = {
		.domid = w->env.domid,
		.uid = w->uid,
		.gid = w->gid,
		.xgt = w->env.xgt,
		.listener = w->listener.fd,
		.nr_lanes = 1,
		.lane = { { .xce = w->env.xce, .uring = -1, .kick = -1 } },
		.calls = console_calls,
		.nr_calls = sizeof(console_calls) / sizeof(console_calls[0]),
		.instrumented = SANDBOX_INSTRUMENTED,
	};

	if (!w->no_sandbox)
		return sandbox_enter(&sb);
	log_warning("not confined, as --no-sandbox says: not for guests that are not trusted");
	return 0;
}

static void close_handles(struct worker *w)
{
	link_close(w, NULL);
	loop_fini(&w->env.loop);
	if (w->env.xce)
		xenevtchn_close(w->env.xce);
	if (w->env.xgt)
		xengnttab_close(w->env.xgt);
}

static void usage(FILE *out)
{
	fputs("usage: xpv-vconsole --domid N --listen-fd FD [--uid N] [--gid N] [--no-sandbox]\n"
	      "                    [--debug]\n"
	      "Serves one guest's consoles. Started by xpvd; not for use by hand.\n", out);
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
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "no-sandbox", no_argument, NULL, 'n' },
		{ "debug", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long domid = ~0ul, listener = ~0ul, uid = NOBODY, gid = NOBODY;
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd': ok &= number(optarg, UINT16_MAX, &domid); break;
		case 'l': ok &= number(optarg, INT32_MAX, &listener); break;
		case 'u': ok &= number(optarg, UINT32_MAX - 1, &uid); break;
		case 'g': ok &= number(optarg, UINT32_MAX - 1, &gid); break;
		case 'n': w->no_sandbox = true; break;
		case 'v': log_init("xpv-vconsole", LOG_DEBUG); break;
		case 'h': usage(stdout); exit(0);
		default: ok = false;
		}
	}
	w->env.domid = (uint32_t)domid;
	w->listener.fd = (int)listener;
	w->uid = (uid_t)uid;
	w->gid = (gid_t)gid;
	return ok && optind == argc && domid != ~0ul && listener != ~0ul;
}

static int serve(struct worker *w)
{
	int rc = 0;

	while (rc >= 0 && !w->env.loop.stop) {
		rc = loop_once(&w->env.loop, -1);
		link_turn(w);
	}
	return rc < 0 ? rc : 0;
}

int main(int argc, char **argv)
{
	static struct worker w = { .env.loop.epfd = -1, .supervisor.fd = -1 };
	int rc;

	log_init("xpv-vconsole", LOG_INFO);
	if (!parse(&w, argc, argv)) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = open_handles(&w);
	if (rc == 0)
		rc = lock_in(&w);
	if (rc == 0)
		rc = serve(&w);
	close_handles(&w);
	return rc ? 1 : 0;
}
