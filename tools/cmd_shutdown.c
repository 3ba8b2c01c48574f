/* SPDX-License-Identifier: MIT */
/*
 * cmd_shutdown.c - xpv shutdown: ask a guest to power off
 *
 * The request is a word in control/shutdown, which the guest removes to say that it has seen it.
 * A guest whose kernel does not look there is told apart by exactly that, and the request is then
 * taken back: it would otherwise strike whenever a driver is loaded.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "await.h"
#include "tool.h"

static const char usage[] =
	"xpv shutdown [-v] [--json] [--reboot] [--timeout S] DOM\n\n"
	"Asks a guest to power off, and returns when it has taken the request. A guest\n"
	"that does not take it in time is left as it was, and the exit status is 1:\n"
	"'xpv destroy' ends it anyway.\n\n"
	"  -r, --reboot  ask it to reboot\n"
	"  --timeout S   wait S seconds (default 10)\n"
	"  --json        print its name and number, and what it was asked for\n";

struct request {
	char path[64];
	const char *word;
};

/* Takes the request back if it still stands; -EALREADY: the guest has it. */
static int withdraw(struct xs_handle *xs, xs_transaction_t t, void *arg)
{
	const struct request *req = arg;
	char *value = store_read(xs, t, req->path);
	bool stands = value && !strcmp(value, req->word);

	free(value);
	if (!stands)
		return -EALREADY;
	return store_write(xs, t, req->path, "") ? 0 : -errno;
}

static int ask(struct xs_handle *xs, xc_interface *xch, const struct domain *dom,
	       const char *word, unsigned int seconds)
{
	struct request req = { .word = word };
	xc_domaininfo_t info;
	enum await_end end;
	int rc;

	if (!tool_domain_info(xch, dom->domid, &info) || info.flags & XEN_DOMINF_shutdown)
		return tool_error("%s: it has ended already; 'xpv destroy %s' removes what is "
				  "left of it", dom->name, dom->name);
	snprintf(req.path, sizeof(req.path), "/local/domain/%u/control/shutdown", dom->domid);
	if (!store_write(xs, XBT_NULL, req.path, word))
		return tool_error("%s: the request cannot be written: %s; are you root in Dom0?",
				  dom->name, strerror(errno));
	end = await_value_gone(xs, req.path, word, await_deadline(seconds));
	if (end == AWAIT_REACHED)
		return TOOL_OK;
	rc = store_transact(xs, withdraw, &req);
	if (rc == -EALREADY)
		return TOOL_OK;
	if (end == AWAIT_INTERRUPTED)
		return tool_error("%s: interrupted; the request was taken back", dom->name);
	return tool_error("%s: the guest does not answer, its kernel may not listen; 'xpv "
			  "destroy %s' ends it", dom->name, dom->name);
}

static int report(const struct domain *dom, const char *word)
{
	struct json_object *obj = tool_json_domain(dom);

	json_object_object_add(obj, "request", json_object_new_string(word));
	return tool_json(obj);
}

int cmd_shutdown(int argc, char **argv)
{
	unsigned int seconds = 10;
	bool reboot = false, json = false;
	const struct opt opts[] = {
		{ "json", 0, OPT_FLAG, &json },
		{ "reboot", 'r', OPT_FLAG, &reboot },
		{ "timeout", 't', OPT_SECONDS, &seconds },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	struct xs_handle *xs;
	xc_interface *xch;
	struct domain dom;
	const char *word;
	int first, rc = TOOL_FAILED;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 1)
		return tool_usage(argv[0], "one domain is needed");
	word = reboot ? "reboot" : "poweroff";
	await_signals();
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	if (xch && !tool_domain(xs, xch, argv[first], &dom))
		rc = ask(xs, xch, &dom, word, seconds);
	if (!rc && json)
		rc = report(&dom, word);
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}
