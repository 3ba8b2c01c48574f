/* SPDX-License-Identifier: MIT */
/*
 * state.c - the life of a device, as two tables
 *
 * Each end of a device owns one state in xenstore and watches the other's. All that either may do
 * follows from the pair, and from whether somebody still wants the device: for a backend the
 * toolstack (its key `online`), for a frontend its own kernel. The common path:
 *
 *	backend		frontend
 *	Initialising	Initialising	made by the toolstack, in one transaction
 *	InitWait			the backend's features are there
 *			Initialised	the frontend's ring and event channel are there
 *	Connected			the disk's size is there; the ring is served
 *			Connected
 *	Closing				the toolstack asks for the end
 *			Closed		the frontend has stopped
 *	Closed				nothing is mapped any more: the nodes may go
 *
 * Peers skip states (a frontend goes from 1 to 4, or from 4 straight to 6) and start over without
 * having closed (kexec, a crash kernel, a boot loader that hands over). A cell that is not listed
 * is a violation. In the tables the row is our own state, the column the peer's.
 *
 * Why the cells are what they are, where it is not plain:
 * - A connected backend keeps serving while its frontend is Closing (it may be draining), and
 *   unmaps only at Closed.
 * - A connected backend that sees Initialising has a frontend that was replaced. It starts over.
 * - A closed backend stays closed for a frontend that is still Connected: that one has yet to see
 *   that the device has failed.
 * - A frontend that starts and finds a connected backend serves out the last owner's connection:
 *   Closing, Closed, Initialising (as Linux does for a crash kernel), for not every backend
 *   accepts a bare Initialising.
 * - A frontend may not free what it granted before the backend is Closed; so DISCONNECT only
 *   stops, RESET and REMOVE free.
 */
#include "schema.h"

#define STAY(s)		{ (s), XB_STAY }
#define PUBLISH(s)	{ (s), XB_PUBLISH }
#define CONNECT(s)	{ (s), XB_CONNECT }
#define DISCONNECT(s)	{ (s), XB_DISCONNECT }
#define RESET(s)	{ (s), XB_RESET }
#define REMOVE(s)	{ (s), XB_REMOVE }

typedef const struct xb_step step_table[XB_STATE_COUNT][XB_STATE_COUNT];

static step_table backend_online = {
	[XB_INITIALISING] = {
		[XB_UNKNOWN ... XB_RECONFIGURED] = PUBLISH(XB_INIT_WAIT),
	},
	[XB_INIT_WAIT] = {
		[XB_UNKNOWN ... XB_INIT_WAIT] = STAY(XB_INIT_WAIT),
		[XB_INITIALISED] = CONNECT(XB_CONNECTED),
		[XB_CONNECTED] = CONNECT(XB_CONNECTED),
		[XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_INIT_WAIT),
	},
	[XB_INITIALISED] = {
		[XB_UNKNOWN ... XB_INIT_WAIT] = STAY(XB_INITIALISED),
		[XB_INITIALISED] = CONNECT(XB_CONNECTED),
		[XB_CONNECTED] = CONNECT(XB_CONNECTED),
		[XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_INITIALISED),
	},
	[XB_CONNECTED] = {
		[XB_UNKNOWN] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISING] = RESET(XB_INIT_WAIT),
		[XB_INIT_WAIT ... XB_CONNECTED] = STAY(XB_CONNECTED),
		[XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CONNECTED),
	},
	[XB_CLOSING] = {
		[XB_UNKNOWN] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISING] = RESET(XB_INIT_WAIT),
		[XB_INIT_WAIT ... XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CLOSED] = {
		[XB_UNKNOWN] = STAY(XB_CLOSED),
		[XB_INITIALISING] = RESET(XB_INIT_WAIT),
		[XB_INIT_WAIT] = STAY(XB_CLOSED),
		[XB_INITIALISED] = RESET(XB_INIT_WAIT),
		[XB_CONNECTED ... XB_RECONFIGURED] = STAY(XB_CLOSED),
	},
};

