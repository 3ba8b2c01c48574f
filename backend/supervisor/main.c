/* SPDX-License-Identifier: MIT */
/*
 * main.c - xpvd: sets up, loops, and goes without a trace but what it serves
 *
 * xpvd runs in the foreground, under whoever supervises it. SIGTERM and SIGINT end it; the workers
 * go on, and so does every guest's I/O, until the next xpvd takes them over. One xpvd serves a run
 * directory; a lock says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor.h"

#define DEFAULT_RUNDIR	"/run/xpv"
#define DEFAULT_SYSFS	"/sys"
#define DEFAULT_SPIN_US	50
#define NOBODY		65534
#define DEFAULT_RATE	30
#define DEFAULT_LOG_MIB	16

static const char usage_text[] =
	"usage: xpvd [--spin-us N] [--max-queues N] [--ready-fd FD] [--libexec DIR]\n"
	"            [--consoles [--console-log DIR] [--console-log-mib N]\n"
	"            [--console-rate N] [--replace-escape]] [--no-sandbox] [-v] [-h]\n"
	"The backend of paravirtual devices: discovers them in xenstore and starts a\n"
	"worker for each guest. Runs in the foreground and logs to standard error.\n"
	"\n"
	"  --spin-us N    a worker looks for requests for N microseconds before it\n"
	"                 sleeps (default 50; 0: never; at most 1000000)\n"
	"  --max-queues N offer a disk up to N rings, each served by a thread of its own\n"
	"                 (default 4, the most; 1: one thread serves all of a guest's)\n"
	"  --ready-fd FD  write \"READY\" to FD when devices are being served\n"
	"  --libexec DIR  where xpv-vdisk is (default: beside xpvd)\n"
	"  --consoles     serve the guests' primary consoles as well, in place of\n"
	"                 xenconsoled, which must not run beside it\n"
	"  --console-log DIR  write guest-NAME.log there for each of them, with time stamps;\n"
	"                 SIGHUP opens the files anew\n"
	"  --console-log-mib N  keep a log of N MiB, and one before it with the suffix .1\n"
	"                 (default 16; 0: let it grow)\n"
	"  --console-rate N  look at a console at most N times in 200 ms, 2 KiB each time\n"
	"                 (default 30, as xenconsoled does; 0: no limit)\n"
	"  --replace-escape  write escape characters into logs as dots\n"
	"  --no-sandbox   do not confine the workers (for debugging; unsafe)\n"
	"  -v, --verbose  log more\n"
	"  -h, --help     this text\n"
	"\n"
	"XPV_RUNDIR (default " DEFAULT_RUNDIR ") holds the control socket, the workers'\n"
	"sockets and the journals of what is under way.\n"
	"XPV_SYSFS (default " DEFAULT_SYSFS ") is where it looks for the kernel's backends. While\n"
	"xen-blkback is loaded, disks of kind vbd are the kernel's, and xpvd serves only\n"
	"those that 'xpv block-attach' makes; otherwise it serves all that xl sets up.\n";

static void signalled(struct loop_fd *source)
{
	struct supervisor *sup = container_of(source, struct supervisor, signals);
	struct signalfd_siginfo info;

	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		console_logs_reopen(sup);
		return;
	}
	log_info("ends on signal %u; the workers go on", info.ssi_signo);
	sup->loop.stop = true;
}

static int catch_signals(struct supervisor *sup)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sup->consoles.served)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sup->signals = (struct loop_fd){ signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
					 signalled };
	return sup->signals.fd < 0 ? -errno : loop_add(&sup->loop, &sup->signals);
}

/* The directories, and the lock that the process holds as long as it lives. */
static int take_rundir(struct supervisor *sup)
{
	char path[RUN_PATH_MAX * 2];
	int fd;

	if (strlen(sup->rundir) >= RUN_PATH_MAX - 24) {
		log_error("XPV_RUNDIR %s: too long for the sockets in it: use a path of at most "
			  "%d bytes", sup->rundir, RUN_PATH_MAX - 25);
		return -1;
	}
	if (mkdir(sup->rundir, 0755) && errno != EEXIST)
		goto fail;
	snprintf(path, sizeof(path), "%s/worker", sup->rundir);
	if (mkdir(path, 0700) && errno != EEXIST)
		goto fail;
	if (journal_file_init(sup) || console_files_init(sup))
		goto fail;
	snprintf(path, sizeof(path), "%s/xpvd.lock", sup->rundir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		goto fail;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_error("%s is in use: another xpvd serves it: stop that one first",
			  sup->rundir);
		return -1;
	}
	return 0;
fail:
	log_error("%s: %s: set XPV_RUNDIR to a directory that you own", sup->rundir,
		  strerror(errno));
	return -1;
}

