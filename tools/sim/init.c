/* SPDX-License-Identifier: MIT */
/*
 * The supervising process of a simulator: parent of the hypervisor, xenstored, xpvd and, if
 * wanted, xenconsoled.
 *
 * xpvd is restarted when it dies, sooner or later according to how long it lived. Without
 * hypervisor or xenstored there is no machine left, so their death ends everything, with a line
 * in log/sim.log that says so. Orphaned descendants (xpvd's workers, if it died) come to us and
 * are killed at the end.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "service.h"
#include "sim.h"
#include "vm/processes.h"

#define XEN_BIN		"/usr/lib/xen-4.17/bin/"
#define STORE_TIMEOUT	10000	/* ms until xenstored answers */
#define STOP_TIMEOUT	10000	/* ms for one service to end */
#define BACKOFF_MIN	100	/* ms before xpvd is restarted */
#define BACKOFF_MAX	5000
#define LONG_LIFE	10000	/* ms: an xpvd that lived as long is restarted at once again */
#define PATH_SIZE	4096

enum { HYPERVISOR, XENSTORED, XPVD, XENCONSOLED, NR_SERVICES };

struct init {
	struct service service[NR_SERVICES];
	int report;		/* -1: start has been told */
	bool stopping;
	int64_t xpvd_started, xpvd_due;	/* ms; due 0: it runs, or is not wanted */
	int backoff;
	char hypervisor[PATH_SIZE], xpvd[PATH_SIZE], preload[PATH_SIZE];
	char console_log[PATH_SIZE], console_pid[PATH_SIZE];
	char *hypervisor_argv[2], *xenstored_argv[4], *xpvd_argv[5], *xenconsoled_argv[8];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 1, 2)))
static void log_line(const char *fmt, ...)
{
	char stamp[32];
	time_t now = time(NULL);
	va_list args;

	strftime(stamp, sizeof(stamp), "%F %T", localtime(&now));
	fprintf(stderr, "%s sim: ", stamp);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Tell `xpv sim start`, once, and the log. */
static void report_failure(struct init *init, const char *what, int rc)
{
	const char *why = rc == -ECHILD ? "it ended at once" : strerror(-rc);

	log_line("%s: %s", what, why);
	if (init->report >= 0)
		dprintf(init->report, "%s: %s; see the logs in %s/log\n", what, why, sim_rundir());
}

static int plan_services(struct init *init, const struct init_options *options)
{
	if (!sim_program(init->hypervisor, PATH_SIZE, "xpv-hypervisor") ||
	    !sim_program(init->preload, PATH_SIZE, "sim/xsd_preload.so") ||
	    (!options->no_xpvd && !sim_program(init->xpvd, PATH_SIZE, "xpvd")) ||
	    !sim_path(init->console_log, PATH_SIZE, "log/console") ||
	    !sim_path(init->console_pid, PATH_SIZE, "sim/xenconsoled.pid"))
		return -ENOENT;
	init->hypervisor_argv[0] = init->hypervisor;
	init->service[HYPERVISOR] = (struct service){
		.name = "hypervisor", .argv = init->hypervisor_argv, .ready_fd = true };
	init->xenstored_argv[0] = XEN_BIN "xenstored";
	init->xenstored_argv[1] = "-N";
	init->xenstored_argv[2] = "--internal-db";
	init->service[XENSTORED] = (struct service){
		.name = "xenstored", .argv = init->xenstored_argv, .preload = init->preload };
	init->xpvd_argv[0] = init->xpvd;
	if (options->consoles) {
		init->xpvd_argv[1] = "--consoles";
		init->xpvd_argv[2] = "--console-log";
		init->xpvd_argv[3] = init->console_log;
	}
	init->service[XPVD] = (struct service){
		.name = "xpvd", .argv = init->xpvd_argv, .ready_fd = true };
	init->xenconsoled_argv[0] = XEN_BIN "xenconsoled";
	init->xenconsoled_argv[1] = "-i";
	init->xenconsoled_argv[2] = "--log=guest";
	init->xenconsoled_argv[3] = "--log-dir";
	init->xenconsoled_argv[4] = init->console_log;
	init->xenconsoled_argv[5] = "--pid-file";
	init->xenconsoled_argv[6] = init->console_pid;
	init->service[XENCONSOLED] = (struct service){
		.name = "xenconsoled", .argv = init->xenconsoled_argv };
	return 0;
}

/* For `xpv sim status`; replaced at once, so that a reader sees the old or the new. */
static void write_pids(const struct init *init)
{
	char path[PATH_SIZE], tmp[PATH_SIZE];
	FILE *file;

	if (!sim_path(path, sizeof(path), INIT_PIDS_FILE) ||
	    !sim_path(tmp, sizeof(tmp), INIT_PIDS_FILE ".new"))
		return;
	file = fopen(tmp, "we");
	if (!file)
		return;
	for (int i = 0; i < NR_SERVICES; i++)
		if (init->service[i].pid)
			fprintf(file, "%s %d\n", init->service[i].name, (int)init->service[i].pid);
	if (fclose(file) || rename(tmp, path))
		unlink(tmp);
}

/* What xen-init-dom0 writes on a real host. */
static int write_dom0(void)
{
	static const char *const keys[][2] = {
		{ "/local/domain/0/domid", "0" },
		{ "/local/domain/0/name", "Domain-0" },
		{ "/local/domain/0/control/platform-feature-xs_reset_watches", "1" },
		{ "/libxl/0/type", "pv" },
		{ "/libxl/0/dm-version", "qemu_xen" },
	};
	struct xs_handle *xs = xs_open(0);
	bool ok = xs;

	for (size_t i = 0; ok && i < sizeof(keys) / sizeof(keys[0]); i++)
		ok = xs_write(xs, XBT_NULL, keys[i][0], keys[i][1],
			      (unsigned int)strlen(keys[i][1]));
	if (xs)
		xs_close(xs);
	return ok ? 0 : -errno;
}

static int start_store(struct init *init)
{
	int rc = service_start(&init->service[XENSTORED]);

	for (int waited = 0; !rc && waited < STORE_TIMEOUT; waited += 10) {
		if (!write_dom0())
			return 0;
		if (waitpid(init->service[XENSTORED].pid, NULL, WNOHANG) > 0) {
			init->service[XENSTORED].pid = 0;
			return -ECHILD;
		}
		poll(NULL, 0, 10);
	}
	return rc ? rc : -ETIMEDOUT;
}

static int start_xpvd(struct init *init)
{
	init->xpvd_started = now_ms();
	init->xpvd_due = 0;
	return service_start(&init->service[XPVD]);
}

static int start_all(struct init *init, const struct init_options *options)
{
	int rc = plan_services(init, options);

	if (rc) {
		report_failure(init, "xpv is not installed whole", rc);
		return rc;
	}
	rc = service_start(&init->service[HYPERVISOR]);
	if (rc)
		report_failure(init, "the hypervisor does not start", rc);
	if (!rc && (rc = start_store(init)))
		report_failure(init, "xenstored does not start", rc);
	if (!rc && options->xenconsoled && (rc = service_start(&init->service[XENCONSOLED])))
		report_failure(init, "xenconsoled does not start", rc);
	if (!rc && !options->no_xpvd && (rc = start_xpvd(init)))
		report_failure(init, "xpvd does not start", rc);
	return rc;
}

static void xpvd_died(struct init *init)
{
	int64_t now = now_ms();

	if (now - init->xpvd_started >= LONG_LIFE || !init->backoff)
		init->backoff = BACKOFF_MIN;
	else if (init->backoff < BACKOFF_MAX)
		init->backoff *= 2;
	init->xpvd_due = now + init->backoff;
	log_line("xpvd will be restarted in %d ms", init->backoff);
}

static void describe_end(const char *name, int status)
{
	if (WIFSIGNALED(status))
		log_line("%s was killed by signal %d", name, WTERMSIG(status));
	else
		log_line("%s ended with status %d", name, WEXITSTATUS(status));
}

static void reap(struct init *init)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < NR_SERVICES; i++) {
			if (init->service[i].pid != pid)
				continue;
			init->service[i].pid = 0;
			describe_end(init->service[i].name, status);
			if (i == XPVD)
				xpvd_died(init);
			else if (i != XENCONSOLED)
				init->stopping = true;
			write_pids(init);
		}
	}
	if (init->stopping)
		log_line("without it there is no machine: stopping everything");
}

