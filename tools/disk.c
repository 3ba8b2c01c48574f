/* SPDX-License-Identifier: MIT */
/*
 * disk.c - xl's disk specification
 *
 * libxlutil parses it, so that every specification of an xl config means here what it means
 * there. What is added: errors as one line with a remedy, unknown keys found (libxlutil takes
 * "acces=ro" with a long value for a file's name), and a plain refusal of what xpv does not serve,
 * in place of serving something else.
 */
#include "disk.h"

#include <errno.h>
#include <libxlutil.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* What may stand before '='; xl-disk-configuration(5). */
static const char *const spec_keys[] = {
	"access", "backend", "backendtype", "devtype", "format", "script", "specification",
	"target", "vdev",
};

static bool known_key(const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof(spec_keys) / sizeof(spec_keys[0]); i++)
		if (strlen(spec_keys[i]) == len && !memcmp(spec_keys[i], key, len))
			return true;
	return false;
}

/* Finds a component that looks like "key=value" and has no key of ours. A path that holds '='
 * can be given as target=, which takes the rest of the text as it is. */
static bool check_keys(const char *spec)
{
	const char *p = spec + strspn(spec, " \t\n");

	while (*p) {
		size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_");

		if (len && p[len] == '=') {
			if (!known_key(p, len)) {
				tool_error("disk '%s': unknown key '%.*s'; the keys are format, "
					   "vdev, access, devtype and, last, target", spec,
					   (int)len, p);
				return false;
			}
			if (!strncmp(p, "target", len))
				return true;
		}
		p += strcspn(p, ",");
		p += strspn(p, ", \t\n");
	}
	return true;
}

/* Takes the word `trusted` or `untrusted` out of a specification: the keyword is in xl's manual,
 * but not in the scanner of every libxlutil 4.17, which then takes it for a file's name. */
static void take_trust(char *spec, bool *trusted)
{
	char *p = spec + strspn(spec, " \t\n");

	while (*p && strncmp(p, "target=", 7)) {
		size_t len = strcspn(p, ","), gone = len + (p[len] == ',');
		bool no = len == 9 && !memcmp(p, "untrusted", 9);

		if (!no && (len != 7 || memcmp(p, "trusted", 7))) {
			p += gone;
			p += strspn(p, " \t\n");
			continue;
		}
		*trusted = !no;
		memmove(p, p + gone, strlen(p + gone) + 1);
	}
}

/* libxlutil's report of an error, from "... in disk specification: WHAT in `SPEC'\n": its first
 * line, without the words before WHAT. */
static int report_error(const char *spec, char *report)
{
	static const char lead[] = "in disk specification: ";
	char *what = strstr(report, lead);

	what = what ? what + sizeof(lead) - 1 : report;
	what[strcspn(what, "\n")] = '\0';
	if (strstr(what, " in `"))
		*strstr(what, " in `") = '\0';
	return tool_error("disk '%s': %s; write it as 'format=raw,vdev=xvda,access=rw,target=PATH'",
			  spec, *what ? what : "it cannot be parsed");
}

static int parse_spec(const char *spec, const struct words *parts, libxl_device_disk *out)
{
	XLU_Config *cfg = NULL;
	char *report = NULL;
	size_t len;
	FILE *file = open_memstream(&report, &len);
	int rc = TOOL_FAILED, r;

	if (file)
		cfg = xlu_cfg_init(file, "disk");
	if (!cfg) {
		tool_error("out of memory; free some");
		goto out;
	}
	r = xlu_disk_parse(cfg, (int)parts->argc, (const char *const *)parts->argv, out);
	fflush(file);
	rc = r || *report ? report_error(spec, report) : TOOL_OK;
out:
	if (cfg)
		xlu_cfg_destroy(cfg);
	if (file)
		fclose(file);
	free(report);
	return rc;
}

