/*
 * Only for the files of crypto/: ECDSA on P-256 and SM2 through OpenSSL. Points have 65 bytes (04,
 * x, y), private keys 32, signatures 64 (r, s); the forms are those of member_key.h.
 */
#ifndef TALLY_EC_H
#define TALLY_EC_H

#include "bytes.h"

enum tally_curve {
	CURVE_P256,
	CURVE_SM2,
	CURVE_COUNT
};

/* False where OpenSSL was built without it; the functions below are false then, too. */
bool tally_ec_usable(enum tally_curve curve);

/* Is it in this form and on the curve? */
bool tally_ec_point_valid(enum tally_curve curve, const uint8_t point[65]);

/* False for a private key out of range; so for signing. */
bool tally_ec_public(enum tally_curve curve, const uint8_t private[32], uint8_t point_r[65]);

/*
 * digest is what the kind signs: SHA-256 of the message for P-256, tally_sm2_digest for SM2. On
 * P-256 a high s is refused, and never made.
 */
bool tally_ec_verify(enum tally_curve curve, const uint8_t point[65], const uint8_t digest[32],
		     const uint8_t signature[64]);
bool tally_ec_sign(enum tally_curve curve, const uint8_t private[32], const uint8_t digest[32],
		   uint8_t signature_r[64]);

/* SM3(Z || message), Z for that public key (GM/T 0003.2 5.5 and 6.1). */
bool tally_sm2_digest(const uint8_t point[65], struct tally_bytes message, uint8_t digest_r[32]);

#endif
