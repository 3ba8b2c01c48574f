/* SPDX-License-Identifier: MIT */
/*
 * See ring.h. Barriers: each side publishes an index with release after the bytes, and reads the
 * other's with acquire before them; an index that frees space is published after the bytes were
 * read.
 */
#include "ring.h"

#include <errno.h>
#include <string.h>

static uint32_t load_acquire(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void store_release(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

ssize_t store_ring_write(struct store_ring *ring, const void *data, size_t len)
{
	struct xenstore_domain_interface *page = ring->page;
	uint32_t prod = page->req_prod, used = prod - load_acquire(&page->req_cons);
	size_t at = MASK_XENSTORE_IDX(prod), first;

	if (used > XENSTORE_RING_SIZE)
		return -EPROTO;
	len = smaller(len, XENSTORE_RING_SIZE - used);
	if (!len)
		return 0;
	first = smaller(len, XENSTORE_RING_SIZE - at);
	memcpy(page->req + at, data, first);
	memcpy(page->req, (const char *)data + first, len - first);
	store_release(&page->req_prod, prod + (uint32_t)len);
	xenevtchn_notify(ring->xce, ring->port);
	return (ssize_t)len;
}

ssize_t store_ring_read(struct store_ring *ring, void *data, size_t len)
{
	struct xenstore_domain_interface *page = ring->page;
	uint32_t cons = page->rsp_cons, there = load_acquire(&page->rsp_prod) - cons;
	size_t at = MASK_XENSTORE_IDX(cons), first;

	if (there > XENSTORE_RING_SIZE)
		return -EPROTO;
	len = smaller(len, there);
	if (!len)
		return 0;
	first = smaller(len, XENSTORE_RING_SIZE - at);
	memcpy(data, page->rsp + at, first);
	memcpy((char *)data + first, page->rsp, len - first);
	store_release(&page->rsp_cons, cons + (uint32_t)len);
	xenevtchn_notify(ring->xce, ring->port);
	return (ssize_t)len;
}
