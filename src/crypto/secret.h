/*
 * Secrets: random bytes, comparing, wiping, and sealing under the store's master key.
 *
 * The master key is a file of mode 0600 beside, not inside, the store: one line of 64 hex digits.
 * Whoever copies the store alone learns no secret.
 */
#ifndef TALLY_SECRET_H
#define TALLY_SECRET_H

#include "bytes.h"

struct tally_arena;
struct tally_err;

#define TALLY_MASTER_KEY_SIZE 32

/* Fills with bytes from the system's generator. */
void tally_random(void *data, size_t size);

/* Equal in constant time (of the sizes alone something may show). */
bool tally_secret_equal(struct tally_bytes a, struct tally_bytes b);

void tally_wipe(void *data, size_t size);

/* Memory that is locked against swapping and wiped when freed; size bytes, never NULL. */
void *tally_secret_alloc(size_t size);
void tally_secret_free(void *data);

/* A new master key file; EXISTS if there is one. Synced, with its directory. */
int tally_master_key_create(const char *path, struct tally_err *err);

/* Reads it into 32 bytes of the caller's; DENIED if others than its owner may read it. */
int tally_master_key_read(const char *path, uint8_t key_r[TALLY_MASTER_KEY_SIZE],
			  struct tally_err *err);

/* A key for one purpose, derived from the master key (BLAKE2b keyed, purpose as message). */
void tally_derive_key(const uint8_t master[TALLY_MASTER_KEY_SIZE], const char *purpose,
		      uint8_t key_r[32]);

/*
 * XChaCha20-Poly1305 with a random nonce in front: sealed size is plain size + 40. context is
 * authenticated and must be the same when opening, so a sealed secret cannot be moved.
 */
#define TALLY_SEAL_OVERHEAD 40
void tally_seal(const uint8_t key[32], struct tally_bytes plain, struct tally_bytes context,
		uint8_t *sealed_r);
/* 0, or -1 CORRUPT when key, context or bytes are not those of the sealing. */
int tally_unseal(const uint8_t key[32], struct tally_bytes sealed, struct tally_bytes context,
		 uint8_t *plain_r, struct tally_err *err);

#endif
