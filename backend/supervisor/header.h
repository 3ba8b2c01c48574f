/* SPDX-License-Identifier: MIT */
/*
 * header.h - what an image file's own words would make a program open besides it
 */
#ifndef XPV_HEADER_H
#define XPV_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "params.h"

#define HEADER_BYTES	512
#define HEADER_TEXT	20480	/* of a vmdk's description; longer ones are not read by QEMU */

/* Where a vmdk's description is, from its first bytes: 0 if there is none. *len is at most
 * HEADER_TEXT. Pure. */
uint64_t header_vmdk_text(const uint8_t *head, size_t len, size_t *text_len);

/* NULL: it is an image of the format, and whole in itself, as far as its first bytes say. Otherwise
 * why it is refused, in a few words; *elsewhere says that this is because it names other files.
 * text: a vmdk's description. Pure; nothing in the bytes is trusted. */
const char *header_refuse(enum xs_target_kind kind, const uint8_t *head, size_t len,
			  const char *text, size_t text_len, bool *elsewhere);

#endif
