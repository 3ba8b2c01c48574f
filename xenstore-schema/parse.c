/* SPDX-License-Identifier: MIT */
/*
 * parse.c - texts from xenstore, turned into values or refused
 *
 * Whoever may write a key may write anything into it, and xenstore values have no terminator.
 * Each parser therefore looks at exactly `len` bytes, accepts one spelling, and leaves *out alone
 * unless the value is good. The ranges are the table's: no parser knows a key.
 */
#include "schema.h"

#include "text.h"

static const char *const err_texts[] = {
	[XS_OK] = "is valid",
	[XS_EEMPTY] = "is empty",
	[XS_ESYNTAX] = "is malformed",
	[XS_ERANGE] = "is out of range",
	[XS_ETOOLONG] = "is too long",
};
_Static_assert(sizeof(err_texts) / sizeof(err_texts[0]) == XS_ECOUNT, "one a code");

const char *xs_strerror(enum xs_err err)
{
	return err < XS_ECOUNT ? err_texts[err] : "is invalid";
}

enum xs_err xs_parse_u64(const char *text, size_t len, uint64_t *out)
{
	uint64_t value = 0;

	if (!len)
		return XS_EEMPTY;
	for (size_t i = 0; i < len; i++)
		if (!xs_is_digit(text[i]))
			return XS_ESYNTAX;
	if (len > 20)	/* the digits of UINT64_MAX */
		return XS_ERANGE;
	for (size_t i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (value > UINT64_MAX / 10 ||
		    (value == UINT64_MAX / 10 && digit > UINT64_MAX % 10))
			return XS_ERANGE;
		value = value * 10 + digit;
	}
	*out = value;
	return XS_OK;
}

static enum xs_err parse_number(const struct xs_key *key, const char *text, size_t len,
				uint64_t *out)
{
	uint64_t value;
	enum xs_err err = xs_parse_u64(text, len, &value);

	if (err)
		return err;
	if (value < key->min || value > key->max)
		return XS_ERANGE;
	*out = value;
	return XS_OK;
}

static enum xs_err parse_choice(const struct xs_key *key, const char *text, size_t len,
				uint64_t *out)
{
	const char *word = key->choices;

	for (uint64_t index = 0; ; index++) {
		size_t n = 0;

		while (n < len && word[n] && word[n] != '|' && word[n] == text[n])
			n++;
		if (n == len && (!word[n] || word[n] == '|')) {
			*out = index;
			return XS_OK;
		}
		while (*word && *word != '|')
			word++;
		if (!*word++)
			return len ? XS_ERANGE : XS_EEMPTY;
	}
}

/* Bytes from 0x80 on are let through: file names may be in any encoding. */
static enum xs_err parse_text(const struct xs_key *key, const char *text, size_t len,
			      uint64_t *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			return XS_ESYNTAX;
	}
	if (len < key->min || len > key->max)
		return len ? XS_ERANGE : XS_EEMPTY;
	*out = len;
	return XS_OK;
}

static bool is_path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || xs_is_digit(c) ||
	       c == '-' || c == '_' || c == '@';
}

/* As xenstored itself takes node names: no empty component, no slash at the end. */
static enum xs_err parse_path(const struct xs_key *key, const char *text, size_t len,
			      uint64_t *out)
{
	if (!len)
		return XS_EEMPTY;
	if (text[0] != '/' || text[len - 1] == '/')
		return XS_ESYNTAX;
	for (size_t i = 1; i < len; i++)
		if (text[i] == '/' ? text[i - 1] == '/' : !is_path_char(text[i]))
			return XS_ESYNTAX;
	if (len < key->min || len > key->max)
		return XS_ERANGE;
	*out = len;
	return XS_OK;
}

static enum xs_err parse_message(const struct xs_key *key, const char *text, size_t len,
				 uint64_t *out)
{
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			return XS_ESYNTAX;
	if (len < key->min || len > key->max)
		return len ? XS_ERANGE : XS_EEMPTY;
	*out = len;
	return XS_OK;
}

static const struct {
	enum xs_err (*parse)(const struct xs_key *key, const char *text, size_t len, uint64_t *out);
	const char *words;	/* what such a value is called; NULL: see xs_describe */
} types[] = {
	[XS_UINT] = { parse_number, "a number from " },
	[XS_BOOL] = { parse_number, NULL },
	[XS_STATE] = { parse_number, "a xenbus state from " },
	[XS_DOMID] = { parse_number, "a domain id from " },
	[XS_GREF] = { parse_number, "a grant reference from " },
	[XS_PORT] = { parse_number, "an event channel port from " },
	[XS_CHOICE] = { parse_choice, NULL },
	[XS_TEXT] = { parse_text, NULL },
	[XS_PATH] = { parse_path, NULL },
	[XS_MESSAGE] = { parse_message, NULL },
};
_Static_assert(sizeof(types) / sizeof(types[0]) == XS_VALUE_TYPES, "one row a type");

enum xs_err xs_parse_key(const struct xs_key *key, const char *text, size_t len, uint64_t *out)
{
	uint64_t value;
	enum xs_err err = types[key->type].parse(key, text, len, &value);

	if (!err && out)
		*out = value;
	return err;
}

enum xs_err xs_parse(enum xs_key_id id, const char *text, size_t len, uint64_t *out)
{
	return xs_parse_key(&xs_keys[id], text, len, out);
}

uint64_t xs_default(enum xs_key_id id)
{
	const char *dflt = xs_keys[id].dflt;
	uint64_t value = 0;
	size_t len = 0;

	if (!dflt)
		return 0;
	while (dflt[len])
		len++;
	xs_parse(id, dflt, len, &value);
	return value;
}

static void describe_choices(struct xs_text *t, const char *choices)
{
	xs_text_add(t, "one of ");
	for (const char *p = choices; *p; p++) {
		if (*p != '|')
			xs_text_char(t, *p);
		else
			xs_text_add(t, p[1] ? ", " : ", or nothing");
	}
}

void xs_describe(const struct xs_key *key, char *buf, size_t size)
{
	struct xs_text t = xs_text_init(buf, size);

	switch (key->type) {
	case XS_BOOL:
		xs_text_add(&t, "0 or 1");
		break;
	case XS_CHOICE:
		describe_choices(&t, key->choices);
		break;
	case XS_TEXT:
		xs_text_u64(&t, key->min);
		xs_text_add(&t, " to ");
		xs_text_u64(&t, key->max);
		xs_text_add(&t, " bytes of text without control characters");
		break;
	case XS_PATH:
		xs_text_add(&t, "an absolute xenstore path of at most ");
		xs_text_u64(&t, key->max);
		xs_text_add(&t, " bytes");
		break;
	case XS_MESSAGE:
		xs_text_add(&t, "a message of at most ");
		xs_text_u64(&t, key->max);
		xs_text_add(&t, " bytes");
		break;
	default:
		xs_text_add(&t, types[key->type].words);
		xs_text_u64(&t, key->min);
		xs_text_add(&t, " to ");
		xs_text_u64(&t, key->max);
		break;
	}
}
