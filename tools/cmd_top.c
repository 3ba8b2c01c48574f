/* SPDX-License-Identifier: MIT */
/*
 * cmd_top.c - xpv top: which disks work hardest
 *
 * Two readings of what `xpv stats` shows, and what happened between them. A disk that was not there
 * before, or whose counters have begun anew, is shown from the next interval on. On a terminal the
 * table is drawn over the last one, until q or ^C; otherwise one follows the other.
 */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"

#define MB	1000000.0
#define HOME	"\033[H"	/* the cursor goes up, what it passes is cleared */
#define CLEAR	"\033[J"

static const char usage[] =
	"xpv top [-v] [--json] [-d SECONDS] [-n COUNT]\n\n"
	"Shows what each disk does, the busiest first, anew every SECONDS (2), COUNT times\n"
	"or until q or ^C: reads and writes a second, MB (10^6 bytes) a second, how long\n"
	"they took on average and 99 of 100 at most, requests in a batch of answers, and\n"
	"notifications a request, those of both directions.\n\n"
	"  -d, --delay SECONDS  between two readings, 1 at least\n"
	"  -n, --count COUNT    end after so many tables\n"
	"  --json               an array of objects each time\n";

/* A disk in one interval. */
struct row {
	struct json_object *dev;	/* the later reading's */
	double reads, writes, read_mb, write_mb;	/* a second */
	double batch, notify;		/* requests a batch, notifications a request */
	uint64_t mean_ns, p99_ns;
};

static volatile sig_atomic_t stop;
static struct termios cooked;

static void stopped(int sig)
{
	(void)sig;
	stop = 1;
}

/* The same disk in the reading before; NULL: there is none. */
static struct json_object *find_before(struct json_object *list, struct json_object *dev)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *other = json_object_array_get_idx(list, i);

		if (stats_number(other, "domid") == stats_number(dev, "domid") &&
		    stats_number(other, "devid") == stats_number(dev, "devid"))
			return other;
	}
	return NULL;
}

static double grown(struct json_object *dev, struct json_object *before, const char *name)
{
	uint64_t now = stats_number(dev, name), then = stats_number(before, name);

	return now > then ? (double)(now - then) : 0;
}

static void fill_latency(struct row *row, struct json_object *before)
{
	struct spread now = { .nr = 0 }, then = { .nr = 0 };

	spread_add(&now, row->dev, NULL, "read");
	spread_add(&now, row->dev, NULL, "write");
	spread_add(&then, before, NULL, "read");
	spread_add(&then, before, NULL, "write");
	spread_since(&now, &then);
	row->mean_ns = spread_mean(&now);
	row->p99_ns = spread_percentile(&now, 990000);
	spread_fini(&now);
	spread_fini(&then);
}

