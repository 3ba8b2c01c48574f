/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_md_console.c - minidom's command line on a console: what is typed is shown, edited
 * and handed over, and output waits for nobody for long
 */
#include "test_frontend_console.h"

#include "minidom.h"

#define SECOND	1000000000ull

struct md_port {
	struct console_rig r;
	struct md_console c;
	char shown[16384];		/* what the backend has taken */
	size_t takes;			/* bytes at each wait; 0: nobody is there */
	unsigned int waits;
};

/* minidom.c is linked for its own sake, and wants these. */
void md_put(struct md_port *port, bool error, const char *text, size_t len)
{
	(void)error;
	md_console_put(&port->c, text, len);
}

int md_line(struct md_port *port, char *buf, size_t size)
{
	return md_console_line(&port->c, buf, size);
}

static void take_shown(struct md_port *port, size_t most)
{
	size_t have = strlen(port->shown), n;

	assert_true(have + most < sizeof(port->shown));
	n = page_take(port->r.page, port->shown + have, most);
	port->shown[have + n] = '\0';
}

int md_wait(struct md_port *port, unsigned int timeout_ms)
{
	port->waits++;
	port->r.os->clock += timeout_ms * 1000000ull;
	take_shown(port, port->takes);
	return MD_OK;
}

static int set_up(void **state)
{
	struct md_port *port = aligned_alloc(16, (sizeof(*port) + 15) & ~(size_t)15);
	struct console_rig *r = &port->r;

	assert_non_null(port);
	memset(port, 0, sizeof(*port));
	r->os = fake_new();
	r->os->ports[CONSOLE_PORT] = true;
	r->page = calloc(1, 4096);
	assert_non_null(r->page);
	r->con = pv_console_init_primary(r->memory, r->os, r->page, CONSOLE_PORT);
	md_console_init(&port->c, port, r->os, r->con);
	port->takes = 100;
	*state = port;
	return 0;
}

static int tear_down(void **state)
{
	struct md_port *port = *state;

	port->r.os->ports[CONSOLE_PORT] = false;
	fake_free(port->r.os);
	free(port->r.page);
	free(port);
	return 0;
}

static int line(struct md_port *port, char *buf)
{
	int rc = md_console_line(&port->c, buf, MD_LINE);

	take_shown(port, PV_CONSOLE_OUT);
	return rc;
}

/* Typing this yields this line, and this is shown after the prompt. */
static void expect_line(struct md_port *port, const char *typed, const char *want,
			const char *shown)
{
	char buf[MD_LINE], all[256];

	port->shown[0] = '\0';
	assert_int_equal(page_type(port->r.page, typed, strlen(typed)), strlen(typed));
	assert_int_equal(line(port, buf), strlen(want));
	assert_string_equal(buf, want);
	snprintf(all, sizeof(all), "minidom> %s\r\n", shown);
	assert_string_equal(port->shown, all);
}

static void test_line_comes_whole_and_is_shown(void **state)
{
	struct md_port *port = *state;
	char buf[MD_LINE];

	assert_int_equal(line(port, buf), MD_EVENT);
	assert_string_equal(port->shown, "minidom> ");
	page_type(port->r.page, "di", 2);
	assert_int_equal(line(port, buf), MD_EVENT);
	assert_string_equal(port->shown, "minidom> di");
	page_type(port->r.page, "sks\rhe", 6);
	assert_int_equal(line(port, buf), 5);
	assert_string_equal(buf, "disks");
	assert_string_equal(port->shown, "minidom> disks\r\n");
	page_type(port->r.page, "lp\r", 3);
	assert_int_equal(line(port, buf), 4);
	assert_string_equal(buf, "help");
}

static void test_every_kind_of_line_end_ends_one_line(void **state)
{
	struct md_port *port = *state;
	char buf[MD_LINE];

	expect_line(port, "a\r", "a", "a");
	expect_line(port, "\nb\n", "b", "b");	/* the newline is the carriage return's */
	expect_line(port, "\n", "", "");
	expect_line(port, "c\r\n", "c", "c");
	assert_int_equal(line(port, buf), MD_EVENT);
}

