/* SPDX-License-Identifier: MIT */
/*
 * filter.c - the system calls that a worker is left with
 *
 * Everything is denied that is not in a table here, by the death of the process, which the kernel
 * logs with the call's number. Where a call is needed for one thing only, its arguments are checked
 * too: control requests by descriptor and number, no memory that can be executed, file locks but
 * none of fcntl's other uses, holes in files but no longer files. There is no call that opens,
 * makes, resizes or names a file, none that makes a socket or a process, and none that reaches
 * another process. A worker that may have several threads can make those, and only those.
 *
 * The grant device and the event channels are asked for what they are. Xen's are character devices
 * and take control requests. Where they are sockets, as in libraries that talk to another process
 * instead of a kernel, the same functions of the libraries send and receive. The filter follows
 * what the descriptors show and knows of no reason for it.
 *
 * Calls that are free of conditions cost nothing on kernels since 5.11, which remember them in a
 * bitmap; the data path's others have priority in the filter's order.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/xen.h>	/* before those that use its types without including it */
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "log.h"
#include "worker/sandbox.h"

/* The library's macros leave the second datum of most comparisons out, and clang minds. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define HOT	255		/* priority */
#define LEN(a)	(sizeof(a) / sizeof((a)[0]))

struct rule {
	int call;
	uint8_t priority;
	unsigned int nr;
	struct scmp_arg_cmp arg[2];
};

/* fallocate that discards, and leaves a file as long as it is. */
#define PUNCH		(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define STALE		FALLOC_FL_NO_HIDE_STALE

#define FD(fd)		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)(fd))

/* Whatever the arguments. */
static const int plain_calls[] = {
	SCMP_SYS(brk),			/* malloc */
	SCMP_SYS(clock_gettime),	/* where the vDSO cannot: Xen's clock in some domains */
	SCMP_SYS(clock_nanosleep),	/* waiting for a predecessor's end */
	SCMP_SYS(close),
	SCMP_SYS(epoll_ctl),
#ifdef __NR_epoll_wait
	SCMP_SYS(epoll_wait),
#else
	SCMP_SYS(epoll_pwait),		/* younger architectures have no other */
#endif
	SCMP_SYS(exit_group),
	SCMP_SYS(fstat),
	SCMP_SYS(getpid),		/* a line of the log */
	SCMP_SYS(gettid),		/* abort() */
	SCMP_SYS(munmap),
	SCMP_SYS(recvmsg),		/* the supervisor, and descriptors from it */
	SCMP_SYS(restart_syscall),	/* a sleep that SIGSTOP interrupted */
	SCMP_SYS(rt_sigprocmask),	/* abort() */
	SCMP_SYS(sendmsg),
};

/* A sanitizer's run time: it guards memory, and when it reports or looks for leaks it reads /proc
 * and halts the process from a thread of its own. Never in a build that is installed. */
static const int sanitizer_calls[] = {
	SCMP_SYS(clone), SCMP_SYS(exit), SCMP_SYS(futex), SCMP_SYS(getdents),
	SCMP_SYS(getdents64), SCMP_SYS(getppid), SCMP_SYS(getrusage), SCMP_SYS(lseek),
	SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(newfstatat),
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(prctl), SCMP_SYS(prlimit64),
	SCMP_SYS(ptrace), SCMP_SYS(read), SCMP_SYS(readlink), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(wait4), SCMP_SYS(write),
};

static const scmp_datum_t gntdev_requests[] = {
	IOCTL_GNTDEV_GRANT_COPY,
	IOCTL_GNTDEV_MAP_GRANT_REF,
	IOCTL_GNTDEV_UNMAP_GRANT_REF,
	IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
};

static const scmp_datum_t evtchn_requests[] = {
	IOCTL_EVTCHN_NOTIFY,
	IOCTL_EVTCHN_BIND_INTERDOMAIN,
	IOCTL_EVTCHN_UNBIND,
};

