/* SPDX-License-Identifier: MIT */
/*
 * text.h - writing and reading small texts without a C library
 *
 * Private to this folder. A writer that runs out of room keeps what fitted, terminated, and
 * remembers: callers append without checking, and ask once at the end.
 */
#ifndef XPV_SCHEMA_TEXT_H
#define XPV_SCHEMA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xs_text {
	char *buf;
	size_t size, len;
	bool full;	/* something did not fit */
};

static inline struct xs_text xs_text_init(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
	return (struct xs_text){ .buf = buf, .size = size };
}

static inline void xs_text_char(struct xs_text *t, char c)
{
	if (t->full || t->len + 1 >= t->size) {
		t->full = true;
		return;
	}
	t->buf[t->len++] = c;
	t->buf[t->len] = '\0';
}

static inline void xs_text_add(struct xs_text *t, const char *s)
{
	while (*s)
		xs_text_char(t, *s++);
}

/* path.c; no division, which 32-bit machines would need a library for */
void xs_text_u64(struct xs_text *t, uint64_t value);

static inline bool xs_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Steps over `s`; false, and *p where it was, if something else stands there. */
static inline bool xs_skip(const char **p, const char *s)
{
	const char *q = *p;

	while (*s)
		if (*q++ != *s++)
			return false;
	*p = q;
	return true;
}

/* Reads a decimal number, at most max, without leading zeros: the one spelling it has. */
static inline bool xs_take_number(const char **p, uint32_t max, unsigned int *out)
{
	const char *q = *p;
	uint64_t value = 0;

	if (!xs_is_digit(*q) || (*q == '0' && xs_is_digit(q[1])))
		return false;
	for (; xs_is_digit(*q); q++) {
		value = value * 10 + (uint64_t)(*q - '0');
		if (value > max)
			return false;
	}
	*out = (unsigned int)value;
	*p = q;
	return true;
}

#endif
