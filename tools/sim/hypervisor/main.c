/* SPDX-License-Identifier: MIT */
/*
 * xpv-hypervisor: plays the hypervisor for one simulator.
 *
 * One thread, one epoll loop. It is the control plane alone: it creates domains and their memory,
 * connects event channels, checks and counts grant mappings, and cleans up after whoever hangs up,
 * for whatever reason. Notifications and grant copies pass between the programs directly.
 *
 * The supervisor (init.c) starts it with XPV_RUNDIR set and --ready-fd; it serves
 * $XPV_RUNDIR/sim/hypervisor.sock until SIGTERM, which destroys every domain first.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hv.h"

#define EVENTS		64
#define STOP_TIMEOUT	5000	/* ms that the machines get to end their programs */

int hv_watch_add(struct hv *hv, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(hv->epoll, EPOLL_CTL_ADD, watch->fd, &event) ? -errno : 0;
}

void hv_watch_close(struct hv *hv, struct watch *watch)
{
	if (watch->fd < 0)
		return;
	/* Other processes may hold the same open file, so closing alone does not end the watch. */
	epoll_ctl(hv->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->fd = -1;
}

static void sweep(struct hv *hv)
{
	struct evtchn *evtchn;
	struct conn *conn;

	while ((conn = LIST_FIRST(&hv->dead_conns))) {
		LIST_REMOVE(conn, link);
		free(conn);
	}
	while ((evtchn = LIST_FIRST(&hv->dead_evtchns))) {
		LIST_REMOVE(evtchn, link);
		free(evtchn);
	}
}

static bool machines_run(struct hv *hv)
{
	struct domain *dom;

	LIST_FOREACH(dom, &hv->domains, link)
		if (dom->machine)
			return true;
	return false;
}

static void stop(struct hv *hv, struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;
	struct domain *dom;
	(void)events;

	if (read(watch->fd, &info, sizeof(info)) != sizeof(info) || hv->stopping)
		return;
	hv->stopping = true;
	/* Destroying one may free others, so start again after each. */
	do {
		LIST_FOREACH(dom, &hv->domains, link)
			if (dom->domid && !dom->dying)
				break;
		if (dom)
			domain_destroy(hv, dom);
	} while (dom);
}

/*
 * An event for a watch that an earlier event of the same batch closed: fd is -1, memory still
 * there.
 */
static int serve(struct hv *hv)
{
	struct epoll_event event[EVENTS];

	while (!hv->stopping || machines_run(hv)) {
		int n = epoll_wait(hv->epoll, event, EVENTS, hv->stopping ? STOP_TIMEOUT : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		for (int i = 0; i < n; i++) {
			struct watch *watch = event[i].data.ptr;

			if (watch->fd >= 0)
				watch->ready(hv, watch, event[i].events);
		}
		sweep(hv);
	}
	return 0;
}

static int listen_at(struct hv *hv, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	umask(0077);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 128)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	hv->listener = (struct watch){ .fd = fd, .ready = conn_accept };
	return hv_watch_add(hv, &hv->listener, EPOLLIN);
}

static int catch_signals(struct hv *hv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	hv->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	hv->signals.ready = stop;
	return hv->signals.fd < 0 ? -errno : hv_watch_add(hv, &hv->signals, EPOLLIN);
}

static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Domain 0 is there from the start, running, with a port for the store that xenstored will bind. */
static int create_dom0(struct hv *hv)
{
	struct domain *dom = domain_new(hv, 0);
	uint32_t port;

	if (!dom)
		return -ENOMEM;
	dom->paused = false;
	dom->vcpus = 1;
	dom->max_pages = 1 << 18;
	return port_alloc(dom, 0, NULL, &port);
}

int main(int argc, char **argv)
{
	const char *rundir = getenv("XPV_RUNDIR");
	static struct hv hv;
	char path[4096];
	int ready_fd = -1, rc;

	if (argc == 3 && !strcmp(argv[1], "--ready-fd"))
		ready_fd = (int)strtol(argv[2], NULL, 10);
	if (!rundir || (argc != 1 && ready_fd < 0)) {
		fprintf(stderr, "usage: XPV_RUNDIR=DIR xpv-hypervisor [--ready-fd FD]\n");
		return 2;
	}
	hv.next_domid = 1;
	raise_fd_limit();
	snprintf(path, sizeof(path), "%s/" SIM_SOCKET, rundir);
	hv.epoll = epoll_create1(EPOLL_CLOEXEC);
	rc = hv.epoll < 0 ? -errno : catch_signals(&hv);
	if (!rc)
		rc = create_dom0(&hv);
	if (!rc)
		rc = listen_at(&hv, path);
	if (rc) {
		fprintf(stderr, "xpv-hypervisor: cannot serve %s: %s\n", path, strerror(-rc));
		return 1;
	}
	if (ready_fd >= 0) {
		if (write(ready_fd, "READY\n", 6) != 6)
			return 1;
		close(ready_fd);
	}
	rc = serve(&hv);
	unlink(path);
	if (rc)
		fprintf(stderr, "xpv-hypervisor: %s\n", rc == -ETIMEDOUT ?
			"a domain's machine did not end in time" : strerror(-rc));
	return rc ? 1 : 0;
}
