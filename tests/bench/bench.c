/* SPDX-License-Identifier: MIT */
/*
 * bench.c - the workload, the clock and the line that is printed (bench.h)
 *
 * The loop keeps the queue full: whatever was collected is submitted again before one kick. It
 * reads the clock now and then, never for a request. A run is a warm-up, which is drained, and then
 * the part that counts, from an empty queue to an empty queue.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "barrier.h"
#include "bench.h"

#define DEFAULT_SIZE	(128ull << 20)
#define LOOKS		64	/* between two readings of the clock */

struct usage {			/* at one moment */
	double wall, self, peer;
};

static double seconds_of(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int bench_error(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

/* SplitMix64 (Steele, Lea, Flood, 2014): a good number from each step of a counter. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* A block, all equally likely but for what 64 bits cannot divide. */
static uint64_t next_block(uint64_t *state, uint64_t blocks)
{
	return (uint64_t)(((unsigned __int128)next_random(state) * blocks) >> 64);
}

/*
 * The workload
 */

struct work {
	struct bench *b;
	const struct contestant *who;
	uint64_t random;
	uint64_t issued, finished;
	uint64_t block[BENCH_MAX_QD];	/* what a tag is busy with */
	uint16_t free[BENCH_MAX_QD];
	unsigned int nr_free;
};

static int submit_one(struct work *w)
{
	unsigned int tag = w->free[--w->nr_free];
	uint64_t block = w->b->in_order ? w->issued % w->b->blocks :
			 next_block(&w->random, w->b->blocks);

	w->block[tag] = block;
	for (unsigned int i = 0; w->b->write && i < w->b->pages; i++) {
		uint64_t number = block * w->b->pages + i;

		memcpy(w->who->page(w->b, tag, i), &number, sizeof(number));
	}
	w->issued++;
	return w->who->submit(w->b, tag, block);
}

static int check(struct work *w, unsigned int tag)
{
	for (unsigned int i = 0; !w->b->write && i < w->b->pages; i++) {
		uint64_t expected = w->block[tag] * w->b->pages + i, found;

		memcpy(&found, w->who->page(w->b, tag, i), sizeof(found));
		if (found != expected)
			return bench_error("page %llu reads as page %llu; make the file by "
					   "pread --prepare", (unsigned long long)expected,
					   (unsigned long long)found);
	}
	return 0;
}

/* How many were collected, or -1. */
static int collect(struct work *w)
{
	int n = w->who->collect(w->b, &w->free[w->nr_free]);

	for (int i = 0; i < n; i++)
		if (check(w, w->free[w->nr_free + (unsigned int)i]))
			return -1;
	if (n > 0) {
		w->nr_free += (unsigned int)n;
		w->finished += (uint64_t)n;
	}
	return n;
}

/* True: there is something to collect. */
static bool spin(struct work *w)
{
	double end = 0;

	while (w->b->spin_us) {
		double now;

		for (unsigned int i = 0; i < LOOKS; i++) {
			if (w->who->pending(w->b))
				return true;
			cpu_relax();
		}
		now = seconds_of(CLOCK_MONOTONIC);
		if (end == 0)
			end = now + w->b->spin_us / 1e6;
		else if (now >= end)
			break;
	}
	return false;
}

/* Until `limit` requests (0: no limit) or the time is over, and all are back. */
static int run(struct work *w, uint64_t limit, double seconds)
{
	double deadline = seconds_of(CLOCK_MONOTONIC) + seconds;
	unsigned int turns = 0;
	bool more = true;

	w->issued = w->finished = 0;
	while (more || w->nr_free < w->b->qd) {
		int n;

		while (more && w->nr_free) {
			if (submit_one(w))
				return -1;
			more = w->issued != limit;
		}
		w->who->kick(w->b);
		n = collect(w);
		if (n < 0 || (n == 0 && !spin(w) && w->who->sleep(w->b)))
			return -1;
		if (!limit && ++turns % LOOKS == 0 && seconds_of(CLOCK_MONOTONIC) >= deadline)
			more = false;
	}
	return 0;
}

/*
 * What it cost
 */

static struct usage usage_now(const struct bench *b)
{
	struct usage now = { .wall = seconds_of(CLOCK_MONOTONIC),
			     .self = seconds_of(CLOCK_PROCESS_CPUTIME_ID) };
	clockid_t clock;

	if (b->peer && clock_getcpuclockid(b->peer, &clock) == 0)
		now.peer = seconds_of(clock);
	return now;
}

static void print_line(const struct work *w, const struct usage *from, const struct usage *to)
{
	const struct bench *b = w->b;
	double seconds = to->wall - from->wall, ops = (double)w->finished;

	printf("name=%s rw=%s bs=%uk qd=%u spin=%u ops=%llu seconds=%.4f iops=%.0f sent=%.5f "
	       "received=%.5f cpu=%.4f peer_cpu=%.4f\n", w->who->name,
	       b->write ? "write" : "read", b->pages * (BENCH_PAGE / 1024), b->qd, b->spin_us,
	       (unsigned long long)w->finished,
	       seconds, ops / seconds, (double)b->sent / ops, (double)b->received / ops,
	       to->self - from->self, to->peer - from->peer);
}

static int measure(struct bench *b, const struct contestant *who)
{
	struct work w = { .b = b, .who = who, .random = ~b->seed, .nr_free = b->qd };
	struct usage from, to;

	for (unsigned int i = 0; i < b->qd; i++)
		w.free[i] = (uint16_t)(b->qd - 1 - i);
	if (b->warmup > 0 && run(&w, 0, b->warmup))
		return -1;
	w.random = b->seed;
	b->sent = b->received = 0;
	from = usage_now(b);
	if (run(&w, b->ops, b->seconds))
		return -1;
	to = usage_now(b);
	print_line(&w, &from, &to);
	return 0;
}

/*
 * Options
 */

static int usage(const struct contestant *who, FILE *out, int status)
{
	fprintf(out, "usage: %s [OPTION]... %s\n"
		"Random I/O, and one line about it.\n"
		"  --bs BYTES       a request; a multiple of %d, at most %d; default %d\n"
		"  --rw read|write  default read\n"
		"  --in-order       block after block instead\n"
		"  --qd N           requests at a time, 1 to %d; default 1\n"
		"  --seconds N      for so long; default 1\n"
		"  --ops N          so many, instead\n"
		"  --warmup N       seconds that are not counted, before; default 0.1\n"
		"  --size BYTES     within the first so many; default 128 MiB\n"
		"  --seed N         of the random numbers; default 1\n"
		"  --spin N         looks for N microseconds before it sleeps; default 0\n"
		"  --peer PID       reports that process's CPU time too\n",
		program_invocation_short_name, who->operand, BENCH_PAGE,
		BENCH_MAX_PAGES * BENCH_PAGE, BENCH_PAGE, BENCH_MAX_QD);
	return status;
}

static bool number(const char *text, double min, double max, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	return !errno && end != text && !*end && *out >= min && *out <= max;
}

static bool parse_one(struct bench *b, int option, const char *value, uint64_t *size)
{
	double n;

	if (option == 'r') {
		b->write = !strcmp(value, "write");
		return b->write || !strcmp(value, "read");
	}
	if (option == 'i')
		return b->in_order = true;
	if (!number(value, 0, 1e15, &n))
		return false;
	switch (option) {
	case 'q': b->qd = (unsigned int)n; return n >= 1 && n <= BENCH_MAX_QD;
	case 't': b->seconds = n; return true;
	case 'w': b->warmup = n; return true;
	case 'o': b->ops = (uint64_t)n; return n >= 1;
	case 'z': *size = (uint64_t)n; return true;
	case 'b': b->pages = (unsigned int)n / BENCH_PAGE;
		return n >= BENCH_PAGE && n <= BENCH_MAX_PAGES * BENCH_PAGE &&
		       bench_bytes(b) == (size_t)n;
	case 'x': b->seed = (uint64_t)n; return true;
	case 's': b->spin_us = (unsigned int)n; return n <= 1e9;
	case 'p': b->peer = (pid_t)n; return n >= 1 && n <= 1 << 22;
	default: return false;
	}
}

int bench_main(const struct contestant *who, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rw", required_argument, NULL, 'r' },
		{ "in-order", no_argument, NULL, 'i' },
		{ "bs", required_argument, NULL, 'b' },
		{ "qd", required_argument, NULL, 'q' },
		{ "seconds", required_argument, NULL, 't' },
		{ "ops", required_argument, NULL, 'o' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "size", required_argument, NULL, 'z' },
		{ "seed", required_argument, NULL, 'x' },
		{ "spin", required_argument, NULL, 's' },
		{ "peer", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct bench b = { .qd = 1, .seconds = 1, .warmup = 0.1, .seed = 1, .pages = 1 };
	uint64_t size = DEFAULT_SIZE;
	int option, rc;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(who, stdout, 0);
		if (option == '?')
			return usage(who, stderr, 2);
		if (!parse_one(&b, option, optarg, &size)) {
			bench_error("%s: not a value that this option takes; see --help", optarg);
			return 2;
		}
	}
	if (argc - optind != 1)
		return usage(who, stderr, 2);
	b.target = argv[optind];
	b.blocks = size / bench_bytes(&b);
	if (!b.blocks) {
		bench_error("--size %llu: not a single block; say a larger one",
			    (unsigned long long)size);
		return 2;
	}
	rc = who->open(&b);
	if (!rc)
		rc = measure(&b, who);
	who->close(&b);
	return rc || fflush(stdout) ? 1 : 0;
}