/* Each device holds two descriptors, each worker two more. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int set_up(struct supervisor *sup)
{
	int rc;

	raise_limits();
	if (take_rundir(sup))
		return -1;
	if (host_check(sup))
		return -1;
	rc = loop_init(&sup->loop);
	if (rc == 0)
		rc = catch_signals(sup);
	if (rc == 0 && host_open_store(sup))
		return -1;
	if (rc == 0) {
		workers_adopt(sup);
		rc = discover_start(sup);
	}
	if (rc == 0) {
		workers_disown(sup);
		workers_sweep(sup);
		journal_file_sweep(sup);
		memory_sweep(sup);
		format_sweep(sup);
		console_sweep(sup);
		rc = control_start(sup);
	}
	if (rc)
		log_error("cannot start: %s", strerror(-rc));
	return rc;
}

static void tear_down(struct supervisor *sup)
{
	sup->leaving = true;
	control_stop(sup);
	workers_close(sup);
	while (sup->devices) {
		struct device *dev = sup->devices;

		sup->devices = dev->next;
		dev->class->release(dev);
		journal_file_close(dev, false);
		free(dev);
	}
	if (sup->xs)
		xs_close(sup->xs);
	if (sup->xs_watches)
		xs_close(sup->xs_watches);
	if (sup->signals.fd >= 0)
		close(sup->signals.fd);
	loop_fini(&sup->loop);
}

static bool number(const char *text, unsigned long max, unsigned int *out)
{
	uint64_t n;

	if (xs_parse_u64(text, strlen(text), &n) != XS_OK || n > max)
		return false;
	*out = (unsigned int)n;
	return true;
}

static bool parse(struct supervisor *sup, int argc, char **argv, unsigned int *ready_fd)
{
	static const struct option options[] = {
		{ "spin-us", required_argument, NULL, 's' },
		{ "max-queues", required_argument, NULL, 'q' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "libexec", required_argument, NULL, 'l' },
		{ "consoles", no_argument, NULL, 'c' },
		{ "console-log", required_argument, NULL, 'L' },
		{ "console-log-mib", required_argument, NULL, 'M' },
		{ "console-rate", required_argument, NULL, 'R' },
		{ "replace-escape", no_argument, NULL, 'E' },
		{ "no-sandbox", no_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
		switch (c) {
		case 's': ok &= number(optarg, 1000000, &sup->spin_us); break;
		case 'q': ok &= number(optarg, WIRE_MAX_QUEUES, &sup->max_queues); break;
		case 'r': ok &= number(optarg, 1 << 20, ready_fd); break;
		case 'l': snprintf(sup->libexec, sizeof(sup->libexec), "%s", optarg); break;
		case 'c': sup->consoles.served = true; break;
		case 'L': sup->consoles.log_dir = optarg; break;
		case 'M': ok &= number(optarg, 1 << 20, &sup->consoles.log_mib); break;
		case 'R': ok &= number(optarg, 1000000, &sup->consoles.rate); break;
		case 'E': sup->consoles.escape = true; break;
		case 'n': sup->no_sandbox = true; break;
		case 'v': sup->debug = true; break;
		case 'h': fputs(usage_text, stdout); exit(0);
		default: ok = false;
		}
	}
	return ok && optind == argc && sup->max_queues > 0;
}

static void find_libexec(struct supervisor *sup)
{
	char self[sizeof(sup->libexec)];
	ssize_t n;

	if (sup->libexec[0])
		return;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	snprintf(sup->libexec, sizeof(sup->libexec), "%s", dirname(self));
}

/* Looked up here and not in the worker, which would load the host's modules for it. */
static void find_worker_user(struct supervisor *sup)
{
	static const char *const names[] = { "xpv", "nobody" };
	const struct passwd *user = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !user; i++)
		user = getpwnam(names[i]);
	sup->worker_uid = user && user->pw_uid ? user->pw_uid : NOBODY;
	sup->worker_gid = user && user->pw_gid ? user->pw_gid : NOBODY;
}

int main(int argc, char **argv)
{
	static struct supervisor sup = { .loop.epfd = -1, .control.fd = -1, .signals.fd = -1,
					 .spin_us = DEFAULT_SPIN_US,
					 .max_queues = WIRE_MAX_QUEUES,
					 .consoles = { .rate = DEFAULT_RATE,
						       .log_mib = DEFAULT_LOG_MIB } };
	unsigned int ready_fd = 0;
	const char *rundir = getenv("XPV_RUNDIR"), *sysfs = getenv("XPV_SYSFS");
	int rc;

	log_init("xpvd", LOG_INFO);
	if (!parse(&sup, argc, argv, &ready_fd)) {
		fputs(usage_text, stderr);
		return 2;
	}
	log_init("xpvd", sup.debug ? LOG_DEBUG : LOG_INFO);
	find_libexec(&sup);
	sup.sysfs = sysfs && sysfs[0] ? sysfs : DEFAULT_SYSFS;
	find_worker_user(&sup);
	if (sup.no_sandbox)
		log_warning("--no-sandbox: workers are not confined; not for guests that are not "
			    "trusted");
	sup.rundir = rundir && rundir[0] ? rundir : DEFAULT_RUNDIR;
	rc = set_up(&sup);
	if (rc == 0) {
		log_info("ready");
		if (ready_fd && (write((int)ready_fd, "READY\n", 6) != 6 ||
				 close((int)ready_fd)))
			log_warning("nobody reads the ready message");
	}
	while (rc == 0 && !sup.loop.stop) {
		if (loop_once(&sup.loop, -1) < 0)
			rc = -1;
	}
	tear_down(&sup);
	return rc || sup.broken ? 1 : 0;
}
