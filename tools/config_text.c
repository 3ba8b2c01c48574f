/* SPDX-License-Identifier: MIT */
/*
 * config_text.c - the text of a configuration
 *
 * libxlutil gives the value of a name that one asks for, but not the names that are there. To
 * warn of those that nobody asks for, the text is scanned for assignments: a name and '=' or "+="
 * where a statement may begin, outside of quotations, lists and comments.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

#define TEXT_MAX (1 << 20)

static bool append(FILE *out, const char *path)
{
	char buf[4096];
	size_t n, total = 0;
	FILE *in = fopen(path, "re");

	if (!in) {
		tool_error("%s: %s; name a configuration file that you may read", path,
			   strerror(errno));
		return false;
	}
	while ((n = fread(buf, 1, sizeof(buf), in)) && total <= TEXT_MAX) {
		total += n;
		fwrite(buf, 1, n, out);
	}
	n = (size_t)ferror(in);
	if (n)
		tool_error("%s: %s; check the file", path, strerror(errno));
	fclose(in);
	if (!n && total > TEXT_MAX) {
		tool_error("%s: too long for a configuration; name the right file", path);
		return false;
	}
	return !n;
}

char *config_text_load(const char *path, char *const *extra, size_t n)
{
	char *text = NULL;
	struct stat st;
	bool ok = false;
	size_t len;
	FILE *out;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		tool_error("%s: it is a directory; name a configuration file", path);
		return NULL;
	}
	out = open_memstream(&text, &len);
	if (out) {
		ok = append(out, path);
		for (size_t i = 0; i < n; i++)
			fprintf(out, "\n%s", extra[i]);
		fputc('\n', out);
		ok = !fclose(out) && ok;
	}
	if (ok && strlen(text) != len) {
		tool_error("%s: it holds a zero byte; name a text file", path);
		ok = false;
	}
	if (ok)
		return text;
	free(text);
	return NULL;
}

struct cursor {
	const char *p;
	unsigned int line;
};

/* Steps over one lexical element: a comment, a quotation, or a character. */
static void step(struct cursor *c)
{
	char quote = *c->p;

	if (quote == '#') {
		c->p += strcspn(c->p, "\n");
		return;
	}
	c->line += *c->p++ == '\n';
	if (quote != '"' && quote != '\'')
		return;
	for (; *c->p && *c->p != quote; c->p++) {
		if (*c->p == '\\' && c->p[1])
			c->p++;
		c->line += *c->p == '\n';
	}
	if (*c->p)
		c->p++;
}

static void skip_statement(struct cursor *c)
{
	int depth = 0;

	while (*c->p && (depth > 0 || (*c->p != '\n' && *c->p != ';'))) {
		depth += *c->p == '[';
		depth -= *c->p == ']';
		step(c);
	}
	if (*c->p)
		step(c);
}

void config_text_names(const char *text, void (*fn)(const char *name, size_t len,
						    unsigned int line, void *arg), void *arg)
{
	struct cursor c = { .p = text, .line = 1 };

	while (*c.p) {
		const char *name = c.p += strspn(c.p, " \t\r");
		size_t len = 0, blanks;

		while (isalnum((unsigned char)name[len]) || name[len] == '_')
			len++;
		blanks = strspn(name + len, " \t");
		blanks += name[len + blanks] == '+';
		if (len && name[len + blanks] == '=')
			fn(name, len, c.line, arg);
		skip_statement(&c);
	}
}
