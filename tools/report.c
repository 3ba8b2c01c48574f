/* SPDX-License-Identifier: MIT */
/*
 * report.c - what the user reads
 *
 * One failure is one line. A line may quote a guest's or a file's bytes, and those must neither
 * break it in two nor reach a terminal as an escape sequence: everything is made printable here,
 * at the last moment, so that no caller can forget it.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

#define LINE_MAX_BYTES 1024

bool tool_verbose;

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f;
}

static size_t escaped_length(const char *text, size_t len)
{
	size_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += is_plain((unsigned char)text[i]) ? 1 : 4;
	return total;
}

char *tool_escape(char *buf, size_t size, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef", dots[] = "...";
	size_t keep = escaped_length(text, len) < size ? 1 : sizeof(dots);
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (at + (is_plain(c) ? 1 : 4) + keep > size) {
			for (size_t j = 0; dots[j] && at + 1 < size; j++)
				buf[at++] = dots[j];
			break;
		}
		if (is_plain(c)) {
			buf[at++] = (char)c;
			continue;
		}
		buf[at++] = '\\';
		buf[at++] = 'x';
		buf[at++] = hex[c >> 4];
		buf[at++] = hex[c & 15];
	}
	if (size)
		buf[at] = '\0';
	return buf;
}

__attribute__((format(printf, 3, 0)))
static void say(const char *prefix, const char *suffix, const char *fmt, va_list args)
{
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES];

	vsnprintf(text, sizeof(text), fmt, args);
	tool_escape(line, sizeof(line), text, strlen(text));
	fflush(stdout);
	fprintf(stderr, "xpv: %s%s%s\n", prefix, line, suffix);
}

int tool_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("", "", fmt, args);
	va_end(args);
	return TOOL_FAILED;
}

int tool_usage(const char *verb, const char *fmt, ...)
{
	char prefix[64], suffix[64];
	va_list args;

	snprintf(prefix, sizeof(prefix), "%.30s: ", verb);
	snprintf(suffix, sizeof(suffix), "; see 'xpv %.30s -h'", verb);
	va_start(args, fmt);
	say(prefix, suffix, fmt, args);
	va_end(args);
	return TOOL_USAGE;
}

void tool_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("warning: ", "", fmt, args);
	va_end(args);
}

void tool_note(const char *fmt, ...)
{
	va_list args;

	if (!tool_verbose)
		return;
	va_start(args, fmt);
	say("", "", fmt, args);
	va_end(args);
}

int tool_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return TOOL_OK;
	return tool_error("cannot write the output: %s", strerror(errno));
}

int tool_json(struct json_object *obj)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			  JSON_C_TO_STRING_NOSLASHESCAPE;

	puts(json_object_to_json_string_ext(obj, flags));
	json_object_put(obj);
	return tool_flush();
}

struct json_object *tool_json_text(const char *text)
{
	char line[XS_VALUE_MAX];

	return json_object_new_string(tool_escape(line, sizeof(line), text, strlen(text)));
}

struct json_object *tool_json_domain(const struct domain *dom)
{
	struct json_object *obj = json_object_new_object();
	char number[16];

	xs_format_u64(number, sizeof(number), dom->domid);
	json_object_object_add(obj, "name",
			       strcmp(dom->name, number) ? tool_json_text(dom->name) : NULL);
	json_object_object_add(obj, "domid", json_object_new_int64(dom->domid));
	return obj;
}
