/* SPDX-License-Identifier: MIT */
/*
 * config.c - a guest as its configuration file describes it
 *
 * The grammar is xl's, parsed by libxlutil. Everything is checked and copied before anything is
 * done, so that a mistake in the file costs one line, with its number, and changes nothing. Here
 * is what is read in any case: the name, the type, the disks; config_sim.c and config_xl.c have
 * the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_read.h"

int config_say_invalid(const struct reader *r, const char *why)
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
		return config_say_invalid(r, "it cannot be parsed");
	r->said[strcspn(r->said, "\n")] = '\0';
	at = strstr(r->said, warning);
	if (at)
		memmove(at, at + strlen(warning), strlen(at + strlen(warning)) + 1);
	return tool_error("%s; correct that line, xl.cfg(5) describes the format", r->said);
}

int config_get_string(struct reader *r, const char *name, const char **value)
{
	int err = xlu_cfg_get_string(r->cfg, name, value, 0);

	if (err == ESRCH)
		*value = NULL;
	return err && err != ESRCH ? say_reported(r) : TOOL_OK;
}

int config_get_number(struct reader *r, const char *name, long max, long otherwise, long *value)
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

	if (config_get_string(r, "name", &name))
		return TOOL_FAILED;
	if (!name || !*name)
		return config_say_invalid(r, "it has no name; add name=\"...\"");
	if (*name == '-')
		return config_say_invalid(r, "the name begins with '-', and would be taken for an "
					  "option");
	if (strlen(name) > CONFIG_NAME_MAX)
		return config_say_invalid(r, "the name is longer than 63 characters");
	if (!xs_parse_u64(name, strlen(name), &number))
		return config_say_invalid(r, "the name is a number, and would be taken for a "
					  "domain's id");
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '/')
			return config_say_invalid(r, "the name may not hold blanks, '/' or "
						  "non-ASCII characters");
	config->name = strdup(name);
	return config->name ? TOOL_OK : config_say_invalid(r, "out of memory");
}

static int read_type(struct reader *r)
{
	static const char *const types[] = { "pv", "pvh", "hvm", "generic" };
	const char *text;

	if (config_get_string(r, "type", &text))
		return TOOL_FAILED;
	for (size_t i = 0; text && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(text, types[i]))
			return TOOL_OK;
	return text ? config_say_invalid(r, "type is none of pv, pvh, hvm") : TOOL_OK;
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
		return config_say_invalid(r, "out of memory");
	for (int i = 0; i < n; i++) {
		spec = xlu_cfg_get_listitem(list, i);
		if (!spec)
			return config_say_invalid(r, "disk holds something that is not a string");
		config->disk_count++;
		if (disk_parse(&config->disks[i], &spec, 1) || check_disk_unique(r, config))
			return TOOL_FAILED;
	}
	return TOOL_OK;
}

static int read_all(struct reader *r, struct config *config, enum config_use use)
{
	int rc = read_type(r);

	if (!rc)
		rc = read_name(r, config);
	if (!rc)
		rc = use == CONFIG_FOR_SIM ? config_read_machine(r, config) :
					     config_check_for_xl(r, config);
	return rc ? rc : read_disks(r, config);
}

int config_load(struct config *config, enum config_use use, const char *path,
		char *const *extra, size_t n)
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
		config_say_invalid(&r, "out of memory");
	else if (xlu_cfg_readdata(r.cfg, text, (int)strlen(text)))
		say_reported(&r);
	else
		rc = read_all(&r, config, use);
	if (!rc && use == CONFIG_FOR_SIM)
		config_warn_unused(&r, text);
	config->text = text;
	if (r.cfg)
		xlu_cfg_destroy(r.cfg);
	if (r.report)
		fclose(r.report);
	free(r.said);
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
	free(config->text);
	*config = (struct config) { .name = NULL };
}
