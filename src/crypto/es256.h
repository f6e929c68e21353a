/* ES256 (RFC 9053 2.1): ECDSA over P-256 with SHA-256, as COSE and JOSE write it. Verifying only. */
#ifndef TALLY_ES256_H
#define TALLY_ES256_H

#include "bytes.h"

#define TALLY_P256_POINT 65		/* 0x04 || x || y (SEC 1, uncompressed) */
#define TALLY_ES256_SIGNATURE 64	/* r || s */

/* False also for a point that is not on the curve. */
bool tally_es256_verify(const uint8_t point[TALLY_P256_POINT], struct tally_bytes message,
			const uint8_t signature[TALLY_ES256_SIGNATURE]);

#endif
