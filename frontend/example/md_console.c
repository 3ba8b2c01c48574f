/* SPDX-License-Identifier: MIT */
/*
 * md_console.c - minidom's command line on a Xen console
 *
 * At the other end sits somebody with a terminal, in raw mode: what is typed is shown from here, a
 * line is edited here, and a newline needs a carriage return. Or a pipe, which pastes many lines at
 * a time; what does not fit the page waits at the other end.
 *
 * Nobody may be there at all. Output then waits a second for each piece that does not fit, and
 * once it has waited in vain it is dropped, until somebody takes bytes again: a console that
 * nobody reads does not stop the guest.
 */
#include "minidom.h"
#include "os.h"

#define PATIENCE_NS	1000000000ull
#define TURN_MS		100

enum { BREAK = 3, BACKSPACE = 8, ERASE_LINE = 21, DELETE = 127 };

void md_console_init(struct md_console *c, struct md_port *port, struct pv_os *os,
		     struct pv_console *con)
{
	*c = (struct md_console){ .port = port, .os = os, .con = con };
}

static void look_after(struct md_console *c)
{
	pv_console_kick(c->con);
	if (pv_console_wants_step(c->con))
		pv_console_step(c->con);
}

/* Sleeps until the backend may have taken something; false: it does not, or we are to end. */
static bool wait_for_room(struct md_console *c, uint64_t end)
{
	look_after(c);
	if (c->deaf || pvos_clock(c->os) >= end)
		return false;
	return pv_console_arm(c->con) || md_wait(c->port, TURN_MS) == MD_OK;
}

/* All of it, or as much as somebody takes. */
static void put_bytes(struct md_console *c, const char *text, size_t len)
{
	uint64_t end = pvos_clock(c->os) + PATIENCE_NS;

	while (len) {
		int n = pv_console_write(c->con, text, len);

		if (n < 0)
			return;
		if (n > 0) {
			c->deaf = false;
			end = pvos_clock(c->os) + PATIENCE_NS;
			text += n;
			len -= (size_t)n;
		} else if (!wait_for_room(c, end)) {
			c->deaf = true;
			return;
		}
	}
}

void md_console_put(struct md_console *c, const char *text, size_t len)
{
	for (size_t i = 0, end; i < len; i = end) {
		for (end = i; end < len && text[end] != '\n'; end++)
			;
		put_bytes(c, text + i, end - i);
		if (end < len) {
			put_bytes(c, "\r\n", 2);
			end++;
		}
	}
	look_after(c);
}

void md_console_drain(struct md_console *c)
{
	uint64_t end = pvos_clock(c->os) + PATIENCE_NS;
	size_t left = pv_console_unsent(c->con), before = left;

	for (; left && !c->deaf; before = left) {
		look_after(c);
		if (pvos_clock(c->os) >= end || md_wait(c->port, TURN_MS) == MD_LOST)
			return;
		left = pv_console_unsent(c->con);
		if (left < before)
			end = pvos_clock(c->os) + PATIENCE_NS;
	}
}

/*
 * Editing
 */

/* The last character, which may be several bytes of UTF-8. */
static void erase_character(struct md_console *c)
{
	if (!c->len)
		return;
	while (c->len && ((unsigned char)c->line[--c->len] & 0xc0) == 0x80)
		;
	put_bytes(c, "\b \b", 3);
}

static void add_byte(struct md_console *c, char byte)
{
	if (c->len == sizeof(c->line) - 1) {
		put_bytes(c, "\a", 1);
		return;
	}
	c->line[c->len++] = byte;
	put_bytes(c, &byte, 1);
}

static void abandon_line(struct md_console *c)
{
	c->len = 0;
	c->prompted = false;
	put_bytes(c, "^C\r\n", 4);
}

/* True: the line is whole. */
static bool take_byte(struct md_console *c, char byte)
{
	bool after_return = c->after_return;

	c->after_return = byte == '\r';
	if (byte == '\r' || (byte == '\n' && !after_return))
		return true;
	if (byte == BACKSPACE || byte == DELETE)
		erase_character(c);
	else if (byte == ERASE_LINE)
		while (c->len)
			erase_character(c);
	else if (byte == BREAK)
		abandon_line(c);
	else if (byte == '\t' || (unsigned char)byte >= ' ')
		add_byte(c, byte == '\t' ? ' ' : byte);
	return false;
}

static bool have_byte(struct md_console *c)
{
	int n;

	if (c->in_at < c->in_len)
		return true;
	n = pv_console_read(c->con, c->in, sizeof(c->in));
	c->in_at = 0;
	c->in_len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static int finish_line(struct md_console *c, char *buf, size_t size)
{
	size_t len = c->len < size ? c->len : size - 1;

	put_bytes(c, "\r\n", 2);
	for (size_t i = 0; i < len; i++)
		buf[i] = c->line[i];
	buf[len] = '\0';
	c->len = 0;
	c->prompted = false;
	look_after(c);
	return (int)len;
}

int md_console_line(struct md_console *c, char *buf, size_t size)
{
	static const char prompt[] = "minidom> ";

	do {
		if (!c->prompted)
			put_bytes(c, prompt, sizeof(prompt) - 1);
		c->prompted = true;
		if (!have_byte(c)) {
			look_after(c);
			return MD_EVENT;
		}
	} while (!take_byte(c, c->in[c->in_at++]));
	return finish_line(c, buf, size);
}
