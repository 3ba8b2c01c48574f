/* SPDX-License-Identifier: MIT */
/*
 * create_xl.c - xpv create on real Xen
 *
 * xl's monitor watches over the guest (domain_xl.c), and its console is Xen's. Like xl, this does
 * not wait for the guest's drivers: they connect when they are loaded.
 */
#include <errno.h>
#include <string.h>

#include "await.h"
#include "domain.h"
#include "xl.h"

/* Lets it run, with its console before it does. What cannot be started is taken back. */
static int start(struct xs_handle *xs, xc_interface *xch, const struct domain *dom, bool serial,
		 const struct create_request *req, struct xl_console *console)
{
	int rc = req->console ? xl_console_begin(console, dom, serial) : TOOL_OK;

	if (!rc && !req->paused && xc_domain_unpause(xch, dom->domid)) {
		rc = tool_error("%s: it cannot be started: %s; see 'xl dmesg'", dom->name,
				strerror(errno));
		if (req->console)
			xl_console_stop(console);
	}
	if (rc)
		domain_destroy(xs, xch, dom);
	return rc;
}

int create_xl(const struct config *config, const struct create_request *req)
{
	struct xs_handle *xs;
	xc_interface *xch;
	struct xl_console console;
	struct domain dom;
	int rc = TOOL_FAILED;

	await_signals();
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	if (xch)
		rc = domain_create(xs, xch, config, &dom);
	if (!rc)
		rc = start(xs, xch, &dom, config->hvm, req, &console);
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	if (!rc && req->json)
		rc = tool_json(tool_json_domain(&dom));
	if (!rc && req->console)
		rc = xl_console_wait(&console, &dom);
	return rc;
}
