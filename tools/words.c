/* SPDX-License-Identifier: MIT */
/*
 * words.c - a line of text as a shell's words
 *
 * Blanks separate words; '...' and "..." hold blanks; a backslash takes the next character as it
 * is, within "..." only before ", \, $ and `. Nothing is expanded and nothing is run: a $ is a $.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

bool words_add(struct words *words, const char *word)
{
	char **more = realloc(words->argv, (words->argc + 2) * sizeof(*more));

	if (!more)
		return false;
	words->argv = more;
	more[words->argc] = strdup(word);
	if (!more[words->argc])
		return false;
	more[++words->argc] = NULL;
	return true;
}

/* Reads the word that begins at *text into `out`, which has room for all of the text. */
static enum words_err read_word(const char **text, char *out)
{
	const char *p = *text;
	char quote = '\0';

	for (; *p && (quote || !strchr(BLANKS, *p)); p++) {
		if (quote && *p == quote) {
			quote = '\0';
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && quote != '\'') {
			if (!p[1])
				return WORDS_BACKSLASH;
			if (!quote || strchr("\"\\$`", p[1]))
				p++;
			*out++ = *p;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
	*text = p;
	return quote ? WORDS_QUOTE : WORDS_OK;
}

enum words_err words_split(struct words *words, const char *first, const char *text)
{
	enum words_err err = WORDS_MEMORY;
	char *buf = malloc(strlen(text) + 1);

	*words = (struct words) { .argv = NULL };
	if (!buf || !words_add(words, first))
		goto out;
	err = WORDS_OK;
	for (text += strspn(text, BLANKS); !err && *text; text += strspn(text, BLANKS)) {
		err = read_word(&text, buf);
		if (!err && !words_add(words, buf))
			err = WORDS_MEMORY;
	}
out:
	free(buf);
	return err;
}

void words_fini(struct words *words)
{
	for (size_t i = 0; i < words->argc; i++)
		free(words->argv[i]);
	free(words->argv);
	*words = (struct words) { .argv = NULL };
}

const char *words_strerror(enum words_err err)
{
	static const char *const texts[] = {
		[WORDS_OK] = "no error",
		[WORDS_QUOTE] = "a quotation is not closed",
		[WORDS_BACKSLASH] = "nothing follows the last backslash",
		[WORDS_MEMORY] = "out of memory",
	};

	return texts[err];
}
