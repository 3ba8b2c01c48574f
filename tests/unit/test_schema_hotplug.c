/* SPDX-License-Identifier: MIT */
/*
 * test_schema_hotplug.c - what the keys script and hotplug-status mean together
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema.h"

static const struct {
	const char *script, *status;
	enum xs_hotplug want;
} rows[] = {
	{ NULL, NULL, XS_HOTPLUG_DONE },
	{ "", NULL, XS_HOTPLUG_DONE },
	{ "none", NULL, XS_HOTPLUG_DONE },
	{ "/etc/xen/scripts/block", NULL, XS_HOTPLUG_RUNNING },
	{ "nonesuch", NULL, XS_HOTPLUG_RUNNING },
	{ "non", NULL, XS_HOTPLUG_RUNNING },
	{ NULL, "", XS_HOTPLUG_RUNNING },
	{ "/etc/xen/scripts/block", "", XS_HOTPLUG_RUNNING },
	{ NULL, "connected", XS_HOTPLUG_DONE },
	{ "/bin/true", "connected", XS_HOTPLUG_DONE },
	{ "/etc/xen/scripts/block", "connected", XS_HOTPLUG_DONE },
	{ "/etc/xen/scripts/block", "error", XS_HOTPLUG_FAILED },
	{ "/etc/xen/scripts/block", "busy", XS_HOTPLUG_FAILED },
	{ NULL, "error", XS_HOTPLUG_FAILED },
	{ NULL, "connectedly", XS_HOTPLUG_FAILED },
	{ NULL, "connect", XS_HOTPLUG_FAILED },
};

static void test_hotplug_each_pair_has_its_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(xs_hotplug(rows[i].script, rows[i].status), rows[i].want);
}

/* What xs_hotplug() tells apart must be what the schema lets through. */
static void test_hotplug_schema_lets_each_status_through(void **state)
{
	(void)state;
	assert_int_equal(xs_parse(XS_B_HOTPLUG_STATUS, "connected", 9, NULL), XS_OK);
	assert_int_equal(xs_parse(XS_B_HOTPLUG_STATUS, "error", 5, NULL), XS_OK);
	assert_int_equal(xs_parse(XS_B_HOTPLUG_STATUS, "busy", 4, NULL), XS_OK);
	assert_int_equal(xs_parse(XS_B_HOTPLUG_STATUS, "", 0, NULL), XS_OK);
	assert_int_equal(xs_parse(XS_B_HOTPLUG_STATUS, "connect", 7, NULL), XS_ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hotplug_each_pair_has_its_meaning),
		cmocka_unit_test(test_hotplug_schema_lets_each_status_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
