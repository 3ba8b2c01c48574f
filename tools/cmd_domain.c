/* SPDX-License-Identifier: MIT */
/*
 * cmd_domain.c - xpv destroy, pause, unpause: the verbs that are one call each
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "await.h"
#include "domain.h"
#include "tool.h"

/* Does it, and adds to `done`, for --json, what is now so; without --json that is NULL. */
typedef int action_fn(struct xs_handle *xs, xc_interface *xch, const struct domain *dom,
		      struct json_object *done);
typedef int find_fn(struct xs_handle *xs, xc_interface *xch, const char *text,
		    struct domain *dom);

static int act_on(struct xs_handle *xs, xc_interface *xch, const struct domain *dom,
		  action_fn *action, bool json)
{
	struct json_object *done;
	int rc;

	if (!dom->domid)
		return tool_error("%s: this is Dom0, where the backends run; name a guest",
				  dom->name);
	done = json ? tool_json_domain(dom) : NULL;
	rc = action(xs, xch, dom, done);
	if (rc || !json) {
		json_object_put(done);
		return rc ? rc : tool_flush();
	}
	return tool_json(done);
}

/* Runs an action on the one domain that the command line names. */
static int act(int argc, char **argv, const char *usage, find_fn *find, action_fn *action)
{
	bool json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct xs_handle *xs;
	xc_interface *xch;
	struct domain dom;
	int first, rc = TOOL_FAILED;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 1)
		return tool_usage(argv[0], "one domain is needed");
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	if (xch && !find(xs, xch, argv[first], &dom))
		rc = act_on(xs, xch, &dom, action, json);
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

/* Also the number of a domain that is gone, if something stands in the store for it. */
static int find_remains(struct xs_handle *xs, xc_interface *xch, const char *text,
			struct domain *dom)
{
	xc_domaininfo_t info;
	uint64_t number;

	if (xs_parse_u64(text, strlen(text), &number) || !number || number > XS_DOMID_MAX ||
	    tool_domain_info(xch, (uint32_t)number, &info) ||
	    !domain_store_exists(xs, (uint32_t)number))
		return tool_domain(xs, xch, text, dom);
	dom->domid = (uint32_t)number;
	xs_format_u64(dom->name, sizeof(dom->name), number);
	return TOOL_OK;
}

static int destroy(struct xs_handle *xs, xc_interface *xch, const struct domain *dom,
		   struct json_object *done)
{
	xc_domaininfo_t info;
	bool missing;
	int rc;

	await_signals();
	missing = !tool_domain_info(xch, dom->domid, &info);
	rc = domain_destroy(xs, xch, dom);
	if (rc)
		return rc;
	if (done) {
		json_object_object_add(done, "state", json_object_new_string("destroyed"));
		json_object_object_add(done, "missing", json_object_new_boolean(missing));
	} else if (missing) {
		printf("%u: there is no such domain any more; its leftovers in xenstore were "
		       "removed\n", dom->domid);
	}
	return TOOL_OK;
}

/* The state that the domain has now. */
static int add_state(struct json_object *done, xc_interface *xch, uint32_t domid)
{
	xc_domaininfo_t info;
	const char *state = tool_domain_info(xch, domid, &info) ? tool_domain_state(&info) :
								  "destroyed";

	if (done)
		json_object_object_add(done, "state", json_object_new_string(state));
	return TOOL_OK;
}

static int pause_domain(struct xs_handle *xs, xc_interface *xch, const struct domain *dom,
			struct json_object *done)
{
	(void)xs;
	if (xc_domain_pause(xch, dom->domid))
		return tool_error("%s: it cannot be paused: %s; see 'xpv list'", dom->name,
				  strerror(errno));
	return add_state(done, xch, dom->domid);
}

static int unpause_domain(struct xs_handle *xs, xc_interface *xch, const struct domain *dom,
			  struct json_object *done)
{
	(void)xs;
	if (xc_domain_unpause(xch, dom->domid))
		return tool_error("%s: it cannot be unpaused: %s; see 'xpv list'", dom->name,
				  strerror(errno));
	return add_state(done, xch, dom->domid);
}

int cmd_destroy(int argc, char **argv)
{
	static const char usage[] =
		"xpv destroy [-v] [--json] DOM\n\n"
		"Ends a guest at once, as if its power were cut, and removes its devices. The\n"
		"number of a guest that is gone removes what it has left in xenstore.\n\n"
		"  --json  print its name, number and state\n";

	return act(argc, argv, usage, find_remains, destroy);
}

int cmd_pause(int argc, char **argv)
{
	static const char usage[] =
		"xpv pause [-v] [--json] DOM\n\n"
		"Stops a guest's processors. Its backends finish what they have taken.\n\n"
		"  --json  print its name, number and state\n";

	return act(argc, argv, usage, tool_domain, pause_domain);
}

int cmd_unpause(int argc, char **argv)
{
	static const char usage[] =
		"xpv unpause [-v] [--json] DOM\n\n"
		"Lets a paused guest go on.\n\n"
		"  --json  print its name, number and state\n";

	return act(argc, argv, usage, tool_domain, unpause_domain);
}
