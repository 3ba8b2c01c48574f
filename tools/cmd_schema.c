/* SPDX-License-Identifier: MIT */
/*
 * cmd_schema.c - xpv schema: the contract of the devices, printed from its tables
 *
 * Every key of every device class, by directory, and the state machines of the two ends. There
 * are three forms of the same: text for reading, Markdown for documentation, JSON for programs.
 * It needs neither Xen nor a simulator.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char usage[] =
	"xpv schema [-v] [--json | --markdown]\n\n"
	"Prints every xenstore key of every device class (who writes it, what it may hold, what\n"
	"its absence means), and what each end of a device does in which state.\n";

#define WIDTH 96	/* of a line of text */

#define INDEX_NOTE "%%u is an index without leading zeros: of a queue below %u, of a ring's page " \
		   "below %u.\n"

/* The key groups: a class, and one of its two directories. */
struct group {
	enum xs_class class;
	enum xs_side side;
};

static bool next_group(struct group *g)
{
	if (g->side == XS_FRONTEND_DIR) {
		g->side = XS_BACKEND_DIR;
		return true;
	}
	g->side = XS_FRONTEND_DIR;
	return ++g->class < XS_CLASS_COUNT;
}

static bool in_group(const struct xs_key *key, const struct group *g)
{
	return key->class == g->class && key->side == g->side;
}

static const char *group_path(const struct group *g, char *buf, size_t size)
{
	const char *type = xs_class_type(g->class);

	if (g->side == XS_FRONTEND_DIR)
		snprintf(buf, size, "/local/domain/<guest>/device/%s/<devid>",
			 type ? type : "<type>");
	else
		snprintf(buf, size, "/local/domain/<backend>/backend/%s/<guest>/<devid>",
			 type ? type : "<type>");
	return buf;
}

/* The state machines: which end, and whether the device is wanted. */
static const struct machine {
	const char *id, *title;
	struct xb_step (*step)(unsigned int mine, unsigned int peer, bool wanted);
	bool wanted;
} machines[] = {
	{ "backend-online", "A backend, while online is 1", xb_backend_step, true },
	{ "backend-offline", "A backend, while online is 0", xb_backend_step, false },
	{ "frontend-wanted", "A frontend that its guest wants", xb_frontend_step, true },
	{ "frontend-unwanted", "A frontend that its guest gives up", xb_frontend_step, false },
};
#define MACHINES (sizeof(machines) / sizeof(machines[0]))

static const struct {
	char letter;
	const char *words;
} actions[] = {
	[XB_STAY] = { '>', "nothing but write the next state" },
	[XB_PUBLISH] = { 'P', "publish what it offers" },
	[XB_CONNECT] = { 'C', "connect" },
	[XB_DISCONNECT] = { 'D', "disconnect" },
	[XB_RESET] = { 'R', "reset: give up what is left of the connection, start anew" },
	[XB_REMOVE] = { 'X', "remove: give up everything" },
	[XB_VIOLATION] = { '!', "a violation: fail the device" },
};
_Static_assert(sizeof(actions) / sizeof(actions[0]) == XB_ACTION_COUNT, "one row an action");

/* A machine has no row for a state that it never enters by itself. */
static bool has_row(const struct machine *m, unsigned int mine)
{
	for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
		if (m->step(mine, peer, m->wanted).action != XB_VIOLATION)
			return true;
	return false;
}

/* "C4": connect, then write 4, Connected. "-": there is nothing to do. */
static const char *cell(const struct machine *m, unsigned int mine, unsigned int peer)
{
	static char buf[8];
	struct xb_step step = m->step(mine, peer, m->wanted);

	if (step.action == XB_STAY && step.next == mine)
		return "-";
	snprintf(buf, sizeof(buf), "%c%u", actions[step.action].letter, (unsigned int)step.next);
	return buf;
}

/* --- text --- */

