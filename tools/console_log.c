/* SPDX-License-Identifier: MIT */
/*
 * console_log.c - the logs of consoles: lines with the time before them
 *
 * A log is GUEST.log, and what was in it before it became too large is GUEST.log.1. Stamps are
 * local time and of one length, so that they are compared as text; a line without one is as old as
 * the line before it.
 *
 * Following is by inotify on the directory: the file is replaced when it is full, and what the old
 * one has got last is shown before the new one is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console_log.h"
#include "tool.h"

#define STAMP_LEN	19	/* without its brackets */
#define DATE_LEN	11	/* and the blank after it */

/* Any beginning of a stamp that is not without a year. */
static bool is_stamp(const char *text)
{
	static const char like[] = "0000-00-00 00:00:00";
	size_t len = strlen(text);

	if (len < 4 || len > STAMP_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (like[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != like[i])
			return false;
	return true;
}

static void format(time_t when, char stamp[CONSOLE_STAMP])
{
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(stamp, CONSOLE_STAMP, "%F %T", &tm);
}

bool console_log_since(const char *text, time_t now, char stamp[CONSOLE_STAMP])
{
	static const struct { char unit; time_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	size_t len = strlen(text);
	uint64_t hour, minute, count;

	if (is_stamp(text)) {
		snprintf(stamp, CONSOLE_STAMP, "%s", text);
		return true;
	}
	if (len == 5 && text[2] == ':' && !xs_parse_u64(text, 2, &hour) && hour < 24 &&
	    !xs_parse_u64(text + 3, 2, &minute) && minute < 60) {
		format(now, stamp);
		memcpy(stamp + DATE_LEN, text, len + 1);
		return true;
	}
	for (size_t i = 0; len && i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[len - 1] != units[i].unit || xs_parse_u64(text, len - 1, &count) ||
		    count > (uint64_t)(now / units[i].seconds))
			continue;
		format(now - (time_t)count * units[i].seconds, stamp);
		return true;
	}
	return false;
}

int console_log_path(char *buf, size_t size, const char *dir, const char *name)
{
	static const char xen[] = "/var/log/xen/console";
	char own[XS_PATH_MAX];
	struct stat st;
	int r;

	if (!tool_runpath(own, sizeof(own), "log/console"))
		return TOOL_FAILED;
	if (!dir)
		dir = stat(own, &st) ? xen : own;
	if (strchr(name, '/'))
		return tool_error("%s: not a guest's name; 'xpv list' shows those that exist",
				  name);
	r = snprintf(buf, size, "%s/guest-%s.log", dir, name);
	if (r > 0 && (size_t)r < size)
		return TOOL_OK;
	return tool_error("%s: the path of its log is too long; give a --log-dir nearer by", name);
}

/* Lines go by, and from one on they are shown. */
struct reader {
	const char *stamp;
	bool shown;		/* what comes is late enough */
	bool stamped;		/* there was a stamp */
};

/* Whether the line has a stamp, and whether that is late enough. */
static void look(struct reader *r, const char *line, size_t len)
{
	char own[CONSOLE_STAMP];

	if (len < STAMP_LEN + 2 || line[0] != '[' || line[1 + STAMP_LEN] != ']')
		return;
	memcpy(own, line + 1, STAMP_LEN);
	own[STAMP_LEN] = '\0';
	if (!is_stamp(own))
		return;
	r->stamped = true;
	r->shown |= strncmp(own, r->stamp, strlen(r->stamp)) >= 0;
}

static bool show_lines(struct reader *r, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	bool ok = true;

	while (ok && !r->shown && (n = getline(&line, &size, file)) > 0) {
		look(r, line, (size_t)n);
		if (r->shown)
			ok = fwrite(line, 1, (size_t)n, stdout) == (size_t)n;
	}
	free(line);
	while (ok && r->shown) {
		char buf[16384];
		size_t got = fread(buf, 1, sizeof(buf), file);

		if (!got)
			break;
		ok = fwrite(buf, 1, got, stdout) == got;
	}
	clearerr(file);
	return ok && !fflush(stdout);
}

/* The part that was rotated away; that there is none is fine. */
static bool show_old(struct reader *r, const char *path)
{
	char old[XS_PATH_MAX + 2];
	FILE *file;
	bool ok;

	snprintf(old, sizeof(old), "%s.1", path);
	file = fopen(old, "re");
	if (!file)
		return true;
	ok = show_lines(r, file);
	fclose(file);
	return ok;
}

static bool is_still(FILE *file, const char *path)
{
	struct stat open_one, named;

	return !fstat(fileno(file), &open_one) && !stat(path, &named) &&
	       open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

/* Until a signal, or nobody takes it. */
static int follow_log(struct reader *r, const char *path, FILE **file)
{
	int events = inotify_init1(IN_CLOEXEC);
	char dir[XS_PATH_MAX], buf[4096];
	FILE *next;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (events < 0 || inotify_add_watch(events, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return tool_error("%s cannot be watched: %s; leave -f out", dir, strerror(errno));
	r->shown = true;	/* what comes now is late enough */
	while (show_lines(r, *file)) {
		next = is_still(*file, path) ? NULL : fopen(path, "re");
		if (next) {
			show_lines(r, *file);
			fclose(*file);
			*file = next;
		} else if (read(events, buf, sizeof(buf)) < 0 && errno != EINTR) {
			break;
		}
	}
	close(events);
	return tool_flush();
}

int console_log_print(const char *path, const char *stamp, bool follow)
{
	struct reader r = { .stamp = stamp, .shown = !*stamp };
	FILE *file = fopen(path, "re");
	int rc;

	if (!file)
		return tool_error("%s: %s; was its console logged, and under this name? see xpvd's "
				  "--console-log, or --log-dir", path, strerror(errno));
	if (!show_old(&r, path) || !show_lines(&r, file))
		rc = tool_flush();
	else if (*stamp && !r.stamped)
		rc = tool_error("%s: its lines have no time stamps; leave --since out", path);
	else
		rc = follow ? follow_log(&r, path, &file) : tool_flush();
	fclose(file);
	return rc;
}