/* The toolstack takes the device away: nothing connects any more. */
static step_table backend_offline = {
	[XB_INITIALISING] = {
		[XB_UNKNOWN ... XB_RECONFIGURED] = DISCONNECT(XB_CLOSED),
	},
	[XB_INIT_WAIT] = {
		[XB_UNKNOWN ... XB_INIT_WAIT] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISED ... XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_INITIALISED] = {
		[XB_UNKNOWN ... XB_INIT_WAIT] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISED ... XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CONNECTED] = {
		[XB_UNKNOWN ... XB_INITIALISING] = DISCONNECT(XB_CLOSED),
		[XB_INIT_WAIT ... XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CLOSING] = {
		[XB_UNKNOWN ... XB_INITIALISING] = DISCONNECT(XB_CLOSED),
		[XB_INIT_WAIT ... XB_CLOSING] = STAY(XB_CLOSING),
		[XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CLOSED] = {
		[XB_UNKNOWN ... XB_INITIALISING] = REMOVE(XB_CLOSED),
		[XB_INIT_WAIT ... XB_CLOSING] = STAY(XB_CLOSED),
		[XB_CLOSED] = REMOVE(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSED),
	},
};

static step_table frontend_wanted = {
	[XB_INITIALISING] = {
		[XB_UNKNOWN ... XB_INITIALISING] = STAY(XB_INITIALISING),
		[XB_INIT_WAIT ... XB_INITIALISED] = PUBLISH(XB_INITIALISED),
		[XB_CONNECTED] = STAY(XB_CLOSING),
		[XB_CLOSING] = STAY(XB_CLOSED),
		[XB_CLOSED ... XB_RECONFIGURED] = STAY(XB_INITIALISING),
	},
	[XB_INITIALISED] = {
		[XB_UNKNOWN] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISING ... XB_INITIALISED] = STAY(XB_INITIALISED),
		[XB_CONNECTED] = CONNECT(XB_CONNECTED),
		[XB_CLOSING ... XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_INITIALISED),
	},
	[XB_CONNECTED] = {
		[XB_UNKNOWN] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISING ... XB_INIT_WAIT] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISED ... XB_CONNECTED] = STAY(XB_CONNECTED),
		[XB_CLOSING ... XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CONNECTED),
	},
	[XB_CLOSING] = {
		[XB_UNKNOWN ... XB_INITIALISED] = DISCONNECT(XB_CLOSED),
		[XB_CONNECTED] = STAY(XB_CLOSING),
		[XB_CLOSING ... XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CLOSED] = {
		[XB_UNKNOWN ... XB_CLOSING] = STAY(XB_CLOSED),
		[XB_CLOSED] = RESET(XB_INITIALISING),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSED),
	},
};

/* The guest gives the device up, or its backend took it away. */
static step_table frontend_unwanted = {
	[XB_INITIALISING] = {
		[XB_UNKNOWN ... XB_RECONFIGURED] = DISCONNECT(XB_CLOSED),
	},
	[XB_INITIALISED] = {
		[XB_UNKNOWN ... XB_INITIALISED] = DISCONNECT(XB_CLOSED),
		[XB_CONNECTED] = STAY(XB_CLOSING),
		[XB_CLOSING ... XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CONNECTED] = {
		[XB_UNKNOWN ... XB_INIT_WAIT] = DISCONNECT(XB_CLOSED),
		[XB_INITIALISED ... XB_CONNECTED] = STAY(XB_CLOSING),
		[XB_CLOSING ... XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CLOSING] = {
		[XB_UNKNOWN ... XB_INITIALISED] = DISCONNECT(XB_CLOSED),
		[XB_CONNECTED] = STAY(XB_CLOSING),
		[XB_CLOSING ... XB_CLOSED] = DISCONNECT(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSING),
	},
	[XB_CLOSED] = {
		[XB_UNKNOWN ... XB_INITIALISING] = REMOVE(XB_CLOSED),
		[XB_INIT_WAIT ... XB_CLOSING] = STAY(XB_CLOSED),
		[XB_CLOSED] = REMOVE(XB_CLOSED),
		[XB_RECONFIGURING ... XB_RECONFIGURED] = STAY(XB_CLOSED),
	},
};

static struct xb_step look_up(step_table table, unsigned int mine, unsigned int peer)
{
	static const struct xb_step violation = { XB_CLOSING, XB_VIOLATION };

	if (mine >= XB_STATE_COUNT || peer >= XB_STATE_COUNT ||
	    table[mine][peer].next == XB_UNKNOWN)
		return violation;
	return table[mine][peer];
}

struct xb_step xb_backend_step(unsigned int mine, unsigned int peer, bool online)
{
	return look_up(online ? backend_online : backend_offline, mine, peer);
}

struct xb_step xb_frontend_step(unsigned int mine, unsigned int peer, bool wanted)
{
	return look_up(wanted ? frontend_wanted : frontend_unwanted, mine, peer);
}
