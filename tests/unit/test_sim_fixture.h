/* SPDX-License-Identifier: MIT */
/*
 * A simulated hypervisor for unit tests of its libraries: started for the program, in a folder of
 * its own. The program plays several domains at once, since a library handle belongs to the
 * domain that XPV_SIM_DOMID names when it is opened.
 *
 * The libraries must be found by the dynamic linker, so the program executes itself again in the
 * right environment first.
 */
#ifndef TEST_SIM_FIXTURE_H
#define TEST_SIM_FIXTURE_H

#include <xenctrl.h>	/* before any other header of Xen's */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include <cmocka.h>

#include "lib/client.h"

static pid_t hypervisor;
static char rundir[64];
static xc_interface *xch;

static inline void as_domain(uint32_t domid)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", domid);
	assert_int_equal(setenv("XPV_SIM_DOMID", text, 1), 0);
}

static inline uint32_t new_domain(void)
{
	struct xen_domctl_createdomain create = { .max_vcpus = 1 };
	uint32_t domid = 0;

	assert_int_equal(xc_domain_create(xch, &domid, &create), 0);
	return domid;
}

static inline xenevtchn_handle *open_evtchn(uint32_t domid)
{
	xenevtchn_handle *xce;

	as_domain(domid);
	xce = xenevtchn_open(NULL, 0);
	assert_non_null(xce);
	return xce;
}

static inline xengnttab_handle *open_gnttab(uint32_t domid)
{
	xengnttab_handle *xgt;

	as_domain(domid);
	xgt = xengnttab_open(NULL, 0);
	assert_non_null(xgt);
	return xgt;
}

static inline xengntshr_handle *open_gntshr(uint32_t domid)
{
	xengntshr_handle *xgs;

	as_domain(domid);
	xgs = xengntshr_open(NULL, 0);
	assert_non_null(xgs);
	return xgs;
}

/* What the hypervisor counts for a domain; false: there is no such domain. */
static inline bool usage_of(uint32_t domid, struct sim_domain_info *info)
{
	struct sim_msg msg = { .op = SIM_DOM_LIST };
	struct sim_client client;

	as_domain(0);
	assert_int_equal(sim_client_open(&client, SIM_KIND_CALL, 0, NULL), 0);
	msg.u.list.first = domid;
	msg.u.list.count = 1;
	assert_int_equal(sim_call(&client, &msg, offsetof(struct sim_domain_list, entry), NULL), 0);
	sim_client_close(&client);
	*info = msg.u.list.entry[0];
	return msg.u.list.count && info->domid == domid;
}

/* The hypervisor sees a hang-up when it next looks; give it a second. */
#define eventually(condition) do {						\
	for (int tries_ = 0; !(condition); tries_++) {				\
		assert_true(tries_ < 1000);					\
		poll(NULL, 0, 1);						\
	}									\
} while (0)

static inline bool readable(xenevtchn_handle *xce)
{
	struct pollfd fd = { .fd = xenevtchn_fd(xce), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static inline int start_hypervisor(void **state)
{
	char path[4096], fd_text[16], text[8];
	int ready[2];
	(void)state;

	snprintf(rundir, sizeof(rundir), "/tmp/xpv-unit-XXXXXX");
	if (!mkdtemp(rundir) || setenv("XPV_RUNDIR", rundir, 1) || pipe(ready))
		return -1;
	snprintf(path, sizeof(path), "%s/sim", rundir);
	if (mkdir(path, 0700))
		return -1;
	hypervisor = fork();
	if (hypervisor == 0) {
		snprintf(fd_text, sizeof(fd_text), "%d", ready[1]);
		snprintf(path, sizeof(path), "%s/xpv-hypervisor", getenv("XPV_TEST_BUILD"));
		execl(path, path, "--ready-fd", fd_text, NULL);
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], text, sizeof(text)) <= 0)
		return -1;
	close(ready[0]);
	as_domain(0);
	xch = xc_interface_open(NULL, NULL, 0);
	return xch ? 0 : -1;
}

static inline int stop_hypervisor(void **state)
{
	char path[4096];
	int status;
	(void)state;

	xc_interface_close(xch);
	kill(hypervisor, SIGTERM);
	if (waitpid(hypervisor, &status, 0) != hypervisor)
		return -1;
	snprintf(path, sizeof(path), "%s/sim", rundir);
	if (rmdir(path) || rmdir(rundir))
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* First in main(): the build folder is two above the program's. */
static inline void enter_simulator(char **argv)
{
	char build[4096], libs[4200], *slash;
	ssize_t len;

	if (getenv("XPV_TEST_BUILD"))
		return;
	len = readlink("/proc/self/exe", build, sizeof(build) - 1);
	if (len < 0)
		exit(1);
	build[len] = '\0';
	for (int up = 0; up < 3; up++) {
		slash = strrchr(build, '/');
		if (!slash)
			exit(1);
		*slash = '\0';
	}
	snprintf(libs, sizeof(libs), "%s/sim", build);
	setenv("XPV_TEST_BUILD", build, 1);
	setenv("LD_LIBRARY_PATH", libs, 1);
	execv("/proc/self/exe", argv);
	exit(1);
}

#endif
