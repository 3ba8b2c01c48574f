/* SPDX-License-Identifier: MIT */
/*
 * What a confined worker is: nobody, nowhere, without privileges; and how it ends.
 */
#include "test_sandbox.h"

#include <assert.h>
#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* True: this process may leave its root, in one of the two ways. */
static bool host_permits(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNET) ? 1 : 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
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
	xenevtchn_close(sb.lane[0].xce);
	uring_destroy(uring);
	exit(0);
}

static void test_a_confined_worker_ends_in_order(void **state)
{
	(void)state;

	assert_int_equal(status_of(not_yet, 1, end, NULL), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_root_is_empty_and_has_no_way_out),
		cmocka_unit_test(test_root_becomes_nobody_for_good),
		cmocka_unit_test(test_limits_are_set),
		cmocka_unit_test(test_an_assertion_is_told_and_ends_the_worker),
		cmocka_unit_test(test_a_confined_worker_ends_in_order),
	};
	(void)argc;

	enter_simulator(argv);
	return cmocka_run_group_tests(tests, make_image, stop_hypervisor);
}
