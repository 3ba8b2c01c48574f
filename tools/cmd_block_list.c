/* SPDX-License-Identifier: MIT */
/*
 * cmd_block_list.c - xpv block-list: the disks of guests
 *
 * The table has xl's columns, also where they are a little odd: "handle" is the guest's id, and
 * what is not known is -1. The JSON has what a table cannot hold: several queues and their rings,
 * the image, the backend's reason for a failure.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "await.h"
#include "limit.h"
#include "tool.h"

static const char usage[] =
	"xpv block-list [-v] [--json] DOM...\n\n"
	"Lists the disks of guests, in xl's columns; --json says more.\n";

#define QUEUES_SHOWN 256u
#define RING_PAGES_SHOWN 16u

static int64_t number_or_none(struct xs_handle *xs, const char *dir, enum xs_key_id id)
{
	uint64_t value;

	return store_get(xs, XBT_NULL, dir, id, 0, 0, &value) ? -1 : (int64_t)value;
}

/* The backend's directory as Dom0 has recorded it, to be freed; the guest's own key would be the
 * guest's own story. *domid is the domain it is in, -1 if it is not known. */
static char *recorded_backend(struct xs_handle *xs, const struct device *dev, int *domid)
{
	static const char root[] = "/local/domain/";
	char *path = store_get_text(xs, XBT_NULL, dev->record, XS_F_BACKEND), *number;
	uint64_t value;

	*domid = -1;
	if (!path || strncmp(path, root, sizeof(root) - 1))
		return path;
	number = path + sizeof(root) - 1;
	if (!xs_parse(XS_F_BACKEND_ID, number, strcspn(number, "/"), &value))
		*domid = (int)value;
	return path;
}

static void print_row(struct xs_handle *xs, const struct device *dev)
{
	const bool several = store_get_or(xs, XBT_NULL, dev->frontend,
					  XS_F_MULTI_QUEUE_NUM_QUEUES, 1) > 1;
	int domid;
	char *backend = recorded_backend(xs, dev, &domid);

	/* of several queues, the first: --json has them all */
	printf("%-5u %-3d %-6d %-5d %-6d %-8d %-30s%s\n", dev->devid, domid,
	       (int)number_or_none(xs, dev->record, XS_B_FRONTEND_ID),
	       (int)number_or_none(xs, dev->frontend, XS_F_STATE),
	       (int)number_or_none(xs, dev->frontend, several ? XS_F_QUEUE_EVENT_CHANNEL :
				   XS_F_EVENT_CHANNEL),
	       (int)number_or_none(xs, dev->frontend, several ? XS_F_QUEUE_RING_REF :
				   XS_F_RING_REF), backend ? backend : "",
	       number_or_none(xs, dev->backend, XS_B_PAUSED) == 1 ? " paused" : "");
	free(backend);
}

/* A member that is called as its key is. */
static void add_number(struct json_object *obj, struct xs_handle *xs, const char *dir,
		       enum xs_key_id id)
{
	int64_t value = number_or_none(xs, dir, id);

	json_object_object_add(obj, xs_key(id)->name,
			       value < 0 ? NULL : json_object_new_int64(value));
}

static void add_text(struct json_object *obj, struct xs_handle *xs, const char *dir,
		     enum xs_key_id id)
{
	char *value = store_get_text(xs, XBT_NULL, dir, id);

	json_object_object_add(obj, xs_key(id)->name, value ? tool_json_text(value) : NULL);
	free(value);
}

/* One queue's ring. With one queue the keys stand in the frontend's directory itself, with
 * several in one of their own. */
static struct json_object *queue_json(struct xs_handle *xs, const struct device *dev,
				      unsigned int queue, bool several, unsigned int pages)
{
	static const enum xs_key_id keys[2][3] = {
		{ XS_F_EVENT_CHANNEL, XS_F_RING_REF, XS_F_RING_REF_N },
		{ XS_F_QUEUE_EVENT_CHANNEL, XS_F_QUEUE_RING_REF, XS_F_QUEUE_RING_REF_N },
	};
	const enum xs_key_id *key = keys[several];
	struct json_object *obj = json_object_new_object();
	struct json_object *refs = json_object_new_array();
	const char *dir = dev->frontend;
	uint64_t value;

	if (!store_get(xs, XBT_NULL, dir, key[0], queue, 0, &value))
		json_object_object_add(obj, xs_key(XS_F_EVENT_CHANNEL)->name,
				       json_object_new_int64((int64_t)value));
	if (!store_get(xs, XBT_NULL, dir, key[1], queue, 0, &value))
		json_object_array_add(refs, json_object_new_int64((int64_t)value));
	else
		for (unsigned int i = 0; i < pages; i++)
			if (!store_get(xs, XBT_NULL, dir, key[2], several ? queue : i, i, &value))
				json_object_array_add(refs, json_object_new_int64((int64_t)value));
	json_object_object_add(obj, "ring-refs", refs);
	return obj;
}

