/* SPDX-License-Identifier: MIT */
/*
 * main.c - the verbs of xpv
 *
 * Finds the verb, moves into the simulator's environment if one is running, and calls the verb.
 * What can be said about a verb without running it stands in the table below; its -h text stands
 * beside its code.
 */
#include <stdio.h>
#include <string.h>

#include "sim.h"
#include "tool.h"

#define XPV_VERSION "0.1.0"

static const struct verb verbs[] = {
	{ "block-attach", cmd_block_attach, "DOM SPEC...", "give a guest a disk", false },
	{ "block-detach", cmd_block_detach, "DOM DEV [--force]", "take it away again", false },
	{ "block-limit", cmd_block_limit, "DOM DEV [LIMIT...]", "how fast it may be used", false },
	{ "block-list", cmd_block_list, "DOM...", "the disks of guests", false },
	{ "block-pause", cmd_block_pause, "DOM DEV", "leave its requests where they are", false },
	{ "block-resize", cmd_block_resize, "DOM DEV [SIZE]", "make it larger, in use", false },
	{ "block-unpause", cmd_block_unpause, "DOM DEV", "take them again", false },
	{ "cd-eject", cmd_cd_eject, "DOM DEV", "take the medium out of a drive", false },
	{ "cd-insert", cmd_cd_insert, "DOM DEV TARGET", "put a medium into a drive", false },
	{ "check", cmd_check, "[DOM]", "why is a device stuck? lint the store", false },
	{ "console", cmd_console, "DOM [-r] [--take] [-n N]", "sit at a guest's console", false },
	{ "console-list", cmd_console_list, "DOM...", "the consoles of guests", false },
	{ "console-log", cmd_console_log, "DOM [-f] [--since T]", "what it has said", false },
	{ "create", cmd_create, "CFG [-c] [-p] [K=V...]", "create a guest from a file", false },
	{ "destroy", cmd_destroy, "DOM", "end a guest at once", false },
	{ "list", cmd_list, "[DOM]", "the guests", false },
	{ "pause", cmd_pause, "DOM", "stop a guest's processors", false },
	{ "restart", cmd_restart, "[DOM] [CLASS]", "replace backend workers under load", false },
	{ "schema", cmd_schema, "[--markdown]", "every xenstore key of every device", true },
	{ "shutdown", cmd_shutdown, "DOM", "ask a guest to power off", false },
	{ "sim", cmd_sim, "start|stop|status|run", "the simulator, instead of Xen", false },
	{ "stats", cmd_stats, "[DOM [DEV]]", "what the backends have counted", false },
	{ "top", cmd_top, "[-d SECONDS] [-n COUNT]", "the busiest disks, live", false },
	{ "unpause", cmd_unpause, "DOM", "let them go on", false },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(void)
{
	printf("usage: xpv [-v] VERB [ARGUMENT...]\n\n");
	for (size_t i = 0; i < VERBS; i++)
		printf("  %-13s %-23s %s\n", verbs[i].name, verbs[i].usage, verbs[i].summary);
	printf("\nEach verb takes -h, -v and --json.\n"
	       "DOM is a guest's name or number. Exit status: 0 done, 1 failed, 2 bad usage.\n");
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t min = a < b ? a : b;

	return min < c ? min : c;
}

/* Edit distance by insertion, deletion and substitution; long words are as good as unequal. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(b), row[32];

	if (n >= sizeof(row) / sizeof(row[0]))
		return n;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; *a; a++, i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (*a != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

/* The verb that was probably meant: close in spelling, or one that starts or ends like it. */
static const char *suggest(const char *word)
{
	size_t best = 3, len = strlen(word);
	const char *found = NULL;

	for (size_t i = 0; i < VERBS; i++) {
		size_t d = distance(verbs[i].name, word);
		const char *dash = strchr(verbs[i].name, '-');

		if (len >= 3 && (!strncmp(verbs[i].name, word, len) ||
				 (dash && !strcmp(dash + 1, word))))
			d = 1;
		if (d < best) {
			best = d;
			found = verbs[i].name;
		}
	}
	return found;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int unknown_verb(const char *word)
{
	const char *meant = suggest(word);

	if (meant)
		tool_error("%s: no such verb; did you mean '%s'? 'xpv -h' lists them", word, meant);
	else
		tool_error("%s: no such verb; 'xpv -h' lists them", word);
	return TOOL_USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "-h") || !strcmp(argv[at], "--help")) {
			print_help();
			return tool_flush();
		}
		if (!strcmp(argv[at], "--version")) {
			printf("xpv %s\n", XPV_VERSION);
			return tool_flush();
		}
		if (strcmp(argv[at], "-v")) {
			tool_error("%s: no such option; 'xpv -h' shows the usage", argv[at]);
			return TOOL_USAGE;
		}
		tool_verbose = true;
	}
	if (at == argc) {
		tool_error("no verb was given; 'xpv -h' lists them");
		return TOOL_USAGE;
	}
	verb = find_verb(argv[at]);
	if (!verb)
		return unknown_verb(argv[at]);
	if (!verb->offline && sim_enter(argv))
		return TOOL_FAILED;
	return verb->fn(argc - at, argv + at);
}
