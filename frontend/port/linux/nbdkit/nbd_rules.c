/* SPDX-License-Identifier: MIT */
/*
 * nbd_rules.c - what a disk is called in NBD (see nbd_rules.h)
 */
#include <errno.h>

#include "nbd_rules.h"

#define PAGE		4096u		/* what filesystems and caches work in */
#define REQUEST_MAX	(32u << 20)	/* what all clients and servers are to agree on */

void nbd_block_sizes(const struct pv_blk_info *info, struct nbd_sizes *sizes)
{
	uint32_t physical = info->physical_sector_size;
	bool usable = physical > PAGE && physical <= REQUEST_MAX && !(physical & (physical - 1));

	*sizes = (struct nbd_sizes){ .minimum = info->sector_size, .maximum = REQUEST_MAX,
				     .preferred = usable ? physical : PAGE };
}

int64_t nbd_size(const struct pv_blk_info *info)
{
	return info->sectors > INT64_MAX / 512 ? -1 : (int64_t)(info->sectors * 512);
}

bool nbd_is_aligned(const struct pv_blk_info *info, uint64_t offset, uint32_t count)
{
	return !((offset | count) & (info->sector_size - 1));
}

int nbd_errno(enum pv_err err, enum pv_blk_op op)
{
	switch (err) {
	case PV_OK:
		return 0;
	case PV_ERANGE:
		return op == PV_BLK_READ ? EINVAL : ENOSPC;
	case PV_EINVAL:
	case PV_EALIGN:
		return EINVAL;
	case PV_EREADONLY:
		return EROFS;
	case PV_ENOTSUP:
		return EOPNOTSUPP;
	case PV_ENOMEM:
		return ENOMEM;
	case PV_EGONE:		/* nothing that is asked from now on will succeed */
		return ESHUTDOWN;
	default:
		return EIO;
	}
}
