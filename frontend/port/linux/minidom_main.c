/* SPDX-License-Identifier: MIT */
/*
 * minidom_main.c - minidom as a Linux process
 *
 * The arguments, joined by blanks, are commands separated by ';' (as a domain's `extra=` gives
 * them). Without arguments commands come from the standard input, with a prompt if it is a
 * terminal; then disks are looked after while it waits for a line. If there is nothing to come from
 * there (/dev/null, as for a simulated domain's kernel), the domain's console is the terminal.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "guest.h"
#include "linux_os.h"
#include "minidom.h"

struct md_port {
	struct guest *guest;
	struct pv_console *con;		/* NULL: standard input and output */
	struct md_console line;
	_Alignas(16) unsigned char con_memory[PV_CONSOLE_BYTES];
	char *commands;			/* what is left of the arguments; NULL: standard input */
	bool prompt, prompted;
	bool eof;
	size_t len;			/* of input[] */
	char input[4096];
};

static const char usage[] =
	"usage: minidom [-v] [COMMAND [; COMMAND ...]]\n"
	"Runs commands on this domain's disks; from standard input if there are none, or,\n"
	"if that is /dev/null, from the domain's console, where the simulator gives it one.\n"
	"'minidom help' lists them. Exit status: 0, or 1 after the first that failed.\n";

static void put_out(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t r = write(fd, text, len);

		if (r < 0 && errno != EINTR)
			return;		/* nobody listens; the exit status tells */
		if (r > 0) {
			text += r;
			len -= (size_t)r;
		}
	}
}

void md_put(struct md_port *port, bool error, const char *text, size_t len)
{
	if (port->con)
		md_console_put(&port->line, text, len);
	else
		put_out(error ? STDERR_FILENO : STDOUT_FILENO, text, len);
}

/* The text up to the separator, cut to fit; returns what follows it. */
static const char *copy_command(char *buf, size_t size, const char *text, char separator,
				size_t *len)
{
	const char *end = strchrnul(text, separator);

	*len = (size_t)(end - text) < size - 1 ? (size_t)(end - text) : size - 1;
	memcpy(buf, text, *len);
	buf[*len] = '\0';
	return *end ? end + 1 : end;
}

static int next_argument(struct md_port *port, char *buf, size_t size)
{
	size_t len;

	if (!*port->commands)
		return MD_END;
	port->commands = (char *)copy_command(buf, size, port->commands, ';', &len);
	return (int)len;
}

/* A line that was read already; -1: none. */
static int buffered_line(struct md_port *port, char *buf, size_t size)
{
	char *newline = memchr(port->input, '\n', port->len);
	size_t used, len;

	if (!newline && !(port->eof && port->len) && port->len < sizeof(port->input) - 1)
		return -1;
	used = newline ? (size_t)(newline - port->input) + 1 : port->len;
	port->input[newline ? used - 1 : used] = '\0';
	copy_command(buf, size, port->input, '\0', &len);
	port->len -= used;
	memmove(port->input, port->input + used, port->len);
	port->prompted = false;
	return (int)len;
}

static void read_input(struct md_port *port)
{
	ssize_t r = read(STDIN_FILENO, port->input + port->len,
			 sizeof(port->input) - 1 - port->len);

	if (r > 0)
		port->len += (size_t)r;
	else if (r == 0 || errno != EINTR)
		port->eof = true;
}

/* As guest_sleep(). A signal may have come while output waited for room, and still counts. */
static int sleep_on(struct md_port *port, int timeout_ms, int fd, bool *input)
{
	int rc = guest_sleep(port->guest, timeout_ms, fd);

	if (rc < 0)
		return MD_LOST;
	*input = rc & GUEST_INPUT;
	return guest_interrupted(port->guest) ? MD_INTERRUPTED : MD_OK;
}

static int console_line(struct md_port *port, char *buf, size_t size)
{
	bool input;
	int rc = md_console_line(&port->line, buf, size);

	if (rc != MD_EVENT)
		return rc;
	rc = sleep_on(port, pv_console_arm(port->con) ? 0 : 1000, -1, &input);
	return rc ? rc : MD_EVENT;
}

int md_line(struct md_port *port, char *buf, size_t size)
{
	bool input;
	int rc;

	if (port->commands)
		return next_argument(port, buf, size);
	if (port->con)
		return console_line(port, buf, size);
	rc = buffered_line(port, buf, size);
	if (rc >= 0)
		return rc;
	if (port->eof)
		return MD_END;
	if (port->prompt && !port->prompted)
		md_put(port, false, "minidom> ", 9);
	port->prompted = true;
	rc = sleep_on(port, 1000, STDIN_FILENO, &input);
	if (rc)
		return rc;
	if (input)
		read_input(port);
	return MD_EVENT;
}

int md_wait(struct md_port *port, unsigned int timeout_ms)
{
	bool input;

	return sleep_on(port, (int)timeout_ms, -1, &input);
}

static bool nothing_to_read(void)
{
	struct stat st;

	return !fstat(STDIN_FILENO, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static void find_console(struct md_port *port)
{
	struct pv_os *os = guest_os(port->guest);
	uint32_t evtchn;
	void *page = linux_os_primary_console(os, &evtchn);

	if (!page)
		return;
	port->con = pv_console_init_primary(port->con_memory, os, page, evtchn);
	md_console_init(&port->line, port, os, port->con);
}

static char *join(char **argv)
{
	size_t size = 1;
	char *text, *end;

	for (char **arg = argv; *arg; arg++)
		size += strlen(*arg) + 1;
	text = end = malloc(size);
	if (!text)
		return NULL;
	*end = '\0';
	for (char **arg = argv; *arg; arg++) {
		end = stpcpy(end, *arg);
		end = stpcpy(end, arg[1] ? " " : "");
	}
	return text;
}

static int run(struct guest *guest, char **argv)
{
	struct minidom *md = aligned_alloc(16, sizeof(*md));
	struct md_port port = { .guest = guest };
	char *commands = *argv ? join(argv) : NULL;
	int status = 1;

	port.commands = commands;
	if (!commands && nothing_to_read())
		find_console(&port);
	port.prompt = !commands && (port.con || isatty(STDIN_FILENO));
	if (md && (commands || !*argv)) {
		memset(md, 0, sizeof(*md));
		status = minidom_run(md, &port, guest_os(guest), port.prompt);
		if (port.con)
			md_console_drain(&port.line);
	} else {
		fprintf(stderr, "minidom: out of memory; give the domain more\n");
	}
	free(commands);
	guest_close(guest);	/* before md goes: the backend may still reach its pages */
	free(md);
	return status;
}

int main(int argc, char **argv)
{
	struct guest_options options = { .catch_signals = true };
	struct guest *guest;
	const char *why;
	int option;

	while ((option = getopt(argc, argv, "+hv")) != -1) {
		switch (option) {
		case 'v':
			options.verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	guest = guest_open(&options, &why);
	if (!guest) {
		fprintf(stderr, "minidom: cannot open %s: %s; run it in a Xen guest, or by "
			"'xpv sim run --dom DOM'\n", why, strerror(errno));
		return 1;
	}
	return run(guest, argv + optind);
}
