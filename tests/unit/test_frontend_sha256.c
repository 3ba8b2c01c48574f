/* SPDX-License-Identifier: MIT */
/*
 * test_frontend_sha256.c - frontend/example/sha256.c against the vectors of FIPS 180-4 and NIST's
 * CAVP, and against itself in pieces
 */
#include "test_frontend.h"

#include "sha256.h"

static void expect(const void *data, size_t len, const char *hex)
{
	uint8_t digest[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];
	struct sha256 ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, data, len);
	sha256_final(&ctx, digest);
	for (int i = 0; i < SHA256_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, hex);
}

static void test_sha256_known_vectors(void **state)
{
	char *million = malloc(1000000);

	(void)state;
	assert_non_null(million);
	expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
	       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	expect("\xbd", 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
	memset(million, 'a', 1000000);
	expect(million, 1000000,
	       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

/* Every length around two blocks, cut at every place. */
static void test_sha256_in_pieces_is_the_same(void **state)
{
	uint8_t data[140], whole[SHA256_BYTES], pieces[SHA256_BYTES];
	struct sha256 ctx;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + 7);
	for (size_t len = 0; len <= sizeof(data); len++) {
		sha256_init(&ctx);
		sha256_update(&ctx, data, len);
		sha256_final(&ctx, whole);
		for (size_t cut = 0; cut <= len; cut++) {
			sha256_init(&ctx);
			sha256_update(&ctx, data, cut);
			sha256_update(&ctx, data + cut, len - cut);
			sha256_final(&ctx, pieces);
			assert_memory_equal(whole, pieces, SHA256_BYTES);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_known_vectors),
		cmocka_unit_test(test_sha256_in_pieces_is_the_same),
	};

	return cmocka_run_group_tests_name("frontend sha256", tests, NULL, NULL);
}
