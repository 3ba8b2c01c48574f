/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what xpvd has counted, asked for and named
 *
 * xpvd knows numbers of guests. Names are read here, because they are xenstore's, where a guest's
 * agent or an administrator may have put anything: they are escaped like all text of that kind.
 */
#include "stats.h"

#include <json-c/json.h>
#include <string.h>

#include "control.h"

const char *const stats_timed[] = { "read", "write", "flush", "discard", STATS_PAUSE, NULL };

uint64_t stats_number(struct json_object *obj, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, name, &value) ? json_object_get_uint64(value) : 0;
}

const char *stats_text(struct json_object *obj, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(obj, name, &value) || !value)
		return "";
	return json_object_get_string(value);
}

static struct json_object *queues(struct json_object *dev)
{
	struct json_object *list;

	if (json_object_object_get_ex(dev, "queues", &list) &&
	    json_object_is_type(list, json_type_array))
		return list;
	return NULL;
}

size_t stats_queues(struct json_object *dev)
{
	struct json_object *list = queues(dev);

	return list ? json_object_array_length(list) : 0;
}

struct json_object *stats_queue(struct json_object *dev, size_t index)
{
	return json_object_array_get_idx(queues(dev), index);
}

static bool wanted(struct json_object *dev, const struct stats_filter *filter)
{
	return json_object_is_type(dev, json_type_object) &&
	       (!filter->one_domain || stats_number(dev, "domid") == filter->domid) &&
	       (!filter->one_device || stats_number(dev, "devid") == filter->devid);
}

static void add_names(struct xs_handle *xs, struct json_object *dev)
{
	char vdev[32], name[64];

	xs_vdev_name(vdev, sizeof(vdev), (uint32_t)stats_number(dev, "devid"));
	tool_domain_name(xs, (uint32_t)stats_number(dev, "domid"), name, sizeof(name));
	json_object_object_add(dev, "name", *name ? json_object_new_string(name) : NULL);
	json_object_object_add(dev, "vdev", json_object_new_string(vdev));
}

static struct json_object *question(const struct stats_filter *filter)
{
	struct json_object *obj = control_question("stats");

	if (filter->one_domain)
		json_object_object_add(obj, "domid", json_object_new_int64(filter->domid));
	json_object_object_add(obj, "latency", json_object_new_boolean(filter->latency));
	return obj;
}

struct json_object *stats_ask(const struct stats_filter *filter)
{
	struct json_object *answer = control_ask(question(filter)), *all, *list = NULL;
	struct xs_handle *xs = answer ? tool_xs_open() : NULL;

	if (xs && json_object_object_get_ex(answer, "devices", &all) &&
	    json_object_is_type(all, json_type_array)) {
		list = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(all); i++) {
			struct json_object *dev = json_object_array_get_idx(all, i);

			if (!wanted(dev, filter))
				continue;
			add_names(xs, dev);
			json_object_array_add(list, json_object_get(dev));
		}
	} else if (xs) {
		tool_error("xpvd: its answer names no devices; check that xpv and xpvd are of one "
			   "version");
	}
	xs_close(xs);
	json_object_put(answer);
	return list;
}
