/* SPDX-License-Identifier: MIT */
/*
 * bench.h - one workload, whoever does the I/O
 *
 * A contestant says how a request is submitted, how finished ones are collected and how to sleep;
 * everything else is bench.c's, so that it is the same for all: which blocks, in which order, in
 * which pages of memory, what is written and checked, how long is looked before sleeping, and what
 * is counted.
 *
 * A request is for a block of one page or more. Every page carries its own number in its first
 * eight bytes. A write stamps the pages before it is submitted, a read is checked after it is
 * collected: a contestant that serves the wrong block wins nothing. The rest of a page is not
 * touched by the client.
 */
#ifndef XPV_BENCH_H
#define XPV_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_PAGE	4096
#define BENCH_MAX_PAGES	32		/* in a block */
#define BENCH_MAX_QD	32

struct bench {
	/* What was asked for. */
	const char *target;		/* the contestant's operand */
	bool write, in_order;
	unsigned int qd;
	double seconds, warmup;
	uint64_t ops;			/* 0: until the time is over */
	unsigned int pages;		/* of a block */
	uint64_t blocks;
	uint64_t seed;
	unsigned int spin_us;		/* looks so long before it sleeps; 0: sleeps at once */
	pid_t peer;			/* whose processor time is reported too; 0: nobody's */

	uint64_t sent, received;	/* notifications; the contestant counts */
	void *state;			/* the contestant's */
};

struct contestant {
	const char *name;
	const char *operand;		/* of the usage */
	/* 0, or -1 after one line on stderr. */
	int (*open)(struct bench *b);
	/* Page i (below b->pages) of those that belong to a tag (below qd), and that the data is
	 * read into or written from without another copy by the client. */
	void *(*page)(struct bench *b, unsigned int tag, unsigned int i);
	/* 0 or -1, as open(). What was submitted need not be seen before kick(). */
	int (*submit)(struct bench *b, unsigned int tag, uint64_t block);
	void (*kick)(struct bench *b);
	/* The tags of finished requests, at most qd; how many, or -1 if one failed. */
	int (*collect)(struct bench *b, uint16_t *tags);
	/* There is something to collect: costs a load, for spinning. */
	bool (*pending)(struct bench *b);
	/* Asks for a notification, looks again, sleeps (at most about a second). 0 or -1. */
	int (*sleep)(struct bench *b);
	/* Also after an open() that failed; state may be NULL then. */
	void (*close)(struct bench *b);
};

static inline size_t bench_bytes(const struct bench *b)
{
	return (size_t)b->pages * BENCH_PAGE;
}

/* Reads the options, runs the workload, prints one line of NAME=VALUE. The exit status. */
int bench_main(const struct contestant *who, int argc, char **argv);

/* One line on stderr: the program's name, and what is said. Returns -1. */
int bench_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
