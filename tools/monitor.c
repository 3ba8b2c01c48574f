/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - the process that watches over a guest
 *
 * xpv has no daemon for domains; like xl, `create` leaves a process behind for each, which does
 * when the guest ends what its configuration says. It sleeps in a watch on @releaseDomain, which
 * the store fires when any domain shuts down or dies, and asks the hypervisor whether it is
 * ours. It ends with its guest, or when the store goes away. A guest is known by its UUID as well
 * as its number, so that a number that was given out again is never mistaken.
 *
 * A guest that is to be restarted and ends again at once would keep the machine busy for ever:
 * after a few quick ends in a row it is given up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "await.h"
#include "domain.h"

#define QUICK_SECONDS 10	/* a guest that lived shorter ended quickly */
#define QUICK_MAX 5

struct monitor {
	const struct config *config;
	struct domain dom;
	struct xs_handle *xs;
	xc_interface *xch;
	int pipe;
	time_t born;
	unsigned int quick;
};

enum verdict { GO_ON, FINISHED };

static void tell(struct monitor *m, enum monitor_word word)
{
	char letter = (char)word;

	/* Nobody may be listening. */
	if (m->pipe >= 0 && write(m->pipe, &letter, 1) != 1)
		m->pipe = -1;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* What ends how. */
static const struct {
	enum monitor_word word;
	size_t ending;		/* where struct config says what to do */
	const char *text;
} reasons[] = {
	[SHUTDOWN_poweroff] = { MONITOR_POWEROFF, offsetof(struct config, on_poweroff),
				"powered off" },
	[SHUTDOWN_reboot] = { MONITOR_REBOOT, offsetof(struct config, on_reboot), "reboots" },
	[SHUTDOWN_suspend] = { MONITOR_POWEROFF, offsetof(struct config, on_poweroff),
			       "suspended itself" },
	[SHUTDOWN_crash] = { MONITOR_CRASH, offsetof(struct config, on_crash), "crashed" },
	[SHUTDOWN_watchdog] = { MONITOR_CRASH, offsetof(struct config, on_crash),
				"was ended by its watchdog" },
	[SHUTDOWN_soft_reset] = { MONITOR_REBOOT, offsetof(struct config, on_reboot),
				  "resets itself" },
};

/* All its nodes are there again under a new number. */
static enum verdict restart(struct monitor *m)
{
	m->quick = now() - m->born < QUICK_SECONDS ? m->quick + 1 : 0;
	if (m->quick >= QUICK_MAX) {
		tool_error("%s: it ended %d times within %d s of its start; it is not started "
			   "again, see its log", m->config->name, QUICK_MAX, QUICK_SECONDS);
		return FINISHED;
	}
	if (domain_create(m->xs, m->xch, m->config, &m->dom))
		return FINISHED;
	if (xc_domain_unpause(m->xch, m->dom.domid)) {
		domain_destroy(m->xs, m->xch, &m->dom);
		return FINISHED;
	}
	m->born = now();
	fprintf(stderr, "%s: started again as domain %u\n", m->config->name, m->dom.domid);
	return GO_ON;
}

static enum verdict end_domain(struct monitor *m, unsigned int reason)
{
	enum ending ending;

	if (reason >= sizeof(reasons) / sizeof(reasons[0]))
		reason = SHUTDOWN_crash;
	ending = *(const enum ending *)((const char *)m->config + reasons[reason].ending);
	fprintf(stderr, "%s: domain %u %s\n", m->config->name, m->dom.domid, reasons[reason].text);
	if (ending != ENDING_PRESERVE)
		domain_destroy(m->xs, m->xch, &m->dom);
	if (ending == ENDING_RESTART && restart(m) == GO_ON)
		return GO_ON;
	tell(m, reasons[reason].word);
	return FINISHED;
}

static enum verdict look(struct monitor *m)
{
	xc_domaininfo_t info;

	if (!tool_domain_info(m->xch, m->dom.domid, &info) ||
	    memcmp(info.handle, m->config->uuid, sizeof(info.handle)) ||
	    (info.flags & XEN_DOMINF_dying)) {
		tell(m, MONITOR_GONE);
		return FINISHED;
	}
	if (!(info.flags & XEN_DOMINF_shutdown))
		return GO_ON;
	return end_domain(m, info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
}

static void watch_over(struct monitor *m)
{
	unsigned int n;
	char **event;

	m->xs = tool_xs_open();
	m->xch = m->xs ? tool_xc_open() : NULL;
	if (m->xch && xs_watch(m->xs, "@releaseDomain", "monitor")) {
		while ((event = xs_read_watch(m->xs, &n))) {
			free(event);
			if (look(m) == FINISHED)
				break;
		}
	}
	if (m->xch)
		xc_interface_close(m->xch);
	xs_close(m->xs);
}

/* A session, a log and no descriptors of our own: whoever called `create` can go. */
static bool detach(const char *log, int pipe)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (null < 0 || out < 0 || setsid() < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(out, 2) < 0 || dup2(pipe, 3) < 0)
		return false;
	close_range(4, ~0U, 0);
	await_signals_default();
	return !chdir("/");
}

int monitor_start(const struct config *config, const struct domain *dom)
{
	struct monitor m = { .config = config, .dom = *dom, .pipe = 3, .born = now() };
	char log[XS_PATH_MAX], file[CONFIG_NAME_MAX + 32];
	int ends[2] = { -1, -1 };
	pid_t pid = -1;

	snprintf(file, sizeof(file), "log/xpv-%s.log", config->name);
	if (!tool_runpath(log, sizeof(log), file))
		return -1;
	if (!pipe2(ends, O_CLOEXEC))
		pid = fork();
	if (pid < 0) {
		tool_error("%s: no process to watch over it: %s; end some", config->name,
			   strerror(errno));
		return -1;
	}
	if (pid) {
		close(ends[1]);
		return ends[0];
	}
	if (!detach(log, ends[1]))
		_exit(TOOL_FAILED);
	watch_over(&m);
	_exit(TOOL_OK);
}
