/* SPDX-License-Identifier: MIT */
/*
 * Starting and stopping the simulator's daemons. Each dies with the supervising process, whatever
 * becomes of that, and logs into its own file.
 */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

#define READY_TIMEOUT	15000	/* ms */
#define MAX_ARGS	16
#define STEP		10	/* ms between two looks at a process that is to end */

static bool redirect(const char *name)
{
	char file[64], path[4096];
	int log, null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	snprintf(file, sizeof(file), "log/%s.log", name);
	if (!sim_path(path, sizeof(path), file))
		return false;
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return null >= 0 && log >= 0 && dup2(null, 0) >= 0 && dup2(log, 1) >= 0 &&
	       dup2(log, 2) >= 0;
}

static void exec_service(const struct service *service, pid_t parent, int ready_fd)
{
	char fd_text[16], *argv[MAX_ARGS + 3];
	sigset_t set;
	size_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || !redirect(service->name))
		_exit(1);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (; n < MAX_ARGS && service->argv[n]; n++)
		argv[n] = service->argv[n];
	if (ready_fd >= 0) {
		fcntl(ready_fd, F_SETFD, 0);
		snprintf(fd_text, sizeof(fd_text), "%d", ready_fd);
		argv[n++] = "--ready-fd";
		argv[n++] = fd_text;
	}
	argv[n] = NULL;
	if (service->preload)
		setenv("LD_PRELOAD", service->preload, 1);
	if (argv[0])
		execv(argv[0], argv);
	perror(service->name);
	_exit(1);
}

static int wait_ready(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[8];
	int r = poll(&poll_fd, 1, READY_TIMEOUT);

	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	return read(fd, text, sizeof(text)) > 0 ? 0 : -ECHILD;
}

int service_start(struct service *service)
{
	int ready[2] = { -1, -1 }, rc = 0;
	pid_t parent = getpid();

	if (service->ready_fd && pipe2(ready, O_CLOEXEC))
		return -errno;
	service->pid = fork();
	if (service->pid == 0)
		exec_service(service, parent, ready[1]);
	if (service->pid < 0) {
		rc = -errno;
		service->pid = 0;
	}
	if (ready[1] >= 0) {
		close(ready[1]);
		if (!rc)
			rc = wait_ready(ready[0]);
		close(ready[0]);
	}
	return rc;
}

void service_stop(struct service *service, int timeout)
{
	if (!service->pid)
		return;
	kill(service->pid, SIGTERM);
	for (int waited = 0; waited < timeout; waited += STEP) {
		if (waitpid(service->pid, NULL, WNOHANG)) {
			service->pid = 0;
			return;
		}
		poll(NULL, 0, STEP);
	}
	fprintf(stderr, "sim: %s does not end; killing it\n", service->name);
	kill(service->pid, SIGKILL);
	waitpid(service->pid, NULL, 0);
	service->pid = 0;
}
