/* SPDX-License-Identifier: MIT */
/*
 * Starting a domain's machine. It must outlive the command that starts it, so it is born through an
 * intermediate child, into a session of its own; a pipe says when it is ready, or that it is not.
 */
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_TIMEOUT	10000	/* ms */
#define FIXED_ARGS	8

static void run_machine(const char *vm, uint32_t domid, char *const argv[], const char *program,
			const char *log, int ready_fd)
{
	char domid_text[16], fd_text[16];
	const char **args;
	size_t extra = 0, n = 0;
	int null = open("/dev/null", O_RDWR);
	int out = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : null;

	while (program && argv && argv[extra])
		extra++;
	args = calloc(FIXED_ARGS + extra + 3, sizeof(*args));
	if (!args || null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0)
		_exit(1);
	snprintf(domid_text, sizeof(domid_text), "%u", domid);
	snprintf(fd_text, sizeof(fd_text), "%d", ready_fd);
	args[n++] = "xpv-sim-vm";
	args[n++] = "--domid";
	args[n++] = domid_text;
	args[n++] = "--ready-fd";
	args[n++] = fd_text;
	if (program) {
		args[n++] = "--exec";
		args[n++] = program;
		args[n++] = "--";
		for (size_t i = 0; i < extra; i++)
			args[n++] = argv[i];
	}
	execv(vm, (char *const *)args);
	_exit(1);
}

static int wait_ready(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char text[8];
	int r;

	do
		r = poll(&poll_fd, 1, READY_TIMEOUT);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	return read(fd, text, sizeof(text)) > 0 ? 0 : -ECHILD;
}

int sim_vm_start(uint32_t domid, const char *program, char *const argv[], const char *log)
{
	int ready[2], rc;
	char vm[4096];
	pid_t pid;

	if (!sim_program(vm, sizeof(vm), "xpv-sim-vm"))
		return -ENOENT;
	rc = sim_env_dom0();
	if (rc)
		return rc;
	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0) {
		setsid();
		if (fork())
			_exit(0);
		fcntl(ready[1], F_SETFD, 0);
		run_machine(vm, domid, argv, program, log, ready[1]);
	}
	close(ready[1]);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		rc = wait_ready(ready[0]);
	} else {
		rc = -errno;
	}
	close(ready[0]);
	return rc;
}
