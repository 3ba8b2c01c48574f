/* SPDX-License-Identifier: MIT */
/*
 * The simulator's files below XPV_RUNDIR: sim/ has its sockets and its pid file, and goes when it
 * stops, as does what xpvd kept; log/ stays. The pid file's lock, not its presence, says that a
 * simulator runs.
 */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim.h"

#define PATH_SIZE	4096

int init_make_folders(char *what, size_t size)
{
	static const char *const folders[] = {
		"", "log", "log/console", "sim", "sim/dom", "sim/xenstored",
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (!sim_path(what, size, folders[i]))
			return -ENAMETOOLONG;
		if (mkdir(what, i ? 0700 : 0755) && errno != EEXIST)
			return -errno;
		if (access(what, W_OK | X_OK))
			return -errno;
	}
	return 0;
}

static int open_pid_file(int flags)
{
	char path[PATH_SIZE];
	int fd;

	if (!sim_path(path, sizeof(path), INIT_PID_FILE))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

pid_t init_pid(void)
{
	char text[16] = { 0 };
	int fd = open_pid_file(O_RDONLY);
	pid_t pid = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK &&
	    pread(fd, text, sizeof(text) - 1, 0) > 0)
		pid = (pid_t)strtol(text, NULL, 10);
	close(fd);
	return pid;
}

int init_lock(void)
{
	char text[16];
	int fd = open_pid_file(O_RDWR | O_CREAT), len;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return -EAGAIN;
	}
	len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* What is in a folder and, with it, the folder. Links are not followed. */
static void remove_tree(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0) {
		unlinkat(parent, name, 0);
		return;
	}
	dir = fdopendir(fd);
	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_tree(fd, entry->d_name);
	if (dir)
		closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

/* With the machine its guests are gone, and what xpvd kept about them means nothing any more. */
void init_remove_files(void)
{
	static const char *const names[] = { "sim", "journal", "worker", "xpvd.lock", "xpvd.sock" };
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sim_path(path, sizeof(path), names[i]))
			remove_tree(AT_FDCWD, path);
}
