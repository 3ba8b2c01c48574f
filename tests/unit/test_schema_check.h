/* SPDX-License-Identifier: MIT */
/*
 * test_schema_check.h - a healthy device, and `xpv check` run over it
 *
 * A test breaks one thing and expects one finding, with its severity, its path and its words. The
 * verb runs whole, and its JSON is what is compared. To be included once, after cmocka.h.
 */
#ifndef XPV_TEST_SCHEMA_CHECK_H
#define XPV_TEST_SCHEMA_CHECK_H

#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "test_schema_store.h"
#include "tool.h"

#define BE "/local/domain/0/backend/vbd/3/51712"
#define FE "/local/domain/3/device/vbd/51712"
#define REC "/libxl/3/device/vbd/51712"

/* --- what the verb stands on --- */

static bool guest_exists;
static void (*while_waiting)(void);
static unsigned int waits;

struct xs_handle *tool_xs_open(void)
{
	return (struct xs_handle *)&nodes;
}

xc_interface *tool_xc_open(void)
{
	return (xc_interface *)&nodes;
}

int xc_interface_close(xc_interface *xch)
{
	(void)xch;
	return 0;
}

int tool_domain(struct xs_handle *xs, xc_interface *xch, const char *dom, struct domain *out)
{
	(void)xs, (void)xch;
	out->domid = (uint32_t)strtoul(dom, NULL, 10);
	return TOOL_OK;
}

int tool_domains(xc_interface *xch, xc_domaininfo_t **list)
{
	(void)xch;
	*list = calloc(2, sizeof(**list));
	assert_non_null(*list);
	(*list)[1].domain = 3;
	return guest_exists ? 2 : 1;
}

int nanosleep(const struct timespec *req, struct timespec *rem)
{
	(void)req, (void)rem;
	waits++;
	if (while_waiting)
		while_waiting();
	return 0;
}

/* --- a device in order, and the verb's findings --- */

static int setup(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	guest_exists = true;
	while_waiting = NULL;
	waits = 0;

	node_set("/local/domain/0", "");
	node_set("/local/domain/3", "");
	node_set("/libxl/3", "");
	node_set(BE, "");
	node_set(BE "/frontend", FE);
	node_set(BE "/frontend-id", "3");
	node_set(BE "/online", "1");
	node_set(BE "/state", "4");
	node_set(BE "/params", "/srv/a.img");
	node_set(BE "/mode", "w");
	node_set(BE "/sectors", "2048");
	node_set(BE "/sector-size", "512");
	node_set(BE "/info", "0");
	node_set(FE, "");
	node_set(FE "/backend", BE);
	node_set(FE "/backend-id", "0");
	node_set(FE "/state", "4");
	node_set(FE "/virtual-device", "51712");
	node_set(FE "/ring-ref", "8");
	node_set(FE "/event-channel", "5");
	node_set(REC, "");
	node_set(REC "/frontend", FE);
	node_set(REC "/backend", BE);
	node_give(BE, 0, XS_PERM_NONE, 3, XS_PERM_READ);
	node_give(FE, 3, XS_PERM_NONE, 0, XS_PERM_READ);
	return 0;
}

static int run(bool json, char *out, size_t size)
{
	char *argv[] = { "check", "--json", NULL, NULL };
	FILE *file = tmpfile();
	int saved, status;
	size_t n;

	assert_non_null(file);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fileno(file), STDOUT_FILENO);
	if (!json)
		argv[1] = "3";
	status = cmd_check(2, argv);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	n = fread(out, 1, size - 1, file);
	out[n] = '\0';
	fclose(file);
	return status;
}

static struct json_object *findings_of(int *status)
{
	static char out[65536];
	struct json_object *root, *findings;

	*status = run(true, out, sizeof(out));
	root = json_tokener_parse(out);
	assert_non_null(root);
	assert_true(json_object_object_get_ex(root, "findings", &findings));
	json_object_get(findings);
	json_object_put(root);
	return findings;
}

static const char *text_of(struct json_object *finding, const char *name)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(finding, name, &value));
	return json_object_get_string(value);
}

/* Exactly one finding, of this severity, at this path, whose problem holds these words. */
static void expect(const char *severity, const char *path, const char *words)
{
	int status;
	struct json_object *findings = findings_of(&status), *finding;

	if (json_object_array_length(findings) != 1)
		print_error("%s\n", json_object_to_json_string(findings));
	assert_int_equal(json_object_array_length(findings), 1);
	finding = json_object_array_get_idx(findings, 0);
	assert_string_equal(text_of(finding, "severity"), severity);
	assert_string_equal(text_of(finding, "path"), path);
	if (!strstr(text_of(finding, "problem"), words))
		assert_string_equal(text_of(finding, "problem"), words);
	assert_true(strlen(text_of(finding, "remedy")) > 5);
	assert_int_equal(status, strcmp(severity, "error") ? TOOL_OK : TOOL_FAILED);
	json_object_put(findings);
}

static void expect_nothing(void)
{
	int status;
	struct json_object *findings = findings_of(&status);

	if (json_object_array_length(findings))
		print_error("%s\n", json_object_to_json_string(findings));
	assert_int_equal(json_object_array_length(findings), 0);
	assert_int_equal(status, TOOL_OK);
	json_object_put(findings);
}

static void set_states(const char *backend, const char *frontend)
{
	node_set(BE "/state", backend);
	node_set(FE "/state", frontend);
}

#endif
