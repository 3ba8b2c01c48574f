/* SPDX-License-Identifier: MIT */
/*
 * minidom.c - the command line
 *
 * One function a command, found in a table. A command shows exactly one result line (`disks`,
 * `read` and `help` show more), or one error line with what, why and what to do.
 */
#include "minidom.h"
#include "os.h"

#define MAX_ARGS	10
#define TICK_MS		100

struct command {
	const char *name;
	int (*run)(struct minidom *md, int argc, char **argv);
	int min_args, max_args;		/* without the name */
	const char *usage;
	const char *help;
};

static int cmd_disks(struct minidom *md, int argc, char **argv)
{
	(void)argc, (void)argv;
	return md_disk_list(md);
}

static int cmd_sleep(struct minidom *md, int argc, char **argv)
{
	uint64_t seconds, end;

	(void)argc;
	if (md_take_number(md, argv[0], argv[1], &seconds))
		return -1;
	end = pvos_clock(md->os) + seconds * 1000000000ull;
	while (!md->interrupted && pvos_clock(md->os) < end)
		md_idle(md, NULL, TICK_MS);
	return 0;
}

static int cmd_poweroff(struct minidom *md, int argc, char **argv)
{
	(void)argc, (void)argv;
	md->poweroff = true;
	return 0;
}

static int cmd_help(struct minidom *md, int argc, char **argv);
static int cmd_loop(struct minidom *md, int argc, char **argv);

static const struct command commands[] = {
	{ "close", md_cmd_close, 1, 1, "close DEV", "let go of a disk" },
	{ "disks", cmd_disks, 0, 0, "disks", "list the disks" },
	{ "fill", md_cmd_fill, 2, 4, "fill DEV SEED [LBA COUNT]", "write a pattern" },
	{ "flush", md_cmd_flush, 1, 1, "flush DEV", "make what was written durable" },
	{ "help", cmd_help, 0, 0, "help", "this list" },
	{ "loop", cmd_loop, 2, MAX_ARGS, "loop N COMMAND", "repeat (0: until it fails)" },
	{ "open", md_cmd_open, 1, 8, "open DEV [OPTION=VALUE ...]",
	  "use a disk so: order= queues= buffers= persistent= indirect= abi=" },
	{ "poweroff", cmd_poweroff, 0, 0, "poweroff", "close the disks and end" },
	{ "read", md_cmd_read, 3, 3, "read DEV LBA COUNT", "show sectors in hexadecimal" },
	{ "sleep", cmd_sleep, 1, 1, "sleep SECONDS", "do nothing, disks stay open" },
	{ "stress", md_cmd_stress, 3, 5, "stress DEV SEED ROUNDS [LBA COUNT]",
	  "fill and verify with SEED, SEED+1 ..." },
	{ "sum", md_cmd_sum, 1, 3, "sum DEV [LBA COUNT]", "SHA-256, as sha256sum prints it" },
	{ "verify", md_cmd_verify, 2, 4, "verify DEV SEED [LBA COUNT]", "compare with it" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int cmd_help(struct minidom *md, int argc, char **argv)
{
	(void)argc, (void)argv;
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		md_text(md, commands[i].usage);
		md_column(md, 38);
		md_text(md, commands[i].help);
		md_newline(md);
	}
	md_text(md, "DEV is a name (xvda) or a number; LBA and COUNT are in sectors of 512 bytes.");
	md_newline(md);
	return 0;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static int run_words(struct minidom *md, int argc, char **argv)
{
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (!same(c->name, argv[0]))
			continue;
		if (argc - 1 >= c->min_args && argc - 1 <= c->max_args)
			return c->run(md, argc, argv);
		md_error(md, c->name, "");
		md_text(md, "wrong number of arguments; usage: ");
		md_text(md, c->usage);
		return md_error_end(md, "");
	}
	md_error(md, argv[0], "");
	md_text(md, "no such command");
	return md_error_end(md, "'help' lists them");
}

static int cmd_loop(struct minidom *md, int argc, char **argv)
{
	uint64_t n;

	if (md_take_number(md, argv[0], argv[1], &n))
		return -1;
	for (uint64_t i = 0; (!n || i < n) && !md->interrupted && !md->poweroff; i++)
		if (run_words(md, argc - 2, argv + 2))
			return -1;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Cuts a line into words, in place; -1: too many. */
static int split(char *line, char **argv, int max)
{
	int argc = 0;

	for (;;) {
		while (is_blank(*line))
			*line++ = '\0';
		if (!*line)
			return argc;
		if (argc == max)
			return -1;
		argv[argc++] = line;
		while (*line && !is_blank(*line))
			line++;
	}
}

static int run_line(struct minidom *md, char *line)
{
	char *argv[MAX_ARGS];
	int argc = split(line, argv, MAX_ARGS);

	if (argc == 0 || (argc > 0 && argv[0][0] == '#'))
		return 0;
	if (argc > 0)
		return run_words(md, argc, argv);
	md_error(md, argv[0], "");
	md_text(md, "too many words");
	return md_error_end(md, "'help' shows what commands take; ';' separates them");
}

int minidom_run(struct minidom *md, struct md_port *port, struct pv_os *os, bool interactive)
{
	char line[MD_LINE];
	int status = 0;

	md->port = port;
	md->os = os;
	md->interactive = interactive;
	while (!md->poweroff && !md->interrupted && (!status || interactive)) {
		int rc = md_line(port, line, sizeof(line));

		if (rc >= 0)
			status |= run_line(md, line) ? 1 : 0;
		else if (rc == MD_END)
			break;
		else if (rc == MD_EVENT)
			md_idle(md, NULL, 0);
		else
			md->interrupted = true, md->lost = rc == MD_LOST;
	}
	if (md_disk_close_all(md))
		status = 1;
	return interactive ? 0 : status;
}
