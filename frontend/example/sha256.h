/* SPDX-License-Identifier: MIT */
/*
 * sha256.h - SHA-256 (FIPS 180-4), freestanding
 *
 * No allocation, no global state, any context. A context is used once: init, any number of
 * updates, final.
 */
#ifndef XPV_SHA256_H
#define XPV_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES	32
#define SHA256_BLOCK	64

struct sha256 {
	uint32_t h[8];
	uint64_t length;		/* bytes so far */
	uint8_t pending[SHA256_BLOCK];	/* the last, incomplete block */
};

void sha256_init(struct sha256 *ctx);
void sha256_update(struct sha256 *ctx, const void *data, size_t len);
void sha256_final(struct sha256 *ctx, uint8_t digest[SHA256_BYTES]);

#endif
