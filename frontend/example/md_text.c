/* SPDX-License-Identifier: MIT */
/*
 * md_text.c - lines of text without a C library
 *
 * A line is put together in a buffer and shown as a whole, so that lines of two guests that share
 * a log do not mix. A longer line is shown in pieces.
 */
#include "minidom.h"
#include "schema.h"

static void flush(struct minidom *md, bool error)
{
	md_put(md->port, error, md->out, md->out_len);
	md->out_len = 0;
}

void md_char(struct minidom *md, char c)
{
	if (md->out_len == sizeof(md->out))
		flush(md, false);
	md->out[md->out_len++] = c;
}

void md_text(struct minidom *md, const char *text)
{
	while (*text)
		md_char(md, *text++);
}

void md_number(struct minidom *md, uint64_t value)
{
	char text[24];

	xs_format_u64(text, sizeof(text), value);
	md_text(md, text);
}

void md_hex(struct minidom *md, uint64_t value, unsigned int digits)
{
	while (digits--)
		md_char(md, "0123456789abcdef"[value >> (4 * digits) & 15]);
}

void md_column(struct minidom *md, size_t column)
{
	do
		md_char(md, ' ');
	while (md->out_len < column && md->out_len < sizeof(md->out));
}

void md_newline(struct minidom *md)
{
	md_char(md, '\n');
	flush(md, false);
}

void md_error(struct minidom *md, const char *command, const char *what)
{
	md->out_len = 0;
	md_text(md, "minidom: ");
	md_text(md, command);
	if (*what) {
		md_char(md, ' ');
		md_text(md, what);
	}
	md_text(md, ": ");
}

int md_error_end(struct minidom *md, const char *remedy)
{
	if (*remedy) {
		md_text(md, "; ");
		md_text(md, remedy);
	}
	md_char(md, '\n');
	flush(md, true);
	return -1;
}
