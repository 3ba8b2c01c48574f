/* SPDX-License-Identifier: MIT */
/*
 * test_schema_check.c - `xpv check`: keys, links, permissions and leftovers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_schema_check.h"

static void test_check_healthy_device_has_no_findings(void **state)
{
	(void)state;
	expect_nothing();
	assert_int_equal(waits, 0);
}

static void test_check_text_is_one_line_a_finding(void **state)
{
	char out[4096];

	(void)state;
	node_set(BE "/mode", "x\x1b[2J\n");
	assert_int_equal(run(false, out, sizeof(out)), TOOL_FAILED);
	assert_string_equal(out, "error: " BE "/mode: 'x\\x1b[2J\\x0a' is out of range: the "
			    "toolstack should have written one of r, w; "
			    "detach the device and attach it again\n"
			    "1 device checked: 1 error, 0 notices\n");
}

static void test_check_malformed_value_names_writer_and_range(void **state)
{
	static const struct {
		const char *path, *value, *words;
	} rows[] = {
		{ BE "/sectors", "0", "no drive that could be empty" },
		{ BE "/sectors", "99999999999999999999", "is out of range: the backend" },
		{ BE "/sectors", "-1", "'-1' is malformed: the backend" },
		{ BE "/info", "", "'' is empty" },
		{ FE "/ring-ref", "4294967296", "the frontend should have written a grant ref" },
		{ FE "/event-channel", "0", "an event channel port from 1" },
		{ FE "/trusted", "yes", "the toolstack should have written 0 or 1" },
		{ BE "/hotplug-status", "maybe", "the hotplug script should have written one of" },
		{ FE "/protocol", "mips-abi", "one of x86_32-abi, x86_64-abi, arm-abi" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		node_set(rows[i].path, rows[i].value);
		expect("error", rows[i].path, rows[i].words);
	}
	setup(state);
	node_set_bytes(BE "/mode", "w\0", 2);
	expect("error", BE "/mode", "'w\\x00'");
}

static void test_check_missing_key_is_found_when_due(void **state)
{
	static const char *const required[] = {
		BE "/frontend", BE "/frontend-id", BE "/params", BE "/mode", BE "/sectors",
		BE "/sector-size", BE "/info", FE "/backend", FE "/backend-id",
		FE "/virtual-device", FE "/ring-ref", FE "/event-channel",
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		setup(state);
		node_remove(required[i]);
		expect("error", required[i], "missing: the ");
	}
	/* Before the two have met, their own keys are not due. */
	setup(state);
	set_states("2", "1");
	node_remove(BE "/sectors");
	node_remove(FE "/ring-ref");
	expect("notice", FE, "waits for the guest's driver");
}

static void test_check_rings_of_several_queues_and_pages(void **state)
{
	(void)state;
	node_remove(FE "/ring-ref");
	node_remove(FE "/event-channel");
	node_set(BE "/multi-queue-max-queues", "2");
	node_set(BE "/max-ring-page-order", "1");
	node_set(FE "/multi-queue-num-queues", "2");
	node_set(FE "/ring-page-order", "1");
	node_set(FE "/queue-0/ring-ref0", "8");
	node_set(FE "/queue-0/ring-ref1", "9");
	node_set(FE "/queue-0/event-channel", "5");
	node_set(FE "/queue-1/ring-ref0", "10");
	node_set(FE "/queue-1/ring-ref1", "11");
	node_set(FE "/queue-1/event-channel", "6");
	expect_nothing();
	node_remove(FE "/queue-1/ring-ref1");
	expect("error", FE "/queue-1/ring-ref1", "missing: the frontend");
	node_set(FE "/queue-1/ring-ref1", "x");
	expect("error", FE "/queue-1/ring-ref1", "malformed");
	node_set(FE "/queue-1/ring-ref1", "11");
	node_remove(FE "/queue-0/event-channel");
	expect("error", FE "/queue-0/event-channel", "missing: the frontend");
}

static void test_check_more_than_offered_is_an_error(void **state)
{
	(void)state;
	node_set(FE "/ring-page-order", "1");
	node_set(FE "/ring-ref0", "8");
	node_set(FE "/ring-ref1", "9");
	expect("error", FE "/ring-page-order", "more than the backend's max-ring-page-order, 0");
}

static void test_check_geometry_must_fit(void **state)
{
	(void)state;
	node_set(BE "/sector-size", "1536");
	node_set(BE "/sectors", "3");
	expect("error", BE "/sector-size", "not a power of two");
	node_set(BE "/sector-size", "4096");
	expect("error", BE "/sector-size", "1536 bytes are not a multiple");
	node_set(BE "/sectors", "8");
	node_set(BE "/physical-sector-size", "6000");
	expect("error", BE "/physical-sector-size", "not a multiple of sector-size");
}

static void test_check_unknown_keys_are_noticed_and_bounded(void **state)
{
	struct json_object *findings;
	char path[512];
	int status;

	(void)state;
	node_set(FE "/colour", "red");
	expect("notice", FE "/colour", "not in the schema");
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), FE "/x%d", i);
		node_set(path, "");
	}
	memset(path, 'y', sizeof(path));
	strcpy(path + 400, "");
	memcpy(path, FE "/", strlen(FE "/"));
	node_set(path, "");	/* longer than any path of ours */
	findings = findings_of(&status);
	assert_int_equal(json_object_array_length(findings), 9);
	assert_int_equal(status, TOOL_OK);
	json_object_put(findings);
}

