/* SPDX-License-Identifier: MIT */
/*
 * console.h - one console and those who listen to it
 *
 *	console.c	the shared page and its event channel: a turn of work
 *	scroll.c	output into the scrollback, whence everybody has it
 *	typed.c		input from who writes and from the terminal, into the page
 *	client.c	the socket's clients
 *	pty.c		the terminal
 *	record.c	the log
 *
 * Output is taken off the page as it comes, within the rate, whoever reads it or not: the guest
 * never waits for people. What reads it follows the scrollback at its own pace and costs nothing
 * but a position. One that is too slow loses the oldest bytes; so memory is bounded, and one that
 * has stopped reading harms nobody.
 *
 * Input is the other way round: what the guest does not take stays with who sent it.
 */
#ifndef XPV_CONSOLE_H
#define XPV_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "console_socket.h"
#include "log.h"
#include "loop.h"
#include "scrollback.h"
#include "stream.h"
#include "wire.h"

#define WHO_MAX		64

struct console;

struct client {
	struct console *console;
	struct loop_fd source;		/* fd -1: nobody */
	bool reading, blocked, throttled, gone;
	bool draining;			/* hung up, and what it has sent is still to be taken */
	int undrained;			/* then its socket */
	unsigned int due;		/* which of the messages below it has yet to be sent */
	uint64_t pos, from;
	bool from_set, from_absolute;
	uint64_t skipped;
	char who[WHO_MAX], taker[WHO_MAX];
};

/* What is shared by a worker's consoles. */
struct console_env {
	struct loop loop;
	xenevtchn_handle *xce;
	xengnttab_handle *xgt;
	uint32_t domid;
	void (*log_full)(struct console *c);	/* the log is to be another file */
};

struct console {
	struct console_env *env;
	uint32_t devid;
	const char *failed;		/* why the guest broke it */
	bool told;			/* and the supervisor knows */

	/* scroll.c */
	int scroll_fd;
	struct scroll_head *head;
	uint8_t *bytes;
	uint32_t size;			/* of the ring: ours, not what the head says */

	/* console.c */
	struct stream_console *page;
	struct stream_in out;
	struct stream_out in;
	evtchn_port_t port;		/* our end; 0: none */
	bool notify;			/* the guest is owed a notification */
	struct loop_timer turn;		/* set: our end is masked, and this is when it goes on */
	uint32_t rate, used;		/* passes in RATE_PERIOD_NS; 0: any number */
	uint64_t period;		/* when this one began */

	/* typed.c */
	struct {
		uint8_t bytes[CONSOLE_PAYLOAD + 1];
		uint32_t at, len;
		bool stopped;		/* nobody is listened to until these are in the page */
	} typed;

	/* pty.c */
	struct loop_fd pty;
	int pty_slave;			/* held so that the master never hangs up */
	bool pty_blocked;

	/* record.c */
	int log_fd;
	uint64_t log_max;		/* bytes of a file; 0: any */
	bool log_asked, log_failed, log_escape;

	/* client.c */
	struct loop_fd listener;
	struct client clients[CONSOLE_CLIENTS];
	struct client *writer;

	struct loop_deferred grave;
};

/* The descriptors of WIRE_ATTACH, in their order. */
enum console_fd { FD_SCROLL, FD_LOG, FD_LISTENER, FD_PTY, FD_PTY_SLAVE, CONSOLE_FDS };

/* console.c */
/* Connects it; fds are the console's, whatever comes of it. 0; or -errno, and why (WIRE_TEXT). The
 * console is to be closed in either case. */
int console_open(struct console *c, struct console_env *env, uint32_t devid,
		 const struct wire_console *conn, int fds[WIRE_MAX_FDS], char *why);
/* Idempotent. end: what clients are told; NULL: that the service goes on elsewhere. */
void console_close(struct console *c, const char *end);
/* Its event channel has something to say. */
void console_event(struct console *c);
/* Input has been put, or there is room for more: the guest is told at the end of the turn. */
void console_poke(struct console *c);
/* Stops it for good; keeps the first reason, which is a constant. */
void console_fail(struct console *c, const char *why);

/* scroll.c */
/* Maps the file. 0 or -errno. */
int scroll_open(struct console *c, uint32_t size);
void scroll_close(struct console *c);
/* Sets the two streams up where they go on, and publishes their counters. */
void scroll_resume(struct console *c, uint32_t port);
/* Takes what fits in one piece. Bytes, 0, or STREAM_EBROKEN. */
int scroll_take(struct console *c);
/* Puts input. How many bytes, or STREAM_EBROKEN. */
int scroll_put(struct console *c, const uint8_t *from, uint32_t len);
/* The oldest position that can be read, and what stands at a position: how many of at most max
 * bytes in one piece. */
uint64_t scroll_tail(const struct console *c);
uint32_t scroll_at(const struct console *c, uint64_t pos, uint32_t max, const uint8_t **bytes);
/* The position from which somebody can go on who was at pos; what lies between is lost. */
uint64_t scroll_catch_up(const struct console *c, uint64_t pos, uint64_t *lost);

/* typed.c */
/* Takes over len bytes in typed.bytes. */
void typed_give(struct console *c, uint32_t len);
/* Puts what fits; listens again when nothing is left, and there is room for more. */
void typed_flush(struct console *c);
/* How many bytes may be given at once; 0: nobody is listened to until there is room. */
uint32_t typed_room(struct console *c);

/* pty.c, record.c: each follows the scrollback */
int pty_open(struct console *c);
void pty_close(struct console *c);
void pty_feed(struct console *c);
/* Looks whether it is to be read (typed.stopped). */
void pty_listen(struct console *c);
void record_feed(struct console *c);
/* Goes on in another file, which is the console's now. */
void record_replace(struct console *c, int fd);

/* client.c */
int clients_open(struct console *c);
void clients_close(struct console *c, const char *end);
void clients_feed(struct console *c);
/* The writer hears how far its bytes have come. */
void clients_taken(struct console *c);
/* Looks whether the writer is to be read (typed.stopped). */
void clients_listen(struct console *c);

#endif
