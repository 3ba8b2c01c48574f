/* SPDX-License-Identifier: MIT */
/*
 * cmd_domain.c - xpv destroy, pause, unpause: the verbs that are one call each
 */
#include <errno.h>
#include <string.h>

#include "await.h"
#include "domain.h"
#include "sim.h"
#include "tool.h"

typedef int action_fn(struct xs_handle *xs, xc_interface *xch, const struct domain *dom);

/* Runs an action on the one domain that the command line names. */
static int act(int argc, char **argv, const char *usage, action_fn *action)
{
	const struct opt opts[] = { { NULL, 0, OPT_FLAG, NULL } };
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
	if (xch && !tool_domain(xs, xch, argv[first], &dom)) {
		if (dom.domid)
			rc = action(xs, xch, &dom);
		else
			tool_error("%s: this is Dom0, where the backends run; name a guest",
				   argv[first]);
	}
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

static int destroy(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	if (!sim_running())
		return tool_error("%s: xpv ends guests only in the simulator so far; on Xen use "
				  "'xl destroy', which takes xpv's disks along", dom->name);
	await_signals();
	return domain_destroy(xs, xch, dom);
}

static int pause_domain(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	(void)xs;
	if (xc_domain_pause(xch, dom->domid))
		return tool_error("%s: it cannot be paused: %s; see 'xpv list'", dom->name,
				  strerror(errno));
	return TOOL_OK;
}

static int unpause_domain(struct xs_handle *xs, xc_interface *xch, const struct domain *dom)
{
	(void)xs;
	if (xc_domain_unpause(xch, dom->domid))
		return tool_error("%s: it cannot be unpaused: %s; see 'xpv list'", dom->name,
				  strerror(errno));
	return TOOL_OK;
}

int cmd_destroy(int argc, char **argv)
{
	static const char usage[] =
		"xpv destroy [-v] DOM\n\n"
		"Ends a guest at once, as if its power were cut, and removes its devices.\n";

	return act(argc, argv, usage, destroy);
}

int cmd_pause(int argc, char **argv)
{
	static const char usage[] =
		"xpv pause [-v] DOM\n\n"
		"Stops a guest's processors. Its backends finish what they have taken.\n";

	return act(argc, argv, usage, pause_domain);
}

int cmd_unpause(int argc, char **argv)
{
	static const char usage[] =
		"xpv unpause [-v] DOM\n\n"
		"Lets a paused guest go on.\n";

	return act(argc, argv, usage, unpause_domain);
}
