/* SPDX-License-Identifier: MIT */
/*
 * config.h - a guest as its configuration file describes it
 */
#ifndef XPV_CONFIG_H
#define XPV_CONFIG_H

#include "disk.h"
#include "words.h"

#define CONFIG_NAME_MAX 63

enum ending {		/* what becomes of a guest that has ended */
	ENDING_DESTROY,
	ENDING_RESTART,
	ENDING_PRESERVE,
	ENDING_COUNT
};

enum config_use {	/* what the guest runs on */
	CONFIG_FOR_SIM,
	CONFIG_FOR_XL	/* real Xen: xl builds it, and reads what is not ours */
};

struct config {
	char *name;
	struct disk *disks;
	size_t disk_count;
	char *text;		/* all of it, as it was read */

	bool hvm;		/* for xl: the console is a serial port */

	/* for the simulator */
	uint8_t uuid[16];
	uint64_t memory_kb;
	unsigned int vcpus;
	char *kernel;		/* an absolute path; NULL: an empty domain */
	struct words args;	/* argv[0] is the kernel */
	enum ending on_poweroff, on_reboot, on_crash;
};

/*
 * Reads an xl configuration file, followed by `extra`, further lines of the same kind. 0, or
 * TOOL_FAILED with an error printed that names the line. Keys that nobody uses are warned of.
 * *config is to be ended by config_fini() either way.
 */
int config_load(struct config *config, enum config_use use, const char *path,
		char *const *extra, size_t n);
void config_fini(struct config *config);

/* config_text.c: the text */
/* The file and the extra lines, terminated and to be freed; NULL with an error printed. */
char *config_text_load(const char *path, char *const *extra, size_t n);
/* Calls fn for each name that the text assigns to, with its line. */
void config_text_names(const char *text, void (*fn)(const char *name, size_t len,
						    unsigned int line, void *arg), void *arg);

#endif
