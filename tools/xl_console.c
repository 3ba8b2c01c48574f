/* SPDX-License-Identifier: MIT */
/*
 * xl_console.c - the guest's console, as `xl create -c` shows it
 *
 * Xen's own client, with the terminal in its hands. It is there before the guest runs: it says so
 * through a pipe, and what the guest says first is seen, however soon it ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "await.h"
#include "xl.h"

static void become(const char *path, const struct domain *dom, bool serial, int ready)
{
	char domid[16], fd[16];
	const char *const argv[] = {
		"xenconsole", domid, "--num", "0", "--type", serial ? "serial" : "pv",
		"--start-notify-fd", fd, NULL,
	};

	snprintf(domid, sizeof(domid), "%u", dom->domid);
	snprintf(fd, sizeof(fd), "%d", ready);
	await_signals_default();
	fcntl(ready, F_SETFD, 0);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

int xl_console_begin(struct xl_console *console, const struct domain *dom, bool serial)
{
	char path[XS_PATH_MAX], byte;
	int ends[2] = { -1, -1 };
	ssize_t n;

	if (xl_need(path, sizeof(path), "xenconsole"))
		return TOOL_FAILED;
	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) || (console->pid = fork()) < 0)
		return tool_error("%s: its console cannot be shown: %s; end some processes, or "
				  "leave -c out", dom->name, strerror(errno));
	if (!console->pid)
		become(path, dom, serial, ends[1]);
	close(ends[1]);
	do
		n = read(ends[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	close(ends[0]);
	if (n == 1)
		return TOOL_OK;
	xl_console_stop(console);
	return tool_error("%s: its console cannot be shown: %s has ended; is xenconsoled running?",
			  dom->name, path);
}

int xl_console_wait(const struct xl_console *console, const struct domain *dom)
{
	int status;

	while (waitpid(console->pid, &status, 0) < 0)
		if (errno != EINTR)
			return tool_error("%s: its console: %s; try 'xl console %u'", dom->name,
					  strerror(errno), dom->domid);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return TOOL_OK;
	return tool_error("%s: its console has ended with an error; the guest runs on, try 'xl "
			  "console %u'", dom->name, dom->domid);
}

void xl_console_stop(const struct xl_console *console)
{
	kill(console->pid, SIGTERM);
	waitpid(console->pid, NULL, 0);
}
