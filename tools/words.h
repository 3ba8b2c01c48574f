/* SPDX-License-Identifier: MIT */
/*
 * words.h - lists of words, and a line of text as a shell's words
 */
#ifndef XPV_WORDS_H
#define XPV_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum words_err {
	WORDS_OK,
	WORDS_QUOTE,		/* a quotation is not closed */
	WORDS_BACKSLASH,	/* nothing follows the last backslash */
	WORDS_MEMORY
};

struct words {
	char **argv;		/* ends in NULL, as exec wants it */
	size_t argc;
};

/* Splits text; `first` becomes argv[0]. *words is to be ended by words_fini() either way. */
enum words_err words_split(struct words *words, const char *first, const char *text);
/* Appends a copy of one word; false if memory is short. */
bool words_add(struct words *words, const char *word);
void words_fini(struct words *words);
const char *words_strerror(enum words_err err);

#endif
