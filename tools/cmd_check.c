/* SPDX-License-Identifier: MIT */
/*
 * cmd_check.c - xpv check: lints the live xenstore against the schema
 *
 * Here are the options, the findings and the summary; check_scan.c finds the devices,
 * check_device.c goes through one of them, and the other check_*.c look at one aspect each.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char usage[] =
	"xpv check [-v] [--json] [DOM]\n\n"
	"Compares the devices in xenstore, all of them or one guest's, with the schema: keys that\n"
	"are missing or malformed, directories that do not point at each other, permissions,\n"
	"leftovers of domains that are gone, and devices that are stuck, with the reason.\n"
	"Nothing is changed. Exit status: 0 no errors, 1 errors, 2 bad usage.\n";

static const char *const severity_names[] = { [CHECK_NOTICE] = "notice", [CHECK_ERROR] = "error" };

void check_report(struct check *c, enum severity severity, const char *path, const char *remedy,
		  const char *fmt, ...)
{
	char problem[1024], line[2048];
	struct json_object *obj;
	va_list args;

	*(severity == CHECK_ERROR ? &c->errors : &c->notices) += 1;
	va_start(args, fmt);
	vsnprintf(problem, sizeof(problem), fmt, args);
	va_end(args);
	if (c->findings) {
		obj = json_object_new_object();
		json_object_object_add(obj, "severity",
				       json_object_new_string(severity_names[severity]));
		json_object_object_add(obj, "path", tool_json_text(path));
		json_object_object_add(obj, "problem", tool_json_text(problem));
		json_object_object_add(obj, "remedy", tool_json_text(remedy));
		json_object_array_add(c->findings, obj);
		return;
	}
	printf("%s: %s: ", severity_names[severity],
	       tool_escape(line, sizeof(line), path, strlen(path)));
	printf("%s; %s\n", tool_escape(line, sizeof(line), problem, strlen(problem)), remedy);
}

const char *check_quote(char buf[CHECK_QUOTED], const char *value, size_t len)
{
	size_t n;

	buf[0] = '\'';
	tool_escape(buf + 1, CHECK_QUOTED - 2, value, len);
	n = strlen(buf);
	buf[n] = '\'';
	buf[n + 1] = '\0';
	return buf;
}

static int summary(struct check *c)
{
	struct json_object *root;
	int rc;

	if (c->findings) {
		root = json_object_new_object();
		json_object_object_add(root, "devices", json_object_new_int64(c->devices));
		json_object_object_add(root, "errors", json_object_new_int64(c->errors));
		json_object_object_add(root, "notices", json_object_new_int64(c->notices));
		json_object_object_add(root, "findings", json_object_get(c->findings));
		rc = tool_json(root);
	} else {
		printf("%u device%s checked: %u error%s, %u notice%s\n", c->devices,
		       c->devices == 1 ? "" : "s", c->errors, c->errors == 1 ? "" : "s",
		       c->notices, c->notices == 1 ? "" : "s");
		rc = tool_flush();
	}
	return rc ? rc : c->errors ? TOOL_FAILED : TOOL_OK;
}

static int check_all(struct check *c, xc_interface *xch, const char *name)
{
	xc_domaininfo_t *list;
	struct domain dom = { .domid = CHECK_ALL };
	int n, rc = TOOL_OK;

	if (name)
		rc = tool_domain(c->xs, xch, name, &dom);
	if (rc)
		return rc;
	n = tool_domains(xch, &list);
	if (n < 0)
		return TOOL_FAILED;
	for (int i = 0; i < n; i++)
		c->alive[list[i].domain] = true;
	free(list);
	c->alive[0] = true;	/* a simulator may not list it; the store is its work */
	for (enum xs_class class = 0; class < XS_CLASS_COUNT && !rc; class++)
		/* a primary console has neither states nor a frontend's directory of its own */
		if (xs_class_type(class) && class != XS_CLASS_VCONSOLE)
			rc = check_class(c, class, dom.domid);
	if (rc)
		return rc;
	if (!name) {
		check_orphans(c);
		check_run(c);
	}
	return summary(c);
}

int cmd_check(int argc, char **argv)
{
	struct check c = { 0 };
	bool json = false;
	const struct opt opts[] = {
		{ .name = "json", .kind = OPT_FLAG, .into = &json },
		{ .name = NULL },
	};
	xc_interface *xch;
	int first, rc = TOOL_FAILED;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first > 1)
		return tool_usage(argv[0], "%s: one domain at most", argv[first + 1]);
	c.xs = tool_xs_open();
	if (!c.xs)
		return TOOL_FAILED;
	xch = tool_xc_open();
	if (xch) {
		c.findings = json ? json_object_new_array() : NULL;
		rc = check_all(&c, xch, argv[first]);
		json_object_put(c.findings);
		xc_interface_close(xch);
	}
	xs_close(c.xs);
	return rc;
}
