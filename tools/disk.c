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

/* Finds a component that looks like "key=value" and has no key of ours, in what is `left` of the
 * specification without xpv's own words. A path that holds '=' can be given as target=, which takes
 * the rest of the text as it is. */
static bool check_keys(const char *spec, const char *left)
{
	const char *p = left + strspn(left, " \t\n");

	/* libxlutil would take the first word for the name of a script */
	if (!strncmp(p, "nbd:", 4) || !strncmp(p, "nbd+unix:", 9)) {
		tool_error("disk '%s': a server is named last, after target=; write "
			   "vdev=xvda,target=nbd://HOST/EXPORT", spec);
		return false;
	}
	while (*p) {
		size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_");

		if (len && p[len] == '=') {
			if (!known_key(p, len)) {
				tool_error("disk '%s': unknown key '%.*s'; the keys are format, "
					   "vdev, access, devtype, iops, bps, reconnect, "
					   "sector-size, physical-sector-size and, last, "
					   "target", spec, (int)len, p);
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

	if (d->format == LIBXL_DISK_FORMAT_EMPTY && d->is_cdrom && !d->script) {
		return TOOL_OK;
	} else if (d->format != LIBXL_DISK_FORMAT_RAW && d->format != LIBXL_DISK_FORMAT_QCOW2 &&
	    d->format != LIBXL_DISK_FORMAT_VHD) {
		why = "its format is none of raw, qcow2, vhd and vmdk";
		remedy = "convert the image with 'qemu-img convert -O qcow2'";
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

/* A path and its format become what the key params says. */
static char *name_file(enum xs_target_kind kind, const char *path)
{
	char *absolute = tool_absolute(path), *name = NULL;

	if (kind == XS_TARGET_FILE || !absolute)
		return absolute;
	if (asprintf(&name, "%s:%s", xs_target_name(kind), absolute) < 0)
		name = NULL;
	free(absolute);
	return name;
}

/* What the target is: that of a server or of memory says so itself, that of a file is said by the
 * format. (A file whose name begins with such a word is "./null:1M".) */
static int take_target(struct disk *disk, const char *spec, const libxl_device_disk *d)
{
	struct xs_target target;
	const char *wrong = xs_target_parse(d->pdev_path, &target);
	bool formatted = disk->kind != XS_TARGET_FILE || d->format != LIBXL_DISK_FORMAT_RAW;

	if (xs_target_is_format(target.kind))
		return tool_error("disk '%s': the format is not said by the target; write "
				  "format=%s,...,target=PATH", spec, xs_target_name(target.kind));
	if (wrong)
		return tool_error("disk '%s': target %s: %s", spec, d->pdev_path, wrong);
	if (target.kind != XS_TARGET_FILE && formatted)
		return tool_error("disk '%s': a target that is no file is format=raw; leave the "
				  "format out", spec);
	if (d->format == LIBXL_DISK_FORMAT_QCOW2)
		disk->kind = XS_TARGET_QCOW2;
	else if (d->format == LIBXL_DISK_FORMAT_VHD)
		disk->kind = XS_TARGET_VHD;
	else if (target.kind != XS_TARGET_FILE)
		disk->kind = target.kind;
	if (target.bytes && disk->sector_size && target.bytes % disk->sector_size)
		return tool_error("disk '%s': target %s: not a multiple of sector-size=%u; round "
				  "it up", spec, d->pdev_path, disk->sector_size);
	disk->target = target.kind == XS_TARGET_FILE ? name_file(disk->kind, d->pdev_path) :
		       strdup(d->pdev_path);
	return disk->target ? TOOL_OK : tool_error("disk '%s': %s", spec, strerror(errno));
}

/* An empty drive. */
static int take_nothing(struct disk *disk, const char *spec)
{
	disk->kind = XS_TARGET_NULL;
	disk->target = strdup("");
	return disk->target ? TOOL_OK : tool_error("disk '%s': %s", spec, strerror(errno));
}

/* Words that ask for what a target has not are no wish that is granted. */
static int refuse_moot(const char *spec, const struct disk *disk)
{
	if (disk->direct && disk->kind != XS_TARGET_FILE)
		return tool_error("disk '%s': 'direct' is for raw files and block devices; leave "
				  "it out", spec);
	if (disk->backing && !xs_target_is_format(disk->kind))
		return tool_error("disk '%s': 'backing' is for images of format qcow2, vhd and "
				  "vmdk; leave it out", spec);
	if (disk->physical_sector_size && disk->physical_sector_size < disk->sector_size)
		return tool_error("disk '%s': physical-sector-size= is less than sector-size=; "
				  "leave it out", spec);
	if (disk->reconnect && disk->kind != XS_TARGET_NBD && !xs_target_is_format(disk->kind))
		return tool_error("disk '%s': reconnect= is for targets that a server has; leave "
				  "it out", spec);
	return TOOL_OK;
}

static int take(struct disk *disk, const char *spec, const libxl_device_disk *d)
{
	bool empty = !d->pdev_path || !*d->pdev_path;

	if (empty && !d->is_cdrom)
		return tool_error("disk '%s': no target; name the image with target=PATH", spec);
	if (disk_devid(d->vdev, &disk->devid))
		return TOOL_FAILED;
	disk->vdev = strdup(d->vdev);
	if (!disk->vdev)
		return tool_error("disk '%s': %s", spec, strerror(errno));
	if (empty ? take_nothing(disk, spec) : take_target(disk, spec, d))
		return TOOL_FAILED;
	if (refuse_moot(spec, disk))
		return TOOL_FAILED;
	if (xs_parse(XS_B_PARAMS, disk->target, strlen(disk->target), NULL) ||
	    strlen(disk->target) >= PATH_MAX)
		return tool_error("'%s': the path is too long or has control characters; "
				  "make a link to it with a plain name", disk->target);
	disk->readonly = !d->readwrite;
	disk->cdrom = d->is_cdrom;
	disk->direct_io_safe = d->direct_io_safe;
	disk->discard = libxl_defbool_is_default(d->discard_enable) ?
			!!d->readwrite : libxl_defbool_val(d->discard_enable);
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
		if (!words_add(&copy, parts[i]))
			rc = tool_error("disk '%s': out of memory; free some", parts[i]);
		else
			rc = disk_take_words(disk, copy.argv[i]);
		if (!rc && !check_keys(parts[i], copy.argv[i]))
			rc = TOOL_FAILED;
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
