/* SPDX-License-Identifier: MIT */
/*
 * console_socket.h - what a console's client and its worker say to each other
 *
 * `xpv console` and whoever else wants a guest's console connects to a SOCK_SEQPACKET socket in
 * xpvd's run directory, console/DOMID-N.sock: N is 0 for a domain's primary console, otherwise the
 * number of its device. Only root may. A message is one packet: a byte of type, then at most
 * CONSOLE_PAYLOAD bytes. Numbers are decimal text.
 *
 * What the guest puts out is a stream with a position: the first byte ever is 0. The worker keeps
 * the last of it, the scrollback, and copies to each client from there, so that no client costs it
 * a buffer or makes it wait: one that falls behind the scrollback skips what is lost, and is told.
 *
 * What is typed is a stream with a position too. Any number of clients may read, one may write; it
 * is told how far its bytes have come (CONSOLE_TAKEN). A worker may die, and its clients with it:
 * xpvd starts another, which goes on where that one was. Who connects again and asks to read from
 * the position that it has reached, and sends again what was not taken, loses and repeats nothing.
 *
 * Order: CONSOLE_FROM, if wanted; then CONSOLE_READ or CONSOLE_WRITE, or one after the other.
 */
#ifndef XPV_CONSOLE_SOCKET_H
#define XPV_CONSOLE_SOCKET_H

#define CONSOLE_SOCKET_DIR	"console"		/* below the run directory */
#define CONSOLE_SOCKET_NAME	"%s/console/%u-%u.sock"	/* run directory, domain, N */
#define CONSOLE_PAYLOAD		4095			/* bytes after the type */
#define CONSOLE_CLIENTS		32			/* of one console, at a time */

enum console_ask {	/* client -> worker */
	CONSOLE_FROM = 'S',	/* where to read from: "BYTES" of scrollback at most, or
				 * "@POSITION"; without it, from the scrollback's beginning */
	CONSOLE_READ = 'R',	/* wants output; no payload */
	CONSOLE_WRITE = 'W',	/* wants to write: a byte, 0 or 1 (1: take it from who has it),
				 * then who one is, as text for people; answered by GRANTED or
				 * BUSY */
	CONSOLE_INPUT = 'D',	/* what is typed; only of who writes, ignored of others. While the
				 * guest takes nothing it is left in the socket: sending waits */
	CONSOLE_YIELD = 'Y',	/* does not want to write any more */
};

enum console_say {	/* worker -> client */
	CONSOLE_POSITION = 'P',	/* where the output that follows begins: a number */
	CONSOLE_OUTPUT = 'O',	/* output: scrollback, then live */
	CONSOLE_SKIPPED = 'X',	/* so many bytes of output are lost here: a number */
	CONSOLE_GRANTED = 'G',	/* you are the writer */
	CONSOLE_BUSY = 'B',	/* somebody else is: who */
	CONSOLE_LOST = 'L',	/* the writing was taken from you: by whom */
	CONSOLE_TAKEN = 'A',	/* the position of what is typed: so many bytes have ever been put
				 * before the guest. After GRANTED, and when it has changed */
	CONSOLE_END = 'E',	/* the end, and why */
};

#endif
