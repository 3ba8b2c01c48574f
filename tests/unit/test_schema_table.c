/* SPDX-License-Identifier: MIT */
/*
 * test_schema_table.c - every key of the table is well formed, and is found by its names only
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schema.h"

static unsigned int indexes_of(const char *name)
{
	unsigned int n = 0;

	for (const char *p = name; (p = strstr(p, "%u")); p++)
		n++;
	return n;
}

static void test_table_names_are_unique_in_their_directory(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++)
		for (unsigned int j = i + 1; j < XS_KEY_COUNT; j++)
			if (xs_keys[i].side == xs_keys[j].side &&
			    (xs_keys[i].class == xs_keys[j].class ||
			     xs_keys[i].class == XS_CLASS_COMMON ||
			     xs_keys[j].class == XS_CLASS_COMMON))
				assert_string_not_equal(xs_keys[i].name, xs_keys[j].name);
}

static void test_table_ranges_fit_their_types(void **state)
{
	static const struct {
		uint64_t min, max;
	} widest[XS_VALUE_TYPES] = {
		[XS_UINT] = { 0, UINT64_MAX },
		[XS_BOOL] = { 0, 1 },
		[XS_STATE] = { 0, XB_STATE_COUNT - 1 },
		[XS_DOMID] = { 0, 0x7fef },
		[XS_GREF] = { 0, UINT32_MAX },
		[XS_PORT] = { 1, UINT32_MAX },
		[XS_CHOICE] = { 0, 0 },
		[XS_TEXT] = { 0, XS_VALUE_MAX },
		[XS_PATH] = { 1, XS_PATH_MAX },
		[XS_MESSAGE] = { 0, XS_VALUE_MAX },
	};

	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++) {
		const struct xs_key *key = &xs_keys[i];

		assert_true(key->type < XS_VALUE_TYPES);
		assert_true(key->min <= key->max);
		assert_true(key->min >= widest[key->type].min);
		assert_true(key->max <= widest[key->type].max);
	}
}

static void test_table_writers_and_presence_are_named(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++) {
		const struct xs_key *key = &xs_keys[i];

		assert_true(key->class < XS_CLASS_COUNT);
		assert_true(key->writer < XS_WRITER_COUNT);
		assert_true(key->presence < XS_PRESENCE_COUNT);
		/* The guest writes in its own directory only (xenstore's permissions say so). */
		if (key->writer == XS_BY_FRONTEND)
			assert_int_equal(key->side, XS_FRONTEND_DIR);
		/* A console's terminal stands where clients of old have looked for it. */
		if ((key->writer == XS_BY_BACKEND && i != XS_F_CONSOLE_TTY) ||
		    key->writer == XS_BY_HOTPLUG)
			assert_int_equal(key->side, XS_BACKEND_DIR);
	}
}

static void test_table_defaults_parse_and_required_keys_have_none(void **state)
{
	uint64_t value;

	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++) {
		const struct xs_key *key = &xs_keys[i];

		if (key->presence == XS_REQUIRED || key->presence == XS_WHEN)
			assert_null(key->dflt);
		if (!key->dflt) {
			assert_int_equal(xs_default(i), 0);
			continue;
		}
		assert_int_equal(xs_parse_key(key, key->dflt, strlen(key->dflt), &value), XS_OK);
		assert_int_equal(xs_default(i), value);
	}
}

static void test_table_choices_belong_to_choices(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++) {
		const struct xs_key *key = &xs_keys[i];

		if (key->type != XS_CHOICE) {
			assert_null(key->choices);
			continue;
		}
		assert_non_null(key->choices);
		assert_true(key->choices[0] && key->choices[0] != '|');
		assert_null(strstr(key->choices, "||"));
	}
}

static void test_table_docs_are_one_sentence_without_stop(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++) {
		const char *doc = xs_keys[i].doc;
		size_t len = strlen(doc);

		assert_true(len > 10);
		assert_true(doc[0] >= 'A' && doc[0] <= 'Z');
		assert_true(doc[len - 1] != '.' && doc[len - 1] != ' ');
		assert_null(strchr(doc, '|'));	/* the documentation prints it in tables */
		assert_null(strstr(doc, "  "));
	}
}

static void test_find_each_key_by_its_name_returns_it(void **state)
{
	static const unsigned int last[2] = { XS_QUEUES_MAX - 1, XS_RING_PAGES_MAX - 1 };
	unsigned int idx[2];
	char name[64];

	(void)state;
	for (unsigned int i = 0; i < XS_KEY_COUNT; i++) {
		const struct xs_key *key = &xs_keys[i];
		bool queue = !strncmp(key->name, "queue-", 6);
		unsigned int n = indexes_of(key->name);
		unsigned int first = queue ? last[0] : n ? last[1] : 0;
		unsigned int second = n == 2 ? last[1] : 0;
		enum xs_class class = key->class == XS_CLASS_COMMON ? XS_CLASS_VDISK : key->class;

		assert_true(n <= 2);
		assert_true(xs_key_name(name, sizeof(name), i, first, second) > 0);
		assert_ptr_equal(xs_key_find(class, key->side, name, idx), key);
		assert_int_equal(idx[0], first);
		assert_int_equal(idx[1], second);
		if (n) {
			xs_key_name(name, sizeof(name), i, first + 1, second);
			assert_null(xs_key_find(class, key->side, name, idx));
		}
		if (n == 2) {
			xs_key_name(name, sizeof(name), i, first, second + 1);
			assert_null(xs_key_find(class, key->side, name, idx));
		}
		strcat(name, "x");
		assert_null(xs_key_find(class, key->side, name, idx));
	}
}

