/* SPDX-License-Identifier: MIT */
/*
 * run_file.c - files in the run directory that belong to a device
 *
 * One directory a kind of file, one name a device, so that whoever finds a file can tell whose it
 * is: what belongs to none of the devices that there are was left by one that went unnoticed.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

int run_file_name(const struct device *dev, char *buf, size_t size)
{
	return snprintf(buf, size, "%u-%s-%u", dev->fe, xs_class_name(dev->class->id), dev->devid);
}

bool run_file_path(const struct device *dev, const char *kind, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%s/", dev->sup->rundir, kind);

	return n > 0 && (size_t)n < size &&
	       (size_t)run_file_name(dev, buf + n, size - (size_t)n) < size - (size_t)n;
}

bool run_file_belongs(const struct supervisor *sup, const char *name)
{
	for (const struct device *dev = sup->devices; dev; dev = dev->next) {
		char own[RUN_FILE_NAME];

		if (dev->claim != CLAIM_OTHERS && run_file_name(dev, own, sizeof(own)) > 0 &&
		    strcmp(own, name) == 0)
			return true;
	}
	return false;
}

void run_files_sweep(struct supervisor *sup, const char *kind)
{
	char path[RUN_PATH_MAX * 2];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", sup->rundir, kind);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !run_file_belongs(sup, entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}
