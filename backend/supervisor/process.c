/* SPDX-License-Identifier: MIT */
/*
 * process.c - workers as processes: started, started again, sent home
 *
 * A worker's listening socket has a name in the run directory, and that name is all that binds a
 * supervisor to it. A new worker and one that an earlier supervisor left (adopt.c) are met in the
 * same way: connect, and hear its greeting.
 *
 * That a worker has died is learnt from a pidfd, which is ready only when the process is wholly
 * gone; its socket closes earlier, when the kernel may still be writing for it. Its devices are
 * then looked at again, find a connection without a worker, and ask for one. Only a worker that
 * dies without having answered anything is started again ever more slowly, and given up after
 * MAX_DEATHS: then something that its successors inherit kills it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

#define MAX_DEATHS	8
#define BACKOFF_NS	((uint64_t)20000000)
#define LISTEN_FD	3		/* in the worker */

int worker_pid(const struct worker *w)
{
	return w && w->process.fd >= 0 ? (int)w->pid : 0;
}

bool worker_leaving(const struct worker *w)
{
	return w && w->leaving;
}

static bool socket_address(const struct worker *w, struct sockaddr_un *addr)
{
	int n;

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/worker/%u-%s.sock",
		     w->sup->rundir, w->domid, xs_class_name(w->class->id));
	return n > 0 && (size_t)n < sizeof(addr->sun_path);
}

static bool serves(const struct worker *w, const struct device *dev)
{
	return dev->fe == w->domid && dev->class == w->class;
}

uint64_t worker_progress(const struct worker *w)
{
	uint64_t sum = 0;

	for (const struct device *dev = w->sup->devices; dev; dev = dev->next) {
		if (serves(w, dev))
			sum += dev->class->progress(dev);
	}
	return sum;
}

static void close_source(struct worker *w, struct loop_fd *source)
{
	if (source->fd >= 0)
		close(loop_del(&w->sup->loop, source));
}

static void release_worker(struct loop_deferred *grave)
{
	free(container_of(grave, struct worker, grave));
}

void worker_bury(struct worker *w)
{
	struct sockaddr_un addr;

	close_source(w, &w->sock);
	close_source(w, &w->process);
	loop_timer_cancel(&w->sup->loop, &w->respawn);
	loop_timer_cancel(&w->sup->loop, &w->patience);
	if (socket_address(w, &addr))
		unlink(addr.sun_path);
	for (struct worker **p = &w->sup->workers; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	w->grave.release = release_worker;
	loop_defer(&w->sup->loop, &w->grave);
}

/* Each device that counted on this worker hears that it is gone; with why, also that there will
 * be no other, or with -EAGAIN none for a while. One that asks for a worker at once may get this
 * very one, started again. */
static void tell_devices(struct worker *w, int rc, const char *why)
{
	struct device *dev;

	for (dev = w->sup->devices; dev; dev = dev->next) {
		dev->orphaned = dev->worker == w;
		if (dev->orphaned)
			journal_file_alone(dev);
	}
	for (dev = w->sup->devices; dev; ) {
		if (!dev->orphaned) {
			dev = dev->next;
			continue;
		}
		dev->orphaned = false;
		if (why) {
			dev->link = LINK_ATTACHING;
			device_attached(dev, rc, why);
		} else {
			device_worker_lost(dev);
		}
		dev = w->sup->devices;		/* that may have changed the list */
	}
}

static void process_ended(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, process);
	bool leaving = w->leaving;
	int status = 0;

	if (waitpid(w->pid, &status, WNOHANG) == w->pid && WIFSIGNALED(status))
		log_warning("guest %u: worker %d was killed by signal %d%s", w->domid, (int)w->pid,
			    WTERMSIG(status), WTERMSIG(status) == SIGSYS ?
			    ": it made a system call that it may not; the kernel's log says which" :
			    "");
	else
		log_info("guest %u: worker %d has ended", w->domid, (int)w->pid);
	close_source(w, &w->process);
	close_source(w, &w->sock);
	w->greeted = w->leaving = false;
	worker_be_patient(w);
	w->nr_closing = w->nr_adopted = w->nr_broken = 0;
	w->deaths = leaving || worker_progress(w) != w->progress ? 0 : w->deaths + 1;
	if (w->deaths > MAX_DEATHS) {
		w->deaths = 0;
		tell_devices(w, -ECHILD, "its worker dies again and again");
	} else {
		tell_devices(w, 0, NULL);
	}
	workers_sweep(w->sup);
}

