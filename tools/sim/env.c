/* SPDX-License-Identifier: MIT */
/*
 * The environment of programs in the simulator. The dynamic linker must find the replacement
 * libraries before anything runs, so a program that finds itself outside sets the environment and
 * executes itself again.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto.h"

#define DEFAULT_RUNDIR	"/run/xpv"
#define PATH_SIZE	4096

const char *sim_rundir(void)
{
	const char *dir = getenv("XPV_RUNDIR");

	return dir && *dir ? dir : DEFAULT_RUNDIR;
}

bool sim_path(char *buf, size_t size, const char *name)
{
	int r = snprintf(buf, size, "%s/%s", sim_rundir(), name);

	return r > 0 && (size_t)r < size;
}

/* The folder that this program was started from. */
static bool own_folder(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (len <= 0)
		return false;
	buf[len] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

/* A program or folder of ours: in a build tree, or as `make install` lays it out. */
bool sim_program(char *buf, size_t size, const char *name)
{
	static const char *const places[] = { ".", "../lib/xpv", "../../lib/xpv" };
	char folder[PATH_SIZE];

	if (!own_folder(folder, sizeof(folder)))
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int r = i ? snprintf(buf, size, "%s/%s/%s", folder, places[i], name) :
			    snprintf(buf, size, "%s/%s", folder, name);

		if (r > 0 && (size_t)r < size && !access(buf, X_OK))
			return true;
	}
	return false;
}

bool sim_running(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	bool running;
	int fd;

	if (!sim_path(addr.sun_path, sizeof(addr.sun_path), SIM_SOCKET))
		return false;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)	/* no descriptor to ask with: the name has to do */
		return !access(addr.sun_path, F_OK);
	running = !connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	return running;
}

static int prepend(const char *name, const char *folder)
{
	const char *old = getenv(name);
	char value[2 * PATH_SIZE];
	int r = snprintf(value, sizeof(value), "%s%s%s", folder, old && *old ? ":" : "",
			 old ? old : "");

	if (r >= (int)sizeof(value))
		return -ENAMETOOLONG;
	return setenv(name, value, 1) ? -errno : 0;
}

static bool is_inside(const char *store)
{
	const char *sim = getenv("XPV_SIM"), *rundir = getenv("XENSTORED_RUNDIR");

	return sim && !strcmp(sim, "1") && rundir && !strcmp(rundir, store);
}

int sim_env_dom0(void)
{
	char store[PATH_SIZE], libs[PATH_SIZE], sysfs[PATH_SIZE];

	if (!sim_path(store, sizeof(store), "sim/xenstored") ||
	    !sim_path(sysfs, sizeof(sysfs), "sim/sysfs"))
		return -ENAMETOOLONG;
	if (is_inside(store))
		return 0;
	if (!sim_program(libs, sizeof(libs), "sim"))
		return -ENOENT;
	if (prepend("LD_LIBRARY_PATH", libs))
		return -ENOMEM;
	unsetenv("XPV_SIM_DOMID");
	unsetenv("XENSTORED_PATH");
	if (setenv("XPV_RUNDIR", sim_rundir(), 1) || setenv("XENSTORED_RUNDIR", store, 1) ||
	    setenv("XPV_SIM", "1", 1) ||
	    setenv("XPV_SYSFS", sysfs, 1))	/* empty: the host's drivers are not ours */
		return -errno;
	return 0;
}

int sim_env_guest(uint32_t domid)
{
	char name[64], path[PATH_SIZE];

	snprintf(name, sizeof(name), "sim/dom/%u/xenstore.sock", domid);
	if (!sim_path(path, sizeof(path), name))
		return -ENAMETOOLONG;
	snprintf(name, sizeof(name), "%u", domid);
	if (setenv("XPV_SIM_DOMID", name, 1) || setenv("XENSTORED_PATH", path, 1))
		return -errno;
	return 0;
}

int sim_enter(char **argv)
{
	char store[PATH_SIZE];
	int rc;

	if (!sim_path(store, sizeof(store), "sim/xenstored") || is_inside(store) || !sim_running())
		return 0;
	rc = sim_env_dom0();
	if (!rc) {
		execv("/proc/self/exe", argv);
		rc = -errno;
	}
	fprintf(stderr, "xpv: cannot enter the simulator in %s: %s; is xpv installed whole?\n",
		sim_rundir(), strerror(-rc));
	return -1;
}
