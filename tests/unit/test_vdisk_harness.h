/* SPDX-License-Identifier: MIT */
/*
 * test_vdisk_harness.h - how a test of the queue is set up, in each of its variants
 *
 * After each test all requests are answered, and nothing is mapped or bound any more.
 */
#ifndef XPV_TEST_VDISK_HARNESS_H
#define XPV_TEST_VDISK_HARNESS_H

#include "test_vdisk_rig.h"

static struct rig rig;

static inline int set_up_with(enum blk_abi abi, uint32_t flags)
{
	rig_init(&rig, abi, flags);
	rig_open(&rig);
	return 0;
}

static inline int set_up_copy(void **state)
{
	(void)state;
	return set_up_with(BLK_ABI_64, 0);
}

static inline int set_up_persistent(void **state)
{
	(void)state;
	return set_up_with(BLK_ABI_32, WIRE_PERSISTENT);
}

static inline int set_up_readonly(void **state)
{
	(void)state;
	return set_up_with(BLK_ABI_64, WIRE_READONLY);
}

static inline int tear_down(void **state)
{
	(void)state;
	rig_run(&rig);
	assert_true(queue_idle(rig_queue(&rig)));
	rig_close(&rig, true);
	rig_fini(&rig);
	return 0;
}

static inline bool is_full_of(const uint8_t *p, size_t len, int c)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != (uint8_t)c)
			return false;
	}
	return true;
}

static inline void reconnect(void)
{
	rig_close(&rig, true);
	ring_front_init(&rig.front.ring, fake_page(RIG_RING), RIG_SLOTS);
	rig_open(&rig);
}

/* Rows of a table of tests: with grant copies, with persistent mappings, read-only. */
#define COPY(f) { #f ", copied", f, set_up_copy, tear_down, NULL }
#define PERS(f) { #f ", persistent, 32-bit", f, set_up_persistent, tear_down, NULL }
#define READ(f) { #f ", read-only", f, set_up_readonly, tear_down, NULL }
#define BOTH(f) COPY(f), PERS(f)

#endif
