/* SPDX-License-Identifier: MIT */
/*
 * sector.c - what the guest takes for a sector of its disk
 *
 * A logical sector is what every request is a multiple of; a physical one is what the medium writes
 * at a time. Both are a block device's own to say; of a file, of memory and of a server only the
 * specification says them. `sectors`, and every number in a request, counts 512 bytes whatever they
 * are: there are frontends that count otherwise, and say so (vdisk.c), and QEMU's backend does.
 *
 * A guest that is connected has been told; a successor of ours keeps to that, for a partition table
 * means something else with other sectors.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "blk_abi.h"
#include "supervisor.h"

static bool power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

struct medium sector_ask(int fd)
{
	struct medium m = { .logical = BLK_SECTOR, .physical = BLK_SECTOR };
	unsigned int physical;
	int logical;

	if (ioctl(fd, BLKSSZGET, &logical) == 0 && logical > 0)
		m.logical = (uint32_t)logical;
	if (ioctl(fd, BLKPBSZGET, &physical) == 0)
		m.physical = physical;
	return m;
}

uint32_t sector_direct_unit(int fd)
{
	struct stat st;
	int size;

	if (fstat(fd, &st))
		return BLK_SECTOR;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKSSZGET, &size) == 0)
		return (uint32_t)size;
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (S_ISREG(st.st_mode) && statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    (stx.stx_mask & STATX_DIOALIGN))
		return stx.stx_dio_offset_align;
#endif
	return BLK_SECTOR;
}

/* What the guest was told, if it is connected. */
static bool recall(struct device *dev)
{
	uint64_t logical, physical;

	if (dev->mine < XB_CONNECTED || !journal_file_connected(dev) ||
	    store_number(dev, XBT_NULL, dev->be_path, XS_B_SECTOR_SIZE, 0, &logical) ||
	    store_number(dev, XBT_NULL, dev->be_path, XS_B_PHYSICAL_SECTOR_SIZE, 0, &physical) ||
	    !power_of_two(logical) || logical > BLK_PAGE)
		return false;
	dev->disk.sector_size = (uint32_t)logical;
	dev->disk.physical_sector_size = (uint32_t)physical;
	return true;
}

/* Where the specification says nothing the medium's own counts, which must fit a page of a ring's
 * segments. */
static int choose_logical(struct device *dev, const struct medium *m)
{
	uint32_t size = dev->disk.wanted_sector_size;

	if (!size)
		size = m->logical;
	if (!power_of_two(size) || size < BLK_SECTOR || size > BLK_PAGE)
		return device_reason(dev, "%s has sectors of %u bytes, and a guest's disk can have "
				     "512 to %d: attach it with sector-size=%d", dev->disk.target,
				     size, BLK_PAGE, BLK_PAGE);
	dev->disk.sector_size = size;
	return 0;
}

/* A device that ends within one of its physical sectors, as a partition may, is not told of them:
 * xen/io/blkif.h wants whole ones. */
static int choose_physical(struct device *dev, const struct medium *m)
{
	uint32_t wanted = dev->disk.wanted_physical, size = wanted ? wanted : m->physical;

	if (wanted && wanted < dev->disk.sector_size)
		return device_reason(dev, "physical-sector-size=%u is less than its sectors have, "
				     "%u bytes: leave it out", wanted, dev->disk.sector_size);
	if (wanted && m->bytes % wanted)
		return device_reason(dev, "%s has %llu bytes, not a multiple of "
				     "physical-sector-size=%u: leave that out", dev->disk.target,
				     (unsigned long long)m->bytes, wanted);
	if (!power_of_two(size) || size < dev->disk.sector_size || m->bytes % size)
		size = dev->disk.sector_size;
	dev->disk.physical_sector_size = size;
	return 0;
}

int sector_settle(struct device *dev, const struct medium *m)
{
	bool told = recall(dev);

	if (!told && choose_logical(dev, m))
		return -1;
	if (m->bytes % dev->disk.sector_size)
		return device_reason(dev, "%s has %llu bytes, not a multiple of its sector size, "
				     "%u: give it whole sectors, as with truncate -s %%%u",
				     dev->disk.target, (unsigned long long)m->bytes,
				     dev->disk.sector_size, dev->disk.sector_size);
	if (m->unit > dev->disk.sector_size)
		return device_reason(dev, "%s: %s multiples of %u bytes, and the guest may ask for "
				     "%u: attach it with sector-size=%u%s", dev->disk.target,
				     dev->disk.direct ? "with O_DIRECT it takes" : "it takes",
				     m->unit, dev->disk.sector_size, m->unit,
				     dev->disk.direct ? ", or without 'direct'" : "");
	return told ? 0 : choose_physical(dev, m);
}
