/* SPDX-License-Identifier: MIT */
/*
 * limit.c - the limits of a disk, as words and as keys of the store
 *
 * The words are the same in a disk specification and on the command line of block-limit. What a
 * number may be is the schema's to say. The keys stand in the backend's directory alone, where they
 * can be changed while the disk is in use; libxl's record has what a disk is, not how it is used.
 */
#include "limit.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	enum xs_key_id rate, burst;
	bool bytes;		/* units may be used */
} rows[LIMITS] = {
	[LIMIT_IOPS] = { "iops=", XS_B_LIMIT_IOPS, XS_B_LIMIT_IOPS_BURST, false },
	[LIMIT_BPS] = { "bps=", XS_B_LIMIT_BPS, XS_B_LIMIT_BPS_BURST, true },
};

/* A number that its key takes; units are for sizes. */
static bool take_number(enum xs_key_id id, bool bytes, const char *p, size_t len, uint64_t *out)
{
	char digits[24];
	uint64_t value;

	if (bytes ? !tool_size(p, len, &value) : xs_parse_u64(p, len, &value) != XS_OK)
		return false;
	xs_format_u64(digits, sizeof(digits), value);
	return xs_parse(id, digits, strlen(digits), out) == XS_OK;
}

static int refuse(enum xs_key_id id, bool bytes, const char *word, size_t len, const char *what,
		  char *why, size_t size)
{
	char accepted[96];

	xs_describe(xs_key(id), accepted, sizeof(accepted));
	snprintf(why, size, "'%.*s': its %s must be %s%s", (int)len, word, what, accepted,
		 bytes ? ", with K, M, G or T if you like" : "");
	return -1;
}

int limits_take(struct limits *limits, const char *word, size_t len, char *why, size_t size)
{
	size_t prefix, digits;
	const char *p;
	unsigned int i = 0;

	while (i < LIMITS && strncmp(word, rows[i].word, strlen(rows[i].word)) != 0)
		i++;
	if (i == LIMITS || len < strlen(rows[i].word))
		return 0;
	prefix = strlen(rows[i].word);
	p = memchr(word, '@', len);
	digits = (p ? (size_t)(p - word) : len) - prefix;
	limits->of[i].said = true;
	limits->of[i].rate = limits->of[i].burst = 0;
	if (!p && digits == 4 && !memcmp(word + prefix, "none", 4))
		return 1;
	if (!take_number(rows[i].rate, rows[i].bytes, word + prefix, digits, &limits->of[i].rate))
		return refuse(rows[i].rate, rows[i].bytes, word, len, "rate", why, size);
	if (p && !take_number(rows[i].burst, rows[i].bytes, p + 1, len - prefix - digits - 1,
			      &limits->of[i].burst))
		return refuse(rows[i].burst, rows[i].bytes, word, len, "burst", why, size);
	return 1;
}

/* In the largest unit that it is a multiple of. */
static void format(char buf[24], bool bytes, uint64_t value)
{
	static const char units[] = "\0KMGT";
	size_t unit = 0;

	for (; bytes && unit < 4 && value && value % 1024 == 0; unit++)
		value /= 1024;
	snprintf(buf, 24, "%" PRIu64 "%.1s", value, units + unit);
}

char *limits_text(const struct limits *limits, char *buf, size_t size)
{
	char rate[24], burst[24];
	size_t len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < LIMITS && len < size; i++) {
		uint64_t more = limits->of[i].burst;

		if (!limits->of[i].rate)
			continue;
		format(rate, rows[i].bytes, limits->of[i].rate);
		format(burst, rows[i].bytes, more);
		len += (size_t)snprintf(buf + len, size - len, "%s%s%s%s%s", len ? " " : "",
					rows[i].word, rate, more ? "@" : "", more ? burst : "");
	}
	if (!len)
		snprintf(buf, size, "none");
	return buf;
}

void limits_read(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		 struct limits *limits)
{
	for (unsigned int i = 0; i < LIMITS; i++) {
		limits->of[i].said = true;
		limits->of[i].rate = limits->of[i].burst = 0;
		store_get(xs, t, dev->backend, rows[i].rate, 0, 0, &limits->of[i].rate);
		store_get(xs, t, dev->backend, rows[i].burst, 0, 0, &limits->of[i].burst);
	}
}

/* A number, or no key. */
static bool put(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		enum xs_key_id id, uint64_t value)
{
	char text[24], path[XS_PATH_MAX];

	xs_format_u64(text, sizeof(text), value);
	if (value)
		return store_set(xs, t, dev->backend, id, text);
	return xs_key_path(path, sizeof(path), dev->backend, id, 0, 0) &&
	       (xs_rm(xs, t, path) || errno == ENOENT);
}

bool limits_write(struct xs_handle *xs, xs_transaction_t t, const struct device *dev,
		  const struct limits *limits)
{
	for (unsigned int i = 0; i < LIMITS; i++) {
		if (limits->of[i].said &&
		    (!put(xs, t, dev, rows[i].rate, limits->of[i].rate) ||
		     !put(xs, t, dev, rows[i].burst, limits->of[i].burst)))
			return false;
	}
	return true;
}

static void add(struct json_object *obj, const char *name, uint64_t value)
{
	json_object_object_add(obj, name, value ? json_object_new_uint64(value) : NULL);
}

void limits_json(struct xs_handle *xs, const struct device *dev, struct json_object *obj)
{
	struct limits limits;

	limits_read(xs, XBT_NULL, dev, &limits);
	add(obj, "iops", limits.of[LIMIT_IOPS].rate);
	add(obj, "iops-burst", limits.of[LIMIT_IOPS].burst);
	add(obj, "bps", limits.of[LIMIT_BPS].rate);
	add(obj, "bps-burst", limits.of[LIMIT_BPS].burst);
	json_object_object_add(obj, "paused", json_object_new_boolean(
		store_get_or(xs, XBT_NULL, dev->backend, XS_B_PAUSED, 0) != 0));
}
