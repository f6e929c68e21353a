/* Only for the files of crypto/: ECDSA on secp256k1 through libsecp256k1; sizes as in ec.h. */
#ifndef TALLY_K1_H
#define TALLY_K1_H

#include "bytes.h"

bool tally_k1_point_valid(const uint8_t point[65]);

/* False for a private key out of range; so for signing. */
bool tally_k1_public(const uint8_t private[32], uint8_t point_r[65]);

/* A high s is refused, and never made. */
bool tally_k1_verify(const uint8_t point[65], const uint8_t digest[32], const uint8_t signature[64]);
bool tally_k1_sign(const uint8_t private[32], const uint8_t digest[32], uint8_t signature_r[64]);

#endif
