/* SPDX-License-Identifier: MIT */
/*
 * follow.c - a guest's output as it comes
 *
 * Sleeps until the log grows (inotify) or the monitor speaks. The guest has written its last
 * before it ends, and the monitor speaks after that, so that one more look at the log then has
 * all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain.h"

off_t follow_begin(const char *log)
{
	struct stat st;

	return stat(log, &st) ? 0 : st.st_size;
}

/* Copies what is there now; false if stdout does not take it. */
static bool copy(int fd)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return false;
	return !fflush(stdout);
}

static int wait_for_word(int fd, int grown, int monitor)
{
	struct pollfd pfd[] = {
		{ .fd = grown, .events = POLLIN },
		{ .fd = monitor, .events = POLLIN },
	};
	char buf[4096], word;
	sigset_t none;

	sigemptyset(&none);
	while (copy(fd)) {
		if (ppoll(pfd, 2, NULL, &none) < 0)
			return -1;
		if (pfd[1].revents) {
			if (read(monitor, &word, 1) != 1)
				word = 0;
			copy(fd);
			return word;
		}
		if (read(grown, buf, sizeof(buf)) < 0)
			break;
	}
	return -1;
}

int follow(const char *log, off_t from, int monitor)
{
	int fd = open(log, O_RDONLY | O_CLOEXEC | O_CREAT, 0644);
	int grown = inotify_init1(IN_CLOEXEC);
	int word = -1;

	if (fd < 0 || grown < 0 || inotify_add_watch(grown, log, IN_MODIFY) < 0 ||
	    lseek(fd, from, SEEK_SET) < 0)
		tool_error("%s: %s; look into the file yourself", log, strerror(errno));
	else
		word = wait_for_word(fd, grown, monitor);
	if (fd >= 0)
		close(fd);
	if (grown >= 0)
		close(grown);
	return word;
}
