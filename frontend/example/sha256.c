/* SPDX-License-Identifier: MIT */
/*
 * sha256.c - SHA-256 (FIPS 180-4), freestanding
 *
 * Written to be read beside the standard: the names are its names. The message schedule is a
 * window of sixteen words, extended in place while the rounds go on.
 */
#include "sha256.h"

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static const uint32_t H0[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
	0x5be0cd19,
};

static inline uint32_t rotr(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t big_sigma0(uint32_t x) { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
static inline uint32_t big_sigma1(uint32_t x) { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
static inline uint32_t sigma0(uint32_t x) { return rotr(x, 7) ^ rotr(x, 18) ^ x >> 3; }
static inline uint32_t sigma1(uint32_t x) { return rotr(x, 17) ^ rotr(x, 19) ^ x >> 10; }
static inline uint32_t ch(uint32_t x, uint32_t y, uint32_t z) { return (x & (y ^ z)) ^ z; }

static inline uint32_t maj(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) | (z & (x | y));
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be32(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 24);
	p[1] = (uint8_t)(x >> 16);
	p[2] = (uint8_t)(x >> 8);
	p[3] = (uint8_t)x;
}

/* One round. Instead of moving a to b, b to c and so on, the names move: a is v[0], then v[7]. */
static inline void do_round(uint32_t v[8], unsigned int t, uint32_t word)
{
	uint32_t *d = &v[(3 - t) % 8], *h = &v[(7 - t) % 8];
	uint32_t a = v[-t % 8], e = v[(4 - t) % 8];

	*h += big_sigma1(e) + ch(e, v[(5 - t) % 8], v[(6 - t) % 8]) + K[t] + word;
	*d += *h;
	*h += big_sigma0(a) + maj(a, v[(1 - t) % 8], v[(2 - t) % 8]);
}

static inline uint32_t extend(uint32_t W[16], unsigned int t)
{
	return W[t % 16] += sigma1(W[(t - 2) % 16]) + W[(t - 7) % 16] + sigma0(W[(t - 15) % 16]);
}

static void compress(uint32_t h[8], const uint8_t block[SHA256_BLOCK])
{
	uint32_t W[16], v[8];

	__builtin_memcpy(v, h, sizeof(v));
#pragma GCC unroll 16
	for (unsigned int t = 0; t < 16; t++)
		do_round(v, t, W[t] = load_be32(block + 4 * t));
#pragma GCC unroll 48
	for (unsigned int t = 16; t < 64; t++)
		do_round(v, t, extend(W, t));
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

void sha256_init(struct sha256 *ctx)
{
	*ctx = (struct sha256){ .length = 0 };
	__builtin_memcpy(ctx->h, H0, sizeof(H0));
}

void sha256_update(struct sha256 *ctx, const void *data, size_t len)
{
	size_t have = ctx->length % SHA256_BLOCK;
	const uint8_t *p = data;

	ctx->length += len;
	if (have + len < SHA256_BLOCK) {
		__builtin_memcpy(ctx->pending + have, p, len);
		return;
	}
	if (have) {
		__builtin_memcpy(ctx->pending + have, p, SHA256_BLOCK - have);
		p += SHA256_BLOCK - have;
		len -= SHA256_BLOCK - have;
		compress(ctx->h, ctx->pending);
	}
	for (; len >= SHA256_BLOCK; p += SHA256_BLOCK, len -= SHA256_BLOCK)
		compress(ctx->h, p);
	__builtin_memcpy(ctx->pending, p, len);
}

void sha256_final(struct sha256 *ctx, uint8_t digest[SHA256_BYTES])
{
	static const uint8_t padding[SHA256_BLOCK] = { 0x80 };
	uint64_t bits = ctx->length * 8;
	size_t have = ctx->length % SHA256_BLOCK;
	uint8_t length[8];

	store_be32(length, (uint32_t)(bits >> 32));
	store_be32(length + 4, (uint32_t)bits);
	sha256_update(ctx, padding, (have < 56 ? 56 : 120) - have);
	sha256_update(ctx, length, sizeof(length));
	for (int i = 0; i < 8; i++)
		store_be32(digest + 4 * i, ctx->h[i]);
}
