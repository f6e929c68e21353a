/*
 * SHA-256, HMAC, keyed digests and CRC-32C.
 *
 * Hashes go through OpenSSL's low-level interface, deprecated there since 3.0: a tree node is one hash
 * of 65 bytes, and looking an algorithm up and allocating a context, as the newer interface does,
 * costs several times more than hashing them. So it is with the HMAC of a request.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "sodium_ready.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct tally_sha256), "room for OpenSSL's state");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct tally_sha256), "aligned for it too");
_Static_assert(SHA256_DIGEST_LENGTH == TALLY_HASH_SIZE, "size of a hash");

/* ---- SHA-256 ---- */

static SHA256_CTX *context(struct tally_sha256 *sha)
{
	return (SHA256_CTX *)(void *)sha->state;
}

void tally_sha256_init(struct tally_sha256 *sha)
{
	SHA256_Init(context(sha));
}

void tally_sha256_add(struct tally_sha256 *sha, const void *data, size_t size)
{
	SHA256_Update(context(sha), data, size);
}

void tally_sha256_end(struct tally_sha256 *sha, uint8_t hash_r[TALLY_HASH_SIZE])
{
	SHA256_Final(hash_r, context(sha));
}

void tally_sha256(const void *data, size_t size, uint8_t hash_r[TALLY_HASH_SIZE])
{
	SHA256_CTX sha;

	SHA256_Init(&sha);
	SHA256_Update(&sha, data, size);
	SHA256_Final(hash_r, &sha);
}

/* The 65 bytes are padded here to their two blocks, so that OpenSSL takes them in one go and has no
 * end to make: a seventh of the time of a node, which is all that verifying a path is made of. */
void tally_sha256_pair(uint8_t first, const uint8_t a[TALLY_HASH_SIZE],
		       const uint8_t b[TALLY_HASH_SIZE], uint8_t hash_r[TALLY_HASH_SIZE])
{
	uint8_t blocks[2 * SHA256_CBLOCK] = { first };
	SHA256_CTX sha;

	memcpy(blocks + 1, a, TALLY_HASH_SIZE);
	memcpy(blocks + 1 + TALLY_HASH_SIZE, b, TALLY_HASH_SIZE);
	blocks[1 + 2 * TALLY_HASH_SIZE] = 0x80;
	tally_put_u16(blocks + sizeof(blocks) - 2, 8 * (1 + 2 * TALLY_HASH_SIZE));
	SHA256_Init(&sha);
	SHA256_Update(&sha, blocks, sizeof(blocks));
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = htobe32(sha.h[i]);

		memcpy(hash_r + 4 * i, &word, sizeof(word));
	}
}

/* ---- keyed ---- */

#define HMAC_BLOCK 64		/* of SHA-1 and SHA-256 both */

/* RFC 2104: the key, hashed where it is longer than a block, over the padding. */
static void hmac_pad(const uint8_t key[HMAC_BLOCK], uint8_t with, uint8_t pad_r[HMAC_BLOCK])
{
	for (size_t i = 0; i < HMAC_BLOCK; i++)
		pad_r[i] = key[i] ^ with;
}

void tally_hmac_sha1(struct tally_bytes key, struct tally_bytes data, uint8_t mac_r[20])
{
	uint8_t block[HMAC_BLOCK] = { 0 }, pad[HMAC_BLOCK];
	SHA_CTX sha;

	if (key.size > HMAC_BLOCK)
		SHA1(key.data, key.size, block);
	else if (key.size > 0)
		memcpy(block, key.data, key.size);
	hmac_pad(block, 0x36, pad);
	SHA1_Init(&sha);
	SHA1_Update(&sha, pad, sizeof(pad));
	SHA1_Update(&sha, data.data, data.size);
	SHA1_Final(mac_r, &sha);
	hmac_pad(block, 0x5c, pad);
	SHA1_Init(&sha);
	SHA1_Update(&sha, pad, sizeof(pad));
	SHA1_Update(&sha, mac_r, 20);
	SHA1_Final(mac_r, &sha);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(pad, sizeof(pad));
	OPENSSL_cleanse(&sha, sizeof(sha));
}

void tally_hmac_sha256(struct tally_bytes key, struct tally_bytes data, uint8_t mac_r[32])
{
	uint8_t block[HMAC_BLOCK] = { 0 }, pad[HMAC_BLOCK];
	struct tally_sha256 sha;

	if (key.size > HMAC_BLOCK)
		tally_sha256(key.data, key.size, block);
	else if (key.size > 0)
		memcpy(block, key.data, key.size);
	hmac_pad(block, 0x36, pad);
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, pad, sizeof(pad));
	tally_sha256_add(&sha, data.data, data.size);
	tally_sha256_end(&sha, mac_r);
	hmac_pad(block, 0x5c, pad);
	tally_sha256_init(&sha);
	tally_sha256_add(&sha, pad, sizeof(pad));
	tally_sha256_add(&sha, mac_r, 32);
	tally_sha256_end(&sha, mac_r);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(pad, sizeof(pad));
	OPENSSL_cleanse(&sha, sizeof(sha));
}

void tally_keyed_digest(const uint8_t key[32], struct tally_bytes data,
			uint8_t digest_r[TALLY_DIGEST_SIZE])
{
	tally_sodium_ready();
	crypto_generichash(digest_r, TALLY_DIGEST_SIZE, data.data, data.size, key, 32);
}

/* ---- CRC-32C ---- */

#define CRC_POLYNOMIAL 0x82f63b78u	/* 0x1edc6f41 with its bits reversed */

static uint32_t crc_table[8][256];
static pthread_once_t crc_table_once = PTHREAD_ONCE_INIT;

/* [k][b]: what byte b contributes when k more bytes follow it in the group of eight. */
static void crc_table_make(void)
{
	uint32_t crc;
	unsigned int b, bit, k;

	for (b = 0; b < 256; b++) {
		crc = b;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC_POLYNOMIAL : 0);
		crc_table[0][b] = crc;
	}
	for (k = 1; k < 8; k++)
		for (b = 0; b < 256; b++)
			crc_table[k][b] = crc_table[k - 1][b] >> 8 ^
					  crc_table[0][crc_table[k - 1][b] & 255];
}

uint32_t tally_crc32c_table(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;

	pthread_once(&crc_table_once, crc_table_make);
	crc = ~crc;
	for (; size >= 8; size -= 8, p += 8) {
		crc ^= (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
		crc = crc_table[7][crc & 255] ^ crc_table[6][crc >> 8 & 255] ^
		      crc_table[5][crc >> 16 & 255] ^ crc_table[4][crc >> 24] ^
		      crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^
		      crc_table[0][p[7]];
	}
	for (; size != 0; size--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 255];
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t size)
{
	uint64_t state = (uint32_t)~crc, eight;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&eight, p, sizeof(eight));
		state = __builtin_ia32_crc32di(state, eight);
	}
	for (; size != 0; size--)
		state = __builtin_ia32_crc32qi((uint32_t)state, *p++);
	return ~(uint32_t)state;
}
#endif

uint32_t tally_crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, data, size);
#endif
	return tally_crc32c_table(crc, data, size);
}
