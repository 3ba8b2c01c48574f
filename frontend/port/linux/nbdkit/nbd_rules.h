/* SPDX-License-Identifier: MIT */
/*
 * nbd_rules.h - what a disk is called in NBD: its block sizes, its errors
 *
 * Pure. The source is the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md: "Block size
 * constraints", "Error values") and what nbdkit accepts of it (nbdkit-plugin(3), ".block_size").
 */
#ifndef XPV_NBD_RULES_H
#define XPV_NBD_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "pv.h"

struct nbd_sizes {
	uint32_t minimum;	/* bytes; every request is a multiple, and begins at one */
	uint32_t preferred;	/* below it a write makes the disk read as well */
	uint32_t maximum;
};

void nbd_block_sizes(const struct pv_blk_info *info, struct nbd_sizes *sizes);
/* The disk's size in bytes, or -1 if NBD has no number for it. */
int64_t nbd_size(const struct pv_blk_info *info);
/* The request consists of whole sectors of the disk. */
bool nbd_is_aligned(const struct pv_blk_info *info, uint64_t offset, uint32_t count);
/* The errno for which nbdkit's server sends the fitting error; 0 for PV_OK. */
int nbd_errno(enum pv_err err, enum pv_blk_op op);

#endif
