/* SPDX-License-Identifier: MIT */
/*
 * disk_words.c - the words of a disk specification that libxlutil does not know
 *
 * They are taken out before it parses the rest, for it takes what it does not know for a file's
 * name. `trusted` and `untrusted` are in xl's manual, but not in the scanner of every libxlutil
 * 4.17; the format vmdk is in neither; the others are xpv's own. A part of a specification is gone
 * through up to target=, which takes the rest of the text as it is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"

#define FORMAT "format="
#define RAW "raw"
#define VMDK "vmdk"

static bool is(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(p, word, len);
}

/* Words that stand for yes or no. */
static bool take_flag(struct disk *disk, const char *p, size_t len)
{
	const struct {
		const char *word;
		bool *into, value;
	} flags[] = {
		{ "trusted", &disk->trusted, true }, { "untrusted", &disk->trusted, false },
		{ "direct", &disk->direct, true }, { "no-direct", &disk->direct, false },
		{ "backing", &disk->backing, true }, { "no-backing", &disk->backing, false },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (is(p, len, flags[i].word)) {
			*flags[i].into = flags[i].value;
			return true;
		}
	}
	return false;
}

static uint64_t as_is(uint64_t value)
{
	return value;
}

/* The choices of a sector size: 512 is the first, each is the double of the one before. */
static uint64_t nth_size(uint64_t index)
{
	return UINT64_C(512) << index;
}

/* Words with a number behind them. 1: this is one of them; 0: it is not; -1 with an error printed.
 * The store's key says what is accepted. */
static int take_value(struct disk *disk, const char *spec, const char *p, size_t len)
{
	const struct {
		const char *prefix;
		enum xs_key_id key;
		const char *what;
		uint64_t (*meaning)(uint64_t value);
		unsigned int *into;
	} values[] = {
		{ "reconnect=", XS_B_RECONNECT, "number of seconds", as_is, &disk->reconnect },
		{ "sector-size=", XS_B_WANTED_SECTOR_SIZE, "sector size", nth_size,
		  &disk->sector_size },
		{ "physical-sector-size=", XS_B_WANTED_PHYSICAL_SIZE, "sector size", nth_size,
		  &disk->physical_sector_size },
	};
	char accepted[96];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		size_t n = strlen(values[i].prefix);
		uint64_t value;

		if (len < n || memcmp(p, values[i].prefix, n))
			continue;
		if (!xs_parse(values[i].key, p + n, len - n, &value)) {
			*values[i].into = (unsigned int)values[i].meaning(value);
			return 1;
		}
		xs_describe(xs_key(values[i].key), accepted, sizeof(accepted));
		tool_error("disk '%s': '%.*s' is no %s for %s; it must be %s", spec,
			   (int)(len - n), p + n, values[i].what, values[i].prefix, accepted);
		return -1;
	}
	return 0;
}

/* The same of any word of ours. */
static int take_word(struct disk *disk, const char *spec, const char *p, size_t len)
{
	char why[192];
	int rc = take_value(disk, spec, p, len);

	if (rc)
		return rc;
	rc = limits_take(&disk->limits, p, len, why, sizeof(why));
	if (rc < 0)
		tool_error("disk '%s': %s", spec, why);
	return rc ? rc : take_flag(disk, p, len);
}

/* A format that libxlutil would refuse becomes one that it accepts, and is remembered. The word
 * alone is a format only after the target: "/a.vmdk,vmdk,xvda". */
static void take_format(struct disk *disk, char *spec, char *p, size_t len)
{
	char *word = p;

	if (len == sizeof(FORMAT VMDK) - 1 && !memcmp(p, FORMAT VMDK, len))
		word = p + sizeof(FORMAT) - 1;
	else if (p == spec || !is(p, len, VMDK))
		return;
	disk->kind = XS_TARGET_VMDK;
	memcpy(word, RAW, sizeof(RAW) - 1);
	p = word + sizeof(VMDK) - 1;
	memmove(word + sizeof(RAW) - 1, p, strlen(p) + 1);
}

int disk_take_words(struct disk *disk, char *spec)
{
	char *p = spec + strspn(spec, " \t\n");

	while (*p && strncmp(p, "target=", 7)) {
		size_t len = strcspn(p, ","), gone = len + (p[len] == ',');
		int taken = take_word(disk, spec, p, len);

		if (taken < 0)
			return TOOL_FAILED;
		if (taken) {
			memmove(p, p + gone, strlen(p + gone) + 1);
			continue;
		}
		take_format(disk, spec, p, len);
		p += strcspn(p, ",");
		p += *p == ',';
		p += strspn(p, " \t\n");
	}
	return TOOL_OK;
}

__attribute__((format(printf, 2, 3)))
static void add(char buf[DISK_WORDS], const char *format, ...)
{
	size_t len = strlen(buf);
	va_list args;

	if (len && len < DISK_WORDS - 1)
		buf[len++] = ',';
	va_start(args, format);
	vsnprintf(buf + len, DISK_WORDS - len, format, args);
	va_end(args);
}

const char *disk_words_text(const struct disk *disk, char buf[DISK_WORDS])
{
	const struct {
		const char *prefix;
		unsigned int value;
	} values[] = {
		{ "reconnect=", disk->reconnect },
		{ "sector-size=", disk->sector_size },
		{ "physical-sector-size=", disk->physical_sector_size },
	};
	char *space;

	limits_text(&disk->limits, buf, DISK_WORDS);
	if (!strcmp(buf, "none"))
		*buf = '\0';
	for (space = strchr(buf, ' '); space; space = strchr(space, ' '))
		*space = ',';
	if (disk->direct)
		add(buf, "direct");
	if (disk->backing)
		add(buf, "backing");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (values[i].value)
			add(buf, "%s%u", values[i].prefix, values[i].value);
	}
	return buf;
}
