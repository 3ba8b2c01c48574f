/* SPDX-License-Identifier: MIT */
/*
 * fuzz_schema.c - any bytes, into every parser of the schema
 *
 * What a parser accepts must hold what the table promises, and names and numbers must lead back
 * to themselves. The input is copied to an allocation of its exact size, so that the sanitizer
 * sees a read past its end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

static void fuzz_values(const char *text, size_t len)
{
	char canonical[24], described[128];
	uint64_t value, again;

	for (unsigned int id = 0; id < XS_KEY_COUNT; id++) {
		const struct xs_key *key = xs_key(id);

		if (xs_parse(id, text, len, &value))
			continue;
		MUST(!memchr(text, '\0', len));
		if (key->type == XS_CHOICE) {
			MUST(value < 8);
			continue;
		}
		MUST(value >= key->min && value <= key->max);
		if (key->type == XS_TEXT || key->type == XS_PATH ||
		    key->type == XS_MESSAGE) {
			MUST(value == len);
			continue;
		}
		MUST(xs_format_u64(canonical, sizeof(canonical), value));
		MUST(!xs_parse(id, canonical, strlen(canonical), &again) && again == value);
		xs_describe(key, described, len % sizeof(described));
	}
}

static void fuzz_vdev(const char *text, size_t len)
{
	char name[16];
	uint32_t vdev, again;
	size_t n;

	if (xs_vdev_parse(text, len, &vdev))
		return;
	MUST(vdev <= XS_VDEV_MAX);
	n = xs_vdev_name(name, sizeof(name), vdev);
	MUST(n && !xs_vdev_parse(name, n, &again) && again == vdev);
}

/* Names and paths come from libxenstore, with a terminator. */
static void fuzz_names(const char *text)
{
	char again[XS_PATH_MAX];
	const struct xs_key *key;
	enum xs_kind kind;
	unsigned int idx[2], fe, devid;
	const char *rest;

	for (unsigned int side = 0; side < 2; side++) {
		key = xs_key_find(XS_CLASS_VDISK, side, text, idx);
		if (!key)
			continue;
		MUST(key->side == side);
		xs_key_name(again, sizeof(again), (enum xs_key_id)(key - xs_keys), idx[0], idx[1]);
		MUST(!strcmp(again, text));
	}
	if (xs_split_backend_path(text, &kind, &fe, &devid, &rest)) {
		MUST(xs_kind_class(kind) != XS_CLASS_COMMON && fe <= XS_DOMID_MAX);
		MUST(rest >= text && rest <= text + strlen(text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1), *name = malloc(size + 1);

	if (text && name) {
		memcpy(text, data, size);
		memcpy(name, data, size);
		name[size] = '\0';
		fuzz_values(text, size);
		fuzz_vdev(text, size);
		fuzz_names(name);
	}
	free(text);
	free(name);
	return 0;
}
