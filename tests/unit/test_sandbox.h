/* SPDX-License-Identifier: MIT */
/*
 * A child that has entered the sandbox as a worker does, with handles of the simulator, for tests
 * of what it cannot do: each attempt is made by a child of its own.
 *
 * A forbidden call ends the child with SIGSYS. The filter is the one of builds without sanitizers,
 * also in those with them, since a child makes a few bare calls only.
 */
#ifndef TEST_SANDBOX_H
#define TEST_SANDBOX_H

#include "test_sim_fixture.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "vdisk/target.h"
#include "worker/sandbox.h"

#define NOBODY		65534
#define NOT_CONFINED	98	/* exit status of a child that could not be */
#define PAGE		4096

static const int disk_calls[] = {
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(fdatasync), SCMP_SYS(fstatfs),
};

/* The child's. */
static struct sandbox sb;
static struct uring *uring;
static bool sockets;		/* of the next child */
static unsigned int lanes = 1;	/* ... */
static int image;		/* a file of one page that is all 0x5a */

static inline void open_handles(uint32_t domid)
{
	int rc;

	sb = (struct sandbox){ .domid = domid, .uid = NOBODY, .gid = NOBODY,
			       .xgt = open_gnttab(0), .nr_lanes = lanes,
			       .listener = socket(AF_UNIX, SOCK_SEQPACKET, 0),
			       .calls = disk_calls, .sockets = sockets,
			       .nr_calls = sizeof(disk_calls) / sizeof(disk_calls[0]) };
	uring = uring_create(URING_ENTRIES, &rc);
	for (unsigned int i = 0; i < lanes; i++)
		sb.lane[i] = (struct sandbox_lane){ open_evtchn(0), -1,
						    lanes > 1 ? eventfd(0, EFD_NONBLOCK) : -1 };
	if (uring)
		sb.lane[0].uring = uring_fd(uring);
}

/* Bare, because a sanitizer makes calls of its own in _exit(). */
_Noreturn static inline void leave(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* The wait status of a child that acts after `enter`. */
static inline int status_of(int (*enter)(const struct sandbox *), uint32_t domid,
		     int (*act)(const void *), const void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		alarm(60);
		open_handles(domid);
		leave(enter(&sb) ? NOT_CONFINED : act(arg));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline int confined(int (*act)(const void *), const void *arg)
{
	return status_of(sandbox_enter, 1, act, arg);
}

static inline bool is_sigsys(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static inline int make_image(void **state)
{
	char page[PAGE];
	FILE *file = tmpfile();

	memset(page, 0x5a, sizeof(page));
	if (!file || fwrite(page, sizeof(page), 1, file) != 1 || fflush(file))
		return -1;
	image = fcntl(fileno(file), F_DUPFD_CLOEXEC, 100);
	fclose(file);
	return image < 0 ? -1 : start_hypervisor(state);
}

#endif
