/* SPDX-License-Identifier: MIT */
/*
 * create_sim.c - xpv create in the simulator
 *
 * A process stays behind that watches over the guest (monitor.c); what the guest prints is in a
 * log, which -c follows. Where xpvd serves consoles, -c sits at the guest's, too: what a program
 * prints and what a kernel says on its console are then shown as they come.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "await.h"
#include "console_client.h"
#include "domain.h"

/* Makes it and lets it run. No handle stays open, for the monitor must not inherit one. */
static int make(const struct config *config, bool paused, struct domain *dom, int *monitor)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	int rc = xch ? domain_create(xs, xch, config, dom) : TOOL_FAILED;

	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	if (rc)
		return rc;

	*monitor = monitor_start(config, dom);
	xs = tool_xs_open();
	xch = xs ? tool_xc_open() : NULL;
	rc = *monitor >= 0 && xch ? TOOL_OK : TOOL_FAILED;
	if (!rc && !paused && xc_domain_unpause(xch, dom->domid))
		rc = tool_error("%s: it cannot be started: %s; see 'xpv list'", dom->name,
				strerror(errno));
	if (rc && xch)
		domain_destroy(xs, xch, dom);
	if (xch)
		xc_interface_close(xch);
	xs_close(xs);
	return rc;
}

static int say_end(const struct domain *dom, const char *log, int word)
{
	switch (word) {
	case MONITOR_POWEROFF:
	case MONITOR_REBOOT:
		return TOOL_OK;
	case MONITOR_CRASH:
		return tool_error("%s: the guest crashed; its output is in %s", dom->name, log);
	case MONITOR_GONE:
		return tool_error("%s: the guest was destroyed; its output is in %s", dom->name,
				  log);
	case -1:
		return tool_error("%s: its output is no longer shown, but it runs on; 'xpv "
				  "destroy %s' ends it", dom->name, dom->name);
	default:
		return tool_error("%s: the process that watches over it has ended; see %s/log "
				  "and 'xpv list'", dom->name, tool_rundir());
	}
}

/* What the guest prints, among what it says on its console. */
static bool show_log(struct console_session *s)
{
	struct follower *f = s->arg;
	bool over = follower_over(f);
	char buf[4096];
	ssize_t n;

	while ((n = follower_read(f, buf, sizeof(buf))) > 0)
		session_show(s, buf, (size_t)n);
	return over;
}

/* False: the user has left, or an error was printed, and *rc is the exit status. */
static bool sit_at_console(const struct domain *dom, struct follower *f, int *rc)
{
	struct console_at at = { .dom = *dom };
	struct console_session s = {
		.link = { .at = &at, .wants_write = true, .scrollback = true },
		.escape = CONSOLE_ESCAPE, .settle_ms = SETTLE_NEVER, .lazy = true,
		.tap = f->fd, .ready = show_log, .arg = f,
	};
	enum session_end end;

	if (!console_is_served(&at))
		return true;
	await_signals_default();	/* nothing is half done any more */
	end = console_session_run(&s);
	await_signals();
	*rc = end == SESSION_LEFT ? TOOL_OK : TOOL_FAILED;
	return end == SESSION_OVER || end == SESSION_TAP;
}

static int show_output(const struct domain *dom, const char *log, off_t from, int monitor)
{
	struct follower f;
	int rc = follower_begin(&f, log, from, monitor);

	if (rc)
		return rc;
	if (sit_at_console(dom, &f, &rc))
		rc = say_end(dom, log, follow(&f));
	follower_end(&f);
	return rc;
}

int create_sim(const struct config *config, const struct create_request *req)
{
	char log[XS_PATH_MAX];
	struct domain dom;
	int rc, monitor;
	off_t from;

	if (req->console && !config->kernel)
		return tool_error("%s: without kernel= the domain is empty, and there is no "
				  "output to show; leave -c out", config->name);
	if (!domain_log_path(log, sizeof(log), config->name))
		return TOOL_FAILED;
	await_signals();
	from = follow_begin(log);
	rc = make(config, req->paused, &dom, &monitor);
	if (rc)
		return rc;
	if (req->json)
		rc = tool_json(tool_json_domain(&dom));
	if (req->console)
		rc = show_output(&dom, log, from, monitor);
	close(monitor);
	return rc;
}