static struct json_object *queues_json(struct xs_handle *xs, const struct device *dev)
{
	uint64_t queues = store_get_or(xs, XBT_NULL, dev->frontend, XS_F_MULTI_QUEUE_NUM_QUEUES, 1);
	uint64_t order = store_get_or(xs, XBT_NULL, dev->frontend, XS_F_RING_PAGE_ORDER, 0);
	unsigned int pages = order < 4 ? 1u << order : RING_PAGES_SHOWN;
	struct json_object *list = json_object_new_array();

	if (queues > QUEUES_SHOWN)
		queues = QUEUES_SHOWN;
	for (unsigned int i = 0; i < queues; i++)
		json_object_array_add(list, queue_json(xs, dev, i, queues > 1, pages));
	return list;
}

static struct json_object *device_json(struct xs_handle *xs, const struct device *dev)
{
	struct json_object *obj = json_object_new_object();
	struct pair_view view;
	char vdev[32], *backend;
	int backend_id;

	pair_read(xs, dev, &view);
	backend = recorded_backend(xs, dev, &backend_id);
	xs_vdev_name(vdev, sizeof(vdev), dev->devid);
	json_object_object_add(obj, "domid", json_object_new_int64(dev->domid));
	json_object_object_add(obj, "vdev", json_object_new_string(vdev));
	json_object_object_add(obj, "devid", json_object_new_int64(dev->devid));
	json_object_object_add(obj, xs_key(XS_F_BACKEND_ID)->name,
			       json_object_new_int(backend_id));
	json_object_object_add(obj, "frontend-state",
			       json_object_new_string(xb_state_name(view.frontend)));
	json_object_object_add(obj, "backend-state",
			       json_object_new_string(xb_state_name(view.backend)));
	add_text(obj, xs, dev->record, XS_B_PARAMS);
	add_text(obj, xs, dev->record, XS_B_MODE);
	add_text(obj, xs, dev->record, XS_B_DEVICE_TYPE);
	add_number(obj, xs, dev->backend, XS_B_SECTORS);
	add_number(obj, xs, dev->backend, XS_B_SECTOR_SIZE);
	limits_json(xs, dev, obj);
	add_text(obj, xs, dev->frontend, XS_F_PROTOCOL);
	json_object_object_add(obj, "queues", queues_json(xs, dev));
	json_object_object_add(obj, "error", *view.error ? tool_json_text(view.error) : NULL);
	json_object_object_add(obj, "frontend", json_object_new_string(dev->frontend));
	json_object_object_add(obj, "backend", backend ? tool_json_text(backend) : NULL);
	free(backend);
	return obj;
}

/* Prints the table's rows, or adds to `list` if there is one. */
static void list_domain(struct xs_handle *xs, uint32_t domid, struct json_object *list)
{
	uint32_t *ids;
	size_t n = device_ids(xs, domid, XS_CLASS_VDISK, &ids);
	struct device dev;

	for (size_t i = 0; i < n; i++) {
		device_find(xs, XBT_NULL, &dev, XS_KIND_VBD, domid, ids[i]);
		if (list)
			json_object_array_add(list, device_json(xs, &dev));
		else
			print_row(xs, &dev);
	}
	free(ids);
}

static int list_all(struct xs_handle *xs, xc_interface *xch, char **doms, bool json)
{
	struct json_object *list = json ? json_object_new_array() : NULL;
	struct domain dom;
	int rc = TOOL_OK, written;

	if (!json)
		puts("Vdev  BE  handle state evt-ch ring-ref BE-path                       ");
	for (; *doms; doms++) {
		if (tool_domain(xs, xch, *doms, &dom))
			rc = TOOL_FAILED;
		else
			list_domain(xs, dom.domid, list);
	}
	written = json ? tool_json(list) : tool_flush();
	return rc ? rc : written;
}

int cmd_block_list(int argc, char **argv)
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
