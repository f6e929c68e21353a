/*
 * Signatures of ECDSA on P-256 as the data-sharing interface writes them in a header: the two numbers in
 * decimal with a plus sign between them, "r+s". Ours have 64 bytes (member_key.h), s low.
 */
#ifndef TALLY_P256_H
#define TALLY_P256_H

#include "bytes.h"

#define TALLY_P256_TEXT 160		/* characters of "r+s" with its NUL are fewer */

/* A high s is made low: who signed did not know of our rule. False for anything else, and for numbers
 * that are 0 or not below the order. */
bool tally_p256_signature_parse(struct tally_bytes text, uint8_t signature_r[64]);
void tally_p256_signature_format(const uint8_t signature[64], char text_r[TALLY_P256_TEXT]);

#endif
