/* SPDX-License-Identifier: MIT */
/*
 * cmd_sim.c - xpv sim: the simulator, instead of Xen
 *
 * start leaves a supervising process behind (sim/init.c) and returns when all is up; stop ends it
 * and returns when all is gone; status shows what is in use; run runs any program in domain 0 or in
 * a guest. Starting what runs and stopping what does not are fine.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"
#include "sim/init.h"
#include "sim/verbs.h"
#include "tool.h"

#define STOP_TIMEOUT	60000	/* ms; the supervising process has shorter ones for each part */
#define LONGEST_SOCKET	"sim/dom/32751/xenstore.sock"

static const char usage[] =
	"xpv sim start [--json] [--no-xpvd] [--xenconsoled | --consoles]\n"
	"       xpv sim stop [--json]\n"
	"       xpv sim status [--json]\n"
	"       xpv sim run [--dom DOM] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"A machine without Xen: xenstored and Xen's own tools run unmodified over libraries\n"
	"that play the hypervisor. It lives below XPV_RUNDIR (by default /run/xpv); several can\n"
	"run side by side, each in its own, also as an ordinary user.\n"
	"\n"
	"  start   starts it, and returns when the store answers and xpvd is ready\n"
	"  stop    ends it with all its guests; only the logs stay\n"
	"  status  shows what runs and what is in use; exit status 1 if nothing runs\n"
	"  run     runs a command in domain 0, or with --dom in a guest (a name or a number);\n"
	"          the exit status is the command's, 126 or 127 if it cannot be run\n"
	"\n"
	"  --no-xpvd      without xpv's backends\n"
	"  --xenconsoled  with Xen's console daemon; consoles are logged in log/console\n"
	"  --consoles     with consoles served by xpvd, and logged there\n";

/* What is so now, and whether it was so before. */
static int report(bool json, bool running, bool already)
{
	static const struct {
		const char *before, *after;
	} texts[2][2] = {	/* [running][already] */
		{ { "the simulator in", " has stopped" }, { "no simulator runs in", "" } },
		{ { "the simulator runs in", "" }, { "the simulator runs already in", "" } },
	};
	struct json_object *obj;

	if (!json) {
		printf("%s %s%s\n", texts[running][already].before, sim_rundir(),
		       texts[running][already].after);
		return tool_flush();
	}
	obj = json_object_new_object();
	json_object_object_add(obj, "running", json_object_new_boolean(running));
	json_object_object_add(obj, "rundir", tool_json_text(sim_rundir()));
	if (running)
		json_object_object_add(obj, "pid", json_object_new_int(init_pid()));
	json_object_object_add(obj, "already", json_object_new_boolean(already));
	return tool_json(obj);
}

static int make_folders(void)
{
	struct sockaddr_un addr;
	char path[4096];
	int rc;

	if (strlen(sim_rundir()) + sizeof("/" LONGEST_SOCKET) > sizeof(addr.sun_path))
		return tool_error("%s: too long a path for a socket below it; set XPV_RUNDIR to a "
				  "shorter one, at most %zu bytes", sim_rundir(),
				  sizeof(addr.sun_path) - sizeof("/" LONGEST_SOCKET));
	if (sim_rundir()[0] != '/')
		return tool_error("%s: not an absolute path; set XPV_RUNDIR to one", sim_rundir());
	rc = init_make_folders(path, sizeof(path));
	if (rc)
		return tool_error("cannot use %s: %s; set XPV_RUNDIR to a folder that you may "
				  "write", path, strerror(-rc));
	return TOOL_OK;
}

static void detach(void)
{
	char path[4096];
	int log, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (!sim_path(path, sizeof(path), INIT_LOG) || chdir("/"))
		_exit(1);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
		_exit(1);
}

