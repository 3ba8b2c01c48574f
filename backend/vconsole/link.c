/* SPDX-License-Identifier: MIT */
/*
 * link.c - what the supervisor tells a worker, and is told
 *
 * One supervisor at a time: the newest connection counts. It is given what a successor of this
 * worker would need and cannot be made again: the terminal, whose name clients have open, and the
 * listening socket. The worker needs no supervisor to go on; but one that has neither a supervisor
 * nor a console for a while has been forgotten, and ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vconsole.h"

#define ORPHAN_NS	10000000000u

static void tell(struct worker *w, uint32_t type, uint32_t devid, int rc, const char *text)
{
	struct wire_msg msg = { .type = type, .devid = devid, .result = { .rc = rc } };

	if (w->supervisor.fd < 0)
		return;		/* the next one hears of it when it connects */
	snprintf(msg.result.text, sizeof(msg.result.text), "%s", text);
	wire_send(w->supervisor.fd, &msg, NULL, 0);
}

static struct console **find(struct worker *w, uint32_t devid)
{
	for (unsigned int i = 0; i < w->nr_consoles; i++) {
		if (w->consoles[i]->devid == devid)
			return &w->consoles[i];
	}
	return NULL;
}

static void release(struct loop_deferred *grave)
{
	free(container_of(grave, struct console, grave));
}

static void drop(struct worker *w, struct console **at, const char *end)
{
	struct console *c = *at;

	console_close(c, end);
	*at = w->consoles[--w->nr_consoles];
	c->grave.release = release;
	loop_defer(&w->env.loop, &c->grave);
}

static int attach(struct worker *w, const struct wire_msg *msg, int fds[WIRE_MAX_FDS], char *why)
{
	struct console *c;
	int rc;

	if (find(w, msg->devid)) {
		/* closing the descriptor would drop the lock of the one that is served */
		log_error("a console is attached a second time: ending");
		w->env.loop.stop = true;
		fds[FD_SCROLL] = -1;
		return -EEXIST;
	}
	if (fds[CONSOLE_FDS - 1] < 0 || w->nr_consoles == MAX_CONSOLES) {
		snprintf(why, WIRE_TEXT, "the worker cannot take the console");
		return -EINVAL;
	}
	c = malloc(sizeof(*c));
	if (!c) {
		snprintf(why, WIRE_TEXT, "out of memory");
		return -ENOMEM;
	}
	rc = console_open(c, &w->env, msg->devid, &msg->console, fds, why);
	w->consoles[w->nr_consoles++] = c;
	if (rc)
		drop(w, &w->consoles[w->nr_consoles - 1], NULL);
	return rc;
}

static void log_full(struct console *c)
{
	tell(container_of(c->env, struct worker, env), WIRE_LOG_FULL, c->devid, 0, "");
}

static void handle(struct worker *w, const struct wire_msg *msg, int fds[WIRE_MAX_FDS])
{
	char why[WIRE_TEXT] = "";
	struct console **at = find(w, msg->devid);
	int rc;

	switch (msg->type) {
	case WIRE_ATTACH:
		rc = attach(w, msg, fds, why);
		tell(w, WIRE_ATTACHED, msg->devid, rc, why);
		break;
	case WIRE_DETACH:
	case WIRE_SUSPEND:
		if (at)
			drop(w, at, msg->type == WIRE_DETACH ? "the console is gone" : NULL);
		tell(w, WIRE_DETACHED, msg->devid, 0, "");
		break;
	case WIRE_LOG:
		if (at && fds[0] >= 0) {
			record_replace(*at, fds[0]);
			fds[0] = -1;
		}
		break;
	case WIRE_QUIT:
		w->env.loop.stop = true;
		break;
	default:
		log_warning("a message of unknown type %u was ignored", msg->type);
	}
}

static void supervisor_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, supervisor);
	struct wire_msg msg;
	int fds[WIRE_MAX_FDS];
	int rc = wire_receive(source->fd, &msg, fds);

	if (rc == -EAGAIN)
		return;
	if (rc <= 0) {
		close(loop_del(&w->env.loop, source));
		loop_timer_set(&w->env.loop, &w->orphan, ORPHAN_NS);
		return;
	}
	handle(w, &msg, fds);
	wire_drop(fds);
}

static void greet(struct worker *w)
{
	const struct wire_msg hello = { .type = WIRE_HELLO,
					.hello = { WIRE_VERSION, w->env.domid, getpid(),
						   w->nr_consoles, 0 } };

	wire_send(w->supervisor.fd, &hello, NULL, 0);
	for (unsigned int i = 0; i < w->nr_consoles; i++) {
		const struct console *c = w->consoles[i];

		tell(w, c->failed ? WIRE_FAILED : WIRE_ATTACHED, c->devid, c->failed ? -EPROTO : 0,
		     c->failed ? c->failed : "");
	}
	for (unsigned int i = 0; i < w->nr_consoles; i++) {
		const struct console *c = w->consoles[i];
		const struct wire_msg keep = { .type = WIRE_KEEP, .devid = c->devid };
		const int fds[] = { c->listener.fd, c->pty.fd, c->pty_slave };

		if (c->pty.fd >= 0)
			wire_send(w->supervisor.fd, &keep, fds, 3);
		if (c->log_asked)
			log_full(w->consoles[i]);
	}
}

/* A new supervisor replaces the old one, and hears what there is. */
static void listener_ready(struct loop_fd *source)
{
	struct worker *w = container_of(source, struct worker, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (w->supervisor.fd >= 0)
		close(loop_del(&w->env.loop, &w->supervisor));
	loop_timer_cancel(&w->env.loop, &w->orphan);
	w->supervisor = (struct loop_fd){ .fd = fd, .ready = supervisor_ready };
	if (loop_add(&w->env.loop, &w->supervisor)) {
		close(fd);
		w->supervisor.fd = -1;
		return;
	}
	greet(w);
}

static void orphaned(struct loop_timer *timer)
{
	struct worker *w = container_of(timer, struct worker, orphan);

	if (w->nr_consoles == 0)
		w->env.loop.stop = true;
}

int link_start(struct worker *w)
{
	w->env.log_full = log_full;
	w->supervisor.fd = -1;
	w->orphan.expired = orphaned;
	w->listener.ready = listener_ready;
	loop_timer_set(&w->env.loop, &w->orphan, ORPHAN_NS);
	/* listen() makes this process the one that SO_PEERCRED names to whoever connects */
	return listen(w->listener.fd, 4) ? -errno : loop_add(&w->env.loop, &w->listener);
}

void link_close(struct worker *w, const char *end)
{
	while (w->nr_consoles > 0)
		drop(w, &w->consoles[0], end);
	if (w->supervisor.fd >= 0)
		close(w->supervisor.fd);
}

void link_turn(struct worker *w)
{
	for (unsigned int i = 0; i < w->nr_consoles; i++) {
		struct console *c = w->consoles[i];

		if (!c->failed || c->told)
			continue;
		c->told = true;
		tell(w, WIRE_FAILED, c->devid, -EPROTO, c->failed);
	}
}
