/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the libxengnttab replacement. A gnttab and a gntshr handle are one structure
 * (in Xen's header too): a connection, and the ranges of pages made through it, by address.
 */
#ifndef XPV_SIM_GNTDEV_H
#define XPV_SIM_GNTDEV_H

#include <xengnttab.h>

#include "client.h"
#include "toolcore.h"

struct pages {
	void *addr;
	uint32_t count;
	uint32_t ids[];		/* of the mappings, or grant references of shared pages */
};

struct xengntdev_handle {
	struct toolcore_handle toolcore;
	struct sim_client client;
	pthread_mutex_t lock;	/* of the tree */
	void *tree;
};

/* gntdev.c. NULL with errno set on failure. */
struct xengntdev_handle *gntdev_open(enum sim_kind kind);
int gntdev_close(struct xengntdev_handle *dev);

/* A range of addresses with nothing behind it yet. NULL with errno set on failure. */
struct pages *gntdev_pages_new(uint32_t count);
void gntdev_pages_free(struct pages *pages);

int gntdev_pages_insert(struct xengntdev_handle *dev, struct pages *pages);
struct pages *gntdev_pages_remove(struct xengntdev_handle *dev, void *addr, uint32_t count);

#endif
