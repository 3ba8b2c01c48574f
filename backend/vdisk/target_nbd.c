/* SPDX-License-Identifier: MIT */
/*
 * target_nbd.c - a disk that a server has, which may be lost and found again
 *
 * What is under way stands on a list until the server has answered it. When the connection is lost,
 * the supervisor is asked for another one, and everything on the list is sent again: reads, writes
 * and flushes may be done twice, and none of them depends on another on the list, because a guest
 * that wants an order waits for answers. What was answered is not sent again. So a server that goes
 * may take with it what it had answered and was not asked to flush, as a disk that loses power may;
 * one that keeps its data in files, or the host's page cache, loses nothing when it is killed.
 *
 * A guest notices nothing of this but a pause, unless it lasts: after `reconnect` seconds without
 * an answer all that waits fails, and so does what comes, until there is a connection again. A
 * server that is connected and does not answer is given up earlier, and connected to anew.
 *
 * A discard is a trim. It promises as little as xen/io/blkif.h does: what is read afterwards is
 * anything, and a guest must not count on zeros. Writing zeros, with leave to make holes of them,
 * would promise more, and a server that makes none would be made to fill its disk by a guest that
 * tidies up. A server that cannot trim is not asked, also one that comes back so: its guest hears
 * that discards are not supported, which it may at any time. Otherwise a discard is as a write: it
 * waits for the server, and is sent again until it is answered.
 *
 * libnbd reports from within its own calls, so that its callbacks only sort the list.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "log.h"
#include "nbd.h"
#include "nbd_client.h"

#define SECOND_NS	UINT64_C(1000000000)
#define STALL_MAX	30		/* seconds: a server that is silent for longer is gone */
#define AGAIN_NS	(SECOND_NS / 2)	/* between attempts with a server that does not do */

struct command {
	struct command *next;
	struct nbd_target *target;
	struct target_io *io;
	bool sent;		/* libnbd has it, and its buffer */
	int rc;
};

struct command_list {
	struct command *head, **tail;
};

struct nbd_target {
	struct nbd_target *next;
	struct nbd_host *host;
	uint32_t devid;
	char name[24];			/* for the log */
	uint64_t sectors;
	uint32_t sector_size;
	bool readonly, can_flush, can_trim;
	uint64_t reconnect_ns;
	struct nbd_client client;
	struct command_list waiting;	/* for an answer, in the order of their coming */
	struct command_list ended;
	uint64_t progress_ns;		/* when something was answered, or began to wait */
	struct loop_timer limit;	/* when patience with the server ends */
	struct loop_timer stall;	/* while something waits on a connection */
	struct loop_timer again;	/* when to ask for a connection */
	struct loop_timer turn;		/* something has ended outside of the event loop */
	bool wanted;			/* a connection was asked for */
	bool lost;			/* nothing has been answered since a connection was */
	bool told;			/* ... and the log says so */
	struct log_limit log_limit;	/* a server can come and go as often as it likes */
	bool given_up;			/* I/O fails */
	bool abandoned;
	struct loop_deferred grave;
	char trouble[WIRE_TEXT];
};

const bool nbd_spoken = true;

static void append(struct command_list *list, struct command *cmd)
{
	cmd->next = NULL;
	*list->tail = cmd;
	list->tail = &cmd->next;
}

static struct command *take_all(struct command_list *list)
{
	struct command *head = list->head;

	list->head = NULL;
	list->tail = &list->head;
	return head;
}

static void take_out(struct command_list *list, struct command *cmd)
{
	struct command **at = &list->head;

	while (*at && *at != cmd)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = cmd->next;
	if (list->tail == &cmd->next)
		list->tail = at;
}

static void command_ends(struct command *cmd, int rc)
{
	struct nbd_target *n = cmd->target;

	take_out(&n->waiting, cmd);
	cmd->rc = rc;
	append(&n->ended, cmd);
}

/* libnbd's, from within it. ENOTCONN is its own word for a connection that is lost, and a server
 * says ESHUTDOWN when it is about to be: neither is an answer. */
static int command_done(void *user, int *error)
{
	struct command *cmd = user;

	cmd->sent = false;
	if (*error != ENOTCONN && *error != ESHUTDOWN)
		command_ends(cmd, -*error);
	return 1;
}

static void say_trouble(const struct nbd_target *n, struct wire_msg *msg)
{
	snprintf(msg->result.text, sizeof(msg->result.text), "%s%.*s",
		 n->trouble[0] ? "its server: " : "", WIRE_TEXT - 16, n->trouble);
}

