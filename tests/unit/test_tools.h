/* SPDX-License-Identifier: MIT */
/*
 * test_tools.h - what the tests of the toolstack share: cmocka, and what was printed
 */
#ifndef XPV_TEST_TOOLS_H
#define XPV_TEST_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Between begin and end a descriptor writes into `text`. */
struct capture {
	int fd, saved;
	FILE *file;
	char text[8192];
};

static inline void capture_begin(struct capture *c, int fd)
{
	c->fd = fd;
	fflush(NULL);
	c->file = tmpfile();
	assert_non_null(c->file);
	c->saved = dup(fd);
	assert_true(c->saved >= 0 && dup2(fileno(c->file), fd) >= 0);
}

static inline const char *capture_end(struct capture *c)
{
	size_t n;

	fflush(NULL);
	assert_true(dup2(c->saved, c->fd) >= 0);
	close(c->saved);
	rewind(c->file);
	n = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[n] = '\0';
	fclose(c->file);
	return c->text;
}

/* An error is one line, and it says so much. */
static inline void assert_one_line(const char *text, const char *part)
{
	const char *end = strchr(text, '\n');

	if (!end || end[1] || strncmp(text, "xpv: ", 5) || !strstr(text, part))
		fail_msg("not one line with '%s': '%s'", part, text);
}

#endif
