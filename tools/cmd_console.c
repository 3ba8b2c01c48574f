/* SPDX-License-Identifier: MIT */
/*
 * cmd_console.c - xpv console: sit at a guest's console
 */
#include <string.h>

#include "console_client.h"

static const char usage[] =
	"xpv console [-v] [-n N] [-e ESC] [-r] [--take] [--wait SECONDS] DOM\n\n"
	"Connects your terminal to a guest's console. ^] leaves; whatever else you type is\n"
	"the guest's, ^C too. First comes what the guest said before (the scrollback).\n\n"
	"Any number may read along, one writes. Consoles of xenconsoled are terminals:\n"
	"there one person has it all, and earlier output is what nobody has read yet.\n\n"
	"Input that is no terminal is sent as it is, without an escape character. When it\n"
	"has ended and the guest has taken all of it, xpv leaves as soon as the guest has\n"
	"said nothing for a while:  printf 'sum xvda\\n' | xpv console -w 10 g\n\n"
	"  -n, --num N         the guest's console number N; 0, the primary one\n"
	"  -e, --escape ESC    what leaves: a character, or ^ and one, as in ^]\n"
	"  -r, --read          read along; ^C leaves, too\n"
	"      --take          write, whoever writes now: that one then reads along\n"
	"  -s, --no-scrollback only what comes from now on\n"
	"  -t, --type TYPE     pv, the only one here: 'xl console -t serial' has the other\n"
	"  -w, --wait SECONDS  how long silence ends it after the end of input; 2\n";

/* "^]" is the control character, "x" is x; -1: neither. */
static int parse_escape(const char *text)
{
	if (text[0] == '^' && text[1] >= '?' && text[1] <= '~' && !text[2])
		return text[1] == '?' ? 0x7f : text[1] & 0x1f;
	return text[0] > 0 && !text[1] ? text[0] : -1;
}

static int parse_number(const char *verb, const char *text, unsigned int *number)
{
	uint64_t value;

	if (xs_parse_u64(text, strlen(text), &value) || value > UINT32_MAX)
		return tool_usage(verb, "--num %s: not the number of a console", text);
	*number = (unsigned int)value;
	return TOOL_OK;
}

static int run(const char *text, unsigned int number, struct console_session *s)
{
	struct xs_handle *xs = tool_xs_open();
	xc_interface *xch = xs ? tool_xc_open() : NULL;
	struct console_at at;
	struct domain dom;
	int rc = xch ? tool_domain(xs, xch, text, &dom) : TOOL_FAILED;

	if (!rc)
		rc = console_find(xs, &dom, number, &at);
	if (xch)
		xc_interface_close(xch);
	if (xs)
		xs_close(xs);
	if (rc)
		return rc;
	s->link.at = &at;
	switch (console_session_run(s)) {
	case SESSION_FAILED:
		return TOOL_FAILED;
	case SESSION_OVER:
		tool_note("%s: %s", dom.name, s->link.text);
		return TOOL_OK;
	default:
		return TOOL_OK;
	}
}

int cmd_console(int argc, char **argv)
{
	const char *number = "0", *escape = "^]", *type = "pv";
	struct console_session s = { .tap = -1 };
	unsigned int n = 0, wait = 2;
	bool no_scrollback = false;
	const struct opt opts[] = {
		{ "num", 'n', OPT_TEXT, &number },
		{ "escape", 'e', OPT_TEXT, &escape },
		{ "read", 'r', OPT_FLAG, &s.read_only },
		{ "take", 0, OPT_FLAG, &s.link.take },
		{ "no-scrollback", 's', OPT_FLAG, &no_scrollback },
		{ "type", 't', OPT_TEXT, &type },
		{ "wait", 'w', OPT_SECONDS, &wait },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	int first;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (argc - first != 1)
		return tool_usage(argv[0], "one domain is needed");
	if (strcmp(type, "pv"))
		return tool_usage(argv[0], "--type %s: only pv; 'xl console -t %s' may have it",
				  type, type);
	if (s.read_only && s.link.take)
		return tool_usage(argv[0], "--read or --take, not both");
	s.escape = parse_escape(escape);
	if (s.escape < 0)
		return tool_usage(argv[0], "--escape %s: neither a character nor ^ and one",
				  escape);
	if (parse_number(argv[0], number, &n))
		return TOOL_USAGE;
	s.link.wants_write = !s.read_only;
	s.link.scrollback = !no_scrollback;
	s.settle_ms = wait * 1000;
	return run(argv[first], n, &s);
}
