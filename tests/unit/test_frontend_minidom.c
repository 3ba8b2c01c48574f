/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_minidom.c - minidom's commands over two fake disks: what they show, what they
 * write, and what they say when something is wrong
 *
 * Whenever minidom waits, the world moves on: backends take their next step and serve a few
 * requests, and time passes.
 */
#include "test_frontend.h"

#include "minidom.h"

#define SMALL	256		/* sectors of xvdb */

struct md_port {
	struct pv_os *os;
	struct fake_backend be[2];	/* xvda, xvdb */
	const char *commands;		/* separated by newlines */
	char out[8192], err[2048];
	unsigned int waits;
	unsigned int events;		/* empty-handed answers before the first command */
	unsigned int interrupt_at, lose_at, detach_at;	/* number of a wait; 0: never */
	unsigned int freeze_at;		/* from here on the backends do nothing */
	bool online;
};

static void append_text(char *to, size_t size, const char *text, size_t len)
{
	size_t have = strlen(to);

	assert_true(have + len < size);
	memcpy(to + have, text, len);
	to[have + len] = '\0';
}

void md_put(struct md_port *port, bool error, const char *text, size_t len)
{
	if (error)
		append_text(port->err, sizeof(port->err), text, len);
	else
		append_text(port->out, sizeof(port->out), text, len);
}

int md_line(struct md_port *port, char *buf, size_t size)
{
	size_t len;

	if (port->events) {
		port->events--;
		return MD_EVENT;
	}
	if (!*port->commands)
		return MD_END;
	len = strcspn(port->commands, "\n");
	snprintf(buf, size, "%.*s", (int)len, port->commands);
	port->commands += len + (port->commands[len] == '\n');
	return (int)strlen(buf);
}

static void move_on(struct md_port *port, struct fake_backend *be)
{
	if (!be->os || (port->freeze_at && port->waits >= port->freeze_at))
		return;
	be_step(be, port->online);
	if (be->state == XB_CONNECTED || be->state == XB_CLOSING)
		be_serve(be, 5);
}

int md_wait(struct md_port *port, unsigned int timeout_ms)
{
	port->waits++;
	for (int i = 0; i < 2; i++)
		move_on(port, &port->be[i]);
	if (port->waits == port->detach_at)
		port->online = false;
	fake_run(port->os, NULL);
	port->os->clock += (timeout_ms + 1) * 1000000ull;
	if (port->lose_at && port->waits >= port->lose_at)
		return MD_LOST;
	return port->waits == port->interrupt_at ? MD_INTERRUPTED : MD_OK;
}

static struct md_port *new_port(void)
{
	struct md_port *port = calloc(1, sizeof(*port));

	assert_non_null(port);
	port->os = fake_new();
	port->online = true;
	be_attach(&port->be[0], port->os, 51712, SECTORS);
	be_key(&port->be[0], XS_B_MODE, "r");
	be_attach(&port->be[1], port->os, 51728, SMALL);
	be_key(&port->be[1], XS_B_MAX_RING_PAGE_ORDER, "2");
	be_key(&port->be[1], XS_B_MULTI_QUEUE_MAX_QUEUES, "2");
	be_key(&port->be[1], XS_B_FEATURE_MAX_INDIRECT_SEGMENTS, "32");
	for (size_t i = 0; i < SECTORS * 512; i++)
		port->be[0].disk[i] = (uint8_t)(i >> 9);
	return port;
}

static void free_port(struct md_port *port)
{
	fake_free(port->os);
	be_free(&port->be[0]);
	be_free(&port->be[1]);
	free(port);
}

static int run(struct md_port *port, const char *commands, bool interactive)
{
	struct minidom *md = aligned_alloc(16, (sizeof(*md) + 15) & ~(size_t)15);
	int status;

	assert_non_null(md);
	memset(md, 0, sizeof(*md));
	port->commands = commands;
	port->out[0] = port->err[0] = '\0';
	status = minidom_run(md, port, port->os, interactive);
	free(md);
	return status;
}

/* Runs commands that succeed, and shows exactly this. */
static void expect_out(const char *commands, const char *out)
{
	struct md_port *port = new_port();

	assert_int_equal(run(port, commands, false), 0);
	assert_string_equal(port->err, "");
	assert_string_equal(port->out, out);
	free_port(port);
}

