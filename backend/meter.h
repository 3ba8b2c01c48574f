/* SPDX-License-Identifier: MIT */
/*
 * meter.h - what the worker of a ring measures, for the supervisor to read
 *
 * It stands in the journal, and so outlives both. Only the worker that owns the ring writes it,
 * with one exception: the supervisor notes when a worker has gone, while there is none. Times are
 * of CLOCK_MONOTONIC, in nanoseconds; 0: none.
 *
 * What is timed, and how exactly:
 *
 *   a request	from when the batch that it was taken with was off the ring and in the journal,
 *		to when its answer was published: with all that it waits for in between, barriers
 *		and lost servers too; not with the time that it stood on the ring untaken. The
 *		clock is read for one batch in METER_EVERY, whose requests count that many times,
 *		and for each that follows a sleep, which cost far more than a clock does. Requests
 *		that end with an error, and those that a worker takes over, are not timed.
 *   a pause	for which the ring stood still when a worker took it over. It ends with the
 *		first answer if something waited for one, and else when the ring is served again.
 *		It begins with the predecessor's last sign of life if that left requests unanswered
 *		(the clock's last reading: some batches before its end, or as long before as its
 *		last requests took); else when it was asked to end, or was noticed to have gone.
 */
#ifndef XPV_METER_H
#define XPV_METER_H

#include <stdint.h>

#include "histogram.h"

#define METER_EVERY	64
#define METER_BYTES	20480u		/* in the journal: whole pages */

enum meter_timed {
	METER_READ, METER_WRITE,
	METER_FLUSH,			/* and barriers */
	METER_DISCARD,
	METER_PAUSE,
	METER_TIMED
};

struct meter {
	struct histogram timed[METER_TIMED];
	uint64_t last_pause_ns;		/* how long it was */
	uint64_t alive_ns;		/* when its worker is known to have worked last */
	uint64_t gone_ns;		/* since when it has none that takes requests */
	uint32_t req_prod;		/* the guest's, when requests were last taken */
	uint32_t mapped_pages;		/* of the guest, that stay mapped */
};

_Static_assert(sizeof(struct meter) <= METER_BYTES, "room for it in the journal");

#endif
