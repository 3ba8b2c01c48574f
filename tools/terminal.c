/* SPDX-License-Identifier: MIT */
/*
 * terminal.c - the user's terminal in raw mode, given back on every way out
 *
 * Who is left with a terminal that shows nothing of what he types has lost his window. So it is
 * given back when the program returns or exits, from within the signals that end or stop it, and,
 * where none of this runs (kill -9, a fault), by a child that does nothing but wait for us: a pipe
 * tells it how we ended.
 *
 * The signals' handlers do their work at once, instead of leaving a note: the program may be
 * asleep in a write to that very terminal. They use what POSIX lets a handler use.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

static struct termios before, raw;
static volatile sig_atomic_t is_raw;
static int guard = -1;		/* its end is the guard's word that we are gone */

/* What is still to be shown is not waited for: perhaps nobody looks. In the background, where this
 * would stop us (SIGTTOU), it is done all the same: the mode is the one that we have found. */
static void set(const struct termios *mode)
{
	sigset_t tty, old;

	sigemptyset(&tty);
	sigaddset(&tty, SIGTTOU);
	sigprocmask(SIG_BLOCK, &tty, &old);
	while (tcsetattr(STDIN_FILENO, TCSANOW, mode) && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void restore(void)
{
	if (!is_raw)
		return;
	is_raw = 0;
	set(&before);
}

void terminal_end(void)
{
	ssize_t r;

	restore();
	if (guard < 0)
		return;
	r = write(guard, "", 1);	/* nothing is left to be done */
	(void)r;
	close(guard);
	guard = -1;
}

static void on_end(int sig)
{
	restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Somebody stops us: until we go on the terminal is another's. */
static void on_stop(int sig)
{
	int saved = errno;

	(void)sig;
	restore();
	kill(getpid(), SIGSTOP);
	errno = saved;
}

/* Only while it is ours: setting the mode of somebody else's terminal would stop us, or worse. */
static void on_continue(int sig)
{
	int saved = errno;

	(void)sig;
	if (tcgetpgrp(STDIN_FILENO) == getpgrp()) {
		is_raw = 1;
		set(&raw);
	}
	errno = saved;
}

static void catch(int sig, void (*handler)(int))
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	/* What nohup has set to be ignored stays so. */
	if (!sigaction(sig, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(sig, &act, NULL);
}

/* Nobody waits for the guard, and no signal of the terminal's ends it. */
static void stand_guard(int end)
{
	sigset_t all;
	char byte;
	ssize_t n;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	close_range(3, (unsigned int)end - 1, 0);
	close_range((unsigned int)end + 1, ~0U, 0);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	prctl(PR_SET_NAME, "xpv-terminal");
	do
		n = read(end, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		set(&before);
	_exit(0);
}

static bool post_guard(void)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		return false;
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		stand_guard(ends[0]);
	}
	close(ends[0]);
	guard = ends[1];
	if (pid > 0)
		return true;
	close(guard);
	guard = -1;
	return false;
}

bool terminal_begin(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

	if (tcgetattr(STDIN_FILENO, &before) || !post_guard())
		return false;
	raw = before;
	cfmakeraw(&raw);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		catch(ending[i], on_end);
	catch(SIGTSTP, on_stop);
	catch(SIGCONT, on_continue);
	atexit(terminal_end);
	is_raw = 1;
	set(&raw);
	return true;
}
