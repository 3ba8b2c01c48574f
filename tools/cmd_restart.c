/* SPDX-License-Identifier: MIT */
/*
 * cmd_restart.c - xpv restart: replace backend workers under load
 */
#include <json-c/json.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "tool.h"

#define WAIT_SECONDS	15

static const char usage[] =
	"xpv restart [-v] [--json] [DOM] [CLASS]\n\n"
	"Replaces the backend workers, of all guests or of one, of all classes or of one\n"
	"(vdisk, vconsole). Guests keep their devices: they notice nothing but a pause. Returns\n"
	"when the new workers serve.\n\n"
	"  --json  print how many workers were replaced, and whose\n";

static bool is_class(const char *name)
{
	for (int c = XS_CLASS_COMMON + 1; c < XS_CLASS_COUNT; c++)
		if (!strcmp(xs_class_name((enum xs_class)c), name))
			return true;
	return false;
}

/* dom and class are NULL where all are meant. */
static int report(struct json_object *answer, const struct domain *dom, const char *class)
{
	struct json_object *obj = dom ? tool_json_domain(dom) : json_object_new_object(), *count;

	if (class)
		json_object_object_add(obj, "class", json_object_new_string(class));
	if (json_object_object_get_ex(answer, "restarted", &count))
		json_object_object_add(obj, "restarted", json_object_get(count));
	return tool_json(obj);
}

static bool is(struct json_object *dev, const char *key, const char *value)
{
	struct json_object *member;

	return json_object_object_get_ex(dev, key, &member) &&
	       !strcmp(json_object_get_string(member), value);
}

/* Does each connected device that was meant have a worker that is to stay? */
static bool all_served(struct json_object *answer, const struct domain *dom)
{
	struct json_object *list, *domid;

	if (!json_object_object_get_ex(answer, "devices", &list) ||
	    !json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *dev = json_object_array_get_idx(list, i);

		if (dom && json_object_object_get_ex(dev, "domid", &domid) &&
		    (uint32_t)json_object_get_int64(domid) != dom->domid)
			continue;
		if (is(dev, "state", xb_state_name(XB_CONNECTED)) && !is(dev, "attached", "true"))
			return false;
	}
	return true;
}

/* A worker finishes what is under way first: this takes as long as the slowest I/O. */
static int await_served(const struct domain *dom)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000000 };
	bool served = false;

	for (int left = WAIT_SECONDS * 100; !served; left--) {
		struct json_object *answer = control_ask(control_question("stats"));

		if (!answer)
			return TOOL_FAILED;
		served = all_served(answer, dom);
		json_object_put(answer);
		if (!served && left == 0)
			return tool_error("not all disks have a new worker after %d s; 'xpv stats' "
					  "and xpvd's log say which and why", WAIT_SECONDS);
		if (!served)
			nanosleep(&pause, NULL);
	}
	return TOOL_OK;
}

static int restart(const struct domain *dom, const char *class, bool json)
{
	struct json_object *question = control_question("restart"), *answer;
	int rc = TOOL_OK;

	if (dom)
		json_object_object_add(question, "domid", json_object_new_int64(dom->domid));
	if (class)
		json_object_object_add(question, "class", json_object_new_string(class));
	answer = control_ask(question);
	if (!answer)
		return TOOL_FAILED;
	rc = await_served(dom);
	if (!rc && json)
		rc = report(answer, dom, class);
	json_object_put(answer);
	return rc;
}

int cmd_restart(int argc, char **argv)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	const char *class = NULL;
	struct domain dom;
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first > 2)
		return tool_usage(argv[0], "a domain and a class at most");
	if (argc > first && is_class(argv[argc - 1]))
		class = argv[--argc];
	if (argc - first == 2)
		return tool_usage(argv[0], "%s: no such class", argv[argc - 1]);
	if (argc > first && tool_resolve(argv[first], &dom))
		return TOOL_FAILED;
	return restart(argc > first ? &dom : NULL, class, json);
}
