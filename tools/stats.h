/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what xpvd says of its disks, for xpv stats and xpv top
 *
 * An answer is JSON, and stays JSON here: an array of devices, each with the numbers of all its
 * queues, and below "queues" those of each. What a worker has counted stands in memory that the
 * worker can write, and a worker may be its guest's: no number is believed to fit another.
 */
#ifndef XPV_STATS_H
#define XPV_STATS_H

#include "tool.h"

/* stats.c: asking */
struct stats_filter {
	bool one_domain, one_device;
	uint32_t domid, devid;
	bool latency;		/* with how long requests took */
};

/* The devices that xpvd serves, as a new array, each with its guest's "name" (null: none) and
 * "vdev"; NULL with an error printed. */
struct json_object *stats_ask(const struct stats_filter *filter);
/* A member; 0 or "" if it is not there, or null. The text is the object's. */
uint64_t stats_number(struct json_object *obj, const char *name);
const char *stats_text(struct json_object *obj, const char *name);
/* A device's queues: how many, and the one of an index below that. */
size_t stats_queues(struct json_object *dev);
struct json_object *stats_queue(struct json_object *dev, size_t index);

/* What is timed, as members of a queue's "latency" are called; NULL ends it. The last is how long
 * the disk stood still when another worker took it over. */
extern const char *const stats_timed[];
#define STATS_PAUSE "pause"

/* stats_spread.c: how long things took */
struct spread_bucket {
	uint64_t low, end;	/* nanoseconds; end is not in it */
	uint64_t count;
};

struct spread {
	struct spread_bucket *bucket;	/* ascending */
	size_t nr;
	uint64_t count, sum_ns, max_ns;
};

/* Adds what one or all queues (NULL) of a device say of what is timed; *s is all zeros at first,
 * and is ended by spread_fini(). */
void spread_add(struct spread *s, struct json_object *dev, struct json_object *queue,
		const char *timed);
/* Takes an earlier reading of the same away. The maximum becomes the end of the last bucket. */
void spread_since(struct spread *s, const struct spread *before);
/* The value that so many of a million are not above: the middle of its bucket, which is within
 * 3.2%, and never more than the maximum. 0 if there is none. */
uint64_t spread_percentile(const struct spread *s, unsigned int per_million);
uint64_t spread_mean(const struct spread *s);
/* How many are below a limit that is a bucket's end. */
uint64_t spread_below(const struct spread *s, uint64_t ns);
void spread_fini(struct spread *s);

/* stats_text.c, stats_json.c, stats_metrics.c: each prints the devices, and drops them; the exit
 * status. rings: with each queue's ring. */
int stats_print_text(struct json_object *list, bool rings);
int stats_print_json(struct json_object *list);
int stats_print_metrics(struct json_object *list);
/* Four digits at most and a unit: "12.3us". Returns buf. */
char *stats_duration(char buf[16], uint64_t ns);

#endif
