/* SPDX-License-Identifier: MIT */
/*
 * config_sim.c - what a machine of the simulator is made of, as the configuration says
 *
 * Of all that xl.cfg(5) has, this is what means something for a guest that is a process; the rest
 * is warned of, by name and line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_read.h"

#define MEMORY_MB 128
#define MEMORY_MB_MAX (1 << 24)
#define VCPUS_MAX 128

static const char *const used_names[] = {
	"cmdline", "disk", "extra", "kernel", "memory", "name", "on_crash", "on_poweroff",
	"on_reboot", "type", "uuid", "vcpus",
};

static void warn_unused(const char *name, size_t len, unsigned int line, void *arg)
{
	const struct reader *r = arg;

	for (size_t i = 0; i < sizeof(used_names) / sizeof(used_names[0]); i++)
		if (strlen(used_names[i]) == len && !memcmp(used_names[i], name, len))
			return;
	tool_warn("%s:%u: '%.*s' is not used here", r->path, line, (int)len, name);
}

void config_warn_unused(const struct reader *r, const char *text)
{
	config_text_names(text, warn_unused, (void *)(uintptr_t)r);
}

static bool parse_uuid(const char *text, uint8_t uuid[16])
{
	size_t digits = 0;

	memset(uuid, 0, 16);
	for (; *text; text++) {
		static const char hex[] = "0123456789abcdef";
		const char *digit = strchr(hex, *text | 0x20);

		if (*text == '-' && digits % 2 == 0)
			continue;
		if (!digit || digits == 32)
			return false;
		uuid[digits / 2] |= (uint8_t)((digit - hex) << (digits % 2 ? 0 : 4));
		digits++;
	}
	return digits == 32;
}

static int read_uuid(struct reader *r, struct config *config)
{
	const char *text;

	if (config_get_string(r, "uuid", &text))
		return TOOL_FAILED;
	if (text)
		return parse_uuid(text, config->uuid) ? TOOL_OK :
		       config_say_invalid(r, "uuid is not 32 hexadecimal digits");
	if (getrandom(config->uuid, sizeof(config->uuid), 0) != sizeof(config->uuid))
		return config_say_invalid(r, strerror(errno));
	config->uuid[6] = (config->uuid[6] & 0x0f) | 0x40;	/* RFC 4122: random */
	config->uuid[8] = (config->uuid[8] & 0x3f) | 0x80;
	return TOOL_OK;
}

/* Of xl's words, those that rename or dump a guest are left out. */
static int read_ending(struct reader *r, const char *name, enum ending otherwise,
		       enum ending *out)
{
	static const char *const words[ENDING_COUNT] = {
		[ENDING_DESTROY] = "destroy",
		[ENDING_RESTART] = "restart",
		[ENDING_PRESERVE] = "preserve",
	};
	const char *text;

	*out = otherwise;
	if (config_get_string(r, name, &text))
		return TOOL_FAILED;
	for (int i = 0; text && i < ENDING_COUNT; i++) {
		if (!strcmp(text, words[i])) {
			*out = (enum ending)i;
			return TOOL_OK;
		}
	}
	if (!text)
		return TOOL_OK;
	return tool_error("%s: %s=\"%s\" is not supported; use destroy, restart or preserve",
			  r->path, name, text);
}

static bool is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) || access(path, X_OK))
		return false;
	errno = EACCES;		/* what exec says of a directory */
	return S_ISREG(st.st_mode);
}

/* kernel= and the command line: cmdline=, or, as in old files, extra=. */
static int read_kernel(struct reader *r, struct config *config)
{
	const char *kernel, *line, *extra;
	enum words_err err;

	if (config_get_string(r, "kernel", &kernel) || config_get_string(r, "cmdline", &line) ||
	    config_get_string(r, "extra", &extra))
		return TOOL_FAILED;
	if (!kernel)
		return TOOL_OK;
	config->kernel = tool_absolute(kernel);
	if (!config->kernel || !is_program(config->kernel))
		return tool_error("%s: kernel %s: %s; name a program for the guest to run",
				  r->path, kernel, strerror(errno));
	err = words_split(&config->args, config->kernel, line ? line : extra ? extra : "");
	if (err)
		return tool_error("%s: extra: %s; quote it as for a shell", r->path,
				  words_strerror(err));
	return TOOL_OK;
}

int config_read_machine(struct reader *r, struct config *config)
{
	long memory, vcpus;

	if (read_uuid(r, config) ||
	    config_get_number(r, "memory", MEMORY_MB_MAX, MEMORY_MB, &memory) ||
	    config_get_number(r, "vcpus", VCPUS_MAX, 1, &vcpus) ||
	    read_ending(r, "on_poweroff", ENDING_DESTROY, &config->on_poweroff) ||
	    read_ending(r, "on_reboot", ENDING_RESTART, &config->on_reboot) ||
	    read_ending(r, "on_crash", ENDING_DESTROY, &config->on_crash) ||
	    read_kernel(r, config))
		return TOOL_FAILED;
	config->memory_kb = (uint64_t)memory * 1024;
	config->vcpus = (unsigned int)vcpus;
	return TOOL_OK;
}
