/* Secrets, thin over libsodium, and the master key's file. */
#include "config.h"

#include "secret.h"

#include <sodium.h>
#include <stdlib.h>

#include "err.h"
#include "secret_file.h"
#include "sodium_ready.h"

_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
	       crypto_aead_xchacha20poly1305_ietf_ABYTES == TALLY_SEAL_OVERHEAD, "size of a seal");

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define KEY_LINE_SIZE (2 * TALLY_MASTER_KEY_SIZE + 1)	/* hex digits and a newline */

void tally_random(void *data, size_t size)
{
	tally_sodium_ready();
	randombytes_buf(data, size);
}

bool tally_secret_equal(struct tally_bytes a, struct tally_bytes b)
{
	return a.size == b.size && (a.size == 0 || sodium_memcmp(a.data, b.data, a.size) == 0);
}

void tally_wipe(void *data, size_t size)
{
	sodium_memzero(data, size);
}

/*
 * libsodium puts the bytes at the very end of a page, so that a write past them faults; sizes are
 * rounded up to keep any struct aligned there.
 */
void *tally_secret_alloc(size_t size)
{
	void *data;

	tally_sodium_ready();
	data = sodium_malloc((size + 15) & ~(size_t)15);
	if (data == NULL)
		abort();
	return data;
}

void tally_secret_free(void *data)
{
	sodium_free(data);
}

/* ---- the master key file ---- */

/* A key that is there already is never replaced: all that was sealed under it would be lost. */
int tally_master_key_create(const char *path, struct tally_err *err)
{
	uint8_t key[TALLY_MASTER_KEY_SIZE];
	char line[KEY_LINE_SIZE + 1];
	int result;

	tally_random(key, sizeof(key));
	tally_hex_encode(key, sizeof(key), line);
	line[KEY_LINE_SIZE - 1] = '\n';
	result = tally_secret_file_create(path, "master key", tally_bytes(line, KEY_LINE_SIZE), err);
	tally_wipe(key, sizeof(key));
	tally_wipe(line, sizeof(line));
	return result;
}

int tally_master_key_read(const char *path, uint8_t key_r[TALLY_MASTER_KEY_SIZE],
			  struct tally_err *err)
{
	char text[KEY_LINE_SIZE + 1];
	size_t size = 0;
	int result = tally_secret_file_read(path, "master key", text, sizeof(text), &size, err);

	if (result == 0 && size > 0 && text[size - 1] == '\n')
		size--;
	if (result == 0 && !tally_hex_decode(tally_bytes(text, size), key_r, TALLY_MASTER_KEY_SIZE))
		result = tally_err_set(err, TALLY_CORRUPT,
				       "master key %s: not one line of 64 hex digits", path);
	tally_wipe(text, sizeof(text));
	return result;
}

/* ---- derived keys and seals ---- */

void tally_derive_key(const uint8_t master[TALLY_MASTER_KEY_SIZE], const char *purpose,
		      uint8_t key_r[32])
{
	tally_sodium_ready();
	crypto_generichash(key_r, 32, (const uint8_t *)purpose, strlen(purpose), master,
			   TALLY_MASTER_KEY_SIZE);
}

void tally_seal(const uint8_t key[32], struct tally_bytes plain, struct tally_bytes context,
		uint8_t *sealed_r)
{
	tally_random(sealed_r, NONCE_SIZE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed_r + NONCE_SIZE, NULL, plain.data, plain.size,
						   context.data, context.size, NULL, sealed_r, key);
}

int tally_unseal(const uint8_t key[32], struct tally_bytes sealed, struct tally_bytes context,
		 uint8_t *plain_r, struct tally_err *err)
{
	tally_sodium_ready();
	if (sealed.size < TALLY_SEAL_OVERHEAD ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain_r, NULL, NULL, sealed.data + NONCE_SIZE,
						       sealed.size - NONCE_SIZE, context.data,
						       context.size, sealed.data, key) != 0)
		return tally_err_set(err, TALLY_CORRUPT,
				     "a sealed secret does not open: other master key, or changed bytes");
	return 0;
}
