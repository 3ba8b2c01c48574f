/* SPDX-License-Identifier: MIT */
/*
 * schema.c - the tables, and finding the key that a name stands for
 *
 * A name found in xenstore is matched against the keys' patterns strictly: an index has one
 * spelling and a bound, so that two names never mean the same thing.
 */
#include "schema.h"

#include <xen/io/protocols.h>

#include "text.h"

const struct xs_key xs_keys[XS_KEY_COUNT] = {
#define XS_KEY(id, ...) [id] = { __VA_ARGS__ },
#include "common.def"
#include "vdisk.def"
#include "vconsole.def"
#undef XS_KEY
};

static const struct {
	const char *name, *type;
} classes[] = {
	[XS_CLASS_COMMON] = { "common", NULL },
	[XS_CLASS_VDISK] = { "vdisk", "vbd" },
	[XS_CLASS_VCONSOLE] = { "vconsole", "console" },
};
_Static_assert(sizeof(classes) / sizeof(classes[0]) == XS_CLASS_COUNT, "one row a class");

static const struct {
	const char *name;
	enum xs_class class;
	const char *driver, *module;
} kinds[] = {
	[XS_KIND_VBD] = { "vbd", XS_CLASS_VDISK, "bus/xen-backend/drivers/vbd", "xen-blkback" },
	[XS_KIND_QDISK] = { "qdisk", XS_CLASS_VDISK, NULL, NULL },
	[XS_KIND_CONSOLE] = { "console", XS_CLASS_VCONSOLE, NULL, NULL },
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == XS_KIND_COUNT, "one row a kind");

static const char *const state_names[] = {
	[XB_UNKNOWN] = "Unknown",
	[XB_INITIALISING] = "Initialising",
	[XB_INIT_WAIT] = "InitWait",
	[XB_INITIALISED] = "Initialised",
	[XB_CONNECTED] = "Connected",
	[XB_CLOSING] = "Closing",
	[XB_CLOSED] = "Closed",
	[XB_RECONFIGURING] = "Reconfiguring",
	[XB_RECONFIGURED] = "Reconfigured",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == XB_STATE_COUNT, "one a state");

static const char *const action_names[] = {
	[XB_STAY] = "stay",
	[XB_PUBLISH] = "publish",
	[XB_CONNECT] = "connect",
	[XB_DISCONNECT] = "disconnect",
	[XB_RESET] = "reset",
	[XB_REMOVE] = "remove",
	[XB_VIOLATION] = "violation",
};
_Static_assert(sizeof(action_names) / sizeof(action_names[0]) == XB_ACTION_COUNT, "one an action");

static const char *const writer_names[] = {
	[XS_BY_TOOLSTACK] = "toolstack",
	[XS_BY_BACKEND] = "backend",
	[XS_BY_FRONTEND] = "frontend",
	[XS_BY_HOTPLUG] = "hotplug script",
};
_Static_assert(sizeof(writer_names) / sizeof(writer_names[0]) == XS_WRITER_COUNT, "one a writer");

static const char *const type_names[] = {
	[XS_UINT] = "number",
	[XS_BOOL] = "boolean",
	[XS_STATE] = "state",
	[XS_DOMID] = "domain id",
	[XS_GREF] = "grant reference",
	[XS_PORT] = "event channel",
	[XS_CHOICE] = "choice",
	[XS_TEXT] = "text",
	[XS_PATH] = "path",
	[XS_MESSAGE] = "message",
};
_Static_assert(sizeof(type_names) / sizeof(type_names[0]) == XS_VALUE_TYPES, "one a type");

static const char *const presence_names[] = {
	[XS_REQUIRED] = "required",
	[XS_OPTIONAL] = "optional",
	[XS_WHEN] = "conditional",
	[XS_DEPRECATED] = "deprecated",
};
_Static_assert(sizeof(presence_names) / sizeof(presence_names[0]) == XS_PRESENCE_COUNT,
	       "one a presence");

/* What may stand before a %u, and how many indexes it has, counted from 0. */
static const struct {
	const char *stem;
	unsigned int count;
} index_stems[] = {
	{ "queue-", XS_QUEUES_MAX },
	{ "ring-ref", XS_RING_PAGES_MAX },
};

/* How many indexes the %u at `at` allows: it is the stem right before it that says so. */
static unsigned int index_count(const char *pattern, const char *at)
{
	for (size_t i = 0; i < sizeof(index_stems) / sizeof(index_stems[0]); i++) {
		for (const char *p = pattern; p < at; p++) {
			const char *end = p;

			if (xs_skip(&end, index_stems[i].stem) && end == at)
				return index_stems[i].count;
		}
	}
	return 0;
}

static bool key_matches(const char *pattern, const char *name, unsigned int idx[2])
{
	const char *p = pattern;
	unsigned int n = 0, count;

	idx[0] = idx[1] = 0;
	while (*p) {
		if (*p != '%') {
			if (*p++ != *name++)
				return false;
			continue;
		}
		count = index_count(pattern, p);
		if (n == 2 || !count || !xs_take_number(&name, count - 1, &idx[n++]))
			return false;
		p += 2;	/* "%u" */
	}
	return !*name;
}

const struct xs_key *xs_key_find(enum xs_class class, enum xs_side side, const char *name,
				 unsigned int idx[2])
{
	for (size_t i = 0; i < XS_KEY_COUNT; i++) {
		const struct xs_key *key = &xs_keys[i];

		if ((key->class == class || key->class == XS_CLASS_COMMON) && key->side == side &&
		    key_matches(key->name, name, idx))
			return key;
	}
	idx[0] = idx[1] = 0;
	return NULL;
}

const char *xs_class_type(enum xs_class class)
{
	return class < XS_CLASS_COUNT ? classes[class].type : NULL;
}

const char *xs_class_name(enum xs_class class)
{
	return class < XS_CLASS_COUNT ? classes[class].name : "invalid";
}

const char *xs_kind_name(enum xs_kind kind)
{
	return kind < XS_KIND_COUNT ? kinds[kind].name : NULL;
}

enum xs_class xs_kind_class(enum xs_kind kind)
{
	return kind < XS_KIND_COUNT ? kinds[kind].class : XS_CLASS_COMMON;
}

const char *xs_kind_driver(enum xs_kind kind)
{
	return kind < XS_KIND_COUNT ? kinds[kind].driver : NULL;
}

const char *xs_kind_module(enum xs_kind kind)
{
	return kind < XS_KIND_COUNT ? kinds[kind].module : NULL;
}

const char *xb_state_name(unsigned int state)
{
	return state < XB_STATE_COUNT ? state_names[state] : "invalid";
}

const char *xb_action_name(enum xb_action action)
{
	return action < XB_ACTION_COUNT ? action_names[action] : "invalid";
}

const char *xs_writer_name(enum xs_writer writer)
{
	return writer < XS_WRITER_COUNT ? writer_names[writer] : "invalid";
}

const char *xs_type_name(enum xs_type type)
{
	return type < XS_VALUE_TYPES ? type_names[type] : "invalid";
}

const char *xs_presence_name(enum xs_presence presence)
{
	return presence < XS_PRESENCE_COUNT ? presence_names[presence] : "invalid";
}

const char *xs_side_name(enum xs_side side)
{
	return side == XS_FRONTEND_DIR ? "frontend" : "backend";
}