static void test_find_foreign_names_returns_null(void **state)
{
	static const char *const names[] = {
		"", "r", "ring-re", "ring-ref01", "ring-ref-1", "ring-ref+1", "ring-ref 1",
		"ring-ref%u", "ring-ref16", "ring-ref99999999999999999999", "ring-ref1x",
		"queue-", "queue-0", "queue-0/", "queue-03/ring-ref", "queue-/ring-ref",
		"queue-256/ring-ref", "queue-0/ring-ref01", "queue-0//ring-ref",
		"queue-0/ring-refx",
		"queue-0/ring-ref0/", "queue-%u/ring-ref", "Ring-ref", "ring-ref/", "sectors",
	};
	unsigned int idx[2] = { 7, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(xs_key_find(XS_CLASS_VDISK, XS_FRONTEND_DIR, names[i], idx));
	assert_int_equal(idx[0], 0);
	assert_int_equal(idx[1], 0);
}

static void test_find_respects_side_and_class(void **state)
{
	unsigned int idx[2];

	(void)state;
	assert_ptr_equal(xs_key_find(XS_CLASS_VDISK, XS_BACKEND_DIR, "state", idx),
			 xs_key(XS_B_STATE));
	assert_ptr_equal(xs_key_find(XS_CLASS_VDISK, XS_FRONTEND_DIR, "state", idx),
			 xs_key(XS_F_STATE));
	assert_null(xs_key_find(XS_CLASS_VDISK, XS_BACKEND_DIR, "ring-ref", idx));
	assert_null(xs_key_find(XS_CLASS_COMMON, XS_FRONTEND_DIR, "ring-ref", idx));
	assert_non_null(xs_key_find(XS_CLASS_COMMON, XS_FRONTEND_DIR, "backend", idx));
}

static void test_names_out_of_range_are_invalid(void **state)
{
	(void)state;
	assert_string_equal(xb_state_name(XB_CONNECTED), "Connected");
	assert_string_equal(xb_state_name(XB_STATE_COUNT), "invalid");
	assert_string_equal(xb_state_name(UINT32_MAX), "invalid");
	assert_string_equal(xb_action_name(XB_VIOLATION), "violation");
	assert_string_equal(xb_action_name(XB_ACTION_COUNT), "invalid");
	assert_string_equal(xs_class_name(XS_CLASS_VDISK), "vdisk");
	assert_string_equal(xs_class_name(XS_CLASS_COUNT), "invalid");
	assert_string_equal(xs_class_type(XS_CLASS_VDISK), "vbd");
	assert_null(xs_class_type(XS_CLASS_COMMON));
	assert_null(xs_class_type(XS_CLASS_COUNT));
	assert_string_equal(xs_kind_name(XS_KIND_QDISK), "qdisk");
	assert_null(xs_kind_name(XS_KIND_COUNT));
	assert_int_equal(xs_kind_class(XS_KIND_QDISK), XS_CLASS_VDISK);
	assert_string_equal(xs_class_name(XS_CLASS_VCONSOLE), "vconsole");
	assert_string_equal(xs_class_type(XS_CLASS_VCONSOLE), "console");
	assert_string_equal(xs_kind_name(XS_KIND_CONSOLE), "console");
	assert_int_equal(xs_kind_class(XS_KIND_CONSOLE), XS_CLASS_VCONSOLE);
	assert_int_equal(xs_kind_class(XS_KIND_COUNT), XS_CLASS_COMMON);
	assert_string_equal(xs_kind_module(XS_KIND_VBD), "xen-blkback");
	assert_null(xs_kind_driver(XS_KIND_QDISK));
	assert_null(xs_kind_driver(XS_KIND_COUNT));
	assert_null(xs_kind_module(XS_KIND_COUNT));
	assert_string_equal(xs_writer_name(XS_BY_HOTPLUG), "hotplug script");
	assert_string_equal(xs_writer_name(XS_WRITER_COUNT), "invalid");
	assert_string_equal(xs_type_name(XS_GREF), "grant reference");
	assert_string_equal(xs_type_name(XS_VALUE_TYPES), "invalid");
	assert_string_equal(xs_presence_name(XS_DEPRECATED), "deprecated");
	assert_string_equal(xs_presence_name(XS_PRESENCE_COUNT), "invalid");
	assert_string_equal(xs_side_name(XS_FRONTEND_DIR), "frontend");
	assert_string_equal(xs_side_name(XS_BACKEND_DIR), "backend");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_names_are_unique_in_their_directory),
		cmocka_unit_test(test_table_ranges_fit_their_types),
		cmocka_unit_test(test_table_writers_and_presence_are_named),
		cmocka_unit_test(test_table_defaults_parse_and_required_keys_have_none),
		cmocka_unit_test(test_table_choices_belong_to_choices),
		cmocka_unit_test(test_table_docs_are_one_sentence_without_stop),
		cmocka_unit_test(test_find_each_key_by_its_name_returns_it),
		cmocka_unit_test(test_find_foreign_names_returns_null),
		cmocka_unit_test(test_find_respects_side_and_class),
		cmocka_unit_test(test_names_out_of_range_are_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
