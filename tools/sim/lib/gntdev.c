/* SPDX-License-Identifier: MIT */
/*
 * What consuming and producing grants have in common: the handle, and the ranges made through it.
 * Closing the connection is what gives grants and mappings back, so a killed process needs no help.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gntdev.h"

static int restrict_callback(struct toolcore_handle *toolcore, domid_t domid)
{
	struct xengntdev_handle *dev = (struct xengntdev_handle *)toolcore;	/* first member */
	(void)domid;

	return xentoolcore__restrict_by_dup2_null(dev->client.fd);
}

struct xengntdev_handle *gntdev_open(enum sim_kind kind)
{
	struct xengntdev_handle *dev = calloc(1, sizeof(*dev));
	int rc;

	if (!dev)
		return NULL;
	rc = sim_client_open(&dev->client, kind, 0, NULL);
	if (rc) {
		free(dev);
		errno = -rc;
		return NULL;
	}
	pthread_mutex_init(&dev->lock, NULL);
	dev->toolcore.restrict_callback = restrict_callback;
	xentoolcore__register_active_handle(&dev->toolcore);
	return dev;
}

static void free_node(void *node)
{
	gntdev_pages_free(node);
}

int gntdev_close(struct xengntdev_handle *dev)
{
	if (!dev)
		return 0;
	xentoolcore__deregister_active_handle(&dev->toolcore);
	tdestroy(dev->tree, free_node);
	sim_client_close(&dev->client);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
	return 0;
}

struct pages *gntdev_pages_new(uint32_t count)
{
	struct pages *pages;

	if (!count) {
		errno = EINVAL;
		return NULL;
	}
	pages = malloc(sizeof(*pages) + count * sizeof(pages->ids[0]));
	if (!pages)
		return NULL;
	pages->count = count;
	pages->addr = mmap(NULL, (size_t)count * SIM_PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pages->addr == MAP_FAILED) {
		free(pages);
		return NULL;
	}
	return pages;
}

void gntdev_pages_free(struct pages *pages)
{
	munmap(pages->addr, (size_t)pages->count * SIM_PAGE);
	free(pages);
}

static int compare(const void *a, const void *b)
{
	const struct pages *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

int gntdev_pages_insert(struct xengntdev_handle *dev, struct pages *pages)
{
	bool done;

	pthread_mutex_lock(&dev->lock);
	done = tsearch(pages, &dev->tree, compare);
	pthread_mutex_unlock(&dev->lock);
	return done ? 0 : -ENOMEM;
}

/* Exactly the range that was made, as the real library insists. NULL: there is none such. */
struct pages *gntdev_pages_remove(struct xengntdev_handle *dev, void *addr, uint32_t count)
{
	struct pages key = { .addr = addr }, *pages = NULL, **found;

	pthread_mutex_lock(&dev->lock);
	found = tfind(&key, &dev->tree, compare);
	if (found && (*found)->count == count) {
		pages = *found;
		tdelete(&key, &dev->tree, compare);
	}
	pthread_mutex_unlock(&dev->lock);
	return pages;
}
