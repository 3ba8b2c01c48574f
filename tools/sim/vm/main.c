/* SPDX-License-Identifier: MIT */
/*
 * xpv-sim-vm: the machine of a simulated domain.
 *
 *	xpv-sim-vm --domid N [--ready-fd FD] [--log FILE] [--exec PATH] [-- PROGRAM ARGS...]
 *
 * It stands in for what a real domain has and a process lacks: the guest kernel's xenstore driver
 * (proxy.h), processors that start when the domain is unpaused and stop when it is paused (the
 * program and its descendants), and an end: the program's exit is the domain's shutdown, status 0
 * a poweroff, anything else a crash. When the domain is destroyed it kills all that it started
 * and goes.
 *
 * It is two processes, so that it can be killed and leave no program behind. The guard only
 * waits: if the machine dies, the domain has crashed (the hypervisor sees it hang up), and the
 * guard kills what the machine had started. If the guard dies, the machine is told and does the
 * same.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

#include "lib/client.h"
#include "lib/evtchn.h"
#include "processes.h"
#include "proxy.h"

#define DEFAULT_RUNDIR	"/run/xpv"
#define EVENTS		32
#define NOT_FOUND	127

struct machine {
	uint32_t domid;
	const char *exec;	/* what to execute; NULL: argv[0] */
	char **argv;		/* of the program; NULL: there is none */
	pid_t pid;		/* of the program; 0: not started yet, or ended */
	bool started, gone;
	char dir[64], socket[128];
	int epoll, signals;
	struct sim_client notes, calls;
	struct sim_domain *memory;
	struct proxy proxy;
};

static int fail(const struct machine *m, const char *what, int rc)
{
	fprintf(stderr, "xpv-sim-vm: domain %u: %s: %s\n", m->domid, what, strerror(-rc));
	return rc;
}

static int watch_fd(struct machine *m, int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int get_param(struct machine *m, uint32_t index, uint64_t *value)
{
	struct sim_msg msg = { .op = SIM_PARAM_GET,
			       .u.param = { .domid = DOMID_SELF, .index = index } };
	int rc = sim_call(&m->calls, &msg, sizeof(msg.u.param), NULL);

	*value = msg.u.param.value;
	return rc;
}

/* The domain's end of its store: the page and port that the toolstack put into its parameters. */
static int open_store(struct machine *m)
{
	struct store_ring *ring = &m->proxy.ring;
	uint64_t frame, port;
	int rc = get_param(m, HVM_PARAM_STORE_PFN, &frame);

	if (!rc)
		rc = get_param(m, HVM_PARAM_STORE_EVTCHN, &port);
	if (!rc)
		rc = sim_domain_get(&m->calls, m->domid, 0, &m->memory);
	if (rc)
		return rc;
	if (!frame || frame >= SIM_NR_FRAMES || !port)
		return -ENXIO;	/* the domain was not built */
	ring->page = sim_frame(m->memory->base, (uint32_t)frame);
	ring->port = (evtchn_port_t)port;
	ring->xce = xenevtchn_open(NULL, 0);
	if (!ring->xce || sim_evtchn_adopt(ring->xce, ring->port))
		return -errno;
	return watch_fd(m, xenevtchn_fd(ring->xce), ring);
}

static int open_socket(struct machine *m)
{
	const char *rundir = getenv("XPV_RUNDIR");
	char parent[80];
	int r;

	r = snprintf(parent, sizeof(parent), "%s/sim/dom", rundir ? rundir : DEFAULT_RUNDIR);
	if (r < 0 || (size_t)r + sizeof("/32767") > sizeof(m->dir))
		return -ENAMETOOLONG;
	snprintf(m->dir, sizeof(m->dir), "%.56s/%u", parent, m->domid);
	snprintf(m->socket, sizeof(m->socket), "%s/xenstore.sock", m->dir);
	if ((mkdir(parent, 0700) && errno != EEXIST) || (mkdir(m->dir, 0700) && errno != EEXIST))
		return -errno;
	return proxy_init(&m->proxy, m->epoll, m->socket);
}

static int open_signals(struct machine *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->signals < 0 ? -errno : watch_fd(m, m->signals, &m->signals);
}

static int machine_init(struct machine *m)
{
	int rc;

	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (m->epoll < 0)
		return fail(m, "epoll", -errno);
	rc = sim_client_open(&m->calls, SIM_KIND_CALL, 0, NULL);
	if (!rc)
		rc = open_signals(m);
	if (rc)
		return fail(m, "cannot reach the hypervisor", rc);
	rc = open_socket(m);
	if (rc)
		return fail(m, "cannot serve the guest's xenstore", rc);
	rc = open_store(m);
	if (rc)
		return fail(m, "cannot connect its xenstore; was it built?", rc);
	/* Last: from now on the domain lives and dies with us. */
	rc = sim_client_open(&m->notes, SIM_KIND_MACHINE, 0, NULL);
	if (!rc)
		rc = watch_fd(m, m->notes.fd, &m->notes);
	return rc ? fail(m, "cannot become its machine", rc) : 0;
}

static void exec_program(struct machine *m)
{
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	setenv("XENSTORED_PATH", m->socket, 1);
	execvp(m->exec ? m->exec : m->argv[0], m->argv);
	fprintf(stderr, "xpv-sim-vm: domain %u: cannot run %s: %s; check kernel=\n", m->domid,
		m->exec ? m->exec : m->argv[0], strerror(errno));
	_exit(NOT_FOUND);
}

static void run(struct machine *m)
{
	if (m->started) {
		processes_signal(SIGCONT);
		return;
	}
	m->started = true;
	if (!m->argv)
		return;
	m->pid = fork();
	if (m->pid == 0)
		exec_program(m);
	if (m->pid < 0) {
		fail(m, "cannot start its program", -errno);
		m->pid = 0;
	}
}

static void shut_down(struct machine *m, uint32_t reason)
{
	struct sim_msg msg = { .op = SIM_DOM_SHUTDOWN,
			       .u.dom = { .domid = DOMID_SELF, .reason = reason } };

	sim_call(&m->calls, &msg, sizeof(msg.u.dom), NULL);
	processes_kill();
}

static void reap(struct machine *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != m->pid)
			continue;
		m->pid = 0;
		if (WIFSIGNALED(status))
			fprintf(stderr, "xpv-sim-vm: domain %u: its program was killed by %s\n",
				m->domid, strsignal(WTERMSIG(status)));
		shut_down(m, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? SHUTDOWN_poweroff :
									     SHUTDOWN_crash);
	}
}

