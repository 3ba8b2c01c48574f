/* SPDX-License-Identifier: MIT */
/*
 * cmd_console_list.c - xpv console-list: the consoles of guests
 *
 * In the columns of xl's lists. Of a primary console all is domain 0's; of the others the ring and
 * the port are the guest's word, shown and not acted upon.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console_client.h"
#include "device.h"

static const char usage[] =
	"xpv console-list [-v] [--json] DOM...\n\n"
	"Lists the consoles of guests: who serves each (xpv, xenconsoled, or nobody), and\n"
	"where. A primary console, number 0, has no state, and its ring-ref is the number of\n"
	"a frame.\n";

/* A console as it is listed; -1 and NULL: not known, or it has none. */
struct row {
	struct console_at at;
	char dir[XS_PATH_MAX];
	int backend, state;
	int64_t port, ring;
	const char *server, *where;
};

static int64_t number_or_none(struct xs_handle *xs, const char *dir, enum xs_key_id id)
{
	uint64_t value;

	return store_get(xs, XBT_NULL, dir, id, 0, 0, &value) ? -1 : (int64_t)value;
}

static bool is_served_by_us(const struct console_at *at)
{
	int fd = console_dial(at);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool read_row(struct xs_handle *xs, const struct domain *dom, unsigned int number,
		     struct row *row)
{
	struct device dev;

	if (console_find(xs, dom, number, &row->at))
		return false;
	row->backend = 0;
	row->state = -1;
	if (number) {
		device_find(xs, XBT_NULL, &dev, XS_KIND_CONSOLE, dom->domid, number);
		strcpy(row->dir, dev.frontend);
		row->backend = (int)number_or_none(xs, dev.record, XS_F_BACKEND_ID);
		row->state = (int)number_or_none(xs, dev.frontend, XS_F_STATE);
	} else {
		xs_primary_console_path(row->dir, sizeof(row->dir), dom->domid);
	}
	row->port = number_or_none(xs, row->dir, XS_F_CONSOLE_PORT);
	row->ring = number_or_none(xs, row->dir, XS_F_CONSOLE_RING_REF);
	row->where = row->at.tty[0] ? row->at.tty : NULL;
	row->server = row->where ? "xenconsoled" : NULL;
	if (is_served_by_us(&row->at)) {
		row->server = "xpv";
		row->where = row->at.socket;
	}
	return true;
}

static void print_row(const struct row *row)
{
	printf("%-3u %-3d %-6u %-5d %-6d %-8lld %-11s %s\n", row->at.number, row->backend,
	       row->at.dom.domid, row->state, (int)row->port, (long long)row->ring,
	       row->server ? row->server : "-", row->where ? row->where : "-");
}

static struct json_object *number_json(int64_t value)
{
	return value < 0 ? NULL : json_object_new_int64(value);
}

static struct json_object *text_json(const char *text)
{
	return text && *text ? tool_json_text(text) : NULL;
}

static void add_row(struct json_object *list, const struct row *row)
{
	struct json_object *obj = json_object_new_object();
	bool ours = row->server && !strcmp(row->server, "xpv");

	json_object_object_add(obj, "domid", json_object_new_int64(row->at.dom.domid));
	json_object_object_add(obj, "number", json_object_new_int64(row->at.number));
	json_object_object_add(obj, xs_key(XS_F_BACKEND_ID)->name, number_json(row->backend));
	json_object_object_add(obj, "frontend-state", row->state < 0 ? NULL :
			       json_object_new_string(xb_state_name((unsigned int)row->state)));
	json_object_object_add(obj, xs_key(XS_F_CONSOLE_PORT)->name, number_json(row->port));
	json_object_object_add(obj, xs_key(XS_F_CONSOLE_RING_REF)->name, number_json(row->ring));
	json_object_object_add(obj, "served-by", text_json(row->server));
	json_object_object_add(obj, "tty", text_json(row->at.tty));
	json_object_object_add(obj, "socket", text_json(ours ? row->at.socket : NULL));
	json_object_object_add(obj, "frontend", tool_json_text(row->dir));
	json_object_array_add(list, obj);
}

static void list_domain(struct xs_handle *xs, const struct domain *dom, struct json_object *list)
{
	uint32_t *ids;
	size_t n = device_ids(xs, dom->domid, XS_CLASS_VCONSOLE, &ids);
	struct row row;

	for (size_t i = 0; i < n + 1; i++) {
		unsigned int number = i ? ids[i - 1] : 0;

		if ((i && !number) || !read_row(xs, dom, number, &row))
			continue;	/* libxl has a record of the primary one, too */
		if (list)
			add_row(list, &row);
		else
			print_row(&row);
	}
	free(ids);
}

static int list_all(struct xs_handle *xs, xc_interface *xch, char **doms, bool json)
{
	struct json_object *list = json ? json_object_new_array() : NULL;
	struct domain dom;
	int rc = TOOL_OK, written;

	if (!json)
		puts("Idx BE  handle state evt-ch ring-ref served-by   path");
	for (; *doms; doms++) {
		if (tool_domain(xs, xch, *doms, &dom))
			rc = TOOL_FAILED;
		else if (!dom.domid)
			rc = tool_error("%s: this is Dom0, whose console is the machine's; name a "
					"guest", dom.name);
		else
			list_domain(xs, &dom, list);
	}
	written = json ? tool_json(list) : tool_flush();
	return rc ? rc : written;
}

int cmd_console_list(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct xs_handle *xs;
	xc_interface *xch;
	int first, rc = TOOL_FAILED;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first == argc)
		return tool_usage(argv[0], "a domain is needed");
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	if (xch) {
		rc = list_all(xs, xch, argv + first, json);
		xc_interface_close(xch);
	}
	xs_close(xs);
	return rc;
}