static void test_editing(void **state)
{
	struct md_port *port = *state;

	expect_line(port, "ax\177b\r", "ab", "ax\b \bb");
	expect_line(port, "\b\bab\r", "ab", "ab");
	expect_line(port, "x\303\244\177y\r", "xy", "x\303\244\b \by");
	expect_line(port, "abc\025d\r", "d", "abc\b \b\b \b\b \bd");
	expect_line(port, "a\tb\033\001c\r", "a bc", "a bc");
}

static void test_interrupt_abandons_the_line(void **state)
{
	struct md_port *port = *state;

	expect_line(port, "stress\003sum\r", "sum", "stress^C\r\nminidom> sum");
}

static void test_long_line_is_cut_and_rings(void **state)
{
	struct md_port *port = *state;
	char buf[MD_LINE], many[MD_LINE + 9];

	memset(many, 'm', sizeof(many));
	many[sizeof(many) - 1] = '\r';
	page_type(port->r.page, many, sizeof(many));
	assert_int_equal(line(port, buf), MD_LINE - 1);
	assert_non_null(strstr(port->shown, "m\a\a\a\a\a\a\a\a\a\r\n"));
}

static void test_newlines_are_for_a_terminal(void **state)
{
	struct md_port *port = *state;

	md_console_put(&port->c, "one\ntwo\n\nx", 10);
	take_shown(port, 100);
	assert_string_equal(port->shown, "one\r\ntwo\r\n\r\nx");
	assert_int_equal(port->waits, 0);
	assert_true(port->r.os->notified > 0);
}

static void test_output_waits_for_a_slow_reader(void **state)
{
	struct md_port *port = *state;
	char text[8000];

	memset(text, 't', sizeof(text));
	md_console_put(&port->c, text, sizeof(text));
	md_console_drain(&port->c);
	assert_int_equal(strlen(port->shown), sizeof(text));
	assert_int_equal(pv_console_unsent(port->r.con), 0);
}

static void test_output_that_nobody_takes_is_dropped_after_a_second(void **state)
{
	struct md_port *port = *state;
	char text[8000];
	uint64_t before = port->r.os->clock;

	memset(text, 't', sizeof(text));
	port->takes = 0;
	md_console_put(&port->c, text, sizeof(text));
	assert_in_range(port->r.os->clock - before, SECOND, SECOND + SECOND / 5);
	before = port->r.os->clock;
	md_console_put(&port->c, text, sizeof(text));
	md_console_drain(&port->c);
	assert_int_equal(port->r.os->clock, before);	/* once is enough */
	take_shown(port, 4000);
	port->shown[0] = '\0';
	md_console_put(&port->c, "back\n", 5);
	take_shown(port, 100);
	assert_string_equal(port->shown, "back\r\n");
}

static void test_console_given_up_does_not_hold_its_guest(void **state)
{
	struct md_port *port = *state;
	char buf[MD_LINE];

	port->r.page->in_prod = 77777;
	assert_int_equal(line(port, buf), MD_EVENT);
	assert_int_equal(pv_console_state(port->r.con), PV_CLOSED);
	md_console_put(&port->c, "x\n", 2);
	md_console_drain(&port->c);
	assert_int_equal(line(port, buf), MD_EVENT);
	assert_int_equal(port->waits, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_line_comes_whole_and_is_shown),
		TEST(test_every_kind_of_line_end_ends_one_line),
		TEST(test_editing),
		TEST(test_interrupt_abandons_the_line),
		TEST(test_long_line_is_cut_and_rings),
		TEST(test_newlines_are_for_a_terminal),
		TEST(test_output_waits_for_a_slow_reader),
		TEST(test_output_that_nobody_takes_is_dropped_after_a_second),
		TEST(test_console_given_up_does_not_hold_its_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
