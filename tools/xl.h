/* SPDX-License-Identifier: MIT */
/*
 * xl.h - Xen's own toolstack: its program, which builds and ends domains, and its records
 */
#ifndef XPV_XL_H
#define XPV_XL_H

#include "disk.h"

/* xl.c: running it. All return TOOL_OK, or TOOL_FAILED with an error printed. */
/*
 * Runs xl with these arguments, argv[0] being "xl", and waits. It can read `text`, unless that is
 * NULL, as the file XL_TEXT. What it says is shown with -v; if it fails, one line of it is the
 * error, which begins with `what`, and the rest is in a log.
 */
int xl_run(const char *what, char *const argv[], const char *text);
#define XL_TEXT "/dev/fd/3"

/* The line of its output that says what went wrong, without where in libxl; escaped. */
const char *xl_reason(char *buf, size_t size, const char *said);

/* xl_program.c: one of Xen's programs */
/* Where it is: on the PATH, or where distributions keep them; false: nowhere. */
bool xl_find(char *buf, size_t size, const char *name);
/* The same, with an error printed. */
int xl_need(char *buf, size_t size, const char *name);

/* xl_console.c: the guest's console, as `xl create -c` shows it */
struct xl_console {
	int pid;
};

/* Starts the console's client for a domain that does not run yet, and returns when it shows. */
int xl_console_begin(struct xl_console *console, const struct domain *dom, bool serial);
/* Waits until the user leaves it, or the guest ends. */
int xl_console_wait(const struct xl_console *console, const struct domain *dom);
void xl_console_stop(const struct xl_console *console);

/* xl_record.c: what libxl rebuilds a domain from */
/* Adds a disk to libxl's description of the domain; prints a warning if that fails. */
void xl_record_disk(const struct domain *dom, const struct disk *disk);

#endif