/* Born twice, so that the supervising process is nobody's child. Returns the end to listen at. */
static int spawn_init(const struct init_options *options)
{
	int report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0) {
		if (fork())
			_exit(0);
		detach();
		_exit(init_run(options, report[1]));
	}
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return -errno;
	}
	waitpid(pid, NULL, 0);
	return report[0];
}

/* Starts the supervising process, and waits for what it has to say. */
static int launch(const struct init_options *options)
{
	int report_fd = spawn_init(options);
	char text[1024] = { 0 };
	FILE *file;

	if (report_fd < 0)
		return tool_error("cannot start a process: %s; try again", strerror(-report_fd));
	file = fdopen(report_fd, "r");
	if (!file || !fgets(text, sizeof(text), file))
		snprintf(text, sizeof(text), "the simulator ended at once; see %s/" INIT_LOG,
			 sim_rundir());
	if (file)
		fclose(file);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, "READY") ? tool_error("%s", text) : TOOL_OK;
}

static int sim_start(int argc, char **argv)
{
	struct init_options options = { 0 };
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ "no-xpvd", 0, OPT_FLAG, &options.no_xpvd },
		{ "xenconsoled", 0, OPT_FLAG, &options.xenconsoled },
		{ "consoles", 0, OPT_FLAG, &options.consoles },
		{ 0 },
	};
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first < argc)
		return tool_usage("sim", "%s: start takes no operand", argv[first]);
	if (options.consoles && (options.xenconsoled || options.no_xpvd))
		return tool_usage("sim", "--consoles: they are served by xpvd, so neither "
				  "--xenconsoled nor --no-xpvd can be");
	if (init_pid() > 0)
		return report(json, true, true);
	if (make_folders())
		return TOOL_FAILED;
	rc = sim_env_dom0();
	if (rc)
		return tool_error("the simulator's libraries are not there: %s; build or install "
				  "xpv whole", strerror(-rc));
	rc = launch(&options);
	return rc ? rc : report(json, true, false);
}

/* Waits for the end of a process that is not our child. */
static int wait_end(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	/* The lock tells that this pid is still the one that was written. */
	if (init_pid() != pid) {
		close(fd);
		return 0;
	}
	r = kill(pid, SIGTERM) ? -1 : poll(&poll_fd, 1, STOP_TIMEOUT);
	r = r > 0 ? 0 : r ? -errno : -ETIMEDOUT;
	close(fd);
	return r;
}

static int sim_stop(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = { { "json", 0, OPT_FLAG, &json }, { 0 } };
	int first, lock, rc;
	pid_t pid;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first < argc)
		return tool_usage("sim", "%s: stop takes no operand", argv[first]);
	pid = init_pid();
	if (pid > 0) {
		rc = wait_end(pid);
		if (rc)
			return tool_error("the simulator does not stop: %s; see %s/" INIT_LOG,
					  strerror(-rc), sim_rundir());
		return report(json, false, false);
	}
	/* What one that was killed has left behind. */
	lock = init_lock();
	if (lock >= 0) {
		init_remove_files();
		close(lock);
	}
	return report(json, false, true);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} subverbs[] = {
	{ "start", sim_start },
	{ "stop", sim_stop },
	{ "status", sim_status },
	{ "run", sim_run },
};

int cmd_sim(int argc, char **argv)
{
	const struct opt opts[] = { { 0 } };
	int first;

	for (size_t i = 0; argc > 1 && i < sizeof(subverbs) / sizeof(subverbs[0]); i++) {
		if (strcmp(argv[1], subverbs[i].name))
			continue;
		argv[1] = argv[0];	/* whose -h a message points at */
		return subverbs[i].run(argc - 1, argv + 1);
	}
	if (argc > 1 && argv[1][0] != '-')
		return tool_usage("sim", "%s: start, stop, status or run is expected", argv[1]);
	if (tool_options(argc, argv, usage, opts, &first))
		return tool_usage("sim", "start, stop, status or run is expected");
	return first;
}

const char *sim_usage(void)
{
	return usage;
}