/* What libxlutil understands and xpv does not serve. */
static int refuse_unserved(const char *spec, const libxl_device_disk *d)
{
	const char *why = NULL, *remedy = "leave it out";

	if (d->format != LIBXL_DISK_FORMAT_RAW) {
		why = "only format=raw is served";
		remedy = "convert the image with 'qemu-img convert -O raw'";
	} else if (d->backend_domname && strcmp(d->backend_domname, "0")) {
		why = "backend= names a driver domain, and xpv serves disks from Dom0 only";
	} else if (d->backend != LIBXL_DISK_BACKEND_UNKNOWN &&
		   d->backend != LIBXL_DISK_BACKEND_PHY) {
		why = "backendtype= asks for another backend than xpv";
	} else if (d->script) {
		why = "script= is not run by xpv";
		remedy = "set the device up first, and name it as the target";
	} else if (d->specification == LIBXL_DISK_SPECIFICATION_VIRTIO) {
		why = "specification=virtio is not a Xen disk";
	} else if (!libxl_defbool_is_default(d->colo_enable)) {
		why = "colo is not supported";
	}
	if (!why)
		return TOOL_OK;
	return tool_error("disk '%s': %s; %s", spec, why, remedy);
}

int disk_devid(const char *text, uint32_t *devid)
{
	enum xs_err err = xs_vdev_parse(text, strlen(text), devid);

	if (!err)
		return TOOL_OK;
	return tool_error("'%s' is not a virtual disk: use a name such as xvda, with a partition "
			  "if need be (xvda1), or a number", text);
}

/* What has no effect so far, and is not refused, for many configurations hold it. */
static void note_ineffective(const char *vdev, const libxl_device_disk *d)
{
	if (d->direct_io_safe)
		tool_note("%s: 'direct-io-safe' has no effect on how xpv serves the disk", vdev);
}

static int take(struct disk *disk, const char *spec, const libxl_device_disk *d)
{
	if (!d->pdev_path || !*d->pdev_path)
		return tool_error("disk '%s': no target; name the image with target=PATH", spec);
	if (disk_devid(d->vdev, &disk->devid))
		return TOOL_FAILED;
	disk->vdev = strdup(d->vdev);
	disk->target = tool_absolute(d->pdev_path);
	if (!disk->vdev || !disk->target)
		return tool_error("disk '%s': %s", spec, strerror(errno));
	if (xs_parse(XS_B_PARAMS, disk->target, strlen(disk->target), NULL) ||
	    strlen(disk->target) >= PATH_MAX)
		return tool_error("'%s': the path is too long or has control characters; "
				  "make a link to it with a plain name", disk->target);
	disk->readonly = !d->readwrite;
	disk->cdrom = d->is_cdrom;
	disk->direct_io_safe = d->direct_io_safe;
	disk->discard = libxl_defbool_is_default(d->discard_enable) ?
			!!d->readwrite : libxl_defbool_val(d->discard_enable);
	note_ineffective(disk->vdev, d);
	return TOOL_OK;
}

static int parse_words(struct disk *disk, const char *spec, const struct words *parts)
{
	libxl_device_disk parsed;
	int rc;

	libxl_device_disk_init(&parsed);
	rc = parse_spec(spec, parts, &parsed);
	if (!rc)
		rc = refuse_unserved(spec, &parsed);
	if (!rc)
		rc = take(disk, spec, &parsed);
	libxl_device_disk_dispose(&parsed);
	return rc;
}

int disk_parse(struct disk *disk, const char *const *parts, size_t n)
{
	struct words copy = { .argv = NULL };
	int rc = TOOL_OK;

	*disk = (struct disk) { .trusted = true };
	for (size_t i = 0; i < n && !rc; i++) {
		if (!check_keys(parts[i]))
			rc = TOOL_FAILED;
		else if (!words_add(&copy, parts[i]))
			rc = tool_error("disk '%s': out of memory; free some", parts[i]);
		else
			take_trust(copy.argv[i], &disk->trusted);
	}
	if (!rc)
		rc = parse_words(disk, n ? parts[0] : "", &copy);
	words_fini(&copy);
	return rc;
}

void disk_fini(struct disk *disk)
{
	free(disk->vdev);
	free(disk->target);
	*disk = (struct disk) { .vdev = NULL };
}
