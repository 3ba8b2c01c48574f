/* SPDX-License-Identifier: MIT */
/*
 * What a confined worker cannot do: each attempt is made by a child of its own that has entered the
 * sandbox as a worker does, with handles of the simulator.
 *
 * A forbidden call ends the child with SIGSYS. The filter is the one of builds without sanitizers,
 * also in those with them, since a child makes a few bare calls only.
 */
#include "test_sim_fixture.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "vdisk/target.h"
#include "worker/sandbox.h"

#define NOBODY		65534
#define NOT_CONFINED	98	/* exit status of a child that could not be */
#define NO_RING		97
#define PAGE		4096

static const int disk_calls[] = {
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(fdatasync), SCMP_SYS(fstatfs),
};

/* The child's. */
static struct sandbox sb;
static struct uring *uring;
static int image;		/* a file of one page that is all 0x5a */

static void open_handles(uint32_t domid)
{
	int rc;

	sb = (struct sandbox){ .domid = domid, .uid = NOBODY, .gid = NOBODY,
			       .xce = open_evtchn(0), .xgt = open_gnttab(0),
			       .listener = socket(AF_UNIX, SOCK_SEQPACKET, 0),
			       .calls = disk_calls, .uring = -1,
			       .nr_calls = sizeof(disk_calls) / sizeof(disk_calls[0]) };
	uring = uring_create(&rc);
	if (uring)
		sb.uring = uring_fd(uring);
}