static void print_wrapped(const char *text, int indent)
{
	int column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (!column || column + 1 + (int)word > WIDTH) {
			printf("%s%*s", column ? "\n" : "", indent, "");
			column = indent;
		} else {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)word, text);
		column += (int)word;
		text += word + (text[word] == ' ');
	}
	putchar('\n');
}

static void print_key(const struct xs_key *key)
{
	char accepts[128];

	xs_describe(key, accepts, sizeof(accepts));
	printf("\n  %s\n      %s, by the %s: %s", key->name, xs_presence_name(key->presence),
	       xs_writer_name(key->writer), accepts);
	if (key->dflt)
		printf("; absent means %s", key->dflt);
	putchar('\n');
	print_wrapped(key->doc, 6);
}

static void print_machine(const struct machine *m)
{
	printf("\n%s\n  %-16s", m->title, "own \\ peer's");
	for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
		printf("%4u", peer);
	for (unsigned int mine = 0; mine < XB_STATE_COUNT; mine++) {
		if (!has_row(m, mine))
			continue;
		printf("\n  %u %-14s", mine, xb_state_name(mine));
		for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
			printf("%4s", cell(m, mine, peer));
	}
	putchar('\n');
}

static int print_text(void)
{
	struct group g = { 0 };
	char path[128];

	do {
		printf("%s%s: the %s's directory, %s\n", g.class || g.side ? "\n" : "",
		       xs_class_name(g.class), xs_side_name(g.side),
		       group_path(&g, path, sizeof(path)));
		for (size_t i = 0; i < XS_KEY_COUNT; i++)
			if (in_group(&xs_keys[i], &g))
				print_key(&xs_keys[i]);
	} while (next_group(&g));

	printf("\n" INDEX_NOTE, XS_QUEUES_MAX, XS_RING_PAGES_MAX);
	printf("\nThe states: what to do, and which state to write then (\"-\": nothing)\n");
	for (unsigned int i = 0; i < XB_ACTION_COUNT; i++)
		printf("  %c  %s\n", actions[i].letter, actions[i].words);
	for (unsigned int i = 0; i < XB_STATE_COUNT; i++)
		printf("  %u  %s\n", i, xb_state_name(i));
	for (size_t i = 0; i < MACHINES; i++)
		print_machine(&machines[i]);
	return tool_flush();
}

/* --- Markdown --- */

static void mark_key(const struct xs_key *key)
{
	char accepts[128];

	xs_describe(key, accepts, sizeof(accepts));
	printf("| `%s` | %s | %s | %s | %s%s%s | %s |\n", key->name, xs_writer_name(key->writer),
	       xs_presence_name(key->presence), accepts, key->dflt ? "`" : "",
	       key->dflt ? key->dflt : "", key->dflt ? "`" : "", key->doc);
}

static void mark_machine(const struct machine *m)
{
	printf("\n### %s\n\n| own \\ peer's |", m->title);
	for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
		printf(" %u %s |", peer, xb_state_name(peer));
	printf("\n|---|");
	for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
		printf("---|");
	putchar('\n');
	for (unsigned int mine = 0; mine < XB_STATE_COUNT; mine++) {
		if (!has_row(m, mine))
			continue;
		printf("| %u %s |", mine, xb_state_name(mine));
		for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++)
			printf(" %s |", cell(m, mine, peer));
		putchar('\n');
	}
}

static int print_markdown(void)
{
	struct group g = { 0 };
	char path[128];

	printf("# xenstore keys and states\n");
	do {
		printf("\n## %s: the %s's directory\n\n`%s`\n\n"
		       "| key | written by | presence | accepts | absent means | meaning |\n"
		       "|---|---|---|---|---|---|\n", xs_class_name(g.class),
		       xs_side_name(g.side), group_path(&g, path, sizeof(path)));
		for (size_t i = 0; i < XS_KEY_COUNT; i++)
			if (in_group(&xs_keys[i], &g))
				mark_key(&xs_keys[i]);
	} while (next_group(&g));

	printf("\n" INDEX_NOTE, XS_QUEUES_MAX, XS_RING_PAGES_MAX);
	printf("\n## States\n\n| sign | what to do, before the state is written that follows it |\n"
	       "|---|---|\n| - | nothing at all |\n");
	for (unsigned int i = 0; i < XB_ACTION_COUNT; i++)
		printf("| %c | %s |\n", actions[i].letter, actions[i].words);
	for (size_t i = 0; i < MACHINES; i++)
		mark_machine(&machines[i]);
	return tool_flush();
}

