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
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain.h"

off_t follow_begin(const char *log)
{
	struct stat st;

	return stat(log, &st) ? 0 : st.st_size;
}

int follower_begin(struct follower *f, const char *log, off_t from, int monitor)
{
	struct epoll_event event = { .events = EPOLLIN };

	*f = (struct follower){ .monitor = monitor, .word = -1 };
	f->log = open(log, O_RDONLY | O_CLOEXEC | O_CREAT, 0644);
	f->grown = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	f->fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->log >= 0 && f->grown >= 0 && f->fd >= 0 &&
	    inotify_add_watch(f->grown, log, IN_MODIFY) >= 0 &&
	    lseek(f->log, from, SEEK_SET) >= 0 &&
	    !epoll_ctl(f->fd, EPOLL_CTL_ADD, f->grown, &event) &&
	    !epoll_ctl(f->fd, EPOLL_CTL_ADD, monitor, &event))
		return TOOL_OK;
	tool_error("%s: %s; look into the file yourself", log, strerror(errno));
	follower_end(f);
	return TOOL_FAILED;
}

void follower_end(struct follower *f)
{
	const int fds[] = { f->log, f->grown, f->fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	f->log = f->grown = f->fd = -1;
}

ssize_t follower_read(struct follower *f, char *buf, size_t size)
{
	char events[4096];

	while (read(f->grown, events, sizeof(events)) > 0)
		;
	return read(f->log, buf, size);
}

bool follower_over(struct follower *f)
{
	struct pollfd pfd = { .fd = f->monitor, .events = POLLIN };
	char word;

	if (f->word < 0 && poll(&pfd, 1, 0) == 1)
		f->word = read(f->monitor, &word, 1) == 1 ? word : 0;
	return f->word >= 0;
}

/* Copies what is there now; false if stdout does not take it. */
static bool copy(struct follower *f)
{
	char buf[16384];
	ssize_t n;

	while ((n = follower_read(f, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return false;
	return !fflush(stdout);
}

int follow(struct follower *f)
{
	struct pollfd pfd = { .fd = f->fd, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	while (copy(f)) {
		if (follower_over(f)) {
			copy(f);
			return f->word;
		}
		if (ppoll(&pfd, 1, NULL, &none) < 0)
			break;
	}
	return -1;
}
