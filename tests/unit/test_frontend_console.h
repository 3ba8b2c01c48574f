/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_console.h - a console in a fake domain, and the other end of its page by hand
 *
 * The backend's end is written out here byte by byte, not with ring/stream.h, so that a fault there
 * does not cancel itself out.
 */
#ifndef XPV_TEST_FRONTEND_CONSOLE_H
#define XPV_TEST_FRONTEND_CONSOLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakedom.h"
#include "stream.h"

#define CONSOLE_PORT	5

struct console_rig {
	_Alignas(16) unsigned char memory[PV_CONSOLE_BYTES];
	struct pv_os *os;
	struct pv_console *con;
	struct stream_console *page;	/* the primary's; or what the backend has found */
};

/* The backend takes at most max bytes; how many there were. */
static inline size_t page_take(struct stream_console *page, void *to, size_t max)
{
	size_t n = 0;

	assert_in_range(page->out_prod - page->out_cons, 0, PV_CONSOLE_OUT);
	while (n < max && page->out_cons != page->out_prod)
		((uint8_t *)to)[n++] = page->out[page->out_cons++ % PV_CONSOLE_OUT];
	return n;
}

/* The backend puts as many of them in as fit; how many. */
static inline size_t page_type(struct stream_console *page, const void *from, size_t len)
{
	size_t n = 0;

	while (n < len && page->in_prod - page->in_cons < PV_CONSOLE_IN)
		page->in[page->in_prod++ % PV_CONSOLE_IN] = ((const uint8_t *)from)[n++];
	return n;
}

static inline void expect_output(struct stream_console *page, const char *text)
{
	char got[PV_CONSOLE_OUT + 1];

	got[page_take(page, got, PV_CONSOLE_OUT)] = '\0';
	assert_string_equal(got, text);
}

static inline void expect_input(struct pv_console *con, const char *text)
{
	char got[PV_CONSOLE_IN + 1];
	int n = pv_console_read(con, got, PV_CONSOLE_IN);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static inline int write_text(struct pv_console *con, const char *text)
{
	return pv_console_write(con, text, strlen(text));
}

#endif
