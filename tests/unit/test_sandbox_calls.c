/* SPDX-License-Identifier: MIT */
/*
 * The system calls that end a confined worker, and those that it has to have.
 */
#include "test_sandbox.h"

#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

struct attempt {
	const char *what;
	long call;
	long arg[6];
};

static int make_attempt(const void *arg)
{
	const struct attempt *a = arg;

	syscall(a->call, a->arg[0], a->arg[1], a->arg[2], a->arg[3], a->arg[4], a->arg[5]);
	return 0;
}

/* Each has to end its child; the names of those that did not are printed. */
static void all_are_fatal(const struct attempt *attempts, size_t nr)
{
	unsigned int survived = 0;

	for (size_t i = 0; i < nr; i++) {
		int status = confined(make_attempt, &attempts[i]);

		if (is_sigsys(status))
			continue;
		print_error("%s: status %#x\n", attempts[i].what, (unsigned int)status);
		survived++;
	}
	assert_int_equal(survived, 0);
}

#define ALL_ARE_FATAL(attempts) \
	all_are_fatal(attempts, sizeof(attempts) / sizeof((attempts)[0]))
#define P(pointer)	((long)(intptr_t)(pointer))

static void test_files_cannot_be_named(void **state)
{
	static char name[] = "/", buf[256];
	const struct attempt attempts[] = {
		{ "openat", SYS_openat, { AT_FDCWD, P(name), O_RDONLY } },
		{ "openat2", SYS_openat2, { AT_FDCWD, P(name), P(buf), 24 } },
		{ "open_by_handle_at", SYS_open_by_handle_at, { AT_FDCWD, P(buf), O_RDONLY } },
		{ "newfstatat by name", SYS_newfstatat, { AT_FDCWD, P(name), P(buf), 0 } },
		{ "readlinkat", SYS_readlinkat, { AT_FDCWD, P(name), P(buf), 10 } },
		{ "unlinkat", SYS_unlinkat, { AT_FDCWD, P(name), 0 } },
		{ "renameat2", SYS_renameat2, { AT_FDCWD, P(name), AT_FDCWD, P(name), 0 } },
		{ "getdents64", SYS_getdents64, { 0, P(buf), sizeof(buf) } },
		{ "memfd_create", SYS_memfd_create, { P(name), 0 } },
		{ "chdir", SYS_chdir, { P(name) } },
		{ "chroot", SYS_chroot, { P(name) } },
		{ "mount", SYS_mount, { P(name), P(name), P(name), 0, 0 } },
		{ "fsopen", SYS_fsopen, { P(name), 0 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

/* The journal is mapped by the supervisor too, which a shorter file would kill. */
static void test_files_cannot_be_resized(void **state)
{
	const struct attempt attempts[] = {
		{ "ftruncate", SYS_ftruncate, { image, 0 } },
		{ "fallocate", SYS_fallocate, { image, 0, 0, PAGE } },
		{ "... behind the end", SYS_fallocate, { image, FALLOC_FL_KEEP_SIZE, 0, PAGE } },
		{ "... of a collapsed range", SYS_fallocate, { image, FALLOC_FL_COLLAPSE_RANGE, 0,
							       PAGE } },
		{ "... of zeros", SYS_fallocate, { image, FALLOC_FL_ZERO_RANGE, 0, PAGE } },
		{ "fcntl F_ADD_SEALS", SYS_fcntl, { image, F_ADD_SEALS, 0 } },
		{ "fchmod", SYS_fchmod, { image, 0777 } },
		{ "ioctl FS_IOC_SETFLAGS", SYS_ioctl, { image, 0x40086602, 0 } },
		{ "ioctl BLKDISCARD", SYS_ioctl, { image, 0x1277, 0 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

static void test_sockets_and_descriptors_cannot_be_made(void **state)
{
	static char buf[16];
	const struct attempt attempts[] = {
		{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
		{ "socketpair", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, P(buf) } },
		{ "connect", SYS_connect, { 3, P(buf), sizeof(buf) } },
		{ "bind", SYS_bind, { 3, P(buf), sizeof(buf) } },
		{ "sendto with a receiver", SYS_sendto, { 3, P(buf), 1, 0, P(buf), 16 } },
		{ "accept4 elsewhere", SYS_accept4, { 0, 0, 0, 0 } },
		{ "dup", SYS_dup, { 0 } },
		{ "fcntl F_DUPFD", SYS_fcntl, { 0, F_DUPFD, 0 } },
		{ "fcntl F_SETFL", SYS_fcntl, { 0, F_SETFL, 0 } },
		{ "pipe2", SYS_pipe2, { P(buf), 0 } },
		{ "eventfd2", SYS_eventfd2, { 0, 0 } },
		{ "read elsewhere", SYS_read, { image, P(buf), 1 } },
		{ "write elsewhere", SYS_write, { STDOUT_FILENO, P(buf), 0 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

/* Disks on servers: sockets that are handed to it may be used, and nothing besides. */
static void test_sockets_can_be_used_where_they_must(void **state)
{
	static char buf[64];
	const struct attempt used[] = {
		{ "sendto", SYS_sendto, { 99, P(buf), 1, 0, 0, 0 } },
		{ "recvfrom", SYS_recvfrom, { 99, P(buf), 1, 0, 0, 0 } },
		{ "shutdown", SYS_shutdown, { 99, SHUT_WR } },
		{ "fcntl F_GETFL", SYS_fcntl, { 99, F_GETFL } },
		{ "fcntl F_SETFL", SYS_fcntl, { 99, F_SETFL, O_RDWR | O_NONBLOCK } },
		{ "fcntl F_SETFD", SYS_fcntl, { 99, F_SETFD, FD_CLOEXEC } },
	};
	const struct attempt fatal[] = {
		{ "socket", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
		{ "connect", SYS_connect, { 99, P(buf), 16 } },
		{ "bind", SYS_bind, { 99, P(buf), 16 } },
		{ "sendto with a receiver", SYS_sendto, { 99, P(buf), 1, 0, P(buf), 16 } },
		{ "recvfrom with a sender", SYS_recvfrom, { 99, P(buf), 1, 0, P(buf), P(buf) } },
		{ "setsockopt", SYS_setsockopt, { 99, SOL_SOCKET, SO_MARK, P(buf), 4 } },
		{ "fcntl F_SETFL O_ASYNC", SYS_fcntl, { 99, F_SETFL, O_RDWR | O_ASYNC } },
		{ "fcntl F_SETOWN", SYS_fcntl, { 99, F_SETOWN, 1 } },
		{ "fcntl F_DUPFD", SYS_fcntl, { 99, F_DUPFD, 0 } },
		{ "openat", SYS_openat, { AT_FDCWD, P(buf), O_RDONLY } },
	};
	(void)state;

	all_are_fatal(used + 1, sizeof(used) / sizeof(used[0]) - 1);	/* handles are sent to */
	sockets = true;
	for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
		if (is_sigsys(confined(make_attempt, &used[i])))
			fail_msg("%s is fatal", used[i].what);
	}
	ALL_ARE_FATAL(fatal);
	sockets = false;
}

#define THREAD	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | \
		 CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static void test_processes_are_out_of_reach(void **state)
{
	static char path[] = "/bin/true";
	const long parent = getpid();
	const struct attempt attempts[] = {
		{ "execve", SYS_execve, { P(path), 0, 0 } },
		{ "execveat", SYS_execveat, { AT_FDCWD, P(path), 0, 0, 0 } },
		{ "clone", SYS_clone, { SIGCHLD } },
		{ "clone of a thread", SYS_clone, { THREAD } },
		{ "clone3", SYS_clone3, { 0, 0 } },
		{ "mprotect", SYS_mprotect, { 0, 0, PROT_READ } },
		{ "kill", SYS_kill, { parent, 0 } },
		{ "tgkill of another", SYS_tgkill, { parent, parent, SIGABRT } },
		{ "pidfd_open", SYS_pidfd_open, { parent, 0 } },
		{ "ptrace", SYS_ptrace, { PTRACE_ATTACH, parent, 0, 0 } },
		{ "process_vm_writev", SYS_process_vm_writev, { parent, 0, 0, 0, 0, 0 } },
		{ "prlimit64", SYS_prlimit64, { parent, RLIMIT_NOFILE, 0, 0 } },
		{ "sched_setaffinity", SYS_sched_setaffinity, { parent, 0, 0 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

/* Several lanes: a thread of its own is all that a worker can make. */
static void test_threads_are_all_that_can_be_made(void **state)
{
	static _Alignas(PAGE) char page[PAGE];
	const struct attempt attempts[] = {
		{ "fork", SYS_clone, { SIGCHLD } },
		{ "clone without flags", SYS_clone, { 0 } },
		{ "vfork", SYS_clone, { CLONE_VM | CLONE_VFORK | SIGCHLD } },
		{ "a process with our memory", SYS_clone, { THREAD & ~CLONE_THREAD } },
		{ "... with other files", SYS_clone, { THREAD & ~CLONE_FILES } },
		{ "a thread in a namespace", SYS_clone, { THREAD | CLONE_NEWUSER } },
		{ "a thread that is traced", SYS_clone, { THREAD | CLONE_PTRACE } },
		{ "a thread with a signal", SYS_clone, { THREAD | SIGCHLD } },
#ifdef SYS_fork
		{ "fork itself", SYS_fork, { 0 } },
		{ "vfork itself", SYS_vfork, { 0 } },
#endif
		{ "mprotect PROT_EXEC", SYS_mprotect, { P(page), PAGE, PROT_READ | PROT_EXEC } },
		{ "rt_sigaction", SYS_rt_sigaction, { SIGSYS, 0, P(page), 8 } },
		{ "read elsewhere", SYS_read, { image, P(page), 1 } },
		{ "io_uring_enter elsewhere", SYS_io_uring_enter, { 0, 0, 0, 0, 0, 0 } },
		{ "tgkill of a thread", SYS_tgkill, { getpid(), getpid(), SIGKILL } },
	};
	(void)state;

	lanes = SANDBOX_LANES;
	ALL_ARE_FATAL(attempts);
	lanes = 1;
}

static int thread_of_its_own;

static void *leave_a_mark(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int make_a_thread(const void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	uint64_t kicks = 1;
	(void)arg;

	sb.instrumented = SANDBOX_INSTRUMENTED;		/* its run time has part in it */
	if (sandbox_enter(&sb))
		return NOT_CONFINED;
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		return 1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	if (pthread_create(&thread, &attr, leave_a_mark, &thread_of_its_own) ||
	    pthread_join(thread, NULL) || !thread_of_its_own)
		return 2;
	for (unsigned int i = 0; i < lanes; i++) {
		if (write(sb.lane[i].kick, &kicks, sizeof(kicks)) != sizeof(kicks) ||
		    read(sb.lane[i].kick, &kicks, sizeof(kicks)) != sizeof(kicks))
			return 3;
	}
	return 0;
}

static int not_yet(const struct sandbox *s)
{
	(void)s;
	return 0;
}

static void test_a_lane_has_its_thread_and_its_kick(void **state)
{
	(void)state;
	lanes = SANDBOX_LANES;
	assert_int_equal(status_of(not_yet, 1, make_a_thread, NULL), 0);
	lanes = 1;
}

static void test_privileges_cannot_be_asked_for(void **state)
{
	const struct attempt attempts[] = {
		{ "setuid", SYS_setuid, { 0 } },
		{ "setresuid", SYS_setresuid, { 0, 0, 0 } },
		{ "capset", SYS_capset, { 0, 0 } },
		{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
		{ "setns", SYS_setns, { 0, 0 } },
		{ "prctl", SYS_prctl, { PR_SET_DUMPABLE, 1 } },
		{ "seccomp", SYS_seccomp, { 0, 0, 0 } },
		{ "bpf", SYS_bpf, { 0, 0, 0 } },
		{ "keyctl", SYS_keyctl, { 0, 0, 0 } },
		{ "perf_event_open", SYS_perf_event_open, { 0, 0, 0, 0, 0 } },
		{ "userfaultfd", SYS_userfaultfd, { 0 } },
		{ "personality", SYS_personality, { 0x0400000 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

static void test_memory_cannot_become_code(void **state)
{
	static _Alignas(PAGE) char page[PAGE];
	const struct attempt attempts[] = {
		{ "mmap PROT_EXEC", SYS_mmap, { 0, PAGE, PROT_READ | PROT_EXEC,
						MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "mprotect PROT_EXEC", SYS_mprotect, { P(page), PAGE, PROT_READ | PROT_EXEC } },
		{ "pkey_mprotect", SYS_pkey_mprotect, { P(page), PAGE, PROT_EXEC, -1 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

static void test_a_second_ring_cannot_be_made_nor_the_first_changed(void **state)
{
	static char params[256];
	const struct attempt attempts[] = {
		{ "io_uring_setup", SYS_io_uring_setup, { 8, P(params) } },
		{ "io_uring_register", SYS_io_uring_register, { 0, 0, 0, 0 } },
		{ "io_uring_enter elsewhere", SYS_io_uring_enter, { 0, 0, 0, 0, 0, 0 } },
	};
	(void)state;

	ALL_ARE_FATAL(attempts);
}

/* That the others died of their attempts, and not of making them. */
#define HOLE	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

static void test_what_a_worker_needs_is_permitted(void **state)
{
	static char buf[16];
	static struct flock lock = { .l_type = F_WRLCK };
	const struct attempt attempts[] = {
		{ "brk", SYS_brk, { 0 } },
		{ "mmap", SYS_mmap, { 0, PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "pread64", SYS_pread64, { image, P(buf), 1, 0 } },
		{ "a hole", SYS_fallocate, { image, HOLE, PAGE, PAGE } },
		{ "a discard", SYS_fallocate, { image, HOLE | FALLOC_FL_NO_HIDE_STALE, PAGE,
						PAGE } },
		{ "madvise", SYS_madvise, { 0, 0, MADV_DONTNEED } },
		{ "fcntl F_SETLK", SYS_fcntl, { image, F_SETLK, P(&lock) } },
		{ "a line of the log", SYS_write, { STDERR_FILENO, P(buf), 0 } },
		{ "writev to it", SYS_writev, { STDERR_FILENO, P(buf), 0 } },
		{ "clock_gettime", SYS_clock_gettime, { CLOCK_MONOTONIC, P(buf) } },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int status = confined(make_attempt, &attempts[i]);

		if (status)
			fail_msg("%s: status %#x", attempts[i].what, (unsigned int)status);
	}
}

#ifdef __x86_64__
static int call_as_32_bit(const void *arg)
{
	int result = 20;	/* getpid there, writev here */
	(void)arg;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return 0;
}

static void test_other_abis_are_fatal(void **state)
{
	(void)state;

	assert_true(is_sigsys(confined(call_as_32_bit, NULL)));
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_cannot_be_named),
		cmocka_unit_test(test_files_cannot_be_resized),
		cmocka_unit_test(test_sockets_and_descriptors_cannot_be_made),
		cmocka_unit_test(test_sockets_can_be_used_where_they_must),
		cmocka_unit_test(test_processes_are_out_of_reach),
		cmocka_unit_test(test_threads_are_all_that_can_be_made),
		cmocka_unit_test(test_a_lane_has_its_thread_and_its_kick),
		cmocka_unit_test(test_privileges_cannot_be_asked_for),
		cmocka_unit_test(test_memory_cannot_become_code),
		cmocka_unit_test(test_a_second_ring_cannot_be_made_nor_the_first_changed),
		cmocka_unit_test(test_what_a_worker_needs_is_permitted),
#ifdef __x86_64__
		cmocka_unit_test(test_other_abis_are_fatal),
#endif
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, make_image, stop_hypervisor);
}