int worker_meet(struct worker *w)
{
	struct sockaddr_un addr;
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int rc = 0;

	if (!socket_address(w, &addr))
		return -ENAMETOOLONG;
	w->process = (struct loop_fd){ -1, process_ended };
	w->sock = (struct loop_fd){ socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
					   SOCK_NONBLOCK, 0), worker_socket_ready };
	if (w->sock.fd < 0)
		return -errno;
	if (connect(w->sock.fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockopt(w->sock.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		rc = -errno;
	if (rc == 0 && !w->pid)
		w->pid = peer.pid;
	if (rc == 0)
		w->process.fd = pidfd_open(w->pid, 0);
	if (rc == 0 && w->process.fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = loop_add(&w->sup->loop, &w->sock);
	if (rc == 0)
		rc = loop_add(&w->sup->loop, &w->process);
	if (rc) {
		close_source(w, &w->process);
		close_source(w, &w->sock);
	}
	return rc;
}

/* A socket of the worker's name that listens; -errno. */
static int make_listener(const struct worker *w)
{
	struct sockaddr_un addr;
	int fd, rc = 0;

	if (!socket_address(w, &addr))
		return -ENAMETOOLONG;
	unlink(addr.sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    chmod(addr.sun_path, 0600) || listen(fd, 4))
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* Some disks need a worker that is built for them. */
static const char *program_of(const struct worker *w)
{
	for (const struct device *dev = w->sup->devices; dev; dev = dev->next) {
		if (serves(w, dev) && dev->remote.used)
			return w->class->program_nbd;
	}
	return w->class->program;
}

/* In the child: nothing of ours goes along but the listener and standard error. */
static void run_worker(const struct worker *w, int listener)
{
	char program[sizeof(w->sup->libexec) + 32], domid[16], fd[16], uid[16],
	     gid[16];
	char *argv[20] = { program, "--domid", domid, "--listen-fd", fd, "--uid", uid,
			   "--gid", gid };
	unsigned int argc = 9;
	sigset_t none;

	snprintf(program, sizeof(program), "%s/%s", w->sup->libexec, program_of(w));
	snprintf(domid, sizeof(domid), "%u", w->domid);
	snprintf(fd, sizeof(fd), "%d", LISTEN_FD);
	snprintf(uid, sizeof(uid), "%u", w->sup->worker_uid);
	snprintf(gid, sizeof(gid), "%u", w->sup->worker_gid);
	if (w->class->arguments)
		argc = w->class->arguments(w->sup, argv, argc);
	if (w->sup->no_sandbox)
		argv[argc++] = "--no-sandbox";
	if (w->sup->debug)
		argv[argc++] = "--debug";
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* dup() first: if the listener is LISTEN_FD already, dup2() would keep it close-on-exec */
	if (dup2(dup(listener), LISTEN_FD) == LISTEN_FD &&
	    close_range(LISTEN_FD + 1, ~0u, 0) == 0)
		execv(program, argv);
	log_error("%s: %s: reinstall xpv, or name its directory with --libexec", program,
		  strerror(errno));
	_exit(127);
}

/* The more often it died without having done anything, the longer. */
static uint64_t backoff(const struct worker *w)
{
	return w->deaths ? BACKOFF_NS << w->deaths : 0;
}

/* Starts the process. A host that cannot start one now may well be able to in a moment. */
static void start(struct worker *w)
{
	int listener = make_listener(w);
	int rc = listener < 0 ? listener : 0;

	w->pid = 0;
	if (rc == 0) {
		w->pid = fork();
		if (w->pid == 0)
			run_worker(w, listener);
		rc = w->pid < 0 ? -errno : worker_meet(w);
		close(listener);
	}
	w->progress = worker_progress(w);
	worker_be_patient(w);
	if (rc == 0) {
		log_info("guest %u: worker %d serves its %s devices", w->domid, (int)w->pid,
			 xs_class_name(w->class->id));
		return;
	}
	if (w->pid > 0) {		/* forked, but not met */
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	log_error("guest %u: no worker can be started: %s", w->domid, strerror(-rc));
	if (++w->deaths <= MAX_DEATHS) {
		loop_timer_set(&w->sup->loop, &w->respawn, backoff(w));
		return;
	}
	w->deaths = 0;
	tell_devices(w, -EAGAIN, strerror(-rc));	/* the host's fault, and no device's */
}

static void respawn_due(struct loop_timer *timer)
{
	start(container_of(timer, struct worker, respawn));
}

struct worker *worker_create(struct supervisor *sup, const struct device_class *class,
			     unsigned int domid)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->sup = sup;
	w->class = class;
	w->domid = domid;
	w->sock.fd = w->process.fd = -1;
	w->respawn.expired = respawn_due;
	w->patience.expired = worker_out_of_patience;
	w->next = sup->workers;
	sup->workers = w;
	return w;
}

/* The first start is asked for through the timer too: a device never gets its answer while it is
 * still asking. */
struct worker *worker_for(struct supervisor *sup, const struct device_class *class,
			  unsigned int domid)
{
	struct worker *w = sup->workers;

	while (w && (w->class != class || w->domid != domid))
		w = w->next;
	if (!w)
		w = worker_create(sup, class, domid);
	if (w && w->process.fd < 0 && !w->respawn.due_ns)
		loop_timer_set(&sup->loop, &w->respawn,
			       backoff(w));
	return w;
}

void worker_dismiss(struct worker *w)
{
	const struct wire_msg quit = { .type = WIRE_QUIT };

	if (w->process.fd < 0 || w->leaving || !w->greeted)
		return;
	w->leaving = wire_send(w->sock.fd, &quit, NULL, 0) == 0;
	worker_be_patient(w);
}

void worker_kill(struct worker *w, const char *why)
{
	log_error("guest %u: worker %d is ended: %s", w->domid, (int)w->pid, why);
	if (w->process.fd >= 0)
		pidfd_send_signal(w->process.fd, SIGKILL, NULL, 0);
}

static bool needed(const struct worker *w)
{
	for (const struct device *dev = w->sup->devices; dev; dev = dev->next) {
		if (serves(w, dev) && dev->claim != CLAIM_OTHERS)
			return true;
	}
	return false;
}

void workers_sweep(struct supervisor *sup)
{
	struct worker *w = sup->workers, *next;

	for (; w; w = next) {
		next = w->next;
		if (needed(w))
			continue;
		if (w->process.fd >= 0)
			worker_dismiss(w);
		else
			worker_bury(w);
	}
}

unsigned int workers_restart(struct supervisor *sup, unsigned int domid, bool all,
			     enum xs_class class)
{
	unsigned int n = 0;

	for (struct worker *w = sup->workers; w; w = w->next) {
		if ((!all && w->domid != domid) ||
		    (class != XS_CLASS_COMMON && w->class->id != class))
			continue;
		worker_dismiss(w);
		n += w->leaving;
	}
	return n;
}

void workers_close(struct supervisor *sup)
{
	while (sup->workers) {
		struct worker *w = sup->workers;
		struct sockaddr_un addr;
		bool up = w->process.fd >= 0;

		close_source(w, &w->sock);
		close_source(w, &w->process);
		if (!up && socket_address(w, &addr))
			unlink(addr.sun_path);
		sup->workers = w->next;
		free(w);
	}
}
