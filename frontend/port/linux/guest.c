/* SPDX-License-Identifier: MIT */
/*
 * guest.c - the loop of a Linux process with frontends
 *
 * One poll() over the event channel's fd, xenstore's and a signalfd. Notifications carry no
 * information but "look at your rings", so nothing is dispatched by port: whoever waits polls its
 * own disks. Watches go to the device that set them, inside linux_os_take_watch().
 *
 * A program that never runs out of responses would never sleep, and so never see a watch:
 * guest_look() therefore asks for them every LOOK_EVERY calls.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "barrier.h"
#include "guest_private.h"

#define LOOK_EVERY	64
#define TAKE_MAX	64	/* events of one kind in one turn */

static int catch_signals(struct guest *g)
{
	sigset_t set;

	g->signal_fd = -1;
	if (!g->options.catch_signals)
		return 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	g->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return g->signal_fd < 0 ? -1 : 0;
}

struct guest *guest_open(const struct guest_options *options, const char **why)
{
	struct guest *g = calloc(1, sizeof(*g));

	*why = "memory";
	if (!g)
		return NULL;
	if (options)
		g->options = *options;
	g->os.verbose = g->options.verbose;
	g->os.log = g->options.log;
	*why = "a signalfd";
	if (catch_signals(g) == 0)
		*why = linux_os_open(&g->os);
	if (*why) {
		int saved = errno;

		guest_close(g);
		errno = saved;
		return NULL;
	}
	return g;
}

void guest_close(struct guest *g)
{
	struct guest_blk *disk;

	/* Closing the handles ends all grants and channels, so the disks' memory may go then. */
	linux_os_close(&g->os);
	if (g->signal_fd >= 0)
		close(g->signal_fd);
	while ((disk = g->disks)) {
		g->disks = disk->next;
		guest_blk_free(disk);
	}
	free(g);
}

struct pv_os *guest_os(struct guest *g)
{
	return &g->os;
}

bool guest_interrupted(const struct guest *g)
{
	return g->interrupted;
}

static int drain(struct pv_os *os, int (*take)(struct pv_os *))
{
	int rc = 1;

	for (int i = 0; rc > 0 && i < TAKE_MAX; i++)
		rc = take(os);
	return rc < 0 ? rc : GUEST_EVENT;
}

static int take_signal(struct guest *g)
{
	struct signalfd_siginfo info;

	if (read(g->signal_fd, &info, sizeof(info)) == sizeof(info))
		g->interrupted = true;
	return g->interrupted ? GUEST_INTERRUPTED : 0;
}

int guest_sleep(struct guest *g, int timeout_ms, int fd)
{
	struct pollfd fds[] = {
		{ .fd = xenevtchn_fd(g->os.evtchn), .events = POLLIN },
		{ .fd = xs_fileno(g->os.xs), .events = POLLIN },
		{ .fd = g->signal_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int r = poll(fds, 4, timeout_ms), seen = 0, rc;

	if (r < 0)
		return errno == EINTR ? 0 : PV_EPORT;
	if (fds[0].revents) {
		rc = drain(&g->os, linux_os_take_event);
		if (rc < 0)
			return rc;
		seen |= rc;
	}
	if (fds[1].revents) {
		rc = drain(&g->os, linux_os_take_watch);
		if (rc < 0)
			return rc;
		seen |= rc;
	}
	if (fds[2].revents)
		seen |= take_signal(g);
	if (fds[3].revents)
		seen |= GUEST_INPUT;
	return seen;
}

static bool any_pending(struct pv_blk *const *blks, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (pv_blk_pending(blks[i]))
			return true;
	return false;
}

static bool spin(struct guest *g, struct pv_blk *const *blks, size_t nr)
{
	uint64_t end;

	if (any_pending(blks, nr))
		return true;
	if (!g->options.spin_us)
		return false;
	end = pvos_clock(&g->os) + g->options.spin_us * 1000ull;
	do {
		for (int i = 0; i < 16; i++) {
			cpu_relax();
			if (any_pending(blks, nr))
				return true;
		}
	} while (pvos_clock(&g->os) < end);
	return false;
}

int guest_look(struct guest *g, struct pv_blk *const *blks, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (pv_blk_wants_step(blks[i]))
			pv_blk_step(blks[i]);
	return ++g->calls % LOOK_EVERY ? 0 : guest_sleep(g, 0, -1);
}

int guest_wait(struct guest *g, struct pv_blk *const *blks, size_t nr, int timeout_ms)
{
	bool ready = false;
	int rc = guest_look(g, blks, nr);

	if (rc < 0 || (rc & GUEST_INTERRUPTED))
		return rc;
	if (spin(g, blks, nr))
		return GUEST_EVENT;
	for (size_t i = 0; i < nr; i++)
		ready |= pv_blk_arm(blks[i]);
	return ready ? GUEST_EVENT : guest_sleep(g, timeout_ms, -1);
}
