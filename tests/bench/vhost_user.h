/* SPDX-License-Identifier: MIT */
/*
 * vhost_user.h - the control channel of a vhost-user device, seen from its user
 *
 * Messages over a Unix socket tell the other process where our memory and our one virtqueue are,
 * and by which eventfds we wake each other. The protocol is described in QEMU's documentation,
 * "Vhost-user Protocol" (interop/vhost-user).
 */
#ifndef XPV_BENCH_VHOST_USER_H
#define XPV_BENCH_VHOST_USER_H

#include <stddef.h>
#include <stdint.h>

/* One memory region and one queue. Guest addresses are offsets from `guest_base`. */
struct vhost_user_queue {
	void *memory;
	size_t bytes;
	int memory_fd;
	uint64_t guest_base;
	uint32_t size;			/* descriptors, a power of two */
	void *desc, *avail, *used;	/* in the memory */
	int kick_fd, call_fd;
};

/* Connects and takes the device over: the socket, or -1 after one line on stderr. */
int vhost_user_connect(const char *path);
/* Negotiates: of what is wanted, *features is left with what both have. 0 or -1. */
int vhost_user_features(int fd, uint64_t required, uint64_t *features);
/* Reads the start of the device's configuration space. 0 or -1. */
int vhost_user_config(int fd, void *config, uint32_t bytes);
/* Shares the memory and starts the queue. 0 or -1. */
int vhost_user_start(int fd, const struct vhost_user_queue *queue);

#endif
