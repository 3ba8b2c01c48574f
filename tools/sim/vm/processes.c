/* SPDX-License-Identifier: MIT */
/*
 * A simulated domain's programs are found by descent: whoever runs them is a subreaper, so that a
 * child which loses its parent becomes ours. Killing goes on until none is left, since a process
 * may fork while it is being looked for.
 */
#include "processes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DEPTH	64

void processes_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int signal_children(pid_t parent, int signal, int depth)
{
	char path[64], word[16];
	int n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	file = depth < MAX_DEPTH ? fopen(path, "re") : NULL;
	if (!file)
		return 0;
	while (fscanf(file, "%15s", word) == 1) {
		pid_t pid = (pid_t)strtol(word, NULL, 10);

		n += 1 + signal_children(pid, signal, depth + 1);
		kill(pid, signal);
	}
	fclose(file);
	return n;
}

int processes_signal(int signal)
{
	return signal_children(getpid(), signal, 0);
}

void processes_kill(void)
{
	/* A dead child stays a child until it is reaped; its children become ours at its death. */
	while (processes_signal(SIGKILL))
		if (waitpid(-1, NULL, 0) < 0 && errno != EINTR)
			break;
}
