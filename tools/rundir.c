/* SPDX-License-Identifier: MIT */
/*
 * rundir.c - where the state of this machine's xpv lives
 *
 * $XPV_RUNDIR, by default /run/xpv: the supervisor's control socket, the simulator, the logs.
 * Several may exist side by side, each with everything of its own. Its processes have working
 * directories of their own, too, so that what they are told to open is named from the root.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

const char *tool_rundir(void)
{
	const char *dir = getenv("XPV_RUNDIR");

	return dir && *dir ? dir : "/run/xpv";
}

bool tool_runpath(char *buf, size_t size, const char *name)
{
	int r = snprintf(buf, size, "%s/%s", tool_rundir(), name);

	if (r > 0 && (size_t)r < size)
		return true;
	tool_error("%s/%s: the path is too long; choose a shorter XPV_RUNDIR", tool_rundir(), name);
	return false;
}

bool tool_make_rundir(const char *sub)
{
	char path[XS_PATH_MAX];

	if (!tool_runpath(path, sizeof(path), sub))
		return false;
	if ((!mkdir(tool_rundir(), 0755) || errno == EEXIST) &&
	    (!mkdir(path, 0755) || errno == EEXIST))
		return true;
	tool_error("cannot make %s: %s; set XPV_RUNDIR to a folder that you may write", path,
		   strerror(errno));
	return false;
}

char *tool_absolute(const char *path)
{
	char *cwd, *abs;

	if (*path == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&abs, "%s/%s", cwd, path) < 0)
		abs = NULL;
	free(cwd);
	return abs;
}
