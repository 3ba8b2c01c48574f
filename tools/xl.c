/* SPDX-License-Identifier: MIT */
/*
 * xl.c - running xl, and one line about it
 *
 * xl says much, on two streams, and not the reason first. It is kept in memory while xl runs: shown
 * whole with -v, reduced to one line on failure. It runs in a process group of its own: a Ctrl-C is
 * for xpv, which lets xl finish and then takes back what there is; an xl that is killed half-way
 * would leave a half-built domain.
 */
#include "xl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "await.h"

#define SAID_MAX 65536
#define LOG_FILE "log/xl.log"

/* The file name and function that libxl names before it says anything: "xl.c:12:func: ". */
static const char *skip_place(const char *line)
{
	const char *end = strstr(line, ": "), *dot = strstr(line, ".c:");

	return end && dot && dot < end && !memchr(line, ' ', (size_t)(end - line)) ? end + 2 : line;
}

static const char *skip_lead(const char *line)
{
	static const char *const leads[] = { "libxl: error: ", "xc: error: ", "xl: " };

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (!strncmp(line, leads[i], strlen(leads[i])))
			return skip_place(line + strlen(leads[i]));
	return line;
}

/* The first line with an error in it, for what follows is its consequence; else the first. */
const char *xl_reason(char *buf, size_t size, const char *said)
{
	static const char noise[] = "Parsing config ";
	const char *first = NULL, *at, *found = NULL;

	for (at = said; *at && !found; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t len = strcspn(at, "\n");

		if (!len || !strncmp(at, noise, strlen(noise)))
			continue;
		if (!first)
			first = at;
		if (memmem(at, len, "error", 5))
			found = at;
	}
	at = found ? found : first ? first : "it gives no reason";
	at = skip_lead(at);
	return tool_escape(buf, size, at, strcspn(at, "\n"));
}

/* A file in memory that is not inherited; -1 with errno. */
static int memory_file(const char *text)
{
	int fd = memfd_create("xl", MFD_CLOEXEC), err;
	size_t len = text ? strlen(text) : 0;

	if (fd >= 0 && len && write(fd, text, len) != (ssize_t)len) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

__attribute__((noreturn))
static void become(const char *path, char *const argv[], int text, int said)
{
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	await_signals_default();
	/* The descriptors may stand in each other's way: first out of it, then to their places. */
	said = fcntl(said, F_DUPFD_CLOEXEC, 10);
	text = fcntl(text, F_DUPFD_CLOEXEC, 10);
	if (null >= 0 && said >= 0 && text >= 0 && dup2(null, 0) == 0 && dup2(said, 1) == 1 &&
	    dup2(said, 2) == 2 && dup2(text, 3) == 3) {
		close_range(4, ~0U, 0);
		execv(path, argv);
	}
	dprintf(2, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

/* Its exit status, or -1 with errno. */
static int run(const char *path, char *const argv[], int text, int said)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid)
		become(path, argv, text, said);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Appends what xl said to the log; false if it could not. */
static bool keep(const char *path, char *const argv[], const char *said)
{
	FILE *log = fopen(path, "ae");
	bool ok;

	if (!log)
		return false;
	for (; *argv; argv++)
		fprintf(log, "%s ", *argv);
	fprintf(log, "\n%s\n", said);
	ok = !ferror(log);
	return !fclose(log) && ok;
}

static int say_failed(const char *what, char *const argv[], int status, const char *said)
{
	char reason[512], log[XS_PATH_MAX];

	xl_reason(reason, sizeof(reason), said);
	if (tool_make_rundir("log") && tool_runpath(log, sizeof(log), LOG_FILE) &&
	    keep(log, argv, said))
		return tool_error("%s: xl %s: %s (status %d); correct that, all that xl said is in "
				  "%s", what, argv[1], reason, status, log);
	return tool_error("%s: xl %s: %s (status %d); correct that, -v shows all that xl says",
			  what, argv[1], reason, status);
}

int xl_run(const char *what, char *const argv[], const char *text)
{
	char path[XS_PATH_MAX], *buf = malloc(SAID_MAX);
	int in = memory_file(text), out = memory_file(NULL), status = -1;
	ssize_t n = 0;
	int rc;

	rc = buf ? xl_need(path, sizeof(path), argv[0]) : TOOL_FAILED;
	if (rc)
		goto out;
	if (in >= 0 && out >= 0)
		status = run(path, argv, in, out);
	if (status < 0) {
		rc = tool_error("%s: xl cannot be run: %s; end some processes", what,
				strerror(errno));
		goto out;
	}
	n = pread(out, buf, SAID_MAX - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	if (tool_verbose)
		fputs(buf, stderr);
	rc = status ? say_failed(what, argv, status, buf) : TOOL_OK;
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(buf);
	return rc;
}
