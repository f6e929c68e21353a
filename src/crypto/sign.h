/* Signatures. Ed25519 (RFC 8032) is the service's own; members' kinds join with the proofs. */
#ifndef TALLY_SIGN_H
#define TALLY_SIGN_H

#include "bytes.h"

#define TALLY_ED25519_SEED 32
#define TALLY_ED25519_PUBLIC 32
#define TALLY_ED25519_SIGNATURE 64

void tally_ed25519_public(const uint8_t seed[TALLY_ED25519_SEED],
			  uint8_t public_r[TALLY_ED25519_PUBLIC]);
void tally_ed25519_sign(const uint8_t seed[TALLY_ED25519_SEED], struct tally_bytes message,
			uint8_t signature_r[TALLY_ED25519_SIGNATURE]);
bool tally_ed25519_verify(const uint8_t public[TALLY_ED25519_PUBLIC], struct tally_bytes message,
			  const uint8_t signature[TALLY_ED25519_SIGNATURE]);

#endif