/* The last of these commands fails, with exactly this line. */
static void expect_err(const char *commands, const char *err)
{
	struct md_port *port = new_port();

	assert_int_equal(run(port, commands, false), 1);
	assert_string_equal(port->err, err);
	free_port(port);
}

static void test_disks_are_listed(void **state)
{
	(void)state;
	expect_out("disks",
		   "name    vdev      sectors     size        mode  state\n"
		   "xvda    51712     4096        2 MiB       r     open\n"
		   "xvdb    51728     256         128 KiB     w     open\n");
}

static void test_sum_is_that_of_the_disk(void **state)
{
	(void)state;
	/* sha256sum of 4096 sectors of 512 bytes, each filled with its number modulo 256; of the
	 * first; and of 256 sectors of zeros */
	expect_out("sum xvda\nsum 51712 0 1\nsum xvdb",
		   "74e888b214997dacbe800fd120d7e395e57974c9fedba5407c9f44ac78bddc8a  xvda\n"
		   "076a27c79e5ace2a3d47f9dd2e83e4ff6ea8872b3c2218f66c92b89b55f36560  51712\n"
		   "fa43239bcee7b97ca62f007cc68487560a39e19f74f3dde7486db3f98df8e471  xvdb\n");
}

static void test_read_shows_sectors(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	memcpy(port->be[0].disk + 3 * 512, "Hello\nworld \x7f~", 14);
	assert_int_equal(run(port, "read xvda 3 2", false), 0);
	assert_non_null(strstr(port->out, "0000000600  48 65 6c 6c 6f 0a 77 6f 72 6c 64 20 7f 7e "
					  "03 03  |Hello.world .~..|\n"));
	assert_non_null(strstr(port->out, "00000009f0  04 04 04 04 04 04 04 04 04 04 04 04 04 04 "
					  "04 04  |................|\n"));
	assert_null(strstr(port->out, "0000000a00"));
	free_port(port);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void test_fill_writes_the_documented_pattern(void **state)
{
	struct md_port *port = new_port();
	uint64_t word, base;

	(void)state;
	assert_int_equal(run(port, "fill xvdb 7 10 200", false), 0);
	assert_string_equal(port->out, "fill xvdb: 200 sectors, seed 7: ok\n");
	for (uint64_t sector = 0; sector < SMALL; sector++) {
		base = mix(7 + 0x9e3779b97f4a7c15ull * (sector + 1));
		for (uint64_t i = 0; i < 64; i++) {
			memcpy(&word, port->be[1].disk + sector * 512 + i * 8, 8);
			assert_true(word == (sector >= 10 && sector < 210 ?
					     mix(base + i * 0x9e3779b97f4a7c15ull) : 0));
		}
	}
	free_port(port);
}

static void test_commands_in_a_row(void **state)
{
	(void)state;
	expect_out("# a comment\n\n  fill \t xvdb 7\nverify xvdb 7\nverify xvdb 7 200 56\n"
		   "flush xvdb\nstress xvdb 3 2 8 16\nloop 2 flush xvdb\nsleep 3\npoweroff\nbogus",
		   "fill xvdb: 256 sectors, seed 7: ok\n"
		   "verify xvdb: 256 sectors, seed 7: ok\n"
		   "verify xvdb: 56 sectors, seed 7: ok\n"
		   "flush xvdb: ok\n"
		   "stress xvdb: 16 sectors, seed 3, 2 rounds: ok\n"
		   "flush xvdb: ok\n"
		   "flush xvdb: ok\n");
}

static void test_mismatch_is_shown_with_its_place(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	assert_int_equal(run(port, "fill xvdb 7", false), 0);
	port->be[1].disk[100 * 512 + 24] ^= 1;
	assert_int_equal(run(port, "verify xvdb 7", false), 1);
	assert_non_null(strstr(port->err, "minidom: verify xvdb: sector 100 differs at byte 24: "
					  "expected "));
	assert_non_null(strstr(port->err, ", seed 7; it was filled with another seed, or data was "
					  "lost\n"));
	assert_string_equal(port->out, "");
	assert_int_equal(run(port, "verify xvdb 7 0 100\nverify xvdb 7 101 155", false), 0);
	assert_int_equal(run(port, "verify xvdb 8 0 1", false), 1);
	free_port(port);
}

static void test_open_says_what_the_backend_makes_of_options(void **state)
{
	(void)state;
	expect_out("open xvdb",
		   "open xvdb: 1 queue of 32 requests, 32 with data, persistent grants, indirect "
		   "requests, 512 bytes a sector\n");
	expect_out("open xvdb order=4 queues=3 buffers=8 persistent=off indirect=off abi=32\n"
		   "fill xvdb 3\nopen xvdb order=1\nverify xvdb 3\nclose xvdb\nclose xvdb\n"
		   "verify xvdb 3",
		   "open xvdb: 2 queues of 128 requests, 8 with data, 512 bytes a sector\n"
		   "fill xvdb: 256 sectors, seed 3: ok\n"
		   "open xvdb: 1 queue of 64 requests, 64 with data, persistent grants, indirect "
		   "requests, 512 bytes a sector\n"
		   "verify xvdb: 256 sectors, seed 3: ok\n"
		   "close xvdb: ok\nclose xvdb: ok\n"
		   "verify xvdb: 256 sectors, seed 3: ok\n");
}

static void test_open_of_too_much_is_refused(void **state)
{
	static const char there_are[] =
		"; there are order=0..4 queues=1..16 buffers=1..512 persistent=on|off "
		"indirect=on|off abi=native|64|32\n";
	char err[256];

	(void)state;
	snprintf(err, sizeof(err), "minidom: open xvdb: queues=17: impossible value%s", there_are);
	expect_err("open xvdb queues=17", err);
	snprintf(err, sizeof(err), "minidom: open xvdb: rings=2: no such option%s", there_are);
	expect_err("open xvdb rings=2", err);
	expect_err("open xvda order=2\nopen xvdb order=2",
		   "minidom: open xvdb: too many disks are open, or too large; start another "
		   "minidom for it\n");
	expect_err("open xvdb order=4 queues=16",
		   "minidom: open xvdb: too many disks are open, or too large; start another "
		   "minidom for it\n");
}

static void test_errors_of_arguments(void **state)
{
	(void)state;
	expect_err("bogus", "minidom: bogus: no such command; 'help' lists them\n");
	expect_err("sum", "minidom: sum: wrong number of arguments; usage: sum DEV [LBA COUNT]\n");
	expect_err("flush xvdb xvda",
		   "minidom: flush: wrong number of arguments; usage: flush DEV\n");
	expect_err("a b c d e f g h i j k", "minidom: a: too many words; 'help' shows what "
		   "commands take; ';' separates them\n");
	expect_err("fill xvdb -1", "minidom: fill -1: not a decimal number; see 'help'\n");
	expect_err("fill xvdb 18446744073709551616",
		   "minidom: fill 18446744073709551616: not a decimal number; see 'help'\n");
	expect_err("sum hello", "minidom: sum hello: not a disk's name; say xvda, or a device "
		   "number as 'disks' shows it\n");
	expect_err("read xvdb 256 1", "minidom: read xvdb: beyond the end of the disk; 'disks' "
		   "shows the size in sectors of 512 bytes\n");
	expect_err("read xvdb 18446744073709551615 2", "minidom: read xvdb: beyond the end of the "
		   "disk; 'disks' shows the size in sectors of 512 bytes\n");
	expect_err("fill xvdb 1 5", "minidom: fill xvdb: LBA without COUNT; give both, or neither "
		   "for the whole disk\n");
	expect_err("fill xvda 1",
		   "minidom: fill xvda: the disk is read-only; attach it with access=rw\n");
}

static void test_missing_disk_is_an_error_after_ten_seconds(void **state)
{
	struct md_port *port = new_port();
	uint64_t before = port->os->clock;

	(void)state;
	assert_int_equal(run(port, "sum xvdz", false), 1);
	assert_string_equal(port->err, "minidom: sum xvdz: no such disk, and none appeared within "
			    "10 s; attach it, or let 'xpv check' say what it waits for\n");
	assert_in_range(port->os->clock - before, 10000000000ull, 11000000000ull);
	free_port(port);
}

static void test_first_failure_ends_a_script_only(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	assert_int_equal(run(port, "bogus\nflush xvdb", false), 1);
	assert_string_equal(port->out, "");
	assert_int_equal(run(port, "bogus\nflush xvdb", true), 0);
	assert_string_equal(port->out, "flush xvdb: ok\n");
	free_port(port);
}

static void test_detached_disk_is_an_error_line(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	port->detach_at = 20;
	assert_int_equal(run(port, "stress xvdb 1 1000", false), 1);
	assert_string_equal(port->err, "minidom: stress xvdb: the backend closed the device; "
			    "attach it again\n");
	free_port(port);
}

static void test_interrupt_ends_in_order(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	port->interrupt_at = 30;
	assert_int_equal(run(port, "stress xvdb 1 1000\nbogus", false), 1);
	assert_string_equal(port->err, "minidom: stress xvdb: interrupted\n");
	assert_int_equal(port->be[1].state, XB_CLOSED);
	free_port(port);
}

static void test_interrupt_during_sleep_ends_quietly(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	port->interrupt_at = 30;
	assert_int_equal(run(port, "flush xvdb\nsleep 1000\nbogus", false), 0);
	assert_string_equal(port->err, "");
	free_port(port);
}

/* Without xenstore nothing can be closed in order; it must not be waited for either. */
static void test_lost_xenstore_ends_at_once(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	port->lose_at = 30;
	assert_int_equal(run(port, "stress xvdb 1 1000", false), 1);
	assert_non_null(strstr(port->err, "minidom: close xvdb: xenstore is gone; "));
	assert_true(port->waits < 10000);
	fake_abandon(port->os);
	be_free(&port->be[0]);
	be_free(&port->be[1]);
	free(port);
}

/* A backend that is alive in xenstore but never answers: only a signal helps, and it does. */
static void test_frozen_backend_can_be_interrupted(void **state)
{
	struct md_port *port = new_port();

	(void)state;
	assert_int_equal(run(port, "flush xvdb", false), 0);
	port->interrupt_at = port->waits + 40;
	port->freeze_at = port->waits + 20;
	assert_int_equal(run(port, "stress xvdb 1 1000", false), 1);
	assert_non_null(strstr(port->err, "minidom: stress xvdb: interrupted\n"));
	assert_non_null(strstr(port->err, "minidom: close xvdb: its backend did not let go"));
	fake_abandon(port->os);
	be_free(&port->be[0]);
	be_free(&port->be[1]);
	free(port);
}

static void test_help_lists_all_commands(void **state)
{
	struct md_port *port = new_port();
	static const char *const names[] = { "disks", "fill", "flush", "help", "loop", "poweroff",
					     "read", "sleep", "stress", "sum", "verify" };

	(void)state;
	port->events = 3;
	assert_int_equal(run(port, "help", false), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(strstr(port->out, names[i]));
	free_port(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks_are_listed),
		cmocka_unit_test(test_sum_is_that_of_the_disk),
		cmocka_unit_test(test_read_shows_sectors),
		cmocka_unit_test(test_fill_writes_the_documented_pattern),
		cmocka_unit_test(test_commands_in_a_row),
		cmocka_unit_test(test_mismatch_is_shown_with_its_place),
		cmocka_unit_test(test_open_says_what_the_backend_makes_of_options),
		cmocka_unit_test(test_open_of_too_much_is_refused),
		cmocka_unit_test(test_errors_of_arguments),
		cmocka_unit_test(test_missing_disk_is_an_error_after_ten_seconds),
		cmocka_unit_test(test_first_failure_ends_a_script_only),
		cmocka_unit_test(test_detached_disk_is_an_error_line),
		cmocka_unit_test(test_interrupt_ends_in_order),
		cmocka_unit_test(test_interrupt_during_sleep_ends_quietly),
		cmocka_unit_test(test_lost_xenstore_ends_at_once),
		cmocka_unit_test(test_frozen_backend_can_be_interrupted),
		cmocka_unit_test(test_help_lists_all_commands),
	};

	return cmocka_run_group_tests_name("frontend minidom", tests, NULL, NULL);
}
