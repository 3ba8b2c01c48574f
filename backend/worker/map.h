/* SPDX-License-Identifier: MIT */
/*
 * map.h - a guest's granted pages, seen from a worker
 *
 * Two ways lead to a guest's page. A *grant copy* asks the hypervisor to copy and leaves nothing
 * behind; it is the rule. A *persistent mapping* stays, for frontends that grant the same pages
 * again and again (feature-persistent): then data moves by memcpy, or straight by read and write.
 * Mappings are bounded; the least recently used go first.
 *
 * All of it belongs to one thread. Nothing mapped may be given to asynchronous I/O: were the
 * process killed meanwhile, the kernel would write to pages that are no longer granted.
 */
#ifndef XPV_MAP_H
#define XPV_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <xengnttab.h>

#define GRANT_GROUP	32	/* pages mapped by one call, and unmapped together */

struct grant_group;

/* The persistent mappings of one ring. */
struct grant_cache {
	xengnttab_handle *xgt;
	uint32_t domid;
	unsigned int max_pages, pages;
	uint64_t epoch;			/* the batch that is being prepared */
	struct grant_group *groups;
	unsigned int nr_groups;
	int32_t *buckets;		/* gref hash -> entry (group * GRANT_GROUP + i), or -1 */
	uint32_t wanted[GRANT_GROUP];	/* to be mapped by one call */
	unsigned int nr_wanted;
};

/* max_pages: never more are mapped. 0 or -ENOMEM. */
int grant_cache_init(struct grant_cache *c, xengnttab_handle *xgt, uint32_t domid,
		     unsigned int max_pages);
/* Unmaps everything; idempotent. */
void grant_cache_fini(struct grant_cache *c);

/* A new batch begins: what the last one used may be unmapped again. */
void grant_cache_next_batch(struct grant_cache *c);

/* Where the page is mapped, or NULL. Marks it as used by this batch. */
void *grant_cache_find(struct grant_cache *c, uint32_t gref);

/* Maps nr (<= GRANT_GROUP) distinct pages that are not mapped yet, read-write, making room by
 * unmapping what this batch does not use. On failure nothing is mapped: the caller falls back to
 * grant copies, whose status says which page is bad. 0; -ENOSPC; -errno. */
int grant_cache_map(struct grant_cache *c, uint32_t *grefs, unsigned int nr);

/* Of a batch: this page is to be mapped, unless it is already. They are mapped in groups, the last
 * of them by grant_cache_settle(). What cannot be mapped is found not to be. */
void grant_cache_want(struct grant_cache *c, uint32_t gref);
void grant_cache_settle(struct grant_cache *c);

/* A list of copies for one call. status of each is set before the call to a value that no
 * hypervisor returns for a copy that was done, so that nothing counts as done that was not
 * (XSA-361, XSA-318). */
#define COPY_MAX	384

struct copy_list {
	unsigned int nr;
	xengnttab_grant_copy_segment_t seg[COPY_MAX];
	void *owner[COPY_MAX];		/* whose it is; told to the callback if it fails */
};

/* False if the list is full. Directions are the guest's: from it, to it. */
bool copy_from_guest(struct copy_list *list, uint32_t domid, uint32_t gref, uint16_t off,
		     uint16_t len, void *to, void *owner);
bool copy_to_guest(struct copy_list *list, uint32_t domid, uint32_t gref, uint16_t off,
		   uint16_t len, void *from, void *owner);
/* Does the copies, empties the list, and calls failed(owner, status) for each that was not done;
 * status is a GNTST_* or a negative errno. */
void copy_run(xengnttab_handle *xgt, struct copy_list *list,
	      void (*failed)(void *owner, int status));

#endif
