/* SPDX-License-Identifier: MIT */
/*
 * config.c - a guest as its configuration file describes it
 *
 * The grammar is xl's, parsed by libxlutil. Everything is checked and copied before anything is
 * done, so that a mistake in the file costs one line, with its number, and changes nothing.
 */
#include "config.h"

#include <errno.h>
#include <libxlutil.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MB 128
#define MEMORY_MB_MAX (1 << 24)
#define VCPUS_MAX 128

/* What one file needs while it is read. */
struct reader {
	const char *path;
	XLU_Config *cfg;
	FILE *report;		/* what libxlutil has to say */
	char *said;
	size_t said_len;
};

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

static int say_invalid(const struct reader *r, const char *why)
{
	return tool_error("%s: %s; xl.cfg(5) describes the format", r->path, why);
}

/* Passes the first line of libxlutil's report on, which begins with the file and the line. What
 * is a warning to it is an error to us. */
static int say_reported(struct reader *r)
{
	static const char warning[] = "warning: ";
	char *at;

	fflush(r->report);
	if (!r->said || !*r->said)
		return say_invalid(r, "it cannot be parsed");
	r->said[strcspn(r->said, "\n")] = '\0';
	at = strstr(r->said, warning);
	if (at)
		memmove(at, at + strlen(warning), strlen(at + strlen(warning)) + 1);
	return tool_error("%s; correct that line, xl.cfg(5) describes the format", r->said);
}

/* A string, or NULL if it is not there. */
static int get_string(struct reader *r, const char *name, const char **value)
{
	int err = xlu_cfg_get_string(r->cfg, name, value, 0);

	if (err == ESRCH)
		*value = NULL;
	return err && err != ESRCH ? say_reported(r) : TOOL_OK;
}

static int get_number(struct reader *r, const char *name, long max, long otherwise, long *value)
{
	int err = xlu_cfg_get_bounded_long(r->cfg, name, 1, max, value, 0);

	if (err == ESRCH)
		*value = otherwise;
	return err && err != ESRCH ? say_reported(r) : TOOL_OK;
}

static int read_name(struct reader *r, struct config *config)
{
	const char *name;
	uint64_t number;

	if (get_string(r, "name", &name))
		return TOOL_FAILED;
	if (!name || !*name)
		return say_invalid(r, "it has no name; add name=\"...\"");
	if (*name == '-')
		return say_invalid(r, "the name begins with '-', and would be taken for an option");
	if (strlen(name) > CONFIG_NAME_MAX)
		return say_invalid(r, "the name is longer than 63 characters");
	if (!xs_parse_u64(name, strlen(name), &number))
		return say_invalid(r, "the name is a number, and would be taken for a domain's id");
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '/')
			return say_invalid(r, "the name may not hold blanks, '/' or non-ASCII "
					   "characters");
	config->name = strdup(name);
	return config->name ? TOOL_OK : say_invalid(r, "out of memory");
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

	if (get_string(r, "uuid", &text))
		return TOOL_FAILED;
	if (text)
		return parse_uuid(text, config->uuid) ? TOOL_OK :
		       say_invalid(r, "uuid is not 32 hexadecimal digits");
	if (getrandom(config->uuid, sizeof(config->uuid), 0) != sizeof(config->uuid))
		return say_invalid(r, strerror(errno));
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
	if (get_string(r, name, &text))
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

static int read_type(struct reader *r)
{
	static const char *const types[] = { "pv", "pvh", "hvm", "generic" };
	const char *text;

	if (get_string(r, "type", &text))
		return TOOL_FAILED;
	for (size_t i = 0; text && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(text, types[i]))
			return TOOL_OK;
	return text ? say_invalid(r, "type is none of pv, pvh, hvm") : TOOL_OK;
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

	if (get_string(r, "kernel", &kernel) || get_string(r, "cmdline", &line) ||
	    get_string(r, "extra", &extra))
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

static int check_disk_unique(struct reader *r, const struct config *config)
{
	const struct disk *last = &config->disks[config->disk_count - 1];

	for (const struct disk *d = config->disks; d < last; d++)
		if (d->devid == last->devid)
			return tool_error("%s: two disks are called %s; give each a vdev of its "
					  "own", r->path, last->vdev);
	return TOOL_OK;
}

static int read_disks(struct reader *r, struct config *config)
{
	XLU_ConfigList *list;
	const char *spec;
	int n, err = xlu_cfg_get_list(r->cfg, "disk", &list, &n, 0);

	if (err == ESRCH)
		return TOOL_OK;
	if (err)
		return say_reported(r);
	config->disks = calloc((size_t)n + 1, sizeof(*config->disks));
	if (!config->disks)
		return say_invalid(r, "out of memory");
	for (int i = 0; i < n; i++) {
		spec = xlu_cfg_get_listitem(list, i);
		if (!spec)
			return say_invalid(r, "disk holds something that is not a string");
		config->disk_count++;
		if (disk_parse(&config->disks[i], &spec, 1) || check_disk_unique(r, config))
			return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int read_all(struct reader *r, struct config *config)
{
	long memory, vcpus;

	if (read_type(r) || read_name(r, config) || read_uuid(r, config) ||
	    get_number(r, "memory", MEMORY_MB_MAX, MEMORY_MB, &memory) ||
	    get_number(r, "vcpus", VCPUS_MAX, 1, &vcpus) ||
	    read_ending(r, "on_poweroff", ENDING_DESTROY, &config->on_poweroff) ||
	    read_ending(r, "on_reboot", ENDING_RESTART, &config->on_reboot) ||
	    read_ending(r, "on_crash", ENDING_DESTROY, &config->on_crash) ||
	    read_kernel(r, config))
		return TOOL_FAILED;
	config->memory_kb = (uint64_t)memory * 1024;
	config->vcpus = (unsigned int)vcpus;
	return read_disks(r, config);
}

int config_load(struct config *config, const char *path, char *const *extra, size_t n)
{
	struct reader r = { .path = path };
	char *text = config_text_load(path, extra, n);
	int rc = TOOL_FAILED;

	*config = (struct config) { .name = NULL };
	if (!text)
		return TOOL_FAILED;
	r.report = open_memstream(&r.said, &r.said_len);
	if (r.report)
		r.cfg = xlu_cfg_init(r.report, path);
	if (!r.cfg)
		say_invalid(&r, "out of memory");
	else if (xlu_cfg_readdata(r.cfg, text, (int)strlen(text)))
		say_reported(&r);
	else
		rc = read_all(&r, config);
	if (!rc)
		config_text_names(text, warn_unused, &r);
	if (r.cfg)
		xlu_cfg_destroy(r.cfg);
	if (r.report)
		fclose(r.report);
	free(r.said);
	free(text);
	return rc;
}

void config_fini(struct config *config)
{
	for (size_t i = 0; i < config->disk_count; i++)
		disk_fini(&config->disks[i]);
	free(config->disks);
	words_fini(&config->args);
	free(config->kernel);
	free(config->name);
	*config = (struct config) { .name = NULL };
}
