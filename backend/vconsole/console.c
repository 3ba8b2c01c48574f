/* SPDX-License-Identifier: MIT */
/*
 * console.c - the shared page and its event channel
 *
 * Work is done in turns, one an event. A turn takes what the guest has put out, puts what people
 * have typed, and lets everybody follow; its passes over the page are bounded, and so are those of
 * RATE_PERIOD_NS, as xenconsoled does it: a guest that writes or notifies without end is looked at
 * again when the period is over, and its event channel stays masked meanwhile, so that it costs
 * nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "worker/replay.h"

#define RATE_PERIOD_NS	200000000u
#define PASSES		16	/* in a turn; other consoles and clients are to have theirs */

/* A port is free again only when the hypervisor has noticed that its last owner is gone. */
#define BIND_TRIES	200
#define BIND_PAUSE_NS	5000000

void console_fail(struct console *c, const char *why)
{
	if (c->failed)
		return;
	c->failed = why;
	loop_timer_cancel(&c->env->loop, &c->turn);
	log_error("guest %u console %u: %s", c->env->domid, c->devid, why);
}

static bool within_rate(struct console *c)
{
	uint64_t now;

	if (!c->rate)
		return true;
	now = loop_now();
	if (now - c->period >= RATE_PERIOD_NS) {
		c->period = now;
		c->used = 0;
	}
	if (c->used < c->rate) {
		c->used++;
		return true;
	}
	loop_timer_set(&c->env->loop, &c->turn, c->period + RATE_PERIOD_NS - now);
	return false;
}

/* Each pass that finds nothing counts too: it was an event. */
static void take(struct console *c)
{
	int n = 1;

	for (int pass = 0; pass < PASSES && n > 0; pass++) {
		if (!within_rate(c))
			return;
		n = scroll_take(c);
		c->notify |= n > 0;
	}
	if (n == STREAM_EBROKEN)
		console_fail(c, "its guest has put out more than there is room for: the counter "
				"out_prod is impossible");
	else if (n > 0)
		loop_timer_set(&c->env->loop, &c->turn, 0);
}

void console_poke(struct console *c)
{
	if (c->notify && c->port)
		xenevtchn_notify(c->env->xce, c->port);
	c->notify = false;
}

static void do_turn(struct console *c)
{
	if (c->failed)
		return;
	take(c);
	if (!c->failed)
		typed_flush(c);
	console_poke(c);
	record_feed(c);
	pty_feed(c);
	clients_feed(c);
	if (!c->turn.due_ns && !c->failed)
		xenevtchn_unmask(c->env->xce, c->port);
}

void console_event(struct console *c)
{
	if (!c->turn.due_ns)
		do_turn(c);
}

static void turn_due(struct loop_timer *timer)
{
	do_turn(container_of(timer, struct console, turn));
}

static int open_failed(char *why, int rc, const char *what)
{
	snprintf(why, WIRE_TEXT, "%s: %s", what, strerror(-rc));
	return rc;
}

static int bind_port(struct console *c, uint32_t remote)
{
	const struct timespec pause = { .tv_nsec = BIND_PAUSE_NS };
	int r = -1;

	for (int i = 0; i < BIND_TRIES; i++) {
		r = xenevtchn_bind_interdomain(c->env->xce, c->env->domid, remote);
		if (r >= 0 || errno != EINVAL)
			break;
		nanosleep(&pause, NULL);
	}
	if (r < 0)
		return errno ? -errno : -EIO;
	c->port = (evtchn_port_t)r;
	return 0;
}

static int map_page(struct console *c, uint32_t gref)
{
	c->page = xengnttab_map_grant_ref(c->env->xgt, c->env->domid, gref,
					  PROT_READ | PROT_WRITE);
	return c->page ? 0 : errno ? -errno : -EIO;
}

static void take_fds(struct console *c, int fds[WIRE_MAX_FDS])
{
	c->scroll_fd = fds[FD_SCROLL];
	c->log_fd = fds[FD_LOG];
	c->listener.fd = fds[FD_LISTENER];
	c->pty.fd = fds[FD_PTY];
	c->pty_slave = fds[FD_PTY_SLAVE];
	for (int i = 0; i < CONSOLE_FDS; i++)
		fds[i] = -1;
	for (int i = 0; i < CONSOLE_CLIENTS; i++)
		c->clients[i] = (struct client){ .console = c, .source.fd = -1, .undrained = -1 };
}

int console_open(struct console *c, struct console_env *env, uint32_t devid,
		 const struct wire_console *conn, int fds[WIRE_MAX_FDS], char *why)
{
	int rc;

	*c = (struct console){ .env = env, .devid = devid, .turn.expired = turn_due,
			       .rate = conn->rate, .log_max = conn->log_max,
			       .log_escape = conn->flags & WIRE_LOG_ESCAPE };
	take_fds(c, fds);
	rc = journal_lock(c->scroll_fd);
	if (rc)
		return open_failed(why, rc, "locking its scrollback");
	rc = scroll_open(c, conn->size);
	if (rc)
		return open_failed(why, rc, "its scrollback");
	rc = map_page(c, conn->gref);
	if (rc)
		return open_failed(why, rc, "mapping its page");
	rc = bind_port(c, conn->port);
	if (rc)
		return open_failed(why, rc, "binding its event channel");
	scroll_resume(c, conn->port);
	rc = pty_open(c);
	if (rc == 0)
		rc = clients_open(c);
	if (rc)
		return open_failed(why, rc, "its clients");
	c->notify = true;	/* notifications of the time between were lost */
	loop_timer_set(&env->loop, &c->turn, 0);
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void console_close(struct console *c, const char *end)
{
	if (c->page && !c->failed && end)	/* the last words of one that is gone */
		while (scroll_take(c) > 0)
			continue;
	if (c->head && end) {
		record_feed(c);
		clients_feed(c);
	}
	loop_timer_cancel(&c->env->loop, &c->turn);
	clients_close(c, end);
	pty_close(c);
	if (c->port)
		xenevtchn_unbind(c->env->xce, c->port);
	c->port = 0;
	if (c->page)
		xengnttab_unmap(c->env->xgt, c->page, 1);
	c->page = NULL;
	scroll_close(c);
	close_fd(&c->log_fd);
	close_fd(&c->scroll_fd);	/* last: with it goes the lock */
}
