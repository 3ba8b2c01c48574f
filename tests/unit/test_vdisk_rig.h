/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_rig.h - a whole disk in one process: a guest's ring, the real queue, an image
 *
 * The frontend's end of the ring is in the test's hands; behind it run disk.c, queue.c, request.c,
 * the journal and the file target, over test_vdisk_fakes.h. Image and journal are memfds that the
 * test sees mapped, as it sees the guest's memory.
 */
#ifndef XPV_TEST_VDISK_RIG_H
#define XPV_TEST_VDISK_RIG_H

#include "test_vdisk_fakes.h"

#include "journal.h"
#include "vdisk/lane.h"

#define RIG_DEVID	51712
#ifndef RIG_SECTORS
#define RIG_SECTORS	64u
#endif
#define RIG_IMAGE	(RIG_SECTORS * BLK_SECTOR)
#define RIG_SLOTS	32u
#define RIG_RING	FAKE_FIRST		/* the ring's gref */
#define RIG_DATA	(FAKE_FIRST + 16)	/* the first page of data */
#define RIG_PORT	5

struct rig {
	struct disk_env env;
	struct lane lane;
	struct disk disk;
	struct wire_vdisk conn;
	struct blk_front front;
	int image_fd, journal_fd;
	uint8_t *image;
	struct journal_head *journal;
	char why[WIRE_TEXT];
};

static inline struct queue *rig_queue(struct rig *rig)
{
	return &rig->disk.queue[0];
}

static inline void *rig_map(int fd, size_t size)
{
	void *map;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	return map;
}

static inline int rig_journal(struct journal_head **head)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	*head = rig_map(fd, journal_bytes(RIG_SLOTS));
	**head = (struct journal_head){ .magic = JOURNAL_MAGIC, .version = JOURNAL_VERSION,
					.domid = FAKE_DOMID, .devid = RIG_DEVID,
					.nr_slots = RIG_SLOTS };
	return fd;
}

/* flags: enum wire_vdisk_flags. The disk is not open yet. */
static inline void rig_init(struct rig *rig, enum blk_abi abi, uint32_t flags)
{
	fake_init();
	log_init("test", LOG_ERROR);
	memset(rig, 0, sizeof(*rig));
	rig->env = (struct disk_env){ .domid = FAKE_DOMID, .xgt = fake_xgt(),
					 .lanes = &rig->lane, .nr_lanes = 1 };
	rig->lane.xce = fake_xce();
	rig->lane.kicked.fd = -1;
	rig->conn = (struct wire_vdisk){ .sectors = RIG_SECTORS, .sector_size = BLK_SECTOR,
					 .flags = flags, .abi = abi,
					 .nr_queues = 1, .nr_grefs = 1,
					 .queue[0] = { RIG_PORT, { RIG_RING } } };
	rig->image_fd = memfd_create("image", MFD_CLOEXEC);
	rig->image = rig_map(rig->image_fd, RIG_IMAGE);
	rig->journal_fd = rig_journal(&rig->journal);
	rig->front.abi = abi;
	ring_front_init(&rig->front.ring, fake_page(RIG_RING), blk_ring_size(abi, BLK_PAGE));
}

static inline int rig_try_open(struct rig *rig)
{
	int rc = disk_open(&rig->disk, &rig->env, RIG_DEVID, &rig->conn, dup(rig->image_fd),
			   dup(rig->journal_fd), rig->why);

	for (unsigned int i = 0; rc == 0 && i < rig->disk.nr_queues; i++)
		queue_start(&rig->disk.queue[i]);
	return rc;
}

static inline void rig_open(struct rig *rig)
{
	if (rig_try_open(rig))
		fail_msg("disk_open: %s", rig->why);
}

/* Everything that was mapped or bound is given back. */
static inline void rig_close(struct rig *rig, bool forget)
{
	disk_close(&rig->disk, forget);
	assert_int_equal(fake.nr_mappings, 0);
	assert_int_equal(fake.bound, 0);
}

static inline void rig_fini(struct rig *rig)
{
	munmap(rig->image, RIG_IMAGE);
	munmap(rig->journal, journal_bytes(RIG_SLOTS));
	close(rig->image_fd);
	close(rig->journal_fd);
	fake_fini();
}

static inline void rig_run(struct rig *rig)
{
	while (queue_run(rig_queue(rig)))
		;
}

/* One request of whole pages: data page n of the rig for segment n - first. */
static inline struct blk_req rig_req(uint8_t op, uint64_t id, uint64_t sector, unsigned int page,
				     unsigned int nr)
{
	struct blk_req req = { .op = op, .id = id, .sector = sector, .nr_segs = (uint16_t)nr };

	for (unsigned int i = 0; i < nr && i < BLK_MAX_SEGS; i++)
		req.seg[i] = (struct blk_seg){ RIG_DATA + page + i, 0, 7, 0 };
	return req;
}

static inline uint8_t *rig_data(unsigned int page)
{
	return fake_page(RIG_DATA + page);
}

static inline void rig_push(struct rig *rig, const struct blk_req *req)
{
	assert_true(ring_front_room(&rig->front.ring) > 0);
	blk_front_push(&rig->front, req);
	ring_front_publish(&rig->front.ring);
}

/* Pushes one request, and returns the status of its answer. */
static inline int rig_do(struct rig *rig, struct blk_req req)
{
	struct blk_rsp rsp;

	rig_push(rig, &req);
	rig_run(rig);
	assert_int_equal(blk_front_pop(&rig->front, &rsp), 1);
	assert_int_equal(rsp.id, req.id);
	assert_int_equal(rsp.op, blk_request_op(&req));
	return rsp.status;
}

#endif
