/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line an event, to standard error
 *
 * Lines begin with the syslog priority in angle brackets when standard error is systemd's journal
 * ($JOURNAL_STREAM), otherwise with a time stamp and the level. Text that a guest chose goes
 * through log_safe() first.
 */
#ifndef XPV_LOG_H
#define XPV_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* name: the program's, kept by reference. */
void log_init(const char *name, enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)		log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...)	log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)		log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)		log_line(LOG_DEBUG, __VA_ARGS__)

/* At most `burst` lines in each `interval`; the rest are counted and the count is told later. One
 * a source of lines that a guest can provoke. */
struct log_limit {
	uint64_t window_ns;	/* when the running interval began */
	unsigned int lines;
	unsigned int dropped;
};

/* True: the line may be logged. Says how many were dropped when a new interval begins. */
int log_allowed(struct log_limit *limit, const char *who);

/* A printable copy of hostile text: control bytes and backslashes become \xNN. Truncates. */
const char *log_safe(char *buf, size_t size, const char *text);

#endif