static void fill(struct row *row, struct json_object *dev, struct json_object *before,
		 double seconds)
{
	double reads = grown(dev, before, "read_reqs"), writes = grown(dev, before, "write_reqs");
	double batches = grown(dev, before, "batches"), all = reads + writes;
	static const char *const others[] = { "flush_reqs", "barrier_reqs", "discard_reqs",
					      "other_reqs" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		all += grown(dev, before, others[i]);
	*row = (struct row){
		.dev = dev,
		.reads = reads / seconds,
		.writes = writes / seconds,
		.read_mb = grown(dev, before, "read_bytes") / MB / seconds,
		.write_mb = grown(dev, before, "write_bytes") / MB / seconds,
		.batch = batches > 0 ? all / batches : 0,
		.notify = all > 0 ? (grown(dev, before, "notify_in") +
				     grown(dev, before, "notify_out")) / all : 0,
	};
	fill_latency(row, before);
}

static int by_load(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double left = x->reads + x->writes, right = y->reads + y->writes;

	return left < right ? 1 : left > right ? -1 : 0;
}

/* The rows of an interval, to be freed; NULL with an error printed. */
static struct row *make_rows(struct json_object *now, struct json_object *then, double seconds,
			     size_t *nr)
{
	size_t n = json_object_array_length(now);
	struct row *rows = calloc(n + 1, sizeof(*rows));

	*nr = 0;
	if (!rows) {
		tool_error("no memory for %zu disks: %s; end some programs", n, strerror(errno));
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *dev = json_object_array_get_idx(now, i);
		struct json_object *before = find_before(then, dev);

		if (before)
			fill(&rows[(*nr)++], dev, before, seconds);
	}
	qsort(rows, *nr, sizeof(*rows), by_load);
	return rows;
}

static void print_row(const struct row *row)
{
	char mean[16] = "-", p99[16] = "-";

	if (row->p99_ns) {
		stats_duration(mean, row->mean_ns);
		stats_duration(p99, row->p99_ns);
	}
	printf("%5llu %-16.16s %-8s %9.0f %9.0f %8.1f %8.1f %7s %7s %6.1f %6.2f\n",
	       (unsigned long long)stats_number(row->dev, "domid"), stats_text(row->dev, "name"),
	       stats_text(row->dev, "vdev"), row->reads, row->writes, row->read_mb,
	       row->write_mb, mean, p99, row->batch, row->notify);
}

/* What fits the screen; everything where there is none. */
static size_t rows_shown(bool screen, size_t nr)
{
	struct winsize size;

	if (!screen || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row < 3)
		return nr;
	return nr < (size_t)size.ws_row - 2 ? nr : (size_t)size.ws_row - 2;
}

static void print_table(const struct row *rows, size_t nr, bool screen)
{
	if (screen)
		fputs(HOME CLEAR, stdout);
	printf("%5s %-16s %-8s %9s %9s %8s %8s %7s %7s %6s %6s\n", "Dom", "Name", "Vdev",
	       "Reads/s", "Writes/s", "MB/s in", "out", "Mean", "p99", "Batch", "Notify");
	for (size_t i = 0; i < rows_shown(screen, nr); i++)
		print_row(&rows[i]);
	if (!screen)
		putchar('\n');
}

static void add_double(struct json_object *obj, const char *name, double value)
{
	struct json_object *number = json_object_new_double(value);

	json_object_set_serializer(number, json_object_double_to_json_string,
				   (void *)(uintptr_t)"%.3f", NULL);
	json_object_object_add(obj, name, number);
}

static int print_json(const struct row *rows, size_t nr)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < nr; i++) {
		const struct row *row = &rows[i];
		struct json_object *obj = json_object_new_object();
		static const char *const same[] = { "name", "domid", "vdev", "devid" };

		for (size_t k = 0; k < sizeof(same) / sizeof(same[0]); k++)
			json_object_object_add(obj, same[k], json_object_get(
				json_object_object_get(row->dev, same[k])));
		add_double(obj, "reads_per_second", row->reads);
		add_double(obj, "writes_per_second", row->writes);
		add_double(obj, "read_mb_per_second", row->read_mb);
		add_double(obj, "write_mb_per_second", row->write_mb);
		json_object_object_add(obj, "mean_ns", json_object_new_uint64(row->mean_ns));
		json_object_object_add(obj, "p99_ns", json_object_new_uint64(row->p99_ns));
		add_double(obj, "requests_per_batch", row->batch);
		add_double(obj, "notifications_per_request", row->notify);
		json_object_array_add(list, obj);
	}
	return tool_json(list);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Sleeps until then, or the user has had enough. */
static void rest(double until, bool screen)
{
	struct pollfd keys = { .fd = screen ? STDIN_FILENO : -1, .events = POLLIN };
	double left;
	char key;

	while (!stop && (left = until - seconds_now()) > 0) {
		if (poll(&keys, 1, (int)(left * 1000) + 1) <= 0 || keys.fd < 0)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1)
			keys.fd = -1;
		else if (key == 'q' || key == 'Q')
			stop = 1;
	}
}

static int show(struct json_object *now, struct json_object *then, double seconds, bool screen,
		bool json)
{
	size_t nr;
	struct row *rows = make_rows(now, then, seconds, &nr);
	int rc = TOOL_FAILED;

	if (rows && json) {
		rc = print_json(rows, nr);
	} else if (rows) {
		print_table(rows, nr, screen);
		rc = tool_flush();
	}
	free(rows);
	return rc;
}

/* count 0: until somebody says stop. */
static int watch(unsigned int delay, unsigned int count, bool screen, bool json)
{
	const struct stats_filter filter = { .latency = true };
	struct json_object *now, *then = stats_ask(&filter);
	double last = seconds_now(), at;
	int rc = then ? TOOL_OK : TOOL_FAILED;

	for (unsigned int n = 0; rc == TOOL_OK && (count == 0 || n < count); n++) {
		rest(last + delay, screen);
		if (stop)
			break;
		now = stats_ask(&filter);
		at = seconds_now();
		rc = now ? show(now, then, at - last, screen, json) : TOOL_FAILED;
		json_object_put(then);
		then = now;
		last = at;
	}
	json_object_put(then);
	return rc;
}

/* Keys come one by one and unseen, while this runs. False: that is not possible. */
static bool keys_begin(void)
{
	struct termios raw;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &cooked))
		return false;
	raw = cooked;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

int cmd_top(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = stopped };
	unsigned int delay = 2, count = 0;
	bool json = false, screen;
	const struct opt opts[] = {
		{ "delay", 'd', OPT_SECONDS, &delay },
		{ "count", 'n', OPT_COUNT, &count },
		{ "json", 0, OPT_FLAG, &json },
		{ NULL, 0, OPT_FLAG, NULL },
	};
	int first, rc;

	if (!tool_options(argc, argv, usage, opts, &first))
		return first;
	if (first < argc)
		return tool_usage(argv[0], "%s: it takes no operands", argv[first]);
	if (delay == 0)
		return tool_usage(argv[0], "--delay 0: a second at least");
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	screen = !json && keys_begin();
	rc = watch(delay, count, screen, json);
	if (screen)
		tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
	return rc;
}