/* Bare, because a sanitizer makes calls of its own in _exit(). */
_Noreturn static void leave(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* The wait status of a child that acts after `enter`. */
static int status_of(int (*enter)(const struct sandbox *), uint32_t domid,
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

static int confined(int (*act)(const void *), const void *arg)
{
	return status_of(sandbox_enter, 1, act, arg);
}

/* True: this process may leave its root, in one of the two ways. */
static bool host_permits(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNET) ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

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

static bool is_sigsys(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
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
		{ "fallocate", SYS_fallocate, { image, 3, 0, PAGE } },
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

static void test_processes_are_out_of_reach(void **state)
{
	static char path[] = "/bin/true";
	const long parent = getpid();
	const struct attempt attempts[] = {
		{ "execve", SYS_execve, { P(path), 0, 0 } },
		{ "execveat", SYS_execveat, { AT_FDCWD, P(path), 0, 0, 0 } },
		{ "clone", SYS_clone, { SIGCHLD } },
		{ "clone3", SYS_clone3, { 0, 0 } },
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

/* A control request to one of the handles, whose numbers are known in the child only. */
struct request {
	bool evtchn;
	unsigned long number;
	bool permitted;			/* of a device; of a socket none is */
};

static const struct request requests[] = {
	{ false, IOCTL_GNTDEV_MAP_GRANT_REF, true },
	{ false, IOCTL_GNTDEV_UNMAP_GRANT_REF, true },
	{ false, IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR, true },
	{ false, IOCTL_GNTDEV_GRANT_COPY, true },
	{ false, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, false },
	{ false, IOCTL_GNTDEV_SET_MAX_GRANTS, false },
	{ false, IOCTL_EVTCHN_NOTIFY, false },
	{ true, IOCTL_EVTCHN_BIND_INTERDOMAIN, true },
	{ true, IOCTL_EVTCHN_UNBIND, true },
	{ true, IOCTL_EVTCHN_NOTIFY, true },
	{ true, IOCTL_EVTCHN_BIND_VIRQ, false },
	{ true, IOCTL_EVTCHN_BIND_UNBOUND_PORT, false },
	{ true, IOCTL_EVTCHN_RESET, false },
	{ true, IOCTL_GNTDEV_MAP_GRANT_REF, false },
};

#define NR_REQUESTS	(sizeof(requests) / sizeof(requests[0]))

static int ask_a_handle(const void *arg)
{
	const struct request *r = arg;

	ioctl(r->evtchn ? xenevtchn_fd(sb.xce) : xengnttab_fd(sb.xgt), r->number, NULL);
	return 0;
}

static int send_a_message(const void *arg)
{
	(void)arg;
	send(sb.listener, "", 1, MSG_NOSIGNAL);
	return 0;
}

/* As on Xen, where the handles are devices: any device will do to be asked. */
static int filter_with_devices(const struct sandbox *s)
{
	int device = open("/dev/null", O_RDWR);

	if (device < 0 || dup2(device, xengnttab_fd(s->xgt)) < 0 ||
	    dup2(device, xenevtchn_fd(s->xce)) < 0)
		return -1;
	return sandbox_filter(s);
}

static void test_devices_take_a_workers_requests_only(void **state)
{
	(void)state;

	for (size_t i = 0; i < NR_REQUESTS; i++) {
		int status = status_of(filter_with_devices, 1, ask_a_handle, &requests[i]);

		if (requests[i].permitted ? status != 0 : !is_sigsys(status))
			fail_msg("request %#lx: status %#x", requests[i].number,
				 (unsigned int)status);
	}
	assert_true(is_sigsys(status_of(filter_with_devices, 1, send_a_message, NULL)));
}

static void test_sockets_take_messages_and_no_requests(void **state)
{
	(void)state;

	for (size_t i = 0; i < NR_REQUESTS; i++)
		assert_true(is_sigsys(confined(ask_a_handle, &requests[i])));
	assert_int_equal(confined(send_a_message, NULL), 0);
}

/* That the others died of their attempts, and not of making them. */
static void test_what_a_worker_needs_is_permitted(void **state)
{
	static char buf[16];
	static struct flock lock = { .l_type = F_WRLCK };
	const struct attempt attempts[] = {
		{ "brk", SYS_brk, { 0 } },
		{ "mmap", SYS_mmap, { 0, PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "pread64", SYS_pread64, { image, P(buf), 1, 0 } },
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

/* A ring executes what it is asked for without a system call that a filter would see. */
static int result_of(const struct io_uring_sqe *wanted)
{
	struct io_uring *ring = (struct io_uring *)uring;	/* its first member */
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;

	if (!sqe)
		return 0;
	*sqe = *wanted;
	if (io_uring_submit(ring) != 1 || io_uring_wait_cqe(ring, &cqe))
		return 0;
	return cqe->res;
}

static int ring_refuses(const void *arg)
{
	return !uring ? NO_RING : result_of(arg) == -EACCES ? 0 : 1;
}

static void test_the_ring_takes_reads_writes_and_syncs_only(void **state)
{
	static char buf[16];
	static const struct open_how how = { 0 };
	struct { const char *what; struct io_uring_sqe sqe; } asked[10] = { { 0 } };
	unsigned int nr = 0;
	int status;
	(void)state;

	asked[nr].what = "openat", io_uring_prep_openat(&asked[nr++].sqe, AT_FDCWD, "/", 0, 0);
	asked[nr].what = "openat2", io_uring_prep_openat2(&asked[nr++].sqe, AT_FDCWD, "/",
							  (struct open_how *)(uintptr_t)&how);
	asked[nr].what = "socket", io_uring_prep_socket(&asked[nr++].sqe, AF_UNIX, SOCK_STREAM, 0,
							0);
	asked[nr].what = "fallocate", io_uring_prep_fallocate(&asked[nr++].sqe, image, 3, 0, PAGE);
	asked[nr].what = "unlinkat", io_uring_prep_unlinkat(&asked[nr++].sqe, AT_FDCWD, "/", 0);
	asked[nr].what = "send", io_uring_prep_send(&asked[nr++].sqe, 3, buf, 1, 0);
	asked[nr].what = "nop", io_uring_prep_nop(&asked[nr++].sqe);
	asked[nr].what = "a fixed file", io_uring_prep_read(&asked[nr].sqe, 0, buf, 1, 0);
	asked[nr++].sqe.flags = IOSQE_FIXED_FILE;
	for (unsigned int i = 0; i < nr; i++) {
		status = confined(ring_refuses, &asked[i].sqe);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NO_RING)
			skip();
		if (status)
			print_error("%s: status %#x\n", asked[i].what, (unsigned int)status);
		assert_int_equal(status, 0);
	}
}

static int ring_works(const void *arg)
{
	struct io_uring_sqe sqe;
	char byte = 0;
	(void)arg;

	if (!uring)
		return NO_RING;
	io_uring_prep_read(&sqe, image, &byte, 1, 0);
	if (result_of(&sqe) != 1)
		return 1;
	io_uring_cq_advance((struct io_uring *)uring, 1);
	if (byte != 0x5a)
		return 2;
	io_uring_prep_fsync(&sqe, image, IORING_FSYNC_DATASYNC);
	return result_of(&sqe) ? 3 : 0;
}

static void test_the_ring_reads_and_syncs(void **state)
{
	int status = confined(ring_works, NULL);
	(void)state;

	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_RING)
		skip();
	assert_int_equal(status, 0);
}

static int look_around(const void *arg)
{
	struct dirent *entry;
	DIR *root = opendir("/");
	(void)arg;

	while (root && (entry = readdir(root)))
		if (entry->d_name[0] != '.')
			return 1;
	if (!root)
		return 2;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != ENOENT)
		return 3;
	if (open("../../../../etc/passwd", O_RDONLY) >= 0 || errno != ENOENT)
		return 4;
	if (open("/new", O_RDWR | O_CREAT, 0600) >= 0)
		return 5;
	return chroot("/") == 0 ? 6 : 0;
}

/* Without the filter, which would not let it look. */
static void test_the_root_is_empty_and_has_no_way_out(void **state)
{
	(void)state;

	if (!host_permits())
		skip();
	assert_int_equal(status_of(sandbox_drop, 1, look_around, NULL), 0);
}

static int become_root(const void *arg)
{
	(void)arg;
	if (geteuid() == 0 || getegid() == 0 || getgroups(0, NULL) > (int)(geteuid() != NOBODY))
		return 1;
	if (setuid(0) == 0 || setgid(0) == 0)
		return 2;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 3;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return 4;
	return 0;
}

static void test_root_becomes_nobody_for_good(void **state)
{
	(void)state;

	if (geteuid())
		skip();
	assert_int_equal(status_of(sandbox_drop, 1, become_root, NULL), 0);
}

static int open_many(const void *arg)
{
	struct rlimit limit;
	(void)arg;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_max > 1024)
		return 1;
	if (getrlimit(RLIMIT_CORE, &limit) || limit.rlim_max != 0)
		return 2;
	return 0;
}

static void test_limits_are_set(void **state)
{
	(void)state;

	assert_int_equal(status_of(sandbox_drop, 1, open_many, NULL), 0);
}

struct offer {
	uint32_t domid;
	evtchn_port_t port;
};

static int bind_offer(const void *arg)
{
	const struct offer *offer = arg;

	if (xenevtchn_bind_interdomain(sb.xce, offer->domid, offer->port) > 0)
		return 0;
	return errno == EACCES ? 1 : 2;
}

static void test_only_its_guests_event_channels_can_be_bound(void **state)
{
	struct offer own = { .domid = new_domain() }, other = { .domid = new_domain() };
	xenevtchn_handle *guest = open_evtchn(own.domid), *neighbour = open_evtchn(other.domid);
	(void)state;

	own.port = (evtchn_port_t)xenevtchn_bind_unbound_port(guest, 0);
	other.port = (evtchn_port_t)xenevtchn_bind_unbound_port(neighbour, 0);
	assert_int_equal(WEXITSTATUS(status_of(sandbox_enter, own.domid, bind_offer, &own)), 0);
	assert_int_equal(WEXITSTATUS(status_of(sandbox_enter, own.domid, bind_offer, &other)), 1);
	xenevtchn_close(guest);
	xenevtchn_close(neighbour);
}

static int find_a_bug(const void *arg)
{
	sb.instrumented = SANDBOX_INSTRUMENTED;
	dup2(*(const int *)arg, STDERR_FILENO);
	if (sandbox_enter(&sb))
		return NOT_CONFINED;
	__assert_fail("our own bug", "worker.c", 1, __func__);
}

static int not_yet(const struct sandbox *s)
{
	(void)s;
	return 0;
}

/* What assert() ends in, whatever NDEBUG says. */
static void test_an_assertion_is_told_and_ends_the_worker(void **state)
{
	char text[512] = "";
	int out[2], status;
	ssize_t got;
	(void)state;

	assert_int_equal(pipe(out), 0);
	status = status_of(not_yet, 1, find_a_bug, &out[1]);
	close(out[1]);
	got = read(out[0], text, sizeof(text) - 1);
	close(out[0]);
	assert_true(got > 0);
	assert_non_null(strstr(text, "our own bug"));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* With all that happens at an exit; of a sanitizer, its search for leaks. */
static int end(const void *arg)
{
	(void)arg;
	sb.instrumented = SANDBOX_INSTRUMENTED;
	if (sandbox_enter(&sb))
		return NOT_CONFINED;
	xengnttab_close(sb.xgt);
	xenevtchn_close(sb.xce);
	uring_destroy(uring);
	exit(0);
}

static void test_a_confined_worker_ends_in_order(void **state)
{
	(void)state;

	assert_int_equal(status_of(not_yet, 1, end, NULL), 0);
}

static int make_image(void **state)
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_cannot_be_named),
		cmocka_unit_test(test_files_cannot_be_resized),
		cmocka_unit_test(test_sockets_and_descriptors_cannot_be_made),
		cmocka_unit_test(test_processes_are_out_of_reach),
		cmocka_unit_test(test_privileges_cannot_be_asked_for),
		cmocka_unit_test(test_memory_cannot_become_code),
		cmocka_unit_test(test_a_second_ring_cannot_be_made_nor_the_first_changed),
		cmocka_unit_test(test_devices_take_a_workers_requests_only),
		cmocka_unit_test(test_sockets_take_messages_and_no_requests),
		cmocka_unit_test(test_what_a_worker_needs_is_permitted),
#ifdef __x86_64__
		cmocka_unit_test(test_other_abis_are_fatal),
#endif
		cmocka_unit_test(test_the_ring_takes_reads_writes_and_syncs_only),
		cmocka_unit_test(test_the_ring_reads_and_syncs),
		cmocka_unit_test(test_the_root_is_empty_and_has_no_way_out),
		cmocka_unit_test(test_root_becomes_nobody_for_good),
		cmocka_unit_test(test_limits_are_set),
		cmocka_unit_test(test_only_its_guests_event_channels_can_be_bound),
		cmocka_unit_test(test_an_assertion_is_told_and_ends_the_worker),
		cmocka_unit_test(test_a_confined_worker_ends_in_order),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, make_image, stop_hypervisor);
}