/* --- JSON --- */

static struct json_object *choices_json(const char *choices)
{
	struct json_object *list = json_object_new_array();

	for (const char *word = choices; ; word++) {
		size_t len = strcspn(word, "|");

		json_object_array_add(list, json_object_new_string_len(word, (int)len));
		word += len;
		if (!*word)
			return list;
	}
}

static void add_text(struct json_object *obj, const char *name, const char *text)
{
	json_object_object_add(obj, name, text ? json_object_new_string(text) : NULL);
}

static struct json_object *key_json(const struct xs_key *key)
{
	struct json_object *obj = json_object_new_object();
	char accepts[128];

	xs_describe(key, accepts, sizeof(accepts));
	add_text(obj, "name", key->name);
	add_text(obj, "class", xs_class_name(key->class));
	add_text(obj, "side", xs_side_name(key->side));
	add_text(obj, "writer", xs_writer_name(key->writer));
	add_text(obj, "type", xs_type_name(key->type));
	add_text(obj, "presence", xs_presence_name(key->presence));
	if (key->choices) {
		json_object_object_add(obj, "choices", choices_json(key->choices));
	} else {
		json_object_object_add(obj, "min", json_object_new_uint64(key->min));
		json_object_object_add(obj, "max", json_object_new_uint64(key->max));
	}
	add_text(obj, "default", key->dflt);
	add_text(obj, "accepts", accepts);
	add_text(obj, "doc", key->doc);
	return obj;
}

static struct json_object *machine_json(const struct machine *m)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int mine = 0; mine < XB_STATE_COUNT; mine++) {
		for (unsigned int peer = 0; peer < XB_STATE_COUNT; peer++) {
			struct json_object *obj = json_object_new_object();
			struct xb_step step = m->step(mine, peer, m->wanted);

			json_object_object_add(obj, "own", json_object_new_int((int)mine));
			json_object_object_add(obj, "peer", json_object_new_int((int)peer));
			add_text(obj, "action", xb_action_name(step.action));
			json_object_object_add(obj, "next", json_object_new_int((int)step.next));
			json_object_array_add(list, obj);
		}
	}
	return list;
}

static int print_json(void)
{
	struct json_object *root = json_object_new_object();
	struct json_object *keys = json_object_new_array(), *states = json_object_new_array();
	struct json_object *steps = json_object_new_object();

	for (size_t i = 0; i < XS_KEY_COUNT; i++)
		json_object_array_add(keys, key_json(&xs_keys[i]));
	for (unsigned int i = 0; i < XB_STATE_COUNT; i++)
		json_object_array_add(states, json_object_new_string(xb_state_name(i)));
	for (size_t i = 0; i < MACHINES; i++)
		json_object_object_add(steps, machines[i].id, machine_json(&machines[i]));
	json_object_object_add(root, "keys", keys);
	json_object_object_add(root, "states", states);
	json_object_object_add(root, "steps", steps);
	return tool_json(root);
}

int cmd_schema(int argc, char **argv)
{
	bool json = false, markdown = false;
	const struct opt opts[] = {
		{ .name = "json", .kind = OPT_FLAG, .into = &json },
		{ .name = "markdown", .kind = OPT_FLAG, .into = &markdown },
		{ .name = NULL },
	};
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first < argc)
		return tool_usage(argv[0], "%s: takes no operands", argv[first]);
	if (json && markdown)
		return tool_usage(argv[0], "--json and --markdown exclude each other");
	return json ? print_json() : markdown ? print_markdown() : print_text();
}
