/* SPDX-License-Identifier: MIT */
/*
 * pv.c - the names of errors and states
 */
#include "pv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const errors[] = {
	[-PV_OK] = "no error",
	[-PV_EAGAIN] = "no room on the ring now",
	[-PV_EINVAL] = "impossible request",
	[-PV_ERANGE] = "beyond the end of the disk",
	[-PV_EALIGN] = "not a multiple of the disk's sector size",
	[-PV_EREADONLY] = "the disk is read-only",
	[-PV_ENOTSUP] = "not supported by the backend",
	[-PV_EIO] = "I/O error at the backend",
	[-PV_EGONE] = "the device is closed",
	[-PV_EBACKEND] = "the backend broke the protocol",
	[-PV_EBUSY] = "pages are still in use",
	[-PV_ENOMEM] = "out of pages, grants or event channels",
	[-PV_ENOENT] = "no such device",
	[-PV_ETOOLONG] = "too long",
	[-PV_EPORT] = "xenstore does not answer",
};

static const char *const states[] = {
	[PV_OPENING] = "opening",
	[PV_OPEN] = "open",
	[PV_PAUSED] = "paused",
	[PV_CLOSING] = "closing",
	[PV_CLOSED] = "closed",
};

_Static_assert(COUNT(states) == PV_STATE_COUNT, "every state has a name");

const char *pv_strerror(int err)
{
	if (err > 0 || -(long)err >= (long)COUNT(errors))
		return "unknown error";
	return errors[-err];
}

const char *pv_state_name(enum pv_state state)
{
	return (unsigned int)state < PV_STATE_COUNT ? states[state] : "unknown";
}