static void handle_signal(struct machine *m)
{
	struct signalfd_siginfo info;

	while (read(m->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(m);
		else
			m->gone = true;
	}
}

static void handle_note(struct machine *m)
{
	struct sim_note note;
	ssize_t got = recv(m->notes.fd, &note, sizeof(note), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != sizeof(note)) {
		m->gone = true;		/* the hypervisor went away */
		return;
	}
	switch (note.event) {
	case SIM_NOTE_RUN:
		run(m);
		break;
	case SIM_NOTE_PAUSE:
		processes_signal(SIGSTOP);
		break;
	case SIM_NOTE_SHUTDOWN:
		m->pid = 0;
		processes_kill();
		break;
	case SIM_NOTE_DESTROY:
		m->gone = true;
		break;
	}
}

static void handle_event_channel(struct store_ring *ring)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(ring->xce);

	if (port >= 0)
		xenevtchn_unmask(ring->xce, (evtchn_port_t)port);
}

static void dispatch(struct machine *m, struct epoll_event *event)
{
	void *data = event->data.ptr;

	if (data == &m->signals)
		handle_signal(m);
	else if (data == &m->notes)
		handle_note(m);
	else if (data == &m->proxy.ring)
		handle_event_channel(&m->proxy.ring);
	else if (data == &m->proxy.listener)
		proxy_accept(&m->proxy);
	else if (((struct client *)data)->fd >= 0)
		client_ready(&m->proxy, data, event->events);
}

static int serve(struct machine *m)
{
	struct epoll_event event[EVENTS];
	int rc = 0;

	while (!m->gone && !rc) {
		int n = epoll_wait(m->epoll, event, EVENTS, -1);

		for (int i = 0; i < n && !m->gone; i++)
			dispatch(m, &event[i]);
		rc = proxy_pump(&m->proxy);
	}
	return rc && !m->gone ? fail(m, "xenstored broke the ring", rc) : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: xpv-sim-vm --domid N [--ready-fd FD] [--log FILE] [--exec PATH] "
		"[-- PROGRAM ARGS...]\n");
	return 2;
}

static int parse(struct machine *m, int argc, char **argv, int *ready_fd)
{
	static const struct option options[] = {
		{ "domid", required_argument, NULL, 'd' },
		{ "exec", required_argument, NULL, 'e' },
		{ "log", required_argument, NULL, 'l' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c, log;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		if (c == 'd') {
			m->domid = (uint32_t)strtoul(optarg, NULL, 10);
			setenv("XPV_SIM_DOMID", optarg, 1);
		} else if (c == 'e') {
			m->exec = optarg;
		} else if (c == 'l') {
			log = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
				return fail(m, optarg, -errno);
		} else if (c == 'r') {
			*ready_fd = (int)strtol(optarg, NULL, 10);
			fcntl(*ready_fd, F_SETFD, FD_CLOEXEC);
		} else {
			return -EINVAL;
		}
	}
	if (optind < argc)
		m->argv = argv + optind;
	return m->domid ? 0 : -EINVAL;
}

/* Returns in the machine; the guard never returns. */
static void split_guard(void)
{
	pid_t machine, guard = getpid();
	int status = 0;

	processes_adopt();
	machine = fork();
	if (machine < 0)
		exit(1);
	if (machine == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != guard)
			exit(1);
		processes_adopt();
		return;
	}
	while (waitpid(machine, &status, 0) < 0 && errno == EINTR)
		;
	processes_kill();
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv)
{
	static struct machine m;
	int ready_fd = -1, rc;

	if (parse(&m, argc, argv, &ready_fd))
		return usage();
	split_guard();
	rc = machine_init(&m);
	if (!rc && ready_fd >= 0) {
		rc = write(ready_fd, "READY\n", 6) == 6 ? 0 : -EPIPE;
		close(ready_fd);
	}
	if (!rc)
		rc = serve(&m);
	processes_kill();
	unlink(m.socket);
	rmdir(m.dir);
	return rc ? 1 : 0;
}