static int allow_calls(scmp_filter_ctx ctx, const int *calls, size_t nr)
{
	int r = 0;

	for (size_t i = 0; i < nr && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

static int allow_rule(scmp_filter_ctx ctx, const struct rule *rule)
{
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule->call, rule->nr, rule->arg);

	if (r == 0 && rule->priority)
		r = seccomp_syscall_priority(ctx, rule->call, rule->priority);
	return r;
}

static int allow_with_arguments(scmp_filter_ctx ctx, const struct sandbox *sb)
{
	const scmp_datum_t pid = (scmp_datum_t)getpid();
	const struct rule rules[] = {
		{ SCMP_SYS(write), 0, 1, { FD(STDERR_FILENO) } },
		{ SCMP_SYS(writev), 0, 1, { FD(STDERR_FILENO) } },	/* malloc's last words */
		{ SCMP_SYS(accept4), 0, 1, { FD(sb->listener) } },
		{ SCMP_SYS(fallocate), 0, 1, { SCMP_A1(SCMP_CMP_EQ, PUNCH) } },
		{ SCMP_SYS(fallocate), 0, 1, { SCMP_A1(SCMP_CMP_EQ, PUNCH | STALE) } },
		{ SCMP_SYS(fcntl), 0, 1, { SCMP_A1(SCMP_CMP_EQ, F_SETLK) } },
		/* which only block devices know: those that it was handed to be written */
		{ SCMP_SYS(ioctl), 0, 1, { SCMP_A1(SCMP_CMP_EQ, BLKSECDISCARD) } },
		{ SCMP_SYS(madvise), 0, 1, { SCMP_A2(SCMP_CMP_EQ, MADV_DONTNEED) } },
		{ SCMP_SYS(mmap), 0, 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) } },
		{ SCMP_SYS(newfstatat), 0, 1, { SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH) } },
		{ SCMP_SYS(tgkill), 0, 2, { SCMP_A0(SCMP_CMP_EQ, pid),
					    SCMP_A2(SCMP_CMP_EQ, SIGABRT) } },
	};
	int r = 0;

	for (size_t i = 0; i < LEN(rules) && r == 0; i++)
		r = allow_rule(ctx, &rules[i]);
	return r;
}

/* What a thread reads, writes and submits to. */
static int allow_lane(scmp_filter_ctx ctx, const struct sandbox_lane *lane)
{
	const int evtchn = xenevtchn_fd(lane->xce);
	const struct rule rules[] = {
		{ SCMP_SYS(read), HOT, 1, { FD(evtchn) } },
		{ SCMP_SYS(write), HOT, 1, { FD(evtchn) } },
		{ SCMP_SYS(read), 0, 1, { FD(lane->kick) } },
		{ SCMP_SYS(write), 0, 1, { FD(lane->kick) } },
		{ SCMP_SYS(io_uring_enter), HOT, 1, { FD(lane->uring) } },
	};
	const bool there[] = { true, true, lane->kick >= 0, lane->kick >= 0, lane->uring >= 0 };
	int r = 0;

	for (size_t i = 0; i < LEN(rules) && r == 0; i++) {
		if (there[i])
			r = allow_rule(ctx, &rules[i]);
	}
	return r;
}

/* What makes a thread of this process, and nothing else: pthread_create() asks for exactly this. */
#define THREAD	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | \
		 CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#define SIGSETXID	33	/* the C library's own: it sets it up with the first thread */

static const int thread_calls[] = {
	SCMP_SYS(exit),
	SCMP_SYS(futex),
	SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list),
};

/* The flags of clone3() are in memory, where a filter cannot see them. The C library tries it
 * first, and takes clone() where there is none. */
static int allow_threads(scmp_filter_ctx ctx)
{
	const struct rule rules[] = {
		{ SCMP_SYS(clone), 0, 1, { SCMP_A0(SCMP_CMP_EQ, THREAD) } },
		{ SCMP_SYS(mprotect), 0, 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) } },
		{ SCMP_SYS(rt_sigaction), 0, 1, { SCMP_A0(SCMP_CMP_EQ, SIGSETXID) } },
	};
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < LEN(rules) && r == 0; i++)
		r = allow_rule(ctx, &rules[i]);
	return r ? r : allow_calls(ctx, thread_calls, LEN(thread_calls));
}

