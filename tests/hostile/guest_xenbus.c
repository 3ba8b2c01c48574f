/* SPDX-License-Identifier: MIT */
/*
 * guest_xenbus.c - a guest that attacks the handshake: its keys, its states, and their number
 */
#include "rogue.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STORM_MS	60000
#define STORM_LEAST	2000	/* writes */

/* A handshake in which one key says something else. */
static void with_key(struct rogue *r, const char *key, const char *value)
{
	rogue_prepare(r);
	if (value)
		rogue_write(r, key, value);
	else
		rogue_remove(r, key);
	rogue_write_number(r, "state", ST_INITIALISED);
	rogue_await_stopped(r);
}

/* Each of them stops the device, and after each it works again. */
static void with_values(struct rogue *r, const char *key, const char *const *values, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		with_key(r, key, values[i]);
		rogue_restart(r);
		rogue_connect(r);
		rogue_use(r);
		rogue_restart(r);
	}
	with_key(r, key, values[0]);
}

#define WITH_VALUES(r, key, ...) do {							\
	static const char *const values[] = { __VA_ARGS__ };				\
	with_values(r, key, values, sizeof(values) / sizeof(values[0]));		\
} while (0)

static void ring_ref_garbage(struct rogue *r)
{
	WITH_VALUES(r, "ring-ref", "-1", "99999999999999999999", "", "x", "0x10", " 8", "8 ", "8.0",
		    "4294967296", "18446744073709551616", "8\n", "%s%n", NULL);
}

static void ring_ref_unknown(struct rogue *r)
{
	WITH_VALUES(r, "ring-ref", "4000000", "4294967295", "2147483648");
}

static void ring_ref_of_another(struct rogue *r)
{
	char text[16];
	uint32_t gref;

	rogue_share(r, 4711, true, &gref);
	snprintf(text, sizeof(text), "%u", gref);
	with_key(r, "ring-ref", text);
}

static void ring_ref_readonly(struct rogue *r)
{
	char text[16];
	uint32_t gref;

	rogue_share(r, 0, false, &gref);
	snprintf(text, sizeof(text), "%u", gref);
	with_key(r, "ring-ref", text);
}

static void port_garbage(struct rogue *r)
{
	WITH_VALUES(r, "event-channel", "-1", "99999999999999999999", "", "x", "4294967296", "1e3",
		    NULL);
}

static void port_unknown(struct rogue *r)
{
	WITH_VALUES(r, "event-channel", "0", "4000", "131071", "4294967295");
}

/* Xenstore's own port: bound already, and not to this backend. */
static void port_in_use(struct rogue *r)
{
	WITH_VALUES(r, "event-channel", "1");
}

static void protocol_garbage(struct rogue *r)
{
	static char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	WITH_VALUES(r, "protocol", "x86_16-abi", "", "X86_64-ABI", "x86_64-abi ", "\x1b[2J\r\n",
		    "../../../etc/passwd", text);
}

static void feature_garbage(struct rogue *r)
{
	WITH_VALUES(r, "feature-persistent", "2", "yes", "-1", "");
}

/* --- states --- */

/* None of these is a state; whatever becomes of the device, the backend goes on. */
static void state_garbage(struct rogue *r)
{
	static const char *const states[] = {
		"99", "4x", "", "-1", " 4", "4 ", "04294967300", "4294967300", "9",
		"18446744073709551620", "0", "7", "8", "\xff\xfe", "%n%n%n%n", "4\n4",
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		rogue_restart(r);
		rogue_write(r, "state", states[i]);
		usleep(20000);
		rogue_restart(r);
		rogue_connect(r);
		rogue_use(r);
		rogue_write(r, "state", states[i]);
		usleep(20000);
	}
	rogue_restart(r);
	rogue_connect(r);
}

static void state_of_binary(struct rogue *r)
{
	static const char zeros[1000];

	rogue_connect(r);
	rogue_write_bytes(r, "state", "4\0" "6", 3);
	rogue_write_bytes(r, "state", zeros, sizeof(zeros));
	rogue_write_bytes(r, "ring-ref", "1\0" "2", 3);
	usleep(50000);
	rogue_restart(r);
	rogue_connect(r);
}

