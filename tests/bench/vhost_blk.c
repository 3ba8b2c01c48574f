/* SPDX-License-Identifier: MIT */
/*
 * vhost_blk.c - the workload through a vhost-user-blk device
 *
 * The peer that xpv is measured beside is qemu-storage-daemon, and this is the fastest client for
 * it that we know how to write: a split virtqueue (virtio 1.2, section 2.7) in a memfd, whose
 * descriptors are filled in once. A request is three of them (header, data, status), always the
 * same three for a tag; to send it is to write its sector and one entry of the available ring.
 *
 * Notifications follow event indexes if the device has them, as Linux's driver does: ours is set
 * only before sleeping, and never moves while we poll.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "barrier.h"
#include "bench.h"
#include "vhost_user.h"

#define QUEUE_SIZE	128		/* >= 3 * BENCH_MAX_QD */
#define GUEST_BASE	0x100000000ull
#define MAX_BYTES	(BENCH_MAX_PAGES * BENCH_PAGE)
#define SLEEP_MS	1000
#define STATUS_POISON	0xff

_Static_assert(QUEUE_SIZE >= 3 * BENCH_MAX_QD, "a request is three descriptors");

/* What both processes see. Rings with their event index at the end. */
struct shared {
	_Alignas(4096) struct vring_desc desc[QUEUE_SIZE];
	_Alignas(64) struct {
		uint16_t flags, idx, ring[QUEUE_SIZE], used_event;
	} avail;
	_Alignas(64) struct {
		uint16_t flags, idx;
		struct vring_used_elem ring[QUEUE_SIZE];
		uint16_t avail_event;
	} used;
	_Alignas(64) struct virtio_blk_outhdr header[BENCH_MAX_QD];
	_Alignas(64) uint8_t status[BENCH_MAX_QD];
	_Alignas(4096) uint8_t data[BENCH_MAX_QD][MAX_BYTES];
};

_Static_assert(offsetof(struct shared, used) % 4 == 0, "virtio 1.2, 2.7: alignment of the rings");

struct vhost_blk {
	struct shared *shared;
	bool event_idx;
	int socket;
	struct vhost_user_queue queue;
	uint16_t avail_idx, avail_shown;	/* ours; the second is what the device knows */
	uint16_t used_idx;			/* how far we have looked */
};

static uint64_t guest_address(const struct vhost_blk *v, const void *p)
{
	return GUEST_BASE + (uint64_t)((const char *)p - (const char *)v->shared);
}

static void describe(struct vhost_blk *v, const struct bench *b, unsigned int tag)
{
	struct shared *s = v->shared;
	struct vring_desc *d = &s->desc[3 * tag];

	s->header[tag].type = b->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
	d[0] = (struct vring_desc){ .addr = guest_address(v, &s->header[tag]),
				    .len = sizeof(s->header[tag]), .flags = VRING_DESC_F_NEXT,
				    .next = (uint16_t)(3 * tag + 1) };
	d[1] = (struct vring_desc){ .addr = guest_address(v, s->data[tag]),
				    .len = (uint32_t)bench_bytes(b),
				    .flags = VRING_DESC_F_NEXT |
					     (b->write ? 0 : VRING_DESC_F_WRITE),
				    .next = (uint16_t)(3 * tag + 2) };
	d[2] = (struct vring_desc){ .addr = guest_address(v, &s->status[tag]), .len = 1,
				    .flags = VRING_DESC_F_WRITE };
}

static int make_queue(struct vhost_blk *v, struct bench *b)
{
	struct vhost_user_queue *q = &v->queue;

	q->bytes = sizeof(*v->shared);
	q->guest_base = GUEST_BASE;
	q->size = QUEUE_SIZE;
	q->memory_fd = memfd_create("vhost_blk", MFD_CLOEXEC);
	q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->memory_fd < 0 || q->kick_fd < 0 || q->call_fd < 0 ||
	    ftruncate(q->memory_fd, (off_t)q->bytes))
		return bench_error("no memory to share: %s", strerror(errno));
	v->shared = mmap(NULL, q->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, q->memory_fd, 0);
	if (v->shared == MAP_FAILED) {
		v->shared = NULL;
		return bench_error("no memory to share: %s", strerror(errno));
	}
	q->memory = v->shared;
	q->desc = v->shared->desc;
	q->avail = &v->shared->avail;
	q->used = &v->shared->used;
	for (unsigned int tag = 0; tag < b->qd; tag++) {
		memset(v->shared->data[tag], 0, bench_bytes(b));
		describe(v, b, tag);
	}
	v->shared->avail.flags = VRING_AVAIL_F_NO_INTERRUPT;
	v->shared->avail.used_event = UINT16_MAX;	/* far away: no call before we sleep */
	return 0;
}

