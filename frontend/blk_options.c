/* SPDX-License-Identifier: MIT */
/*
 * blk_options.c - a vdisk's options as words of a command line
 *
 * One table for all programs that let their users choose, so that the words mean the same in each.
 */
#include "blk.h"

struct choice {
	const char *word;
	uint32_t value;
};

static const struct choice on_off[] = { { "on", false }, { "off", true }, { NULL, 0 } };
static const struct choice layouts[] = {
	{ "native", PV_BLK_NATIVE }, { "64", PV_BLK_LAYOUT_64 }, { "32", PV_BLK_LAYOUT_32 },
	{ NULL, 0 }
};

enum option { ABI, BUFFERS, INDIRECT, ORDER, PERSISTENT, QUEUES, NR_OPTIONS };

static const struct {
	const char *name;
	const struct choice *choices;	/* NULL: a number */
	uint32_t min, max;
} table[] = {
	[ABI] = { "abi", layouts, 0, 0 },
	[BUFFERS] = { "buffers", NULL, 1, PV_BLK_SLOTS_MAX },
	[INDIRECT] = { "indirect", on_off, 0, 0 },
	[ORDER] = { "order", NULL, 0, PV_BLK_ORDER_MAX },
	[PERSISTENT] = { "persistent", on_off, 0, 0 },
	[QUEUES] = { "queues", NULL, 1, PV_BLK_QUEUES_MAX },
};

_Static_assert(sizeof(table) / sizeof(table[0]) == NR_OPTIONS, "every option has its values");

/* What follows `name` and '=', or NULL if the word does not begin so. */
static const char *value_of(const char *word, const char *name)
{
	while (*name && *word == *name)
		word++, name++;
	return *name == '\0' && *word == '=' ? word + 1 : NULL;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static bool parse(enum option option, const char *text, uint32_t *out)
{
	uint64_t number;
	size_t len = 0;

	for (const struct choice *c = table[option].choices; c && c->word; c++) {
		if (same(text, c->word)) {
			*out = c->value;
			return true;
		}
	}
	while (text[len])
		len++;
	if (table[option].choices || xs_parse_u64(text, len, &number) != XS_OK ||
	    number < table[option].min || number > table[option].max)
		return false;
	*out = (uint32_t)number;
	return true;
}

static void set(struct pv_blk_options *options, enum option option, uint32_t value)
{
	switch (option) {
	case ABI:
		options->layout = (enum pv_blk_layout)value;
		break;
	case BUFFERS:
		options->buffers = (uint16_t)value;
		break;
	case INDIRECT:
		options->no_indirect = value;
		break;
	case ORDER:
		options->ring_order = (uint8_t)value;
		break;
	case PERSISTENT:
		options->no_persistent = value;
		break;
	default:
		options->queues = (uint8_t)value;
		break;
	}
}

int pv_blk_option(struct pv_blk_options *options, const char *word)
{
	for (enum option i = 0; i < NR_OPTIONS; i++) {
		const char *text = value_of(word, table[i].name);
		uint32_t value;

		if (!text)
			continue;
		if (!parse(i, text, &value))
			return PV_EINVAL;
		set(options, i, value);
		return PV_OK;
	}
	return PV_ENOENT;
}