static void test_check_links_must_be_mutual(void **state)
{
	static const struct {
		const char *path, *value, *words;
	} rows[] = {
		{ BE "/frontend", "/local/domain/4/device/vbd/51712", "not at " FE },
		{ FE "/backend", "/local/domain/0/backend/vbd/4/51712", "not at " BE },
		{ REC "/frontend", "/local/domain/4/device/vbd/51712", "not at " FE },
		{ BE "/frontend-id", "4", "names domain 4, not domain 3" },
		{ FE "/backend-id", "1", "names domain 1, not domain 0" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		node_set(rows[i].path, rows[i].value);
		expect("error", rows[i].path, rows[i].words);
	}
}

static void test_check_permissions_keep_the_ends_apart(void **state)
{
	(void)state;
	node_find(BE)->reader = 4;
	expect("error", BE, "domain 3, the other end, cannot read it");
	setup(state);
	node_find(BE "/params")->reader_may = XS_PERM_READ | XS_PERM_WRITE;
	expect("error", BE "/params", "the guest, domain 3, may write it");
	setup(state);
	node_find(BE "/mode")->owner = 3;
	expect("error", BE "/mode", "the guest, domain 3, may write it");
	setup(state);
	node_give(REC "/backend", 0, XS_PERM_WRITE, UINT32_MAX, 0);
	expect("error", REC "/backend", "the guest, domain 3, may write it");
	setup(state);
	node_find(FE)->owner = 0;
	expect("error", FE, "owned by domain 0, not by domain 3");
	setup(state);
	node_find(FE)->others = XS_PERM_READ;
	expect("notice", FE, "every domain may read it");
	setup(state);
	node_find(FE)->others = XS_PERM_WRITE;
	expect("error", FE, "every domain may write it");
}

static void test_check_half_a_device_is_found(void **state)
{
	(void)state;
	node_remove(REC);
	expect("notice", REC, "neither xpv nor xl lists");
	setup(state);
	node_remove(FE);
	expect("error", FE, "no frontend directory");
	setup(state);
	node_remove(BE);
	expect("error", BE, "no backend directory");
	node_remove(REC);
	expect("error", FE, "a frontend without backend and record");
	setup(state);
	node_remove(FE);
	node_remove(BE);
	expect("error", BE, "no backend directory");
}

static void test_check_leftovers_of_dead_domains(void **state)
{
	(void)state;
	guest_exists = false;
	node_remove("/libxl/3");
	expect("error", BE, "left over from domain 3");
	node_remove(BE);
	node_remove(FE);
	expect_nothing();
	node_set("/libxl/3", "");
	expect("error", "/libxl/3", "the record of domain 3, which no longer exists");
}

static void test_check_driver_domain_that_died(void **state)
{
	static const char be[] = "/local/domain/7/backend/vbd/3/51712";
	char path[64];

	(void)state;
	for (size_t i = 0; i < NODES; i++) {
		if (!node_within(&nodes[i], BE))
			continue;
		strcpy(path, nodes[i].path + strlen(BE));
		snprintf(nodes[i].path, sizeof(nodes[i].path), "%s%s", be, path);
	}
	node_give(be, 7, XS_PERM_NONE, 3, XS_PERM_READ);
	node_give(FE, 3, XS_PERM_NONE, 7, XS_PERM_READ);
	node_set(FE "/backend", be);
	node_set(FE "/backend-id", "7");
	node_set(REC "/backend", be);
	expect("error", be, "the backend's domain 7 no longer exists");
}

static void test_check_record_of_foreign_backend_is_noticed(void **state)
{
	(void)state;
	node_set(REC "/backend", "/local/domain/0/backend/tap3/3/51712");
	node_remove(BE);
	expect("notice", REC "/backend", "not the directory of a backend known to xpv");
}

#define QDISK "/local/domain/0/backend/qdisk/3/51712"

/* QEMU's disks are none of ours, unless the toolstack has marked them. */
static void test_check_qdisk_is_ours_only_if_marked(void **state)
{
	(void)state;
	node_set(REC "/backend", QDISK);
	node_remove(BE);
	expect_nothing();
	node_set(REC "/served-by", "xpv");
	expect("error", QDISK, "no backend directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_check_healthy_device_has_no_findings, setup),
		cmocka_unit_test_setup(test_check_text_is_one_line_a_finding, setup),
		cmocka_unit_test_setup(test_check_malformed_value_names_writer_and_range, setup),
		cmocka_unit_test_setup(test_check_missing_key_is_found_when_due, setup),
		cmocka_unit_test_setup(test_check_rings_of_several_queues_and_pages, setup),
		cmocka_unit_test_setup(test_check_more_than_offered_is_an_error, setup),
		cmocka_unit_test_setup(test_check_geometry_must_fit, setup),
		cmocka_unit_test_setup(test_check_unknown_keys_are_noticed_and_bounded, setup),
		cmocka_unit_test_setup(test_check_links_must_be_mutual, setup),
		cmocka_unit_test_setup(test_check_permissions_keep_the_ends_apart, setup),
		cmocka_unit_test_setup(test_check_half_a_device_is_found, setup),
		cmocka_unit_test_setup(test_check_leftovers_of_dead_domains, setup),
		cmocka_unit_test_setup(test_check_driver_domain_that_died, setup),
		cmocka_unit_test_setup(test_check_record_of_foreign_backend_is_noticed, setup),
		cmocka_unit_test_setup(test_check_qdisk_is_ours_only_if_marked, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