static int vhost_connect(struct vhost_blk *v, struct bench *b)
{
	uint64_t features = 1ull << VIRTIO_RING_F_EVENT_IDX;
	struct virtio_blk_config config;

	v->socket = vhost_user_connect(b->target);
	if (v->socket < 0 ||
	    vhost_user_features(v->socket, 1ull << VIRTIO_F_VERSION_1, &features) ||
	    vhost_user_config(v->socket, &config, sizeof(config.capacity)))
		return -1;
	v->event_idx = features & (1ull << VIRTIO_RING_F_EVENT_IDX);
	if (config.capacity * 512 / bench_bytes(b) < b->blocks)
		return bench_error("%s has only %llu sectors; say --size", b->target,
				   (unsigned long long)config.capacity);
	return vhost_user_start(v->socket, &v->queue);
}

static int vhost_open(struct bench *b)
{
	struct vhost_blk *v = calloc(1, sizeof(*v));

	if (!v)
		return bench_error("out of memory; free some");
	*v = (struct vhost_blk){ .socket = -1, .queue = { .memory_fd = -1, .kick_fd = -1,
							  .call_fd = -1 } };
	b->state = v;
	return make_queue(v, b) || vhost_connect(v, b) ? -1 : 0;
}

static void *vhost_page(struct bench *b, unsigned int tag, unsigned int i)
{
	struct vhost_blk *v = b->state;

	return v->shared->data[tag] + (size_t)i * BENCH_PAGE;
}

static int vhost_submit(struct bench *b, unsigned int tag, uint64_t block)
{
	struct vhost_blk *v = b->state;
	struct shared *s = v->shared;

	s->header[tag].sector = block * (bench_bytes(b) / 512);
	s->status[tag] = STATUS_POISON;
	s->avail.ring[v->avail_idx++ % QUEUE_SIZE] = (uint16_t)(3 * tag);
	return 0;
}

/* Whether the device wants to hear of the entries from `old` on. */
static bool kick_wanted(const struct vhost_blk *v, uint16_t old)
{
	const struct shared *s = v->shared;

	if (!v->event_idx)
		return !(read_once(&s->used.flags) & VRING_USED_F_NO_NOTIFY);
	return vring_need_event(read_once(&s->used.avail_event), v->avail_idx, old);
}

static void vhost_kick(struct bench *b)
{
	struct vhost_blk *v = b->state;
	uint16_t old = v->avail_shown;

	if (old == v->avail_idx)
		return;
	v->avail_shown = v->avail_idx;
	store_release(&v->shared->avail.idx, v->avail_idx);	/* pairs with the device's look */
	full_fence();				/* pairs with the one after it sets avail_event */
	if (kick_wanted(v, old)) {
		b->sent++;
		eventfd_write(v->queue.kick_fd, 1);
	}
}

static bool vhost_pending(struct bench *b)
{
	struct vhost_blk *v = b->state;

	/* pairs with the device's publishing of used entries */
	return load_acquire(&v->shared->used.idx) != v->used_idx;
}

static int vhost_collect(struct bench *b, uint16_t *tags)
{
	struct vhost_blk *v = b->state;
	struct shared *s = v->shared;
	uint16_t end = load_acquire(&s->used.idx);	/* pairs as in vhost_pending */
	int n = 0;

	if ((uint16_t)(end - v->used_idx) > b->qd)
		return bench_error("the device claims more than was submitted");
	for (; v->used_idx != end; v->used_idx++) {
		uint32_t tag = s->used.ring[v->used_idx % QUEUE_SIZE].id / 3;

		if (tag >= b->qd || s->status[tag] != VIRTIO_BLK_S_OK)
			return bench_error("the device failed a request");
		tags[n++] = (uint16_t)tag;
	}
	return n;
}

static int vhost_sleep(struct bench *b)
{
	struct vhost_blk *v = b->state;
	struct pollfd wait[] = {
		{ .fd = v->queue.call_fd, .events = POLLIN },
		{ .fd = v->socket, .events = POLLIN },	/* nothing comes but its end */
	};
	eventfd_t count;

	write_once(&v->shared->avail.used_event, v->used_idx);
	write_once(&v->shared->avail.flags, 0);
	full_fence();				/* pairs with the one after used.idx is stored */
	if (!vhost_pending(b)) {
		poll(wait, 2, SLEEP_MS);
		b->received += eventfd_read(v->queue.call_fd, &count) == 0;
	}
	write_once(&v->shared->avail.flags, VRING_AVAIL_F_NO_INTERRUPT);
	return wait[1].revents ? bench_error("the device has gone") : 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void vhost_close(struct bench *b)
{
	struct vhost_blk *v = b->state;

	if (!v)
		return;
	close_if_open(v->socket);
	if (v->shared)
		munmap(v->shared, sizeof(*v->shared));
	close_if_open(v->queue.memory_fd);
	close_if_open(v->queue.kick_fd);
	close_if_open(v->queue.call_fd);
	free(v);
}

static const struct contestant vhost = {
	.name = "vhost-user-blk",
	.operand = "SOCKET",
	.open = vhost_open,
	.page = vhost_page,
	.submit = vhost_submit,
	.kick = vhost_kick,
	.collect = vhost_collect,
	.pending = vhost_pending,
	.sleep = vhost_sleep,
	.close = vhost_close,
};

int main(int argc, char **argv)
{
	return bench_main(&vhost, argc, argv);
}
