/* SPDX-License-Identifier: MIT */
/*
 * log.c - lines to standard error, whole or not at all
 *
 * A line is built in one buffer and written with one write(), so that lines of several processes
 * with one log file do not mix. Nothing is allocated: logging works when memory does not.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

#define BURST		10
#define INTERVAL_NS	5000000000u

static const char *program = "xpv";
static enum log_level threshold = LOG_INFO;

static const struct {
	const char *word;
	const char *priority;
} levels[] = {
	[LOG_ERROR] = { "error", "<3>" },
	[LOG_WARNING] = { "warning", "<4>" },
	[LOG_INFO] = { "info", "<6>" },
	[LOG_DEBUG] = { "debug", "<7>" },
};

void log_init(const char *name, enum log_level level)
{
	program = name;
	threshold = level;
}

static int head(char *buf, size_t size, enum log_level level)
{
	struct timespec ts;
	struct tm tm;
	char stamp[32];

	if (getenv("JOURNAL_STREAM"))
		return snprintf(buf, size, "%s%s: ", levels[level].priority, program);
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%F %T", &tm);
	return snprintf(buf, size, "%s.%03ld %s[%d] %s: ", stamp, ts.tv_nsec / 1000000, program,
			(int)getpid(), levels[level].word);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	size_t len;
	int n;

	if (level > threshold)
		return;
	len = (size_t)head(line, sizeof(line), level);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n > 0)
		len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n : sizeof(line) - len - 2;
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return;		/* nobody is left to be told */
}

int log_allowed(struct log_limit *limit, const char *who)
{
	uint64_t now = loop_now();

	if (!limit->window_ns || now - limit->window_ns > INTERVAL_NS) {
		if (limit->dropped)
			log_warning("%s: %u more lines like these were not logged", who,
				    limit->dropped);
		*limit = (struct log_limit){ .window_ns = now };
	}
	if (limit->lines++ < BURST)
		return 1;
	limit->dropped++;
	return 0;
}

const char *log_safe(char *buf, size_t size, const char *text)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p && n + 5 < size; p++) {
		if (*p < 0x20 || *p > 0x7e || *p == '\\')
			n += (size_t)snprintf(buf + n, size - n, "\\x%02x", *p);
		else
			buf[n++] = (char)*p;
	}
	buf[n] = '\0';
	return buf;
}
