/* SPDX-License-Identifier: MIT */
/*
 * map.c - persistent mappings and grant copies
 *
 * Pages are mapped in groups of up to GRANT_GROUP by one call, because a hypervisor charges by the
 * call, and must then be unmapped as the same group. A group is found by any of its grefs through
 * a chained hash whose entries live in the groups. Eviction takes whole groups, oldest use first,
 * and never one that the running batch has looked up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "map.h"

#define NR_BUCKETS	1024
#define PAGE		4096
#define STATUS_POISON	((int16_t)0x5a5a)

struct grant_group {
	char *addr;			/* NULL: not in use */
	unsigned int nr;
	uint64_t used;			/* epoch of the last use */
	uint32_t gref[GRANT_GROUP];
	int32_t next[GRANT_GROUP];	/* hash chain */
};

static unsigned int bucket_of(uint32_t gref)
{
	return (gref * 2654435761u) >> 22;
}

int grant_cache_init(struct grant_cache *c, xengnttab_handle *xgt, uint32_t domid,
		     unsigned int max_pages)
{
	*c = (struct grant_cache){ .xgt = xgt, .domid = domid, .max_pages = max_pages,
				   .epoch = 1, .nr_groups = max_pages };
	c->groups = calloc(max_pages, sizeof(c->groups[0]));
	c->buckets = malloc(NR_BUCKETS * sizeof(c->buckets[0]));
	if (!c->groups || !c->buckets) {
		grant_cache_fini(c);
		return -ENOMEM;
	}
	memset(c->buckets, -1, NR_BUCKETS * sizeof(c->buckets[0]));
	return 0;
}

static void forget(struct grant_cache *c, int32_t entry)
{
	uint32_t gref = c->groups[entry / GRANT_GROUP].gref[entry % GRANT_GROUP];
	int32_t *link = &c->buckets[bucket_of(gref)];

	while (*link != entry)
		link = &c->groups[*link / GRANT_GROUP].next[*link % GRANT_GROUP];
	*link = c->groups[entry / GRANT_GROUP].next[entry % GRANT_GROUP];
}

static void unmap_group(struct grant_cache *c, struct grant_group *g)
{
	int32_t first = (int32_t)(g - c->groups) * GRANT_GROUP;

	for (unsigned int i = 0; i < g->nr; i++)
		forget(c, first + (int32_t)i);
	xengnttab_unmap(c->xgt, g->addr, g->nr);
	c->pages -= g->nr;
	g->addr = NULL;
}

void grant_cache_fini(struct grant_cache *c)
{
	for (unsigned int i = 0; c->groups && i < c->nr_groups; i++) {
		if (c->groups[i].addr)
			unmap_group(c, &c->groups[i]);
	}
	free(c->groups);
	free(c->buckets);
	*c = (struct grant_cache){ 0 };
}

void grant_cache_next_batch(struct grant_cache *c)
{
	c->epoch++;
}

void *grant_cache_find(struct grant_cache *c, uint32_t gref)
{
	int32_t entry = c->buckets[bucket_of(gref)];

	while (entry >= 0) {
		struct grant_group *g = &c->groups[entry / GRANT_GROUP];
		unsigned int i = (unsigned int)entry % GRANT_GROUP;

		if (g->gref[i] == gref) {
			g->used = c->epoch;
			return g->addr + (size_t)i * PAGE;
		}
		entry = g->next[i];
	}
	return NULL;
}

static struct grant_group *oldest(struct grant_cache *c)
{
	struct grant_group *found = NULL;

	for (unsigned int i = 0; i < c->nr_groups; i++) {
		struct grant_group *g = &c->groups[i];

		if (g->addr && g->used < c->epoch && (!found || g->used < found->used))
			found = g;
	}
	return found;
}

static struct grant_group *unused(struct grant_cache *c)
{
	for (unsigned int i = 0; i < c->nr_groups; i++) {
		if (!c->groups[i].addr)
			return &c->groups[i];
	}
	return NULL;
}

int grant_cache_map(struct grant_cache *c, uint32_t *grefs, unsigned int nr)
{
	struct grant_group *g;
	int32_t first;
	void *addr;

	while (c->pages + nr > c->max_pages) {
		g = oldest(c);
		if (!g)
			return -ENOSPC;
		unmap_group(c, g);
	}
	g = unused(c);
	if (!g)
		return -ENOSPC;
	addr = xengnttab_map_domain_grant_refs(c->xgt, nr, c->domid, grefs,
					       PROT_READ | PROT_WRITE);
	if (!addr)
		return errno ? -errno : -EIO;

	*g = (struct grant_group){ .addr = addr, .nr = nr, .used = c->epoch };
	first = (int32_t)(g - c->groups) * GRANT_GROUP;
	for (unsigned int i = 0; i < nr; i++) {
		int32_t *bucket = &c->buckets[bucket_of(grefs[i])];

		g->gref[i] = grefs[i];
		g->next[i] = *bucket;
		*bucket = first + (int32_t)i;
	}
	c->pages += nr;
	return 0;
}

void grant_cache_settle(struct grant_cache *c)
{
	if (c->nr_wanted > 0)
		grant_cache_map(c, c->wanted, c->nr_wanted);
	c->nr_wanted = 0;
}

void grant_cache_want(struct grant_cache *c, uint32_t gref)
{
	if (grant_cache_find(c, gref))
		return;
	for (unsigned int i = 0; i < c->nr_wanted; i++) {
		if (c->wanted[i] == gref)
			return;
	}
	if (c->nr_wanted == GRANT_GROUP)
		grant_cache_settle(c);
	c->wanted[c->nr_wanted++] = gref;
}

static xengnttab_grant_copy_segment_t *next_copy(struct copy_list *list, void *owner)
{
	xengnttab_grant_copy_segment_t *seg = &list->seg[list->nr];

	if (list->nr == COPY_MAX)
		return NULL;
	memset(seg, 0, sizeof(*seg));
	seg->status = STATUS_POISON;
	list->owner[list->nr++] = owner;
	return seg;
}

bool copy_from_guest(struct copy_list *list, uint32_t domid, uint32_t gref, uint16_t off,
		     uint16_t len, void *to, void *owner)
{
	xengnttab_grant_copy_segment_t *seg = next_copy(list, owner);

	if (!seg)
		return false;
	seg->source.foreign.ref = gref;
	seg->source.foreign.offset = off;
	seg->source.foreign.domid = (uint16_t)domid;
	seg->dest.virt = to;
	seg->len = len;
	seg->flags = GNTCOPY_source_gref;
	return true;
}

bool copy_to_guest(struct copy_list *list, uint32_t domid, uint32_t gref, uint16_t off,
		   uint16_t len, void *from, void *owner)
{
	xengnttab_grant_copy_segment_t *seg = next_copy(list, owner);

	if (!seg)
		return false;
	seg->source.virt = from;
	seg->dest.foreign.ref = gref;
	seg->dest.foreign.offset = off;
	seg->dest.foreign.domid = (uint16_t)domid;
	seg->len = len;
	seg->flags = GNTCOPY_dest_gref;
	return true;
}

void copy_run(xengnttab_handle *xgt, struct copy_list *list,
	      void (*failed)(void *owner, int status))
{
	unsigned int nr = list->nr;
	int err = 0;

	list->nr = 0;
	if (nr == 0)
		return;
	if (xengnttab_grant_copy(xgt, nr, list->seg))
		err = errno ? -errno : -EIO;
	for (unsigned int i = 0; i < nr; i++) {
		if (err || list->seg[i].status != GNTST_okay)
			failed(list->owner[i], err ? err : list->seg[i].status);
	}
}
