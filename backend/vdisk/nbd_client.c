/* SPDX-License-Identifier: MIT */
/*
 * nbd_client.c - one connection to a server: libnbd in the event loop
 *
 * libnbd is a state machine that says what it waits for and is told when that is so. It never
 * waits itself. What ends a connection, in whatever state, is told from the loop's next round, so
 * that an owner who gives a command is never called back for it at once.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nbd_client.h"

#define HANDSHAKE_NS	UINT64_C(6000000000)

const char *nbd_client_error(void)
{
	const char *text = nbd_get_error(), *colon;

	if (!text)
		return "unknown error";
	colon = strstr(text, ": ");	/* "nbd_aio_pread: what went wrong" */
	return colon && strncmp(text, "nbd_", 4) == 0 ? colon + 2 : text;
}

void nbd_client_stop(struct nbd_client *c)
{
	loop_timer_cancel(c->loop, &c->patience);
	loop_timer_cancel(c->loop, &c->look);
	if (!c->handle)
		return;
	loop_del(c->loop, &c->source);		/* the descriptor is the handle's */
	nbd_close(c->handle);
	c->handle = NULL;
	c->ready = c->output = false;
}

static void lose(struct nbd_client *c, const char *why)
{
	nbd_client_stop(c);
	c->on_lost(c, why);
}

static void follow_direction(struct nbd_client *c)
{
	bool output = nbd_aio_get_direction(c->handle) & LIBNBD_AIO_DIRECTION_WRITE;

	if (output != c->output && loop_watch_output(c->loop, &c->source, output) == 0)
		c->output = output;
}

/* After libnbd has moved on: is it connected, is it still? */
static void look(struct nbd_client *c)
{
	if (!c->ready && nbd_aio_is_ready(c->handle) == 1) {
		c->ready = true;
		loop_timer_cancel(c->loop, &c->patience);
		c->on_ready(c);
	}
	if (!c->handle)
		return;			/* its owner does not want it */
	if (nbd_aio_is_dead(c->handle) == 1) {
		lose(c, nbd_client_error());
		return;
	}
	if (nbd_aio_is_closed(c->handle) == 1) {
		lose(c, "it has closed the connection");
		return;
	}
	if (c->ready)
		c->on_turn(c);
	if (c->handle)			/* its owner may have had enough of it */
		follow_direction(c);
}

static void look_due(struct loop_timer *timer)
{
	look(container_of(timer, struct nbd_client, look));
}

static void patience_over(struct loop_timer *timer)
{
	lose(container_of(timer, struct nbd_client, patience), "it does not answer");
}

/* libnbd must not be told of input that is not there: in the middle of a request it would wait for
 * the rest of it, and the server for the rest of ours. */
static bool has_input(const struct nbd_client *c)
{
	char byte;

	return !c->output || recv(c->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       (errno != EAGAIN && errno != EINTR);
}

/* A failure of these functions is a connection that is dead, which is seen next. */
static void socket_ready(struct loop_fd *source)
{
	struct nbd_client *c = container_of(source, struct nbd_client, source);
	unsigned int direction = nbd_aio_get_direction(c->handle);

	if ((direction & LIBNBD_AIO_DIRECTION_READ) && has_input(c))
		nbd_aio_notify_read(c->handle);
	else if (direction & LIBNBD_AIO_DIRECTION_WRITE)
		nbd_aio_notify_write(c->handle);
	look(c);
}

void nbd_client_issued(struct nbd_client *c)
{
	if (nbd_aio_is_dead(c->handle) == 1 || nbd_aio_is_closed(c->handle) == 1)
		loop_timer_set(c->loop, &c->look, 0);
	else
		follow_direction(c);
}

int nbd_client_start(struct nbd_client *c, int fd, const char *name)
{
	struct nbd_handle *h = nbd_create();

	c->source = (struct loop_fd){ .fd = -1, .ready = socket_ready };
	c->patience.expired = patience_over;
	c->look.expired = look_due;
	c->ready = c->output = false;
	if (!h) {
		close(fd);
		return -ENOMEM;
	}
	c->handle = h;
	if (nbd_set_export_name(h, name)) {
		close(fd);
		nbd_client_stop(c);
		return -EINVAL;
	}
	if (nbd_aio_connect_socket(h, fd)) {	/* the descriptor is the handle's */
		nbd_client_stop(c);
		return -EIO;
	}
	c->source.fd = nbd_aio_get_fd(h);
	if (c->source.fd < 0 || loop_add(c->loop, &c->source)) {
		c->source.fd = -1;
		nbd_client_stop(c);
		return -EIO;
	}
	loop_timer_set(c->loop, &c->patience, HANDSHAKE_NS);
	loop_timer_set(c->loop, &c->look, 0);
	return 0;
}
