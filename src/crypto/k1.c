/*
 * ECDSA on secp256k1 through libsecp256k1: about ten times OpenSSL's speed.
 *
 * Verifying needs its static context only, which is constant data. Signing wants a context of its
 * own, made once and blinded with random numbers, and only read afterwards; so it is never freed.
 */
#include "k1.h"

#include <pthread.h>
#include <secp256k1.h>
#include <stdlib.h>

#include "secret.h"

static secp256k1_context *signing_context;
static pthread_once_t signing_once = PTHREAD_ONCE_INIT;
static pthread_once_t selftest_once = PTHREAD_ONCE_INIT;

/* The library asks for it before the static context is used; it ends the process if it fails. */
static const secp256k1_context *verifying(void)
{
	pthread_once(&selftest_once, secp256k1_selftest);
	return secp256k1_context_static;
}

static void signing_make(void)
{
	uint8_t random[32];

	signing_context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	tally_random(random, sizeof(random));
	if (signing_context == NULL || secp256k1_context_randomize(signing_context, random) != 1)
		abort();	/* no memory */
	tally_wipe(random, sizeof(random));
}

static const secp256k1_context *signing(void)
{
	pthread_once(&signing_once, signing_make);
	return signing_context;
}

static bool point_parse(const uint8_t point[65], secp256k1_pubkey *key_r)
{
	return point[0] == 0x04 && secp256k1_ec_pubkey_parse(verifying(), key_r, point, 65) == 1;
}

bool tally_k1_point_valid(const uint8_t point[65])
{
	secp256k1_pubkey key;

	return point_parse(point, &key);
}

bool tally_k1_public(const uint8_t private[32], uint8_t point_r[65])
{
	secp256k1_pubkey key;
	size_t size = 65;

	return secp256k1_ec_pubkey_create(signing(), &key, private) == 1 &&
	       secp256k1_ec_pubkey_serialize(signing(), point_r, &size, &key,
					     SECP256K1_EC_UNCOMPRESSED) == 1;
}

/* Parsing refuses numbers that are not below the order; verifying, zeros and a high s. */
bool tally_k1_verify(const uint8_t point[65], const uint8_t digest[32], const uint8_t signature[64])
{
	secp256k1_ecdsa_signature parsed;
	secp256k1_pubkey key;

	return point_parse(point, &key) &&
	       secp256k1_ecdsa_signature_parse_compact(verifying(), &parsed, signature) == 1 &&
	       secp256k1_ecdsa_verify(verifying(), &parsed, digest, &key) == 1;
}

bool tally_k1_sign(const uint8_t private[32], const uint8_t digest[32], uint8_t signature_r[64])
{
	secp256k1_ecdsa_signature made;

	return secp256k1_ecdsa_sign(signing(), &made, digest, private, secp256k1_nonce_function_rfc6979,
				    NULL) == 1 &&
	       secp256k1_ecdsa_signature_serialize_compact(signing(), signature_r, &made) == 1;
}
