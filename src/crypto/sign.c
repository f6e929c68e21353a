/* Ed25519 (RFC 8032) through libsodium, which knows no context or prehash variants. */
#include "sign.h"

#include <sodium.h>

#include "sodium_ready.h"

_Static_assert(crypto_sign_SEEDBYTES == TALLY_ED25519_SEED, "size of a seed");
_Static_assert(crypto_sign_PUBLICKEYBYTES == TALLY_ED25519_PUBLIC, "size of a public key");
_Static_assert(crypto_sign_BYTES == TALLY_ED25519_SIGNATURE, "size of a signature");

void tally_ed25519_public(const uint8_t seed[TALLY_ED25519_SEED],
			  uint8_t public_r[TALLY_ED25519_PUBLIC])
{
	uint8_t secret[crypto_sign_SECRETKEYBYTES];

	tally_sodium_ready();
	crypto_sign_seed_keypair(public_r, secret, seed);
	sodium_memzero(secret, sizeof(secret));
}

void tally_ed25519_sign(const uint8_t seed[TALLY_ED25519_SEED], struct tally_bytes message,
			uint8_t signature_r[TALLY_ED25519_SIGNATURE])
{
	uint8_t public[TALLY_ED25519_PUBLIC], secret[crypto_sign_SECRETKEYBYTES];

	tally_sodium_ready();
	crypto_sign_seed_keypair(public, secret, seed);
	crypto_sign_detached(signature_r, NULL, message.data, message.size, secret);
	sodium_memzero(secret, sizeof(secret));
}

bool tally_ed25519_verify(const uint8_t public[TALLY_ED25519_PUBLIC], struct tally_bytes message,
			  const uint8_t signature[TALLY_ED25519_SIGNATURE])
{
	tally_sodium_ready();
	return crypto_sign_verify_detached(signature, message.data, message.size, public) == 0;
}