static void tell_trouble(struct nbd_target *n, const char *why)
{
	struct wire_msg msg = { .type = WIRE_TROUBLE, .devid = n->devid };

	if (strcmp(n->trouble, why) == 0)
		return;
	log_safe(n->trouble, sizeof(n->trouble), why);
	say_trouble(n, &msg);
	n->host->say(n->host, &msg);
}

static void ask(struct nbd_target *n)
{
	const struct wire_msg msg = { .type = WIRE_LINK_WANTED, .devid = n->devid };

	n->wanted = true;
	n->host->say(n->host, &msg);
}

static void again_due(struct loop_timer *timer)
{
	ask(container_of(timer, struct nbd_target, again));
}

/* Calls back for what has ended; that may start more. */
static void give_back(struct nbd_target *n)
{
	struct command *cmd = take_all(&n->ended), *next;

	for (; cmd; cmd = next) {
		struct target_io *io = cmd->io;
		int rc = cmd->rc;

		next = cmd->next;
		free(cmd);
		io->done(io, rc);
	}
}

static void turn_due(struct loop_timer *timer)
{
	give_back(container_of(timer, struct nbd_target, turn));
}

static void fail_waiting(struct nbd_target *n)
{
	while (n->waiting.head)
		command_ends(n->waiting.head, -ETIMEDOUT);
	loop_timer_set(n->host->loop, &n->turn, 0);
}

/* The connection is over; `delay_ns` from now another one is asked for. */
static void disconnect(struct nbd_target *n, const char *why, uint64_t delay_ns)
{
	struct loop *loop = n->host->loop;

	nbd_client_stop(&n->client);
	loop_timer_cancel(loop, &n->stall);
	for (struct command *cmd = n->waiting.head; cmd; cmd = cmd->next)
		cmd->sent = false;
	if (n->abandoned)
		fail_waiting(n);
	if (!n->lost) {
		uint64_t idle = n->waiting.head ? loop_now() - n->progress_ns : 0;

		n->lost = true;
		n->told = log_allowed(&n->log_limit, n->name);
		if (n->told)
			log_warning("%s: its server is lost: %s; I/O waits for it for %llu s",
				    n->name, why,
				    (unsigned long long)(n->reconnect_ns / SECOND_NS));
		loop_timer_set(loop, &n->limit,
			       idle < n->reconnect_ns ? n->reconnect_ns - idle : 0);
	}
	tell_trouble(n, why);
	loop_timer_set(loop, &n->again, delay_ns);
}

static void limit_over(struct loop_timer *timer)
{
	struct nbd_target *n = container_of(timer, struct nbd_target, limit);

	if (n->client.handle)		/* connected, and still nothing was answered */
		disconnect(n, "it does not answer", AGAIN_NS);
	n->given_up = true;
	if (n->waiting.head)
		log_error("%s: its server has not answered for %llu s: I/O fails until it is "
			  "back", n->name, (unsigned long long)(n->reconnect_ns / SECOND_NS));
	fail_waiting(n);
}

static uint64_t stall_ns(const struct nbd_target *n)
{
	uint64_t half = n->reconnect_ns / 2;

	return half < STALL_MAX * SECOND_NS ? half : STALL_MAX * SECOND_NS;
}

static void stall_due(struct loop_timer *timer)
{
	struct nbd_target *n = container_of(timer, struct nbd_target, stall);
	uint64_t silent = loop_now() - n->progress_ns;

	if (!n->waiting.head)
		return;
	if (silent >= stall_ns(n))
		disconnect(n, "it does not answer", 0);
	else
		loop_timer_set(n->host->loop, timer, stall_ns(n) - silent);
}

/* The server answers again. */
static void recovered(struct nbd_target *n)
{
	if (n->lost && n->told)
		log_info("%s: its server is there again", n->name);
	n->lost = false;
	loop_timer_cancel(n->host->loop, &n->limit);
	tell_trouble(n, "");
}

/* Whether this server has nothing to do with it: then *rc is the answer. */
static bool is_settled(const struct nbd_target *n, enum target_op op, int *rc)
{
	*rc = op == TARGET_DISCARD ? -EOPNOTSUPP : 0;
	return (op == TARGET_DISCARD && !n->can_trim) || (op == TARGET_SYNC && !n->can_flush);
}

