/* SPDX-License-Identifier: MIT */
/*
 * blk_api.c - the parts of the vdisk's interface that only pass through, and the list of disks
 */
#include "blk.h"

#define LIST_BYTES 4096	/* the largest answer that xenstored gives */

struct pv_blk *pv_blk_init(void *memory, struct pv_os *os, uint32_t devid,
			   const struct pv_blk_options *options)
{
	struct pv_blk *blk = memory;

	__builtin_memset(blk, 0, sizeof(*blk));
	pv_device_init(&blk->dev, &blk_class, os, devid);
	if (options)
		blk->options = *options;
	blk_slots_init(blk);
	return blk;
}

int pv_blk_step(struct pv_blk *blk)
{
	return pv_device_step(&blk->dev);
}

bool pv_blk_wants_step(const struct pv_blk *blk)
{
	return pv_device_wants_step(&blk->dev);
}

enum pv_state pv_blk_state(const struct pv_blk *blk)
{
	return pv_device_state(&blk->dev);
}

enum pv_err pv_blk_error(const struct pv_blk *blk)
{
	return blk->dev.error;
}

const char *pv_blk_reason(const struct pv_blk *blk)
{
	return blk->dev.error ? blk->dev.reason : NULL;
}

void pv_blk_info(const struct pv_blk *blk, struct pv_blk_info *info)
{
	*info = blk->info;
}

void pv_blk_close(struct pv_blk *blk)
{
	pv_device_close(&blk->dev);
}

void pv_blk_abort(struct pv_blk *blk)
{
	pv_device_fail(&blk->dev, PV_EGONE, "its owner gave it up", NULL);
}

int pv_blk_fini(struct pv_blk *blk)
{
	return blk->dev.released && !blk->done.head ? PV_OK : PV_EBUSY;
}

int pv_blk_list(struct pv_os *os, uint32_t *devids, size_t max)
{
	char root[32], names[LIST_BYTES];
	size_t len, count = 0;
	int rc;

	xs_device_root(root, sizeof(root), XS_CLASS_VDISK);
	rc = pvos_xs_list(os, root, names, sizeof(names), &len);
	if (rc)
		return rc == PV_ENOENT ? 0 : rc;
	for (size_t i = 0, end; i < len && count < max; i = end + 1) {
		uint64_t devid;

		for (end = i; end < len && names[end]; end++)
			;
		if (xs_parse_u64(names + i, end - i, &devid) == XS_OK && devid <= UINT32_MAX)
			devids[count++] = (uint32_t)devid;
	}
	return (int)count;
}
