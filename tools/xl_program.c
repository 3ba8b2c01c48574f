/* SPDX-License-Identifier: MIT */
/*
 * xl_program.c - finding Xen's programs
 *
 * Debian keeps those of each version of Xen in a folder of their own, and has `xl` as a wrapper in
 * /usr/sbin, which finds the version that runs.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xl.h"

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static bool in_folder(char *buf, size_t size, const char *folder, size_t len, const char *name)
{
	int r = snprintf(buf, size, "%.*s/%s", (int)len, folder, name);

	return len && r > 0 && (size_t)r < size && is_program(buf);
}

static bool on_path(char *buf, size_t size, const char *name)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t len = strcspn(path, ":");

		if (in_folder(buf, size, path, len, name))
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

bool xl_find(char *buf, size_t size, const char *name)
{
	static const char *const places[] = {
		"/usr/sbin", "/usr/local/sbin", "/usr/lib/xen-*/bin", "/usr/lib/xen/bin",
		"/usr/local/lib/xen/bin", "/usr/libexec/xen/bin",
	};
	glob_t found;

	if (on_path(buf, size, name))
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bool there = false;

		if (glob(places[i], 0, NULL, &found))
			continue;
		for (size_t n = found.gl_pathc; n-- && !there;)	/* the highest version first */
			there = in_folder(buf, size, found.gl_pathv[n], strlen(found.gl_pathv[n]),
					  name);
		globfree(&found);
		if (there)
			return true;
	}
	return false;
}

int xl_need(char *buf, size_t size, const char *name)
{
	return xl_find(buf, size, name) ? TOOL_OK :
	       tool_error("%s is not installed, which xpv needs on Xen; install the tools of this "
			  "Xen, as in 'apt-get install xen-utils-4.17'", name);
}
