/* SPDX-License-Identifier: MIT */
/*
 * xpv sim run: a program in the simulator. In domain 0 it takes our place. In a guest we stay
 * beside it: when the domain is destroyed or crashes, the hypervisor closes our connection, and
 * we end what we started, as a guest's memory and all that runs in it would be gone.
 */
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/client.h"
#include "sim.h"
#include "verbs.h"
#include "vm/processes.h"

/* Exit statuses, as shells and env(1) give them. */
#define NOT_EXECUTABLE	126
#define NOT_FOUND	127
#define SIGNALLED	128	/* and the signal's number */

static int exec_command(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	tool_error("cannot run %s: %s; give the path of a program", argv[0], strerror(err));
	return err == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

/* The child's exit status, or 1 if the domain went away first. */
static int wait_command(pid_t pid, int domain_fd)
{
	struct pollfd fds[2] = {
		{ .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
		{ .fd = domain_fd, .events = POLLIN },
	};
	int status;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (!fds[0].revents && fds[1].revents) {
		processes_kill();
		return tool_error("the domain has gone; the command was killed");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	processes_kill();
	return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

static volatile sig_atomic_t command_pid;

/* What asks us to end asks the command, which may have something to put in order first. */
static void forward(int sig)
{
	if (command_pid > 0)
		kill((pid_t)command_pid, sig);
}

static void forward_signals(pid_t pid)
{
	const struct sigaction action = { .sa_handler = forward };

	command_pid = pid;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* The terminal's interrupt reaches the command by itself. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

static int run_in_guest(uint32_t domid, char **argv)
{
	struct sim_client member;
	const char *store;
	int rc = sim_env_guest(domid);
	pid_t pid;

	if (!rc)
		rc = sim_client_open(&member, SIM_KIND_MEMBER, 0, NULL);
	if (rc)
		return tool_error("cannot enter domain %u: %s; has it just been destroyed?", domid,
				  strerror(-rc));
	store = getenv("XENSTORED_PATH");
	if (!store || access(store, F_OK))
		return tool_error("domain %u has no machine: %s; create it with 'xpv create'",
				  domid, strerror(errno));
	processes_adopt();
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(exec_command(argv));
	}
	if (pid < 0)
		return tool_error("cannot start a process: %s; try again", strerror(errno));
	forward_signals(pid);
	rc = wait_command(pid, member.fd);
	sim_client_close(&member);
	return rc;
}

static int find_domain(const char *name, struct domain *dom)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	int rc = xch ? tool_domain(xs, xch, name, dom) : TOOL_FAILED;

	if (xch)
		xc_interface_close(xch);
	if (xs)
		xs_close(xs);
	return rc;
}

int sim_run(int argc, char **argv)
{
	const char *name = NULL;
	const struct opt opts[] = { { "dom", 0, OPT_TEXT, &name }, { 0 } };
	struct domain dom = { .domid = 0 };
	int first;

	if (!tool_options(argc, argv, sim_usage(), opts, &first))
		return first;
	if (first == argc)
		return tool_usage("sim", "run: a command is expected");
	if (!sim_running())
		return tool_error("no simulator runs in %s; start one with 'xpv sim start'",
				  sim_rundir());
	if (name && find_domain(name, &dom))
		return TOOL_FAILED;
	return dom.domid ? run_in_guest(dom.domid, argv + first) : exec_command(argv + first);
}
