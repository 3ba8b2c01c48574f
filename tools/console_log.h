/* SPDX-License-Identifier: MIT */
/*
 * console_log.h - the logs of consoles: lines with the time before them
 */
#ifndef XPV_CONSOLE_LOG_H
#define XPV_CONSOLE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define CONSOLE_STAMP	24	/* "2026-01-31 23:59:59", and more than it */

/* A time as users say it, as the beginning of a stamp that no earlier line has; false: none. */
bool console_log_since(const char *text, time_t now, char stamp[CONSOLE_STAMP]);
/* Where a guest's log is; dir may be NULL. 0, or TOOL_FAILED with an error printed. */
int console_log_path(char *buf, size_t size, const char *dir, const char *name);
/* Prints it from that stamp on, "": all of it, the rotated part first; follow: until it is
 * interrupted. TOOL_OK, or TOOL_FAILED with an error printed. */
int console_log_print(const char *path, const char *stamp, bool follow);

#endif
