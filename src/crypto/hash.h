/* Hashes, thin over OpenSSL and libsodium. */
#ifndef TALLY_HASH_H
#define TALLY_HASH_H

#include "bytes.h"

#define TALLY_HASH_SIZE 32
#define TALLY_DIGEST_SIZE 16

/* SHA-256 in steps. The state is OpenSSL's own, kept opaque so that only crypto/ includes it. */
struct tally_sha256 {
	uint64_t state[16];
};
void tally_sha256_init(struct tally_sha256 *sha);
void tally_sha256_add(struct tally_sha256 *sha, const void *data, size_t size);
void tally_sha256_end(struct tally_sha256 *sha, uint8_t hash_r[TALLY_HASH_SIZE]);

void tally_sha256(const void *data, size_t size, uint8_t hash_r[TALLY_HASH_SIZE]);

/* SHA-256(first || a || b), what a node of a tree is; hash_r may be a or b. */
void tally_sha256_pair(uint8_t first, const uint8_t a[TALLY_HASH_SIZE],
		       const uint8_t b[TALLY_HASH_SIZE], uint8_t hash_r[TALLY_HASH_SIZE]);

void tally_hmac_sha1(struct tally_bytes key, struct tally_bytes data, uint8_t mac_r[20]);
void tally_hmac_sha256(struct tally_bytes key, struct tally_bytes data, uint8_t mac_r[32]);

/* Keyed BLAKE2b of 16 bytes: names a token or nonce without revealing it. key: 32 bytes. */
void tally_keyed_digest(const uint8_t key[32], struct tally_bytes data,
			uint8_t digest_r[TALLY_DIGEST_SIZE]);

/* CRC-32C (Castagnoli, RFC 3720 12.1), hardware where there is some. Start with crc 0. */
uint32_t tally_crc32c(uint32_t crc, const void *data, size_t size);

/* The same by tables alone, for machines without the instruction; here so that tests compare. */
uint32_t tally_crc32c_table(uint32_t crc, const void *data, size_t size);

#endif
