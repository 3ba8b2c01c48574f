/* SPDX-License-Identifier: MIT */
/*
 * disk_words.c - the words of a disk specification that libxlutil does not know
 *
 * They are taken out before it parses the rest, for it takes what it does not know for a file's
 * name. `trusted` and `untrusted` are in xl's manual, but not in the scanner of every libxlutil
 * 4.17; the format vmdk is in neither; the others are xpv's own. A part of a specification is gone
 * through up to target=, which takes the rest of the text as it is.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"

#define RECONNECT "reconnect="
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

/* The store's key says what is accepted. */
static int take_reconnect(struct disk *disk, const char *spec, const char *p, size_t len)
{
	char accepted[96];
	uint64_t seconds;

	if (!xs_parse(XS_B_RECONNECT, p, len, &seconds)) {
		disk->reconnect = (unsigned int)seconds;
		return TOOL_OK;
	}
	xs_describe(xs_key(XS_B_RECONNECT), accepted, sizeof(accepted));
	return tool_error("disk '%s': '%.*s' is no number of seconds for reconnect=; it must be %s",
			  spec, (int)len, p, accepted);
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
	const size_t prefix = sizeof(RECONNECT) - 1;
	char *p = spec + strspn(spec, " \t\n");

	while (*p && strncmp(p, "target=", 7)) {
		size_t len = strcspn(p, ","), gone = len + (p[len] == ',');
		bool seconds = len >= prefix && !memcmp(p, RECONNECT, prefix);

		if (seconds && take_reconnect(disk, spec, p + prefix, len - prefix))
			return TOOL_FAILED;
		if (seconds || take_flag(disk, p, len)) {
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