static void supervise(struct init *init, const sigset_t *signals)
{
	struct timespec timeout;
	int64_t left;

	while (!init->stopping) {
		left = init->xpvd_due ? init->xpvd_due - now_ms() : BACKOFF_MAX;
		left = left < 0 ? 0 : left;
		timeout = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		switch (sigtimedwait(signals, NULL, &timeout)) {
		case SIGCHLD:
			reap(init);
			break;
		case SIGTERM:
		case SIGINT:
			log_line("stopping");
			return;
		}
		if (!init->stopping && init->xpvd_due && now_ms() >= init->xpvd_due) {
			int rc = start_xpvd(init);

			log_line("xpvd %s", rc ? strerror(-rc) : "is back");
			write_pids(init);
		}
	}
}

/* xpvd first, so that it can say good-bye to its guests; the hypervisor ends the domains. */
static void stop_all(struct init *init)
{
	static const int order[] = { XPVD, HYPERVISOR, XENCONSOLED, XENSTORED };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		service_stop(&init->service[order[i]], STOP_TIMEOUT);
	processes_kill();
}

int init_run(const struct init_options *options, int report)
{
	static struct init init;
	sigset_t signals;
	int lock, rc;

	init.report = report;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGHUP, SIG_IGN);
	processes_adopt();
	lock = init_lock();
	if (lock < 0) {
		report_failure(&init, "another simulator is being started here", lock);
		return 1;
	}
	log_line("starting");
	rc = start_all(&init, options);
	if (!rc) {
		write_pids(&init);
		log_line("running");
		if (write(report, "READY\n", 6) != 6)
			rc = -EPIPE;	/* whoever wanted it is gone */
	}
	close(report);
	init.report = -1;
	if (!rc)
		supervise(&init, &signals);
	stop_all(&init);
	init_remove_files();
	log_line("stopped");
	close(lock);
	return rc ? 1 : 0;
}