static void send_command(struct nbd_target *n, struct command *cmd)
{
	struct nbd_handle *h = n->client.handle;
	const struct target_io *io = cmd->io;
	const nbd_completion_callback done = { .callback = command_done, .user_data = cmd };
	int64_t cookie = -1;
	int rc;

	if (is_settled(n, io->op, &rc)) {	/* it came while nobody knew */
		command_ends(cmd, rc);
		loop_timer_set(n->host->loop, &n->turn, 0);
		return;
	}
	cmd->sent = true;
	switch (io->op) {
	case TARGET_READ:
		cookie = nbd_aio_pread(h, io->iov[0].iov_base, io->len, io->off, done, 0);
		break;
	case TARGET_WRITE:
		cookie = nbd_aio_pwrite(h, io->iov[0].iov_base, io->len, io->off, done, 0);
		break;
	case TARGET_SYNC:
		cookie = nbd_aio_flush(h, done, 0);
		break;
	case TARGET_DISCARD:		/* never a secure one: those are not offered */
		cookie = nbd_aio_trim(h, io->len, io->off, done, 0);
		break;
	}
	if (cookie >= 0)
		return;
	cmd->sent = false;
	if (nbd_aio_is_dead(h) == 1 || nbd_aio_is_closed(h) == 1)
		return;			/* is sent again, as all others */
	log_debug("%s: %s", n->name, nbd_client_error());
	command_ends(cmd, -(nbd_get_errno() ? nbd_get_errno() : EIO));
	loop_timer_set(n->host->loop, &n->turn, 0);
}

/* Only libnbd's own callbacks, which end commands, change the list meanwhile; they free none. */
static void send_all(struct nbd_target *n)
{
	struct command *cmd = n->waiting.head, *next;

	for (; cmd; cmd = next) {
		next = cmd->next;
		if (!cmd->sent)
			send_command(n, cmd);
	}
	nbd_client_issued(&n->client);
}

/* Whether the server still has what the disk was made of: "", or why not. */
static const char *examine(struct nbd_target *n, struct nbd_handle *h)
{
	static char why[WIRE_TEXT];
	int64_t bytes = nbd_get_size(h), most;

	n->can_flush = nbd_can_flush(h) == 1;
	n->can_trim = nbd_can_trim(h) == 1;
	if (bytes < 0 || (uint64_t)bytes / BLK_SECTOR < n->sectors) {
		snprintf(why, sizeof(why), "its export has %lld bytes now, and the disk has %llu: "
			 "put back what was there, or detach the disk", (long long)bytes,
			 (unsigned long long)n->sectors * BLK_SECTOR);
		return why;
	}
	if (nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM) > n->sector_size)
		return "it takes no requests as small as the disk's sectors now: put nbdkit's "
		       "blocksize filter before it";
	most = nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM);
	if (most > 0 && most < DISK_BUFFER)
		return "it takes no requests as large as 1 MiB now: put nbdkit's blocksize filter "
		       "before it";
	if (!n->readonly && nbd_is_read_only(h) == 1)
		return "its export can only be read now: let it be written to again";
	return "";
}

static void client_ready(struct nbd_client *c)
{
	struct nbd_target *n = container_of(c, struct nbd_target, client);
	const char *why = examine(n, c->handle);

	if (*why) {
		if (strcmp(n->trouble, why) != 0 && log_allowed(&n->log_limit, n->name))
			log_error("%s: its server does not do: %s", n->name, why);
		disconnect(n, why, AGAIN_NS);
		return;
	}
	n->given_up = false;
	if (!n->waiting.head) {
		recovered(n);
		return;
	}
	n->progress_ns = loop_now();
	loop_timer_set(n->host->loop, &n->stall, stall_ns(n));
	send_all(n);
}

static void client_lost(struct nbd_client *c, const char *why)
{
	struct nbd_target *n = container_of(c, struct nbd_target, client);

	disconnect(n, why, n->lost ? AGAIN_NS : 0);
	give_back(n);
}

/* Commands that the server would not take, because it is about to go, are on the list unsent. */
static bool turned_away(const struct nbd_target *n)
{
	const struct command *cmd = n->waiting.head;

	while (cmd && cmd->sent)
		cmd = cmd->next;
	return cmd;
}

static void client_turn(struct nbd_client *c)
{
	struct nbd_target *n = container_of(c, struct nbd_target, client);

	if (n->ended.head) {
		n->progress_ns = loop_now();
		recovered(n);
	}
	if (turned_away(n))
		disconnect(n, "it shuts down", AGAIN_NS);
	give_back(n);
}

