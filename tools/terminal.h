/* SPDX-License-Identifier: MIT */
/*
 * terminal.h - the user's terminal in raw mode, given back on every way out
 */
#ifndef XPV_TERMINAL_H
#define XPV_TERMINAL_H

#include <stdbool.h>

/* Sets the terminal on stdin to raw mode: every byte that is typed comes as it is. False with errno
 * if it cannot be. Once in a process. */
bool terminal_begin(void);
/* Gives it back as it was. Does nothing if that was done, or is not due. */
void terminal_end(void);

#endif
