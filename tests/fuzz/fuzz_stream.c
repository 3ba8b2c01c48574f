/* SPDX-License-Identifier: MIT */
/*
 * fuzz_stream.c - the two ends of a console's page, and a third party that writes what it likes
 * into it
 *
 * The input is a script: where the counters begin, then what happens, three bytes a step. One end
 * is the frontend of a primary console, the other takes and puts with ring/stream.h, as a backend
 * does. As long as nobody scribbles, every byte arrives, once and in order. Afterwards neither end
 * moves more than it was asked for or than fits, and what stands beside the page stays; a frontend
 * that was given up stays so.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fakedom.h"
#include "stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

#define PORT	3
#define MOST	255

struct world {
	_Alignas(16) uint8_t memory[PV_CONSOLE_BYTES];
	_Alignas(64) struct stream_console page;
	uint8_t guard[64];
	struct pv_os *os;
	struct pv_console *con;
	struct stream_out typed;	/* the backend's ends */
	struct stream_in shown;
	bool scribbled, broken;
	uint32_t written, seen, entered, was_read;	/* bytes so far */
};

/* The byte at a place of an endless text; made and checked alike. */
static uint8_t text(uint32_t at)
{
	return (uint8_t)(at * 2654435761u >> 21);
}

static void make(uint8_t *buf, uint32_t at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		buf[i] = text(at + i);
}

static void check(const struct world *w, const uint8_t *buf, uint32_t at, int len)
{
	for (int i = 0; i < len && !w->scribbled; i++)
		MUST(buf[i] == text(at + (uint32_t)i));
}

/* What the frontend may answer; true: bytes. */
static bool answered(struct world *w, int rc, uint32_t len)
{
	MUST(rc <= (int)len && (rc >= 0 || rc == PV_EBACKEND));
	MUST(rc < 0 || !w->broken);
	MUST(rc >= 0 || w->scribbled);
	w->broken |= rc < 0;
	return rc > 0;
}

static void guest_writes(struct world *w, uint32_t len)
{
	uint8_t buf[MOST];
	int rc;

	make(buf, w->written, len);
	rc = pv_console_write(w->con, buf, len);
	if (answered(w, rc, len))
		w->written += (uint32_t)rc;
	pv_console_kick(w->con);
}

static void guest_reads(struct world *w, uint32_t len)
{
	bool pending = pv_console_pending(w->con);
	uint8_t buf[MOST];
	int rc = pv_console_read(w->con, buf, len);

	if (!answered(w, rc, len))
		return;
	MUST(pending);
	check(w, buf, w->was_read, rc);
	w->was_read += (uint32_t)rc;
}

static void backend_puts(struct world *w, uint32_t len)
{
	uint8_t buf[MOST];
	int room = stream_out_room(&w->typed), rc;

	make(buf, w->entered, len);
	rc = stream_put(&w->typed, buf, len);
	MUST(rc == (room < 0 ? room : room < (int)len ? room : (int)len));
	MUST(rc >= 0 || w->scribbled);
	if (rc > 0)
		w->entered += (uint32_t)rc;
	stream_out_publish(&w->typed);
}

static void backend_takes(struct world *w, uint32_t len)
{
	uint8_t buf[MOST];
	int pending = stream_in_pending(&w->shown);
	int rc = stream_take(&w->shown, buf, len);

	MUST(rc == (pending < 0 ? pending : pending < (int)len ? pending : (int)len));
	MUST(rc >= 0 || w->scribbled);
	check(w, buf, w->seen, rc);
	if (rc > 0)
		w->seen += (uint32_t)rc;
	stream_in_publish(&w->shown);
}

/* One byte of a counter. */
static void scribble(struct world *w, uint8_t where, uint8_t value)
{
	((uint8_t *)&w->page.in_cons)[where % 17] = value;
	w->scribbled = true;
}

static void start(struct world *w, uint32_t in, uint32_t out)
{
	w->os->ports[PORT] = true;
	w->page.in_cons = w->page.in_prod = in;
	w->page.out_cons = w->page.out_prod = out;
	w->con = pv_console_init_primary(w->memory, w->os, &w->page, PORT);
	stream_out_init(&w->typed, stream_console_in(&w->page), in);
	stream_in_init(&w->shown, stream_console_out(&w->page), out);
}

static void step(struct world *w, const uint8_t *op)
{
	static void (*const ends[])(struct world *, uint32_t) = {
		guest_writes, guest_reads, backend_puts, backend_takes,
	};

	if (op[0] % 8 < 4)
		ends[op[0] % 8](w, op[1]);
	else if (op[0] % 8 == 7)
		scribble(w, op[1], op[2]);
	else if (pv_console_wants_step(w->con))
		pv_console_step(w->con);
	pv_console_arm(w->con);
	MUST(pv_console_unsent(w->con) <= PV_CONSOLE_OUT);
	MUST(pv_console_error(w->con) == (w->broken ? PV_EBACKEND : PV_OK));
	MUST(w->scribbled || w->written - w->seen <= PV_CONSOLE_OUT);
	MUST(w->scribbled || w->entered - w->was_read <= PV_CONSOLE_IN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t empty[sizeof(((struct world *)NULL)->guard)];
	static struct pv_os *os;	/* large: made once */
	static struct world w;
	uint32_t counters[2];

	if (size < sizeof(counters))
		return 0;
	memcpy(counters, data, sizeof(counters));
	os = os ? os : fake_new();
	w = (struct world){ .os = os };
	start(&w, counters[0], counters[1]);
	for (size_t i = sizeof(counters); i + 2 < size; i += 3)
		step(&w, data + i);
	MUST(memcmp(w.guard, empty, sizeof(empty)) == 0);
	return 0;
}
