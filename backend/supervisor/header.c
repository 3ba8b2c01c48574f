/* SPDX-License-Identifier: MIT */
/*
 * header.c - what an image file's own words would make a program open besides it
 *
 * An image may say that a part of it is in another file, and whoever serves it would open that one,
 * as root: an image that was handed in by somebody could so make any file of Dom0's readable in its
 * guest. Such an image is served only if the administrator says that it is to be trusted. The few
 * fields that say so are looked at here, at fixed places.
 *
 * A fixed VHD is raw data with a few words after it, and begins with what its guest wrote. Since a
 * dynamic one is told by its first bytes, its guest could turn the one into the other.
 *
 * Sources: QEMU's docs/interop/qcow2.txt; Microsoft's Virtual Hard Disk Image Format Specification;
 * VMware's Virtual Disk Format 5.0.
 */
#include <string.h>

#include "header.h"

#define SECTOR 512

static uint64_t big(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | *p++;
	return value;
}

static uint64_t little(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | p[bytes];
	return value;
}

static const char *refuse_qcow2(const uint8_t *head, size_t len, bool *elsewhere)
{
	uint64_t version;

	if (len < 104 || memcmp(head, "QFI\xfb", 4) != 0)
		return "it is no qcow2 image";
	version = big(head + 4, 4);
	if (version != 2 && version != 3)
		return "its version of qcow2 is not known";
	*elsewhere = true;
	if (big(head + 8, 8))
		return "it names a backing file";
	if (version == 3 && (big(head + 72, 8) & 4))
		return "its data is in another file";
	return NULL;
}

static const char *refuse_vhd(const uint8_t *head, size_t len, bool *elsewhere)
{
	if (len < HEADER_BYTES || memcmp(head, "conectix", 8) != 0)
		return "it is no dynamic VHD; convert a fixed one with 'qemu-img convert'";
	*elsewhere = true;
	return big(head + 60, 4) == 4 ? "it names a parent" : NULL;
}

uint64_t header_vmdk_text(const uint8_t *head, size_t len, size_t *text_len)
{
	uint64_t sectors;

	*text_len = 0;
	if (len < HEADER_BYTES || memcmp(head, "KDMV", 4) != 0)
		return 0;
	sectors = little(head + 36, 8);
	*text_len = sectors < HEADER_TEXT / SECTOR ? (size_t)sectors * SECTOR : HEADER_TEXT;
	sectors = little(head + 28, 8);
	return sectors < UINT64_MAX / 2 / SECTOR ? sectors * SECTOR : 0;
}

static const char *refuse_vmdk(const uint8_t *head, size_t len, const char *text, size_t text_len,
			       bool *elsewhere)
{
	static const char parent[] = "parentFileNameHint";

	*elsewhere = len >= 21 && memcmp(head, "# Disk DescriptorFile", 21) == 0;
	if (*elsewhere)
		return "its data is in other files";
	if (len < HEADER_BYTES || memcmp(head, "KDMV", 4) != 0)
		return "it is no vmdk image of one file";
	*elsewhere = true;
	if (little(head + 12, 8) == 0)
		return "its data is in other files";
	return text_len && memmem(text, text_len, parent, sizeof(parent) - 1) ?
	       "it names a parent" : NULL;
}

const char *header_refuse(enum xs_target_kind kind, const uint8_t *head, size_t len,
			  const char *text, size_t text_len, bool *elsewhere)
{
	*elsewhere = false;
	switch (kind) {
	case XS_TARGET_QCOW2:
		return refuse_qcow2(head, len, elsewhere);
	case XS_TARGET_VHD:
		return refuse_vhd(head, len, elsewhere);
	case XS_TARGET_VMDK:
		return refuse_vmdk(head, len, text, text_len, elsewhere);
	default:
		return "its format is not known";
	}
}
