/* SPDX-License-Identifier: MIT */
/*
 * options.c - a verb's command line
 *
 * A thin table over getopt_long(): a verb names its options and where their values go, and gets
 * -h, --help, -v and one-line errors with it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define MAX_OPTS 16
#define MAX_SECONDS 86400
#define MAX_COUNT 1000000
#define FIRST_LONG 256	/* values of options that have no letter */

struct parser {
	struct option longs[MAX_OPTS + 3];
	char shorts[2 * MAX_OPTS + 4];
};

static void parser_init(struct parser *p, const struct opt *opts)
{
	size_t n = 0, len = 0;

	p->shorts[len++] = ':';	/* tell a missing argument from an unknown option */
	p->shorts[len++] = 'h';
	p->shorts[len++] = 'v';
	for (; opts[n].name && n < MAX_OPTS; n++) {
		bool arg = opts[n].kind != OPT_FLAG;

		p->longs[n] = (struct option) {
			.name = opts[n].name,
			.has_arg = arg ? required_argument : no_argument,
			.val = FIRST_LONG + (int)n,
		};
		if (!opts[n].letter)
			continue;
		p->shorts[len++] = opts[n].letter;
		if (arg)
			p->shorts[len++] = ':';
	}
	p->shorts[len] = '\0';
	p->longs[n++] = (struct option) { .name = "help", .val = 'h' };
	p->longs[n++] = (struct option) { .name = "verbose", .val = 'v' };
	p->longs[n] = (struct option) { .name = NULL };
}

static const struct opt *find_opt(const struct opt *opts, int val)
{
	if (val >= FIRST_LONG)
		return &opts[val - FIRST_LONG];
	for (; opts->name; opts++)
		if (opts->letter == val)
			return opts;
	return NULL;
}

static bool opt_store(const char *verb, const struct opt *opt, const char *arg)
{
	uint64_t seconds, count;

	switch (opt->kind) {
	case OPT_FLAG:
		*(bool *)opt->into = true;
		return true;
	case OPT_TEXT:
		*(const char **)opt->into = arg;
		return true;
	case OPT_SECONDS:
		if (xs_parse_u64(arg, strlen(arg), &seconds) || seconds > MAX_SECONDS) {
			tool_usage(verb, "--%s %s: not a number of seconds, 0 to %d", opt->name,
				   arg, MAX_SECONDS);
			return false;
		}
		*(unsigned int *)opt->into = (unsigned int)seconds;
		return true;
	case OPT_COUNT:
		if (xs_parse_u64(arg, strlen(arg), &count) || count == 0 || count > MAX_COUNT) {
			tool_usage(verb, "--%s %s: not a number, 1 to %d", opt->name, arg,
				   MAX_COUNT);
			return false;
		}
		*(unsigned int *)opt->into = (unsigned int)count;
		return true;
	}
	return false;
}

bool tool_size(const char *text, size_t len, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit = len ? memchr(units, text[len - 1], sizeof(units) - 1) : NULL;

	if (xs_parse_u64(text, unit ? len - 1 : len, bytes) != XS_OK || *bytes == 0)
		return false;
	for (const char *u = units; unit && u <= unit; u++) {
		if (*bytes > INT64_MAX / 1024)
			return false;
		*bytes *= 1024;
	}
	return *bytes <= INT64_MAX;
}

bool tool_options(int argc, char **argv, const char *usage, const struct opt *opts, int *first)
{
	const struct opt *opt;
	struct parser p;
	int c;

	parser_init(&p, opts);
	opterr = 0;
	optind = 0;	/* glibc: start anew, also its permutation */
	while ((c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) >= 0) {
		if (c == 'v') {
			tool_verbose = true;
			continue;
		}
		if (c == 'h') {
			printf("usage: %s", usage);
			*first = tool_flush();
			return false;
		}
		*first = TOOL_USAGE;
		if (c == ':') {
			tool_usage(argv[0], "%s needs an argument", argv[optind - 1]);
			return false;
		}
		opt = c == '?' ? NULL : find_opt(opts, c);
		if (!opt) {
			if (optopt > 0 && optopt < FIRST_LONG)
				tool_usage(argv[0], "-%c: no such option", optopt);
			else
				tool_usage(argv[0], "%s: no such option, or it takes no argument",
					   argv[optind - 1]);
			return false;
		}
		if (!opt_store(argv[0], opt, optarg))
			return false;
	}
	*first = optind;
	return true;
}
