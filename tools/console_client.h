/* SPDX-License-Identifier: MIT */
/*
 * console_client.h - guests' consoles, from the side of those who sit at them
 */
#ifndef XPV_CONSOLE_CLIENT_H
#define XPV_CONSOLE_CLIENT_H

#include <sys/types.h>

#include "console_socket.h"
#include "tool.h"

#define CONSOLE_ESCAPE	0x1d		/* ^] */

/* A console, and where it may be reached. */
struct console_at {
	struct domain dom;
	unsigned int number;		/* 0: the primary one */
	char socket[108];		/* where xpvd's worker listens, if it serves it; or "" */
	char tty[XS_PATH_MAX];		/* xenconsoled's, or any other's terminal; "" if none */
};

/* console_find.c */
/* Where that console is. Nothing is opened. 0, or TOOL_FAILED with an error printed. */
int console_find(struct xs_handle *xs, const struct domain *dom, unsigned int number,
		 struct console_at *at);
/* Looks again for a terminal; there may be one now. */
void console_find_tty(struct xs_handle *xs, struct console_at *at);
/* Whether such a console is there: a primary one always is. */
bool console_exists(struct xs_handle *xs, uint32_t domid, unsigned int number);
/* Whether xpvd serves consoles here; then the socket's name is filled in. */
bool console_is_served(struct console_at *at);
/* Connects to the worker: a descriptor, or -errno. */
int console_dial(const struct console_at *at);
/* Opens the terminal, alone with it: a descriptor that does not block, or -errno; -EBUSY: somebody
 * else has it. */
int console_open_tty(const struct console_at *at);

/* console_link.c: one connection, to a worker or a terminal */

#define CONSOLE_TYPED	8192		/* bytes of input under way, at most */

enum link_event {
	LINK_NOTHING,
	LINK_OUTPUT,		/* bytes are in out[] */
	LINK_NOTICE,		/* something to tell the user is in text[] */
	LINK_BUSY,		/* somebody else writes: text[] says who */
	LINK_LOST,		/* somebody has taken the writing: text[] says who */
	LINK_END,		/* the console's end: text[] says why */
	LINK_BROKEN		/* the connection has gone; there may be another */
};

struct console_link {
	const struct console_at *at;
	int fd;			/* -1: none */
	bool is_tty;		/* else the worker's socket */
	bool wants_write;	/* asks for it, and ... */
	bool take;		/* ... takes it from who has it; the first time */
	bool scrollback;	/* what was put out before is wanted */

	bool writer;		/* what is typed goes to the guest */
	bool reading, placed;	/* asked to read; the next of out[] is at `position` */
	uint64_t position;	/* of the guest's output */

	/* Input that the guest's page has not got. A worker says how far it has come, and may die:
	 * then what it has not taken is sent to the next. */
	char typed[CONSOLE_TYPED];
	size_t typed_len, sent;
	uint64_t taken;		/* position of typed[0] */
	bool counted;		/* `taken` is known */

	char out[CONSOLE_PAYLOAD];
	size_t out_len, out_at;
	char text[512];		/* escaped */
};

/* Connects, by socket or else by tty. 0 or -errno: of the last try. */
int link_open(struct console_link *link);
void link_close(struct console_link *link);
/* Takes as much input as there is room for; how much. */
size_t link_type(struct console_link *link, const char *bytes, size_t len);
size_t link_room(const struct console_link *link);
/* There is input that could be sent if the descriptor took it. */
bool link_wants_out(const struct console_link *link);
/* All input has reached the guest. */
bool link_all_taken(const struct console_link *link);
/* Sends what can be. False: the connection has gone. */
bool link_send(struct console_link *link);
/* Lets somebody else write. */
void link_yield(struct console_link *link);
/* Takes one message, or what the terminal has. Only when out[] is empty. */
enum link_event link_receive(struct console_link *link);

/* console_session.c: somebody sits at a console */

struct console_session {
	struct console_link link;
	bool read_only;
	int escape;		/* byte that leaves; -1: none */
	unsigned int settle_ms;	/* silence that ends it after the end of input; or SETTLE_NEVER */
	bool lazy;		/* the console may come later: wait for it */
	/* A descriptor to look at besides, -1: none; `ready` is called when it can be read, and
	 * says whether the session ends, after the guest's last words. It may session_show(). */
	int tap;
	bool (*ready)(struct console_session *s);
	void *arg;
	bool raw;		/* the terminal is in raw mode */
};

#define SETTLE_NEVER	(~0u)

/* How it ended. */
enum session_end {
	SESSION_LEFT,		/* the user left, or the input has ended and the output settled */
	SESSION_OVER,		/* the console has ended: link.text says why */
	SESSION_TAP,		/* `ready` said so */
	SESSION_FAILED		/* an error has been printed */
};

/* Sits there until it ends. The terminal is as it was before when it returns. */
enum session_end console_session_run(struct console_session *s);
/* Shows text on stdout, with newlines as the terminal wants them now. */
void session_show(const struct console_session *s, const char *text, size_t len);

#endif
