/* SPDX-License-Identifier: MIT */
/*
 * config_read.h - what the files that read a configuration share
 */
#ifndef XPV_CONFIG_READ_H
#define XPV_CONFIG_READ_H

#include <libxlutil.h>
#include <stdio.h>

#include "config.h"

/* What one file needs while it is read. */
struct reader {
	const char *path;
	XLU_Config *cfg;
	FILE *report;		/* what libxlutil has to say */
	char *said;
	size_t said_len;
};

/* config.c. Those that return int return TOOL_OK, or TOOL_FAILED with an error printed. */
int config_say_invalid(const struct reader *r, const char *why);	/* TOOL_FAILED */
/* A string, or NULL if it is not there. */
int config_get_string(struct reader *r, const char *name, const char **value);
int config_get_number(struct reader *r, const char *name, long max, long otherwise, long *value);

/* config_sim.c: what a machine of the simulator is made of */
int config_read_machine(struct reader *r, struct config *config);
/* Warns of the names in the text that mean nothing there. */
void config_warn_unused(const struct reader *r, const char *text);

/* config_xl.c: what xl is left to read, and what cannot be left to it */
int config_check_for_xl(struct reader *r, struct config *config);

#endif