/* For a library that sends and receives on sockets that we give it, and sets two of their flags.
 * Nobody can be named as a receiver, so that only who is at the other end already is reached. */
static int allow_sockets(scmp_filter_ctx ctx)
{
	const struct rule rules[] = {
		{ SCMP_SYS(sendto), HOT, 1, { SCMP_A4(SCMP_CMP_EQ, 0) } },
		{ SCMP_SYS(recvfrom), HOT, 1, { SCMP_A4(SCMP_CMP_EQ, 0) } },
		{ SCMP_SYS(shutdown), 0, 0, { { 0 } } },
		{ SCMP_SYS(fcntl), 0, 1, { SCMP_A1(SCMP_CMP_EQ, F_GETFL) } },
		{ SCMP_SYS(fcntl), 0, 1, { SCMP_A1(SCMP_CMP_EQ, F_GETFD) } },
		{ SCMP_SYS(fcntl), 0, 2, { SCMP_A1(SCMP_CMP_EQ, F_SETFL),
					   SCMP_A2(SCMP_CMP_EQ, O_RDWR | O_NONBLOCK) } },
		{ SCMP_SYS(fcntl), 0, 2, { SCMP_A1(SCMP_CMP_EQ, F_SETFD),
					   SCMP_A2(SCMP_CMP_EQ, FD_CLOEXEC) } },
	};
	int r = 0;

	for (size_t i = 0; i < LEN(rules) && r == 0; i++)
		r = allow_rule(ctx, &rules[i]);
	return r;
}

/* One of Xen's handles: control requests on a device, messages to the other end of a socket. The
 * latter come and go (one each for those who are notified), so only naming a receiver is denied. */
static int allow_handle(scmp_filter_ctx ctx, int fd, const scmp_datum_t *requests, size_t nr)
{
	const struct rule send = { SCMP_SYS(sendto), HOT, 1, { SCMP_A4(SCMP_CMP_EQ, 0) } };
	struct stat st;
	int r = 0;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISSOCK(st.st_mode))
		return allow_rule(ctx, &send);
	if (!S_ISCHR(st.st_mode))
		return -ENOTTY;
	for (size_t i = 0; i < nr && r == 0; i++) {
		const struct rule request = { SCMP_SYS(ioctl), HOT, 2, {
			FD(fd), SCMP_A1(SCMP_CMP_EQ, requests[i]) } };

		r = allow_rule(ctx, &request);
	}
	return r;
}

static int build(scmp_filter_ctx ctx, const struct sandbox *sb)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* No foreign code runs in a worker that could observe its own process's speculation. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_SSB, 1);
	if (r == 0)
		r = allow_with_arguments(ctx, sb);
	if (r == 0)
		r = allow_handle(ctx, xengnttab_fd(sb->xgt), gntdev_requests,
				 LEN(gntdev_requests));
	for (unsigned int i = 0; i < sb->nr_lanes && r == 0; i++) {
		r = allow_lane(ctx, &sb->lane[i]);
		if (r == 0)
			r = allow_handle(ctx, xenevtchn_fd(sb->lane[i].xce), evtchn_requests,
					 LEN(evtchn_requests));
	}
	if (r == 0 && sb->nr_lanes > 1)
		r = allow_threads(ctx);
	if (r == 0 && sb->sockets)
		r = allow_sockets(ctx);
	if (r == 0)
		r = allow_calls(ctx, plain_calls, LEN(plain_calls));
	if (r == 0)
		r = allow_calls(ctx, sb->calls, sb->nr_calls);
	if (r == 0 && sb->instrumented)
		r = allow_calls(ctx, sanitizer_calls, LEN(sanitizer_calls));
	return r;
}

int sandbox_filter(const struct sandbox *sb)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = ctx ? build(ctx, sb) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	if (r)
		log_error("the filter of system calls: %s: run a kernel with "
			  "CONFIG_SECCOMP_FILTER, or xpvd with --no-sandbox", strerror(-r));
	return r;
}