static int nbd_now(struct target *t, struct target_io *io, bool wait)
{
	const struct nbd_target *n = t->state;
	int rc;

	(void)wait;
	return n->client.ready && is_settled(n, io->op, &rc) ? rc : -EAGAIN;
}

static int nbd_start(struct target *t, struct target_io *io)
{
	struct nbd_target *n = t->state;
	struct command *cmd;

	if (io->nr_iov > 1)
		return -EINVAL;
	cmd = calloc(1, sizeof(*cmd));
	if (!cmd)
		return -ENOMEM;
	cmd->target = n;
	cmd->io = io;
	if (!n->waiting.head)
		n->progress_ns = loop_now();
	append(&n->waiting, cmd);
	if ((n->given_up || n->abandoned) && !n->client.ready) {
		fail_waiting(n);
	} else if (n->client.ready) {
		if (!n->stall.due_ns)
			loop_timer_set(n->host->loop, &n->stall, stall_ns(n));
		send_command(n, cmd);
		nbd_client_issued(&n->client);
	}
	return 0;
}

static void nbd_abandon(struct target *t)
{
	struct nbd_target *n = t->state;

	n->abandoned = true;
	if (!n->client.ready)
		fail_waiting(n);
}

static void release(struct loop_deferred *grave)
{
	free(container_of(grave, struct nbd_target, grave));
}

static void nbd_target_close(struct target *t)
{
	struct nbd_target *n = t->state;
	struct loop *loop = n->host->loop;
	struct command *cmd, *next;

	nbd_client_stop(&n->client);
	loop_timer_cancel(loop, &n->limit);
	loop_timer_cancel(loop, &n->stall);
	loop_timer_cancel(loop, &n->again);
	loop_timer_cancel(loop, &n->turn);
	*n->ended.tail = take_all(&n->waiting);	/* the worker ends: a successor does them */
	for (cmd = n->ended.head; cmd; cmd = next) {
		next = cmd->next;
		free(cmd);
	}
	for (struct nbd_target **at = &n->host->targets; *at; at = &(*at)->next) {
		if (*at == n) {
			*at = n->next;
			break;
		}
	}
	n->grave.release = release;
	loop_defer(loop, &n->grave);
	t->state = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static const struct target_ops nbd_ops = {
	.now = nbd_now,
	.start = nbd_start,
	.close = nbd_target_close,
	.abandon = nbd_abandon,
};

int target_nbd_open(struct target *t, struct nbd_host *host, uint32_t devid,
		    const struct wire_vdisk *conn, int fd)
{
	struct nbd_target *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	*n = (struct nbd_target){ .next = host->targets, .host = host, .devid = devid,
				  .sectors = conn->sectors, .sector_size = conn->sector_size,
				  .readonly = conn->flags & WIRE_READONLY,
				  .reconnect_ns = conn->reconnect * SECOND_NS,
				  .progress_ns = loop_now() };
	n->client = (struct nbd_client){ .loop = host->loop, .on_ready = client_ready,
					 .on_lost = client_lost, .on_turn = client_turn };
	snprintf(n->name, sizeof(n->name), "guest %u vbd %u", host->domid, devid);
	take_all(&n->waiting);
	take_all(&n->ended);
	n->limit.expired = limit_over;
	n->stall.expired = stall_due;
	n->again.expired = again_due;
	n->turn.expired = turn_due;
	host->targets = n;
	*t = (struct target){ .ops = &nbd_ops, .fd = fd, .state = n };
	loop_timer_set(host->loop, &n->limit, n->reconnect_ns);
	ask(n);
	return 0;
}

void target_nbd_link(struct nbd_host *host, uint32_t devid, int fd, const char *name)
{
	struct nbd_target *n = host->targets;

	while (n && n->devid != devid)
		n = n->next;
	if (!n || n->client.handle) {
		close(fd);
		return;
	}
	n->wanted = false;
	loop_timer_cancel(host->loop, &n->again);
	if (nbd_client_start(&n->client, fd, name))
		disconnect(n, nbd_client_error(), AGAIN_NS);
}

void target_nbd_ask_again(struct nbd_host *host)
{
	for (struct nbd_target *n = host->targets; n; n = n->next) {
		struct wire_msg msg = { .type = WIRE_TROUBLE, .devid = n->devid };

		if (n->wanted)
			ask(n);
		if (!n->trouble[0])
			continue;
		say_trouble(n, &msg);
		host->say(host, &msg);
	}
}
