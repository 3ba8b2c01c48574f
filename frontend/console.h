/* SPDX-License-Identifier: MIT */
/*
 * console.h - the inside of a vconsole frontend, shared by console*.c
 */
#ifndef XPV_FRONTEND_CONSOLE_H
#define XPV_FRONTEND_CONSOLE_H

#include "device.h"
#include "stream.h"

struct pv_console {
	struct pv_device dev;		/* a primary console has no handshake: see console.c */
	bool primary;
	bool published_any;		/* bytes or room that the backend was not told of yet */
	bool wants_room;		/* a write did not fit */
	const char *violation;		/* seen by reading or writing, for the next step */

	struct stream_console *page;	/* NULL: not granted yet */
	struct stream_in in;
	struct stream_out out;
	uint32_t gref;
	uint32_t port;			/* 0: none */
};

_Static_assert(sizeof(struct pv_console) <= PV_CONSOLE_BYTES, "what pv.h promises");

/* Takes a page up where its counters stand. */
void console_adopt(struct pv_console *con, struct stream_console *page);

extern const struct pv_class console_class;

#endif
