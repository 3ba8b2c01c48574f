/* SPDX-License-Identifier: MIT */
/*
 * vdev.c - a virtual disk's name and its number
 *
 * Xenstore holds a number; administrators write a name. xen-vbd-interface(7) has five encodings,
 * which are the rows of one table: a name takes the first row that has room for it, and a number
 * has a name only if that name leads back to it, so that no two numbers share one.
 */
#include "schema.h"

#include "text.h"

struct encoding {
	const char *prefix;
	uint32_t base;
	unsigned int shift;	/* where the disk's number begins; below it is the partition's */
	uint32_t first_disk, disks, partitions;
};

static const struct encoding encodings[] = {
	{ "xvd", 202 << 8, 4, 0, 16, 16 },
	{ "xvd", 1 << 28, 8, 0, 1 << 20, 256 },
	{ "sd", 8 << 8, 4, 0, 16, 16 },
	{ "hd", 3 << 8, 6, 0, 2, 64 },
	{ "hd", 22 << 8, 6, 2, 2, 64 },
};
#define ENCODINGS (sizeof(encodings) / sizeof(encodings[0]))

/* Larger than any disk or partition number: keeps sums from wrapping, and is out of range. */
#define TOO_LARGE (1u << 24)

struct scan {
	const char *p, *end;
};

static bool scan_prefix(struct scan *s, const char *prefix)
{
	const char *p = s->p;

	for (; *prefix; prefix++)
		if (p == s->end || *p++ != *prefix)
			return false;
	s->p = p;
	return true;
}

static bool at_digit(const struct scan *s)
{
	return s->p < s->end && xs_is_digit(*s->p);
}

static bool scan_decimal(struct scan *s, uint32_t *out)
{
	uint32_t value = 0;

	if (!at_digit(s) || (*s->p == '0' && s->p + 1 < s->end && xs_is_digit(s->p[1])))
		return false;
	for (; at_digit(s); s->p++)
		value = value < TOO_LARGE ? value * 10 + (uint32_t)(*s->p - '0') : TOO_LARGE;
	*out = value;
	return true;
}

/* a is 0, z 25, aa 26, and so on. */
static bool scan_letters(struct scan *s, uint32_t *out)
{
	uint32_t value = 0;
	const char *start = s->p;

	for (; s->p < s->end && *s->p >= 'a' && *s->p <= 'z'; s->p++)
		value = value < TOO_LARGE ? value * 26 + (uint32_t)(*s->p - 'a') + 1 : TOO_LARGE;
	*out = value - 1;
	return s->p > start;
}

/* First row of that name which has room for the disk and the partition. */
static bool encode(const char *prefix, uint32_t disk, uint32_t partition, uint32_t *vdev)
{
	for (size_t i = 0; i < ENCODINGS; i++) {
		const struct encoding *e = &encodings[i];
		uint32_t nth = disk - e->first_disk;	/* huge if below: no room */

		if (e->prefix[0] == prefix[0] && nth < e->disks && partition < e->partitions) {
			*vdev = e->base | nth << e->shift | partition;
			return true;
		}
	}
	return false;
}

static enum xs_err parse_hex(struct scan *s, uint32_t *vdev)
{
	uint32_t value = 0;

	if (s->p == s->end)
		return XS_ESYNTAX;
	for (; s->p < s->end; s->p++) {
		char c = *s->p;
		uint32_t digit = xs_is_digit(c) ? (uint32_t)(c - '0') :
				 c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 :
				 c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10 : 16;

		if (digit == 16)
			return XS_ESYNTAX;
		if (value > XS_VDEV_MAX >> 4)
			return XS_ERANGE;
		value = value << 4 | digit;
	}
	*vdev = value;
	return XS_OK;
}

/* A leading zero would mean octal to some readers and nothing to others. */
static enum xs_err parse_number(struct scan *s, uint32_t *vdev)
{
	uint64_t value;
	enum xs_err err;

	if (scan_prefix(s, "0x"))
		return parse_hex(s, vdev);
	if (*s->p == '0' && s->p + 1 < s->end)
		return XS_ESYNTAX;
	err = xs_parse_u64(s->p, (size_t)(s->end - s->p), &value);
	if (err)
		return err;
	if (value > XS_VDEV_MAX)
		return XS_ERANGE;
	*vdev = (uint32_t)value;
	return XS_OK;
}

enum xs_err xs_vdev_parse(const char *text, size_t len, uint32_t *vdev)
{
	struct scan s = { text, text + len };
	const char *prefix = "xvd";
	uint32_t disk, partition = 0;
	bool ok;

	if (!len)
		return XS_EEMPTY;
	if (at_digit(&s))
		return parse_number(&s, vdev);

	if (scan_prefix(&s, "d")) {	/* d1p2 is xvdb2 */
		ok = scan_decimal(&s, &disk) &&
		     (!scan_prefix(&s, "p") || scan_decimal(&s, &partition));
	} else {
		ok = scan_prefix(&s, prefix) || scan_prefix(&s, prefix = "sd") ||
		     scan_prefix(&s, prefix = "hd");
		ok = ok && scan_letters(&s, &disk);
		if (ok && at_digit(&s))	/* the whole disk has no number: xvda0 is no name */
			ok = *s.p != '0' && scan_decimal(&s, &partition);
	}
	if (!ok || s.p != s.end)
		return XS_ESYNTAX;
	return encode(prefix, disk, partition, vdev) ? XS_OK : XS_ERANGE;
}

static void add_letters(struct xs_text *t, uint32_t disk)
{
	char letters[8];
	size_t n = 0;

	for (disk++; disk; disk = (disk - 1) / 26)
		letters[n++] = (char)('a' + (disk - 1) % 26);
	while (n)
		xs_text_char(t, letters[--n]);
}

size_t xs_vdev_name(char *buf, size_t size, uint32_t vdev)
{
	struct xs_text t = xs_text_init(buf, size);
	uint32_t back;

	for (size_t i = 0; i < ENCODINGS; i++) {
		const struct encoding *e = &encodings[i];
		uint32_t disk = ((vdev - e->base) >> e->shift) + e->first_disk;
		uint32_t partition = vdev & ((1u << e->shift) - 1);

		if (vdev < e->base || !encode(e->prefix, disk, partition, &back) || back != vdev)
			continue;
		xs_text_add(&t, e->prefix);
		add_letters(&t, disk);
		if (partition)
			xs_text_u64(&t, partition);
		break;
	}
	if (!t.len && !t.full)
		xs_text_u64(&t, vdev);
	if (t.full && size)
		buf[0] = '\0';
	return t.full ? 0 : t.len;
}