/* Whether to go on after so many writes: a slow store ends it earlier, but not too early. */
static bool storms(unsigned int written, uint64_t end)
{
	return written < STORM_LEAST || rogue_ms() < end;
}

/* XSA-350: connect and disconnect, without ever waiting. */
static void xsa350_state_toggles(struct rogue *r)
{
	const uint64_t end = rogue_ms() + STORM_MS;

	rogue_prepare(r);
	for (unsigned int i = 0; i < 10000 && storms(i, end); i++)
		rogue_write_number(r, "state", i * 2654435761u >> 16 & 7);
	rogue_restart(r);
	rogue_connect(r);
}

/* XSA-350: in order, but as fast as it goes. */
static void xsa350_connect_cycles(struct rogue *r)
{
	for (unsigned int i = 0; i < 100; i++) {
		rogue_connect(r);
		if (i % 10 == 0)
			rogue_use(r);
		rogue_restart(r);
	}
	rogue_connect(r);
}

/* XSA-349: a watch event for every write; the supervisor must not keep them. */
static void xsa349_state_storm(struct rogue *r)
{
	const uint64_t end = rogue_ms() + STORM_MS;

	rogue_connect(r);
	for (unsigned int i = 0; i < 100000 && storms(i, end); i++)
		rogue_write_number(r, "state", ST_CONNECTED);
}

/* Connected, says the guest, and has written nothing. */
static void connected_without_keys(struct rogue *r)
{
	rogue_remove(r, "ring-ref");
	rogue_remove(r, "event-channel");
	rogue_write_number(r, "state", ST_CONNECTED);
	rogue_await_stopped(r);
}

/* A value that changes after the backend has connected: only a new connection may see it. */
static void keys_changed_when_connected(struct rogue *r)
{
	rogue_connect(r);
	rogue_use(r);
	rogue_write(r, "ring-ref", "-1");
	rogue_write(r, "event-channel", "0");
	rogue_write(r, "protocol", "nonsense");
	rogue_use(r);
}

/* What is not ours cannot be written: the backend's directory, nor our own record of it. */
static void keys_of_the_backend(struct rogue *r)
{
	static const char *const keys[] = { "state", "params", "mode", "sectors", "frontend",
					    "online" };
	char path[256];

	rogue_connect(r);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", r->backend, keys[i]);
		if (xs_write(r->xs, XBT_NULL, path, "/etc/passwd", 11))
			rogue_fail("a guest can write %s", path);
	}
}

/* The directory goes while the backend is connected. */
static void frontend_removed(struct rogue *r)
{
	rogue_connect(r);
	rogue_use(r);
	if (!xs_rm(r->xs, XBT_NULL, r->dir))
		rogue_fail("our own directory cannot be removed");
}

static const struct attack attacks[] = {
	{ "ring-ref-garbage", ring_ref_garbage, STOPS },
	{ "ring-ref-unknown", ring_ref_unknown, STOPS },
	{ "ring-ref-of-another", ring_ref_of_another, STOPS },
	{ "ring-ref-readonly", ring_ref_readonly, STOPS },
	{ "port-garbage", port_garbage, STOPS },
	{ "port-unknown", port_unknown, STOPS },
	{ "port-in-use", port_in_use, STOPS },
	{ "protocol-garbage", protocol_garbage, STOPS },
	{ "feature-garbage", feature_garbage, STOPS },
	{ "state-garbage", state_garbage, LIVES },
	{ "state-of-binary", state_of_binary, LIVES },
	{ "xsa350-state-toggles", xsa350_state_toggles, LIVES },
	{ "xsa350-connect-cycles", xsa350_connect_cycles, LIVES },
	{ "xsa349-state-storm", xsa349_state_storm, LIVES },
	{ "connected-without-keys", connected_without_keys, STOPS },
	{ "keys-changed-when-connected", keys_changed_when_connected, LIVES },
	{ "keys-of-the-backend", keys_of_the_backend, LIVES },
	{ "frontend-removed", frontend_removed, GONE },
};

int main(int argc, char **argv)
{
	return rogue_main(argc, argv, attacks, sizeof(attacks) / sizeof(attacks[0]));
}
