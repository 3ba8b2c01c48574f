/* SPDX-License-Identifier: MIT */
/*
 * console_session.c - somebody sits at a console
 *
 * Three things move, each at its own pace: what is typed, what the guest says, and the user's own
 * terminal or pipe, which may be slow. Nothing more is taken from one side than the other has room
 * for, so that a guest that talks without end and a pipe that nobody empties cost one message of
 * memory. All sleeping is in one poll().
 *
 * With a terminal as input, one byte of it leaves; all others are the guest's. Any other input is
 * sent as it is, and the session ends when it has ended, the guest has all of it, and nothing has
 * come from the guest for a while: when a guest has finished answering nobody can know, so that
 * while is the user's to choose.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "console_client.h"
#include "terminal.h"

#define AGAIN_MS	50	/* between two tries to connect */
#define AGAIN_TRIES	200	/* a worker that died has 10 s to be replaced */
#define LAST_WORDS_MS	300
#define BREAK		3	/* ^C */

enum { IN, OUT, LINK, TAP, NR_FDS };

/* What a session needs to know while it runs. */
struct run {
	struct console_session *s;
	struct pollfd fds[NR_FDS];
	bool is_terminal;	/* on stdin */
	bool eof;
	bool was_open;		/* there was a connection already */
	bool tapped;		/* the tap says that it is over; last words may be under way */
	unsigned int tries;
	int64_t quiet_since;
	enum session_end end;
	bool over;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static void finish(struct run *run, enum session_end end)
{
	if (!run->over)
		run->end = run->tapped ? SESSION_TAP : end;
	run->over = true;
}

/* Errors come after the terminal is what it was. */
#define FAIL(run, ...) (terminal_end(), tool_error(__VA_ARGS__), finish(run, SESSION_FAILED))

/* All of it; false: nobody takes it. */
static bool put_all(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

void session_show(const struct console_session *s, const char *text, size_t len)
{
	const char *newline;

	for (; s->raw && (newline = memchr(text, '\n', len)); text = newline + 1) {
		put_all(text, (size_t)(newline - text));
		put_all("\r\n", 2);
		len -= (size_t)(newline + 1 - text);
	}
	put_all(text, len);
}

/* A line of ours among the guest's, where it cannot be taken for part of them. */
static void notice(const struct console_session *s, const char *text)
{
	fprintf(stderr, s->raw ? "\r\n[xpv: %s]\r\n" : "xpv: %s\n", text);
}

/*
 * Connections
 */

static void say_unreachable(struct run *run, int err)
{
	const struct console_at *at = run->s->link.at;
	const char *dom = at->dom.name;

	if (err == EBUSY)
		FAIL(run, "%s: somebody else is at its console, a terminal that one can use at a "
		     "time; end 'xpv console' there, or serve it with xpvd", dom);
	else if (run->was_open)
		FAIL(run, "%s: the connection to its console is lost: %s; see 'xpv list', then try "
		     "again", dom, strerror(err));
	else if (err == ENOENT || err == ECONNREFUSED)
		FAIL(run, "%s: nobody serves its console; is xpvd running, or xenconsoled?", dom);
	else
		FAIL(run, "%s: its console cannot be opened: %s; are you root in Dom0?", dom,
		     strerror(err));
}

/* From the first connection on the terminal is the guest's. */
static void take_terminal(struct run *run)
{
	struct console_session *s = run->s;

	if (!run->is_terminal || s->raw)
		return;
	s->raw = terminal_begin();
	if (!s->raw)
		FAIL(run, "the terminal cannot be set to raw mode: %s; give input by a pipe",
		     strerror(errno));
}

static void dial(struct run *run)
{
	struct console_session *s = run->s;
	int rc = link_open(&s->link);

	if (!rc) {
		run->was_open = true;
		run->tries = 0;
		run->quiet_since = now_ms();
		take_terminal(run);
	} else if (s->lazy && !run->was_open && ++run->tries >= AGAIN_TRIES) {
		notice(s, "nobody serves its console");
		finish(run, SESSION_OVER);
	} else if (run->was_open ? ++run->tries >= AGAIN_TRIES : !s->lazy) {
		say_unreachable(run, -rc);
	}
}

static void on_broken(struct run *run)
{
	struct console_link *link = &run->s->link;

	link_close(link);
	if (link->is_tty) {	/* whoever served it has gone, or the guest has */
		snprintf(link->text, sizeof(link->text), "its terminal was closed");
		finish(run, SESSION_OVER);
	}
}

/*
 * What comes from the guest
 */

static void on_busy(struct run *run)
{
	const struct console_at *at = run->s->link.at;

	FAIL(run, "%s: %s is writing to its console; read along with 'xpv console -r', or take it "
	     "with --take", at->dom.name, run->s->link.text);
}

static void on_lost(struct run *run)
{
	char text[600];

	snprintf(text, sizeof(text), "%.500s writes now; you read along", run->s->link.text);
	notice(run->s, text);
	run->s->read_only = true;
	if (!run->is_terminal)
		finish(run, SESSION_FAILED);
}

static void receive(struct run *run)
{
	struct console_link *link = &run->s->link;

	run->quiet_since = now_ms();
	switch (link_receive(link)) {
	case LINK_NOTICE:
		notice(run->s, link->text);
		break;
	case LINK_BUSY:
		on_busy(run);
		break;
	case LINK_LOST:
		on_lost(run);
		break;
	case LINK_END:
		finish(run, SESSION_OVER);
		break;
	case LINK_BROKEN:
		on_broken(run);
		break;
	case LINK_OUTPUT:
	case LINK_NOTHING:
		break;
	}
}

/* As much as stdout takes without making us wait: a pipe that can be written to takes a message. */
static void show(struct run *run)
{
	struct console_link *link = &run->s->link;
	ssize_t n = write(STDOUT_FILENO, link->out + link->out_at, link->out_len - link->out_at);

	if (n > 0)
		link->out_at += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN)
		FAIL(run, "the console's output cannot be written: %s", strerror(errno));
	if (link->out_at == link->out_len)
		link->out_at = link->out_len = 0;
	run->quiet_since = now_ms();
}

/*
 * What is typed
 */

/* The bytes up to the one that leaves; true: it was among them. */
static bool leaves(const struct run *run, char *bytes, size_t *len)
{
	const struct console_session *s = run->s;

	for (size_t i = 0; run->is_terminal && i < *len; i++) {
		if ((unsigned char)bytes[i] != s->escape &&
		    !(s->read_only && bytes[i] == BREAK))
			continue;
		*len = i;
		return true;
	}
	return false;
}

static void type(struct run *run)
{
	struct console_session *s = run->s;
	size_t room = link_room(&s->link), len;
	char bytes[1024];
	ssize_t n = read(STDIN_FILENO, bytes,
			 !run->is_terminal && room < sizeof(bytes) ? room : sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		run->eof = true;
		run->quiet_since = now_ms();
		if (run->is_terminal)
			finish(run, SESSION_LEFT);	/* the window was closed */
		return;
	}
	len = (size_t)n;
	if (leaves(run, bytes, &len))
		finish(run, SESSION_LEFT);
	if (!s->read_only && link_type(&s->link, bytes, len) < len && s->raw)
		put_all("\a", 1);	/* the guest takes nothing: there is no room for more */
	if (run->over && !link_send(&s->link))
		on_broken(run);
}

/*
 * The loop
 */

/* What may happen next, and how long it may take: milliseconds, -1: any time. */
static int plan(struct run *run)
{
	struct console_session *s = run->s;
	const struct console_link *link = &s->link;
	bool shows = link->out_len, reads = !run->eof && (run->is_terminal || !s->read_only);
	int64_t left;

	if (run->is_terminal && !s->raw)
		reads = false;		/* until there is a guest the line, and ^C, are ours */
	if (!run->is_terminal && !link_room(link))
		reads = false;
	run->fds[IN] = (struct pollfd){ reads ? STDIN_FILENO : -1, POLLIN, 0 };
	run->fds[OUT] = (struct pollfd){ STDOUT_FILENO, shows ? POLLOUT : 0, 0 };
	run->fds[LINK] = (struct pollfd){ link->fd, shows ? 0 : POLLIN, 0 };
	if (link_wants_out(link))
		run->fds[LINK].events |= POLLOUT;
	if (shows && !run->fds[LINK].events)
		run->fds[LINK].fd = -1;		/* its end can wait until this is shown */
	run->fds[TAP] = (struct pollfd){ s->tap, POLLIN, 0 };
	if (link->fd < 0)
		return AGAIN_MS;
	if (!run->eof || shows || s->read_only || !link_all_taken(link) ||
	    s->settle_ms == SETTLE_NEVER)
		return -1;
	left = run->quiet_since + s->settle_ms - now_ms();
	return left > 0 ? (int)left : 0;
}

/* What else was looked at has an end. What the guest has said before is still to be shown. */
static void on_tap(struct run *run)
{
	struct console_session *s = run->s;

	if (!s->ready(s))
		return;
	run->tapped = run->eof = true;
	run->quiet_since = now_ms();
	s->tap = -1;
	s->settle_ms = LAST_WORDS_MS;
	s->link.typed_len = s->link.sent = 0;
	if (s->link.fd < 0)
		finish(run, SESSION_TAP);
}

static void turn(struct run *run)
{
	struct console_session *s = run->s;
	int wait = plan(run), n = poll(run->fds, NR_FDS, wait);

	if (n < 0 && errno != EINTR)
		FAIL(run, "the console: %s", strerror(errno));
	if (n < 0)
		return;
	if (run->fds[TAP].revents)
		on_tap(run);
	if (run->fds[OUT].revents & (POLLERR | POLLNVAL))
		finish(run, SESSION_LEFT);		/* nobody looks any more */
	else if (run->fds[OUT].revents)
		show(run);
	if (run->fds[LINK].revents & (POLLIN | POLLHUP | POLLERR) && !s->link.out_len)
		receive(run);
	if (!run->over && run->fds[IN].revents)
		type(run);
	if (run->over)
		return;
	if (s->link.fd < 0 && run->tapped)
		finish(run, SESSION_TAP);
	else if (s->link.fd < 0)
		dial(run);
	else if (!link_send(&s->link))
		on_broken(run);
	else if (run->eof && link_all_taken(&s->link) && s->link.writer)
		link_yield(&s->link);
	if (!n && wait >= 0 && run->eof && s->link.fd >= 0 && run->fds[LINK].fd >= 0)
		finish(run, SESSION_LEFT);
}

enum session_end console_session_run(struct console_session *s)
{
	struct run run = { .s = s, .is_terminal = isatty(STDIN_FILENO) };

	s->link.fd = -1;
	dial(&run);
	while (!run.over)
		turn(&run);
	link_close(&s->link);
	terminal_end();
	if (s->raw && run.end != SESSION_FAILED)
		put_all("\n", 1);
	s->raw = false;
	return run.end;
}
