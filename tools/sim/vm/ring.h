/* SPDX-License-Identifier: MIT */
/*
 * The guest's end of its xenstore page (xen/io/xs_wire.h): two byte streams. The indexes that the
 * other end writes are checked at each use. Not thread-safe.
 */
#ifndef XPV_SIM_RING_H
#define XPV_SIM_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenevtchn.h>
#include <xen/io/xs_wire.h>

struct store_ring {
	struct xenstore_domain_interface *page;
	xenevtchn_handle *xce;
	evtchn_port_t port;
};

/* As many bytes as fit or are there, and the other end told. Returns how many, or -EPROTO. */
ssize_t store_ring_write(struct store_ring *ring, const void *data, size_t len);
ssize_t store_ring_read(struct store_ring *ring, void *data, size_t len);

#endif
